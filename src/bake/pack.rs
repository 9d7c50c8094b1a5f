//! Texts packed for a document: gzip in base64, once for every text however many nodes have it.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::gzip::Gzip;
use crate::base::Sha256;

/// Shorter texts are packed anew each time: looking them up would cost as much.
const WORTH_KEEPING: usize = 512;

/// Packs texts and remembers them. Fleets share one between their threads.
#[derive(Debug, Default)]
pub struct Packer {
    known: Mutex<BTreeMap<Sha256, Arc<str>>>,
}

impl Packer {
    /// `text` packed, and what it was packed from read back from it. `None` if it does not come back, which is a defect.
    pub(super) fn pack(&self, gzip: &mut Gzip, text: &str) -> Option<Arc<str>> {
        if text.len() < WORTH_KEEPING {
            return fresh(gzip, text);
        }
        let digest = Sha256::of(text.as_bytes());
        // A thread that panicked has put in nothing half.
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = lock().get(&digest) {
            return Some(Arc::clone(packed));
        }
        let packed = fresh(gzip, text)?;
        lock().insert(digest, Arc::clone(&packed));
        Some(packed)
    }
}

fn fresh(gzip: &mut Gzip, text: &str) -> Option<Arc<str>> {
    let packed = STANDARD.encode(gzip.pack(text.as_bytes()));
    (unpacked(&packed)? == text.as_bytes()).then(|| packed.into())
}

/// What cloud-init makes of a `gz+b64` content.
fn unpacked(packed: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(packed).ok()?;
    let mut data = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut data)
        .ok()?;
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_come_back_and_are_remembered() {
        let packer = Packer::default();
        let mut gzip = Gzip::new();
        for text in [String::new(), "x".repeat(10), "kubelet ".repeat(200)] {
            let first = packer.pack(&mut gzip, &text).unwrap();
            assert_eq!(packer.pack(&mut gzip, &text).unwrap(), first);
            assert_eq!(unpacked(&first).unwrap(), text.as_bytes());
        }
        assert_eq!(packer.known.lock().unwrap().len(), 1);
    }
}

//! Texts packed for a document: gzip in base64, once for every text however many nodes have it.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::gzip::Gzip;

/// Packs texts and remembers them. Fleets share one between their threads: most files of their nodes are the same.
#[derive(Debug, Default)]
pub struct Packer {
    known: Mutex<BTreeMap<Arc<str>, Arc<str>>>,
}

impl Packer {
    /// `text` packed. `None` if it does not come back from it, which is a defect.
    pub(super) fn pack(&self, gzip: &mut Gzip, text: &str) -> Option<Arc<str>> {
        // A thread that panicked has put in nothing half.
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = lock().get(text) {
            return Some(Arc::clone(packed));
        }
        let packed = fresh(gzip, text)?;
        lock().insert(text.into(), Arc::clone(&packed));
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
        assert_eq!(packer.known.lock().unwrap().len(), 3);
    }
}

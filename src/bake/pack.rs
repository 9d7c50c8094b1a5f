//! Texts packed for a document: gzip in base64, once for every text however many nodes have it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gzip::Gzip;

/// The texts that templates copy as they are, and what [`Gzip`] makes of them: packed, and read back, when this program
/// was built.
const READY: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// Packs texts and remembers them. Fleets share one between their threads: most files of their nodes are the same.
#[derive(Debug, Default)]
pub struct Packer {
    known: Mutex<BTreeMap<Arc<str>, Arc<str>>>,
    /// Compressors nobody is using: no more than there are threads.
    idle: Mutex<Vec<Gzip>>,
}

impl Packer {
    /// `text` packed. `None` if it does not come back from it, which is a defect.
    pub(super) fn pack(&self, text: &str) -> Option<Arc<str>> {
        if let Some(packed) = lock(&self.known).get(text) {
            return Some(Arc::clone(packed));
        }
        let ready = READY.iter().find(|(known, _)| *known == text);
        let packed: Arc<str> = match ready {
            Some((_, packed)) => (*packed).into(),
            None => self.with(|gzip| gzip.pack_text(text))?.into(),
        };
        lock(&self.known).insert(text.into(), Arc::clone(&packed));
        Some(packed)
    }

    /// `data` as gzip.
    pub(super) fn gzip(&self, data: &[u8]) -> Vec<u8> {
        self.with(|gzip| gzip.pack(data))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Gzip) -> T) -> T {
        let idle = lock(&self.idle).pop();
        let mut gzip = idle.unwrap_or_else(Gzip::new);
        let made = work(&mut gzip);
        lock(&self.idle).push(gzip);
        made
    }
}

/// Whether a text could be shorter packed: gzip's frame and the words that announce it alone take 45 bytes of a document.
pub(super) fn may_win(text: &str) -> bool {
    text.len() > 45
}

/// A thread that panicked has put in nothing half.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_are_remembered() {
        let packer = Packer::default();
        let mut gzip = Gzip::new();
        for text in [String::new(), "x".repeat(10), "kubelet ".repeat(200)] {
            let first = packer.pack(&text).unwrap();
            assert_eq!(packer.pack(&text).unwrap(), first);
            assert_eq!(gzip.pack_text(&text).as_deref(), Some(&*first));
        }
        assert_eq!(packer.known.lock().unwrap().len(), 3);
    }

    #[test]
    fn what_was_packed_at_build_is_what_would_be_packed_now() {
        let mut gzip = Gzip::new();
        assert!(READY.len() >= 3, "first boot, uninstall, credentials");
        for (text, packed) in READY {
            assert_eq!(gzip.pack_text(text).as_deref(), Some(*packed), "{text:.60}");
        }
    }
}

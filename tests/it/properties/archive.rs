//! Archives that anybody made.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use nodebake::syntax::archive::unpack;
use proptest::prelude::*;
use tar::{EntryType, Header};

use super::holds;

/// One header with whatever name, and its bytes.
fn member(name: &[u8], kind: u8, mode: u32, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    let len = name.len().min(99);
    header.as_old_mut().name[..len].copy_from_slice(&name[..len]);
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(mode & 0o7777);
    header.set_size(size);
    header.set_cksum();
    let mut all = header.as_bytes().to_vec();
    all.extend_from_slice(bytes);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Names with all that can be wrong with them.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[a-c]{1,2}",
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(String::new())
    ];
    let path = proptest::collection::vec(part, 1..5).prop_map(|parts| parts.join("/").into_bytes());
    prop_oneof![8 => path, 1 => proptest::collection::vec(1_u8..=255, 0..20)]
}

#[test]
fn whatever_is_taken_is_a_clean_plain_file() {
    let kind = prop_oneof![6 => Just(b'0'), 1 => Just(b'5'), 1 => b'0'..=b'9'];
    let bytes = proptest::collection::vec(any::<u8>(), 0..700);
    // Mostly the size is true.
    let lie = prop_oneof![9 => Just(0_u64), 1 => 1_u64..1 << 40];
    let one = (name(), kind, any::<u32>(), bytes, lie);
    let archive = (proptest::collection::vec(one, 0..6), 0_usize..3);
    holds("archives", 512, archive, |(members, strip)| {
        let mut tar = Vec::new();
        for (name, kind, mode, bytes, lie) in &members {
            tar.extend(member(name, *kind, *mode, bytes.len() as u64 + lie, bytes));
        }
        let mut paths: Vec<String> = Vec::new();
        let mut wrong = Vec::new();
        let whole = unpack(&gzip(&tar)[..], strip, |packed, bytes| {
            let mut read = Vec::new();
            bytes.read_to_end(&mut read)?;
            // Two names must not be one file either.
            let clean = format!("/{}", packed.path).parse::<nodebake::base::AbsPath>().is_ok();
            let private = packed.mode.bits() & !0o755 == 0;
            if !clean || !private || paths.contains(&packed.path) {
                wrong.push(packed.clone());
            }
            paths.push(packed.path.clone());
            Ok(())
        });
        prop_assert!(wrong.is_empty(), "{wrong:?}");
        let lies = members.iter().any(|(.., lie)| *lie > 0);
        let bad = members
            .iter()
            .any(|(name, kind, ..)| *kind != b'0' || name.starts_with(b"/") || name.windows(2).any(|two| two == b".."));
        prop_assert!(whole.is_err() || !lies || bad, "a size that is a lie was believed");
        Ok(())
    });
}

#[test]
fn no_bytes_make_it_panic() {
    let raw = proptest::collection::vec(any::<u8>(), 0..2000);
    holds("archive-bytes", 256, (raw, any::<bool>()), |(raw, packed)| {
        let bytes = if packed { gzip(&raw) } else { raw };
        // What it says is its own matter.
        let _ = unpack(&bytes[..], 0, |_, bytes| bytes.read_to_end(&mut Vec::new()).map(|_| ()));
        Ok(())
    });
}

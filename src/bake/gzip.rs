//! Gzip with the same bytes everywhere.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// `data` as one gzip member without name or time.
///
/// The compressor's output depends on how its input is cut into writes, so all of it is written at once.
pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    // 255: unknown operating system. Writing to a vector cannot fail.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    let written = encoder.write_all(data).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn comes_back_and_has_no_time() {
        let data = b"kubelet ".repeat(100);
        let packed = gzip(&data);
        assert_eq!(&packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, data);
    }
}

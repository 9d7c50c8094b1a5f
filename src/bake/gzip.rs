//! Gzip with the same bytes everywhere. The build script has this file too, and packs what is the same in every node.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// Magic, deflate, no flags, no time, best compression, unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

/// Packs one text after the other with one compressor: its tables are large, and cleared faster than made.
#[derive(Debug)]
pub(super) struct Gzip {
    deflate: Compress,
    inflate: Decompress,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            deflate: Compress::new(Compression::best(), false),
            inflate: Decompress::new(false),
        }
    }

    /// `data` as one gzip member (RFC 1952) without name or time.
    ///
    /// The compressor's output depends on how its input is cut into calls, so all of it goes into one.
    pub(super) fn pack(&mut self, data: &[u8]) -> Vec<u8> {
        self.deflate.reset();
        let mut packed = HEADER.to_vec();
        packed.reserve(data.len() + data.len() / 1000 + 64);
        loop {
            let taken = usize::try_from(self.deflate.total_in()).unwrap_or(data.len());
            match self
                .deflate
                .compress_vec(&data[taken..], &mut packed, FlushCompress::Finish)
            {
                Ok(Status::StreamEnd) => break,
                // Out of room: deflate needs more than the input's own size for what cannot be packed.
                _ => packed.reserve(data.len() + 64),
            }
        }
        packed.extend(trailer(data));
        packed
    }

    /// `text` packed and in base64, as cloud-init takes it for `gz+b64`. `None` if it does not come back from it, which
    /// is a defect.
    pub(super) fn pack_text(&mut self, text: &str) -> Option<String> {
        let packed = STANDARD.encode(self.pack(text.as_bytes()));
        self.comes_back(&packed, text.as_bytes()).then_some(packed)
    }

    /// Whether what is in `packed` is `data`: read as cloud-init will, every byte of it.
    fn comes_back(&mut self, packed: &str, data: &[u8]) -> bool {
        let Ok(packed) = STANDARD.decode(packed) else {
            return false;
        };
        let body = packed
            .strip_prefix(HEADER.as_slice())
            .and_then(|rest| rest.strip_suffix(trailer(data).as_slice()));
        let Some(body) = body else { return false };
        self.inflate.reset(false);
        // One byte of room more than it needs, to see that there is no more.
        let mut back = Vec::with_capacity(data.len() + 1);
        let status = self.inflate.decompress_vec(body, &mut back, FlushDecompress::Finish);
        matches!(status, Ok(Status::StreamEnd))
            && usize::try_from(self.inflate.total_in()) == Ok(body.len())
            && back == data
    }
}

/// Checksum and size.
fn trailer(data: &[u8]) -> [u8; 8] {
    let mut crc = Crc::new();
    crc.update(data);
    let mut trailer = [0; 8];
    trailer[..4].copy_from_slice(&crc.sum().to_le_bytes());
    trailer[4..].copy_from_slice(&crc.amount().to_le_bytes());
    trailer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn comes_back_and_depends_on_nothing_before() {
        let mut one = Gzip::new();
        let noise: Vec<u8> = (0..200_000u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
            .collect();
        for data in [b"kubelet ".repeat(100), Vec::new(), b"x".to_vec(), noise] {
            let packed = one.pack(&data);
            assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
            assert_eq!(
                packed,
                Gzip::new().pack(&data),
                "a used compressor packs like a new one"
            );
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice())
                .read_to_end(&mut back)
                .unwrap();
            assert_eq!(back, data);
        }
    }

    #[test]
    fn only_the_very_text_comes_back() {
        let mut gzip = Gzip::new();
        for text in ["", "x", "kubelet ".repeat(200).as_str()] {
            let packed = gzip.pack_text(text).unwrap();
            assert!(gzip.comes_back(&packed, text.as_bytes()));
            for other in [format!("{text}x"), text.replace('k', "g") + "\n"] {
                assert!(!gzip.comes_back(&packed, other.as_bytes()));
            }
            // Every bit of it counts: the trailer may be right and the data not.
            let bytes = STANDARD.decode(&packed).unwrap();
            for at in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[at] ^= 0x10;
                let same = gzip.comes_back(&STANDARD.encode(&bad), text.as_bytes());
                let mut back = Vec::new();
                let reads = flate2::read::GzDecoder::new(bad.as_slice()).read_to_end(&mut back);
                assert!(!same || (reads.is_ok() && back == text.as_bytes()), "byte {at}");
            }
        }
    }
}

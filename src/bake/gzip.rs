//! Gzip with the same bytes everywhere.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Packs one text after the other with one compressor: its tables are large, and cleared faster than made.
#[derive(Debug)]
pub(super) struct Gzip {
    deflate: Compress,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            deflate: Compress::new(Compression::best(), false),
        }
    }

    /// `data` as one gzip member (RFC 1952) without name or time.
    ///
    /// The compressor's output depends on how its input is cut into calls, so all of it goes into one.
    pub(super) fn pack(&mut self, data: &[u8]) -> Vec<u8> {
        self.deflate.reset();
        // Magic, deflate, no flags, no time, best compression, unknown operating system.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
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
        let mut crc = Crc::new();
        crc.update(data);
        packed.extend(crc.sum().to_le_bytes());
        packed.extend(crc.amount().to_le_bytes());
        packed
    }
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
}

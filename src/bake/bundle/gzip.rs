//! One gzip member, packed on several threads: the same bytes for any number of them and any sizes of the writes.
//!
//! The input is cut into blocks of a fixed size. Each is packed for itself, with the end of the block before it as its
//! dictionary, and ends on a whole byte, so that blocks can be joined. A block that looks incompressible is stored: image
//! layers would cost a second for every 60 MB and win nothing.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes of a block. It is part of the format: another size gives other bytes.
const BLOCK: usize = 1 << 20;

/// How far deflate looks back (RFC 1951).
const WINDOW: usize = 32 << 10;

/// Where zlib-rs stops to win much: 5 is a tenth larger at the same speed, 7 takes half as long again for 0.3 %.
const LEVEL: u32 = 6;

/// Most bytes of one stored piece (RFC 1951, section 3.2.4).
const STORED: usize = 0xffff;

/// Blocks that wait in front of each thread. With those in work it bounds the memory.
const WAITING: usize = 2;

struct Block {
    data: Vec<u8>,
    dictionary: Vec<u8>,
}

struct Packed {
    bytes: Vec<u8>,
    crc: Hasher,
    size: usize,
}

/// Packs what `fill` writes, on `threads` threads, into `out`.
///
/// # Errors
/// What `fill` or `out` failed with.
pub(super) fn gzip<E: From<io::Error> + Send>(
    out: &mut (dyn Write + Send),
    threads: NonZero<usize>,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let mut to_lanes = Vec::new();
        let mut from_lanes = Vec::new();
        for _ in 0..threads.get() {
            let (to_lane, blocks) = sync_channel::<Block>(WAITING);
            let (done, from_lane) = sync_channel::<Packed>(WAITING);
            to_lanes.push(to_lane);
            from_lanes.push(from_lane);
            scope.spawn(move || pack_all(&blocks, &done));
        }
        // Blocks go round the lanes and are taken in the same order, so nothing has to be sorted.
        let writer = scope.spawn(move || join(out, &from_lanes));
        let mut cutter = Cutter {
            block: Vec::with_capacity(BLOCK),
            dictionary: Vec::new(),
            lanes: to_lanes,
            next: 0,
        };
        let filled = fill(&mut cutter).and_then(|()| cutter.send().map_err(E::from));
        drop(cutter);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // If the output failed, the cutter only saw that nobody takes its blocks any more.
        written?;
        filled
    })
}

/// Cuts what is written into blocks, whatever the sizes of the writes.
struct Cutter {
    block: Vec<u8>,
    dictionary: Vec<u8>,
    lanes: Vec<SyncSender<Block>>,
    next: usize,
}

impl Cutter {
    fn send(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let data = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let tail = data[data.len().saturating_sub(WINDOW)..].to_vec();
        let dictionary = std::mem::replace(&mut self.dictionary, tail);
        let lane = &self.lanes[self.next % self.lanes.len()];
        self.next += 1;
        lane.send(Block { data, dictionary })
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Cutter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = data.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&data[..taken]);
        if self.block.len() == BLOCK {
            self.send()?;
        }
        Ok(taken)
    }

    /// Nothing: a flush would move the cuts.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pack_all(blocks: &Receiver<Block>, done: &SyncSender<Packed>) {
    let mut deflate = Compress::new(Compression::new(LEVEL), false);
    for block in blocks {
        let bytes = if is_noise(&block.data) {
            store(&block.data)
        } else {
            pack(&mut deflate, &block)
        };
        let mut crc = Hasher::new();
        crc.update(&block.data);
        let size = block.data.len();
        if done.send(Packed { bytes, crc, size }).is_err() {
            // The writer failed, and says why.
            return;
        }
    }
}

/// The block in deflate's blocks, none of them the last, ending on a whole byte.
fn pack(deflate: &mut Compress, block: &Block) -> Vec<u8> {
    deflate.reset();
    if !block.dictionary.is_empty() && deflate.set_dictionary(&block.dictionary).is_err() {
        return store(&block.data);
    }
    // More than deflate can need for what it cannot pack, so that one call takes all.
    let mut bytes = Vec::with_capacity(block.data.len() + block.data.len() / 8 + 1024);
    match deflate.compress_vec(&block.data, &mut bytes, FlushCompress::Sync) {
        Ok(Status::Ok)
            if deflate.total_in() == block.data.len() as u64
                && bytes.len() < bytes.capacity()
                && bytes.len() < block.data.len() =>
        {
            bytes
        }
        _ => store(&block.data),
    }
}

/// The block as it is, in stored blocks of deflate. They begin and end on a whole byte.
fn store(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len() + 5 * (data.len() / STORED + 1));
    for piece in data.chunks(STORED) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        bytes.push(0);
        bytes.extend(length.to_le_bytes());
        bytes.extend((!length).to_le_bytes());
        bytes.extend(piece);
    }
    bytes
}

/// Whether packing would win nothing: the bytes of a sample are almost evenly spread. Text and programs lie below 7 bits
/// a byte, what was packed or encrypted above 7.99.
fn is_noise(data: &[u8]) -> bool {
    const SAMPLE: usize = 64 << 10;
    if data.len() < SAMPLE {
        return false;
    }
    let step = data.len() / SAMPLE;
    let mut counts = [0_u32; 256];
    for byte in data.iter().step_by(step) {
        counts[usize::from(*byte)] += 1;
    }
    let total: f64 = counts.iter().copied().map(f64::from).sum();
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    bits > 7.95
}

/// Writes header, blocks in order, and trailer.
fn join(out: &mut (dyn Write + Send), lanes: &[Receiver<Packed>]) -> io::Result<()> {
    // Magic, deflate, no flags, no time, no extra flags, unknown operating system.
    out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
    let mut whole = Hasher::new();
    let mut size = 0_usize;
    for lane in lanes.iter().cycle() {
        let Ok(packed) = lane.recv() else { break };
        out.write_all(&packed.bytes)?;
        whole.combine(&packed.crc);
        size = size.wrapping_add(packed.size);
    }
    // The last block of deflate: empty.
    out.write_all(&[3, 0])?;
    out.write_all(&whole.finalize().to_le_bytes())?;
    // Its lower four bytes: the size is told modulo 2^32 (RFC 1952).
    out.write_all(&size.to_le_bytes()[..4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn packed(data: &[u8], threads: usize, write: usize) -> Vec<u8> {
        let mut out = Vec::new();
        gzip(&mut out, NonZero::new(threads).unwrap(), |to| {
            data.chunks(write).try_for_each(|part| to.write_all(part))
        })
        .unwrap();
        out
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .take(bytes)
        .collect()
    }

    #[test]
    fn the_same_bytes_for_any_threads_and_writes_and_they_come_back() {
        let text = b"kubelet containerd ".repeat(80_000);
        let mixed = [text.clone(), noise(2_500_000), text.clone(), noise(70_000)].concat();
        for data in [Vec::new(), b"x".to_vec(), text, mixed] {
            let first = packed(&data, 1, data.len().max(1));
            for (threads, write) in [(1, 997), (2, 4096), (3, 1 << 20), (8, 70_001)] {
                assert!(
                    packed(&data, threads, write) == first,
                    "{threads} threads, writes of {write}"
                );
            }
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(first.as_slice())
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == data, "it comes back");
        }
    }

    #[test]
    fn noise_is_stored_and_text_is_packed() {
        let data = noise(3 << 20);
        assert!(packed(&data, 2, 1 << 16).len() < data.len() + data.len() / 1000);
        assert!(packed(&b"kubelet ".repeat(1 << 18), 2, 1 << 16).len() < 20_000);
    }

    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(data.len()).ok_or(io::Error::other("disk full"))?;
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failing_reader_and_a_failing_writer_are_told() {
        let refused = gzip(&mut Vec::new(), NonZero::new(2).unwrap(), |_| {
            Err(io::Error::other("no more"))
        });
        assert_eq!(refused.unwrap_err().to_string(), "no more");
        let data = noise(40 << 20);
        let refused = gzip(&mut Full(5 << 20), NonZero::new(2).unwrap(), |to| to.write_all(&data));
        assert_eq!(refused.unwrap_err().to_string(), "disk full");
    }
}

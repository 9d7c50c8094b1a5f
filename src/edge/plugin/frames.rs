//! What nodebake and a supervisor tell each other: a letter, a length, bytes.

use std::io::{self, Read, Write};

/// The job, as JSON.
pub(super) const JOB: u8 = b'j';
/// Bytes for stdin.
pub(super) const INPUT: u8 = b'i';
/// The end of stdin.
pub(super) const CLOSE: u8 = b'c';
/// Bytes of stdout.
pub(super) const REPLY: u8 = b'o';
/// Bytes of stderr.
pub(super) const LOG: u8 = b'e';
/// How it ended, as JSON; the last one.
pub(super) const STATUS: u8 = b's';

/// Bytes of a frame at most.
pub(super) const CHUNK: usize = 64 << 10;

const HEAD: usize = 5;

/// Sends `bytes` in as many frames as it takes; one if there are none.
pub(super) fn send(out: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    loop {
        let (now, later) = rest.split_at(rest.len().min(CHUNK));
        let mut frame = Vec::with_capacity(HEAD + now.len());
        frame.push(kind);
        // Never more than `CHUNK`.
        frame.extend_from_slice(&u32::try_from(now.len()).unwrap_or_default().to_be_bytes());
        frame.extend_from_slice(now);
        out.write_all(&frame)?;
        rest = later;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// The next frame; none at the end.
pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut head = [0; HEAD];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body)?;
    Ok(Some((head[0], body)))
}

/// Takes a whole frame off the begin of `bytes`.
pub(super) fn take(bytes: &mut Vec<u8>) -> io::Result<Option<(u8, Vec<u8>)>> {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let (kind, end) = (head[0], HEAD + length(*head)?);
    if bytes.len() < end {
        return Ok(None);
    }
    let body = bytes[HEAD..end].to_vec();
    bytes.drain(..end);
    Ok(Some((kind, body)))
}

fn length(head: [u8; HEAD]) -> io::Result<usize> {
    let [_, a, b, c, d] = head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > CHUNK {
        return Err(io::Error::other("this is no frame"));
    }
    Ok(length)
}

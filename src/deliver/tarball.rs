//! A tar archive of plain files, read strictly: whatever a bundle never has is refused by name.

use std::io::{self, Read};

use crate::bake::bundle::MemberName;

const BLOCK: usize = 512;
/// Zeros after the end that other writers pad with: tar's own record is 10 KiB.
const MOST_PADDING: u64 = 1 << 20;

const LONGEST_NAME: u64 = 4097;

/// Reads an archive member by member.
pub struct Tarball<R> {
    from: R,
    /// What is left of the member's bytes, and of the zeros after them.
    body: u64,
    padding: u64,
}

impl<R> std::fmt::Debug for Tarball<R> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Tarball({} bytes of a member left)", self.body)
    }
}

/// An archive that is refused, and why.
pub fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

fn cut_short(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        refused("the archive is cut short")
    } else {
        error
    }
}

impl<R: Read> Tarball<R> {
    /// Begins to read.
    pub fn new(from: R) -> Self {
        Self {
            from,
            body: 0,
            padding: 0,
        }
    }

    /// The next member: its name and size; its bytes are then read from this. `None` at the end, where nothing but
    /// zeros may follow.
    pub fn next_member(&mut self) -> io::Result<Option<(MemberName, u64)>> {
        let rest = self.body + self.padding;
        let skipped = io::copy(&mut (&mut self.from).take(rest), &mut io::sink()).map_err(cut_short)?;
        if skipped != rest {
            return Err(refused("the archive is cut short"));
        }
        (self.body, self.padding) = (0, 0);
        let mut block = [0; BLOCK];
        self.from.read_exact(&mut block).map_err(cut_short)?;
        if block == [0; BLOCK] {
            self.from.read_exact(&mut block).map_err(cut_short)?;
            if block != [0; BLOCK] {
                return Err(refused("one empty block stands in the middle of the archive"));
            }
            self.end()?;
            return Ok(None);
        }
        let mut long = None;
        if block[156] == b'L' {
            long = Some(self.long_name(&block)?);
            self.from.read_exact(&mut block).map_err(cut_short)?;
        }
        let (name, size) = header(&block, long)?;
        self.body = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(Some((name, size)))
    }

    /// A name too long for a header comes before it as a record of its own, as GNU tar has it.
    fn long_name(&mut self, block: &[u8; BLOCK]) -> io::Result<String> {
        let size = number(block, 124..136).filter(|size| *size <= LONGEST_NAME);
        let size = size.ok_or_else(|| refused("a name is too long"))?;
        if number(block, 148..156) != Some(sum(block)) {
            return Err(refused("a header of the archive is damaged"));
        }
        let mut bytes = vec![0; usize::try_from(size.next_multiple_of(BLOCK as u64)).unwrap_or_default()];
        self.from.read_exact(&mut bytes).map_err(cut_short)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// Reads to the very end, so that the compressor's own check of it is made too.
    fn end(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        loop {
            match self.from.read(&mut buffer).map_err(cut_short)? {
                0 => return Ok(()),
                got => {
                    read += got as u64;
                    if read > MOST_PADDING || buffer[..got].iter().any(|byte| *byte != 0) {
                        return Err(refused("there is something after the end of the archive"));
                    }
                }
            }
        }
    }
}

impl<R: Read> Read for Tarball<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.body).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut buffer[..most]).map_err(cut_short)?;
        if read == 0 {
            return Err(refused("the archive is cut short"));
        }
        self.body -= read as u64;
        Ok(read)
    }
}

/// The check sum of a header: of all its bytes, its own field as blanks.
fn sum(block: &[u8; BLOCK]) -> u64 {
    let bytes = block.iter().enumerate();
    bytes
        .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum()
}

fn number(block: &[u8; BLOCK], field: std::ops::Range<usize>) -> Option<u64> {
    octal(&block[field])
}

fn header(block: &[u8; BLOCK], long: Option<String>) -> io::Result<(MemberName, u64)> {
    let text = |from: usize, to: usize| -> String {
        let bytes = &block[from..to];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    if number(block, 148..156) != Some(sum(block)) {
        return Err(refused("a header of the archive is damaged"));
    }
    if &block[257..262] != b"ustar" {
        return Err(refused("the archive is not of the kind ustar"));
    }
    // GNU's own kind has times where the other has the begin of a name.
    let prefix = if &block[257..265] == b"ustar\x0000" {
        text(345, 500)
    } else {
        String::new()
    };
    let name = if let Some(long) = long {
        long
    } else if prefix.is_empty() {
        text(0, 100)
    } else {
        format!("{prefix}/{}", text(0, 100))
    };
    let shown = name.escape_default();
    let what = match block[156] {
        b'0' | 0 => None,
        b'1' => Some("a hard link"),
        b'2' => Some("a symbolic link"),
        b'3' | b'4' => Some("a device"),
        b'5' => Some("a folder"),
        b'6' => Some("a pipe"),
        b'x' | b'g' | b'L' | b'K' => Some("a header extension"),
        _ => Some("something strange"),
    };
    if let Some(what) = what {
        return Err(refused(format!("`{shown}` is {what}; a bundle has regular files only")));
    }
    let size = number(block, 124..136).ok_or_else(|| refused(format!("the size of `{shown}` is no number")))?;
    let name = name.parse().map_err(refused)?;
    Ok((name, size))
}

/// A number as tar writes it: octal digits, then blanks or zero bytes.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c| c == ' ' || c == '\0');
    if digits.is_empty() || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

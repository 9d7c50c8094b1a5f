//! Where the bytes of a bundle's files come from.

use std::collections::BTreeSet;
use std::io::{self, Read};

use super::tarball::Tarball;
use crate::bake::bundle::MemberName;

/// Gives the bytes of a bundle's files, in whatever order it has them.
pub trait Supply {
    /// Hands every member of `wanted` to `take`, each once.
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// A supply of nothing, for what takes nothing from a bundle.
#[derive(Debug)]
pub struct Nothing;

impl Supply for Nothing {
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        _: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        match wanted.first() {
            None => Ok(()),
            Some(name) => Err(io::Error::other(format!("nobody has {name}"))),
        }
    }
}

/// The second reading of an archive: hands out its files.
#[derive(Debug)]
pub struct Unpack<R>(pub R);

impl<R: Read> Supply for Unpack<R> {
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut archive = Tarball::new(&mut self.0);
        let mut left = wanted.len();
        // What comes after the last one that is wanted was looked at before.
        while left > 0 {
            let Some((name, _)) = archive.next_member()? else {
                break;
            };
            if wanted.contains(&name) {
                take(&name, &mut archive)?;
                left -= 1;
            }
        }
        Ok(())
    }
}

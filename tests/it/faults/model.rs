//! A disk in memory that can be killed at any change, fill up, or lose power: then it keeps what reached it, and of the
//! rest as little as it may.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use nodebake::deliver::{Access, Disk, Look, Sink, parent};

/// What happens at the chosen change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The program is gone; a write was half done. All that it did before is there.
    Kill,
    /// The power is gone, and with it every name and byte that was not flushed.
    PowerLosesAll,
    /// The power is gone; names had reached the disk by themselves, bytes that were not flushed had not.
    PowerLosesBytes,
    /// From here on nothing fits on the disk.
    Full,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(usize),
    Link(String),
    Folder(Access),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Inode {
    bytes: Vec<u8>,
    access: Option<Access>,
    flushed: bool,
}

type Names = BTreeMap<String, Node>;

#[derive(Debug, Clone, Default)]
pub struct Model {
    names: RefCell<Names>,
    durable: RefCell<Names>,
    inodes: RefCell<Vec<Inode>>,
    pending: RefCell<Vec<usize>>,
    /// Changes made so far.
    pub count: Cell<usize>,
    fault: Cell<Option<(usize, Fault)>>,
    dead: Cell<bool>,
}

const ROOT: Access = Access {
    mode: 0o755,
    uid: 0,
    gid: 0,
};

impl Model {
    /// A disk with these files, and their folders; `->` begins a link's target.
    pub fn new(files: &[(&str, &str, u32)]) -> Self {
        let model = Self::default();
        for (path, text, mode) in files {
            model.put(path, text, *mode);
        }
        model.all_durable();
        model
    }

    pub fn put(&self, path: &str, text: &str, mode: u32) {
        let mut folder = parent(path);
        while folder != "/" {
            self.names
                .borrow_mut()
                .entry(folder.to_owned())
                .or_insert(Node::Folder(ROOT));
            folder = parent(folder);
        }
        let node = if let Some(target) = text.strip_prefix("->") {
            Node::Link(target.to_owned())
        } else if text == "/" {
            Node::Folder(Access { mode, ..ROOT })
        } else {
            self.inodes.borrow_mut().push(Inode {
                bytes: text.into(),
                access: Some(Access { mode, ..ROOT }),
                flushed: true,
            });
            Node::File(self.inodes.borrow().len() - 1)
        };
        self.names.borrow_mut().insert(path.to_owned(), node);
        self.all_durable();
    }

    fn all_durable(&self) {
        *self.durable.borrow_mut() = self.names.borrow().clone();
        for inode in self.inodes.borrow_mut().iter_mut() {
            inode.flushed = true;
        }
    }

    /// Makes the change number `at` from now, counted from 0, fail.
    pub fn fail_at(&self, at: usize, fault: Fault) {
        self.count.set(0);
        self.fault.set(Some((at, fault)));
    }

    /// What is found afterwards: the machine is started again, or has room again.
    pub fn after(&self) -> Self {
        let next = self.clone();
        let fault = next.fault.take();
        if let Some((_, Fault::PowerLosesAll)) = fault.filter(|_| self.dead.get()) {
            *next.names.borrow_mut() = self.durable.borrow().clone();
        }
        // A name below a folder that is not there is not there.
        loop {
            let names = next.names.borrow().clone();
            let orphan = names.keys().find(|path| {
                let above = parent(path);
                above != "/" && !matches!(names.get(above), Some(Node::Folder(_)))
            });
            match orphan {
                Some(path) => next.names.borrow_mut().remove(path),
                None => break,
            };
        }
        if matches!(fault, Some((_, Fault::PowerLosesAll | Fault::PowerLosesBytes))) && self.dead.get() {
            for inode in next.inodes.borrow_mut().iter_mut().filter(|inode| !inode.flushed) {
                inode.bytes.clear();
            }
        }
        next.pending.borrow_mut().clear();
        next.all_durable();
        next.dead.set(false);
        next.count.set(0);
        next
    }

    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// All that is there, comparable.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let inodes = self.inodes.borrow();
        let show = |node: &Node| match node {
            Node::File(at) => format!(
                "{:?} {}",
                inodes[*at].access.map(|access| (access.mode, access.uid, access.gid)),
                String::from_utf8_lossy(&inodes[*at].bytes)
            ),
            Node::Link(target) => format!("-> {target}"),
            Node::Folder(access) => format!("folder {:o}", access.mode),
        };
        self.names
            .borrow()
            .iter()
            .map(|(path, node)| (path.clone(), show(node)))
            .collect()
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead.get() {
            return Err(io::Error::other("killed"));
        }
        Ok(())
    }

    /// Before every change. `grows`: whether it takes room.
    fn tick(&self, grows: bool) -> io::Result<()> {
        self.alive()?;
        let now = self.count.get();
        self.count.set(now + 1);
        match self.fault.get() {
            Some((at, Fault::Full)) if now >= at && grows => Err(io::ErrorKind::StorageFull.into()),
            Some((_, Fault::Full)) | None => Ok(()),
            Some((at, _)) if now >= at => {
                self.dead.set(true);
                Err(io::Error::other("killed"))
            }
            Some(_) => Ok(()),
        }
    }

    fn free(&self, path: &str) -> io::Result<()> {
        let names = self.names.borrow();
        if names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let above = parent(path);
        if above != "/" && !matches!(names.get(above), Some(Node::Folder(_))) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    }

    fn get(&self, path: &str) -> io::Result<Node> {
        self.names
            .borrow()
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn below(&self, path: &str) -> Vec<String> {
        let below = format!("{path}/");
        self.names
            .borrow()
            .keys()
            .filter(|name| name.starts_with(&below))
            .cloned()
            .collect()
    }
}

struct Writing<'m>(&'m Model, usize);

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wrote = self.0.tick(true);
        let some = if wrote.is_ok() {
            bytes
        } else {
            &bytes[..bytes.len() / 2]
        };
        self.0.inodes.borrow_mut()[self.1].bytes.extend(some);
        wrote.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Writing<'_> {
    fn finish(self: Box<Self>, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        self.0.tick(false)?;
        let (uid, gid) = owner.unwrap_or_default();
        self.0.inodes.borrow_mut()[self.1].access = Some(Access { mode, uid, gid });
        self.0.pending.borrow_mut().push(self.1);
        Ok(())
    }
}

impl Disk for Model {
    fn look(&self, path: &str) -> io::Result<Look> {
        self.alive()?;
        Ok(match self.names.borrow().get(path) {
            None => Look::Absent,
            Some(Node::Link(target)) => Look::Link(target.clone()),
            Some(Node::Folder(access)) => Look::Folder(*access),
            Some(Node::File(at)) => {
                let inode = &self.inodes.borrow()[*at];
                Look::File {
                    size: inode.bytes.len() as u64,
                    access: inode.access.unwrap_or(Access { mode: 0o600, ..ROOT }),
                }
            }
        })
    }

    fn is_folder(&self, path: &str) -> io::Result<bool> {
        self.alive()?;
        Ok(path == "/" || matches!(self.names.borrow().get(path), Some(Node::Folder(_))))
    }

    fn read(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        self.alive()?;
        match self.get(path)? {
            Node::File(at) => Ok(Box::new(io::Cursor::new(self.inodes.borrow()[at].bytes.clone()))),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.alive()?;
        let below = self.below(path);
        let names = below.iter().map(|name| name[path.len() + 1..].to_owned());
        Ok(names.filter(|name| !name.contains('/')).collect())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn Sink + '_>> {
        self.tick(true)?;
        self.free(path)?;
        let mut inodes = self.inodes.borrow_mut();
        inodes.push(Inode::default());
        let at = inodes.len() - 1;
        self.names.borrow_mut().insert(path.to_owned(), Node::File(at));
        Ok(Box::new(Writing(self, at)))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.tick(true)?;
        self.free(to)?;
        let node = self.get(from)?;
        self.names.borrow_mut().insert(to.to_owned(), node);
        Ok(())
    }

    fn symlink(&self, target: &str, at: &str) -> io::Result<()> {
        self.tick(true)?;
        self.free(at)?;
        self.names
            .borrow_mut()
            .insert(at.to_owned(), Node::Link(target.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.tick(false)?;
        let node = self.get(from)?;
        if matches!(node, Node::Folder(_)) {
            self.free(to)?;
        } else if matches!(self.names.borrow().get(to), Some(Node::Folder(_))) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // As POSIX has it: nothing happens between two names of one file.
        if matches!((&node, self.names.borrow().get(to)), (Node::File(a), Some(Node::File(b))) if a == b) {
            return Ok(());
        }
        let children = self.below(from);
        let mut names = self.names.borrow_mut();
        names.remove(from);
        names.insert(to.to_owned(), node);
        // What was flushed in a folder moves with it, if the folder itself does.
        let mut durable = self.durable.borrow_mut();
        for child in children {
            let moved = format!("{to}{}", &child[from.len()..]);
            if let Some(node) = names.remove(&child) {
                names.insert(moved.clone(), node);
            }
            if let Some(node) = durable.get(&child).cloned() {
                durable.insert(moved, node);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.tick(false)?;
        match self.get(path)? {
            Node::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
            _ => {
                self.names.borrow_mut().remove(path);
                Ok(())
            }
        }
    }

    fn make_folder(&self, path: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        self.tick(true)?;
        self.free(path)?;
        let (uid, gid) = owner.unwrap_or_default();
        self.names
            .borrow_mut()
            .insert(path.to_owned(), Node::Folder(Access { mode, uid, gid }));
        Ok(())
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        self.tick(false)?;
        match self.get(path)? {
            Node::Folder(_) if !self.below(path).is_empty() => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Node::Folder(_) => {
                self.names.borrow_mut().remove(path);
                Ok(())
            }
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        self.tick(false)?;
        let inside = |name: &String| parent(name) == path;
        let names = self.names.borrow();
        let mut durable = self.durable.borrow_mut();
        durable.retain(|name, _| !inside(name) || names.contains_key(name));
        for (name, node) in names.iter().filter(|(name, _)| inside(name)) {
            durable.insert(name.clone(), node.clone());
        }
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        self.tick(false)?;
        for at in self.pending.borrow_mut().drain(..) {
            self.inodes.borrow_mut()[at].flushed = true;
        }
        Ok(())
    }
}

//! Files as a revision of a git repository has them, read by git itself.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Largest file that is read, in bytes, as from the disk.
const READ_LIMIT: u64 = 64 << 20;

/// Why a revision could not be read.
#[derive(Debug)]
pub struct GitError(String);

impl fmt::Display for GitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for GitError {}

/// One revision. Paths are the user's own: relative to the current folder, or absolute and in the repository.
#[derive(Debug)]
pub struct Revision {
    commit: String,
    top: PathBuf,
}

impl Revision {
    /// The revision `name` of the repository that `file` is in.
    pub fn open(name: &str, file: &Path) -> Result<Self, GitError> {
        let folder = folder_of(file);
        let top = git(&folder, &["rev-parse", "--show-toplevel"])?;
        if !top.status.success() {
            return Err(GitError(format!(
                "{} is in no git repository: {}",
                file.display(),
                said(&top)
            )));
        }
        // A commit, whatever the name looks like: no option, no tree, no blob.
        let wanted = format!("{name}^{{commit}}");
        let commit = git(
            &folder,
            &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted],
        )?;
        let text = line(&commit.stdout);
        if !commit.status.success() || text.len() < 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(GitError(format!(
                "there is no revision `{name}` here; a shallow clone lacks most: `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout"
            )));
        }
        Ok(Self {
            commit: text,
            top: PathBuf::from(line(&top.stdout)),
        })
    }

    /// The beginning of the commit's digest.
    pub fn short(&self) -> &str {
        &self.commit[..12]
    }

    /// The bytes of a file; `None` if the revision has no such file.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        Ok(self.read_all(&[path.to_owned()])?.pop().flatten())
    }

    /// The bytes of many files, in their order.
    pub fn read_all(&self, paths: &[PathBuf]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let mut asked = String::new();
        for path in paths {
            let inside = self.inside(path)?;
            asked.push_str(&format!("{}:{inside}\n", self.commit));
        }
        let mut child = command(&self.top, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| no_git(&error))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let Some((mut input, output)) = pipes else {
            return Err(GitError("git has no pipes".into()));
        };
        // Written beside the reading: neither pipe holds everything.
        let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()));
        let mut output = io::BufReader::new(output);
        let read: io::Result<Vec<Option<Vec<u8>>>> = paths.iter().map(|_| one_object(&mut output)).collect();
        drop(output);
        let _ = writer.join();
        let _ = child.wait();
        read.map_err(|error| GitError(format!("reading {}: {error}", self.short())))
    }

    /// The files below a folder, sorted: each path below it.
    pub fn walk(&self, path: &Path) -> Result<Vec<String>, GitError> {
        let inside = self.inside(path)?;
        let spec = if inside.is_empty() {
            self.commit.clone()
        } else {
            format!("{}:{inside}", self.commit)
        };
        let listed = git(
            &self.top,
            &["ls-tree", "-r", "-z", "--name-only", "--end-of-options", &spec],
        )?;
        if !listed.status.success() {
            return Err(GitError(format!("{} has no folder {}", self.short(), path.display())));
        }
        let names = String::from_utf8_lossy(&listed.stdout);
        let mut names: Vec<String> = names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    /// A path in the repository, without `.` and `..`.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    fn inside(&self, path: &Path) -> Result<String, GitError> {
        let outside = || {
            GitError(format!(
                "{} is not in the repository {}",
                path.display(),
                self.top.display()
            ))
        };
        let here = std::env::current_dir().map_err(|error| GitError(error.to_string()))?;
        // What is there is followed through links; what only the revision has is taken by its name.
        let whole = here.join(path);
        let mut known: &Path = &whole;
        let mut rest = PathBuf::new();
        let real = loop {
            if let Ok(real) = known.canonicalize() {
                break real.join(&rest);
            }
            let (Some(parent), Some(name)) = (known.parent(), known.components().next_back()) else {
                return Err(outside());
            };
            rest = Path::new(name.as_os_str()).join(&rest);
            known = parent;
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in real.strip_prefix(&self.top).map_err(|_| outside())?.components() {
            match part {
                std::path::Component::Normal(name) => parts.push(name.to_str().ok_or_else(outside)?),
                std::path::Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                _ => {}
            }
        }
        let inside = parts.join("/");
        if inside.contains('\n') {
            return Err(outside());
        }
        Ok(inside)
    }
}

/// The next answer of `git cat-file --batch`; `None` for what is there not, or is no file.
fn one_object(output: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = String::new();
    output.read_line(&mut head)?;
    let words: Vec<&str> = head.trim_end().rsplitn(3, ' ').collect();
    let [size, kind, _] = words.as_slice() else {
        return missing(&head);
    };
    let Ok(size) = size.parse::<u64>() else {
        return missing(&head);
    };
    let is_file = *kind == "blob";
    let mut bytes = Vec::new();
    output.by_ref().take(size.min(READ_LIMIT)).read_to_end(&mut bytes)?;
    // The rest of a larger one, and the newline that ends each.
    let rest = size.saturating_sub(READ_LIMIT) + 1;
    io::copy(&mut output.by_ref().take(rest), &mut io::sink())?;
    Ok(is_file.then_some(bytes))
}

fn missing(head: &str) -> io::Result<Option<Vec<u8>>> {
    if head.trim_end().ends_with(" missing") || head.trim_end().ends_with(" ambiguous") {
        Ok(None)
    } else {
        Err(io::Error::other(format!("git said `{}`", head.trim_end())))
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().next().unwrap_or("git does not say why").to_owned()
}

fn no_git(error: &io::Error) -> GitError {
    GitError(format!("git cannot be run: {error}"))
}

/// git in `folder`: it asks nobody, writes nothing and loads nothing from a network.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "--no-replace-objects"])
        .args(words)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1");
    command
}

fn git(folder: &Path, words: &[&str]) -> Result<Output, GitError> {
    command(folder, words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| no_git(&error))
}

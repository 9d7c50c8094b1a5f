//! This machine, as the node's session sees it: its files, its clock, STS and the program that prints a session.

use std::fmt;
use std::fs::{DirBuilder, File as Disk};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::credentials::variable;
use super::sts;
use crate::cloud::session::{AssumeRole, File, Level, Machine, Told, clean};
use crate::cloud::{Clock, Keys};
use crate::edge::clock::System;
use crate::edge::fs;

/// More than any of these files has, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// How long a program may take to print a session.
const PROGRAM: Duration = Duration::from_mins(1);

/// How often a change of the key is looked for.
const LOOK: Duration = Duration::from_secs(2);

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Paths {
    /// How a session is got.
    pub config: PathBuf,
    /// The long-lived key.
    pub source: PathBuf,
    /// The session.
    pub session: PathBuf,
    /// Metrics, if somebody wants them.
    pub metrics: Option<PathBuf>,
}

impl Paths {
    /// The script's places: what the environment says, or the usual ones.
    pub fn usual() -> Self {
        let place = |name: &str, usual: &str| variable(name).unwrap_or_else(|| usual.to_owned()).into();
        Self {
            config: place("AWS_CONFIG_FILE", "/etc/nodebake/aws/config"),
            source: place("NODEBAKE_SOURCE_CREDENTIALS", "/etc/nodebake/aws/source-credentials"),
            session: place("NODEBAKE_SESSION_CREDENTIALS", "/run/nodebake/aws/credentials"),
            metrics: None,
        }
    }
}

/// This machine.
pub struct Here<'t> {
    paths: Paths,
    tell: &'t dyn Fn(Level, &str),
}

impl fmt::Debug for Here<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Here")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl<'t> Here<'t> {
    /// This machine, with files at `paths`; `tell` hears what is said.
    pub fn new(paths: Paths, tell: &'t dyn Fn(Level, &str)) -> Self {
        Self { paths, tell }
    }

    fn path(&self, file: File) -> Result<&Path, String> {
        match file {
            File::Config => Ok(&self.paths.config),
            File::Source => Ok(&self.paths.source),
            File::Session => Ok(&self.paths.session),
            File::Metrics => self
                .paths
                .metrics
                .as_deref()
                .ok_or_else(|| "no metrics are wanted".into()),
        }
    }

    /// What tells a changed configuration or key from the one before.
    fn stamp(&self) -> [Option<(u64, i64, i64)>; 2] {
        [&self.paths.config, &self.paths.source].map(|path| {
            let about = path.metadata().ok()?;
            Some((about.ino(), about.mtime(), about.mtime_nsec()))
        })
    }
}

impl Clock for Here<'_> {
    fn now(&self) -> i64 {
        System.now()
    }
    fn sleep(&self, time: Duration) {
        System.sleep(time);
    }
    fn dice(&self) -> f64 {
        System.dice()
    }
}

impl Machine for Here<'_> {
    fn name(&self, file: File) -> String {
        self.path(file)
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    fn read(&self, file: File) -> Result<String, String> {
        let path = self.path(file)?;
        let failed = |error: std::io::Error| format!("reading {}: {error}", path.display());
        let opened = Disk::open(path).map_err(failed)?;
        let mode = opened.metadata().map_err(failed)?.permissions().mode();
        if file == File::Source && mode & 0o077 != 0 {
            let path = path.display();
            return Err(format!("{path} is open to other users; run: chmod 600 {path}"));
        }
        let mut text = String::new();
        opened.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }

    fn write(&self, file: File, text: &str) -> Result<(), String> {
        let Ok(path) = self.path(file) else { return Ok(()) };
        let mode = if file == File::Session { 0o600 } else { 0o644 };
        if file == File::Session {
            close_folder(path)?;
        }
        fs::write_atomically(path, text.as_bytes(), mode).map_err(|error| error.to_string())
    }

    fn assume_role(&self, ask: &AssumeRole, keys: &Keys) -> Told {
        sts::assume_role(ask, keys)
    }

    fn run(&self, words: &[String]) -> Result<Vec<u8>, String> {
        run(words, PROGRAM)
    }

    fn tell(&self, level: Level, line: &str) {
        (self.tell)(level, line);
    }

    fn wait(&self, time: Duration) {
        let (before, mut left) = (self.stamp(), time);
        while !left.is_zero() && self.stamp() == before {
            let slice = left.min(LOOK);
            self.sleep(slice);
            left -= slice;
        }
    }
}

/// Makes the folder of a file, closed to others; refuses one that others may write to, and takes away what a run that was
/// ended left in it.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn close_folder(path: &Path) -> Result<(), String> {
    // A bare name has an empty parent, and lies in the current folder.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let mode = folder.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(format!("{} is writable by other users", folder.display()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        let draft = other
            .strip_prefix(&format!(".{name}."))
            .and_then(|rest| rest.strip_suffix(".new"));
        let process: Option<u32> = draft.and_then(|number| number.parse().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // It is a draft of nobody's; that it stays is no reason to fail.
            let _ = fs::remove(&entry.path());
        }
    }
    Ok(())
}

/// Runs a program, for `most` at longest, and gives what it prints.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn run(words: &[String], most: Duration) -> Result<Vec<u8>, String> {
    let [program, arguments @ ..] = words else {
        return Err("credential_process is empty".into());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("credential_process {program}: {error}"))?;
    let (sender, receiver) = channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for (at, pipe) in pipes.into_iter().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.map(|pipe| pipe.take(MOST_BYTES).read_to_end(&mut bytes));
            // Nobody listens any more if it took too long.
            let _ = sender.send((at, read.is_some_and(|read| read.is_ok()).then_some(bytes)));
        });
    }
    let mut printed = [Vec::new(), Vec::new()];
    let mut left = most;
    let slice = Duration::from_millis(20);
    let status = loop {
        let ended = child
            .try_wait()
            .map_err(|error| format!("credential_process {program}: {error}"))?;
        match ended {
            Some(status) => break status,
            None if left.is_zero() => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "credential_process {program}: no answer in {} s",
                    most.as_secs()
                ));
            }
            None => {
                thread::sleep(slice);
                left = left.saturating_sub(slice);
            }
        }
    };
    for _ in 0..2 {
        // A child of its own may hold a pipe open for ever.
        if let Ok((at, Some(bytes))) = receiver.recv_timeout(Duration::from_secs(2)) {
            printed[at] = bytes;
        }
    }
    let [out, err] = printed;
    if status.success() {
        return Ok(out);
    }
    let err = String::from_utf8_lossy(&err);
    let last = clean(err.trim().lines().last().unwrap_or_default());
    Err(format!("credential_process {program} ended with {status}: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_without_a_shell_and_not_for_ever() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert_eq!(run(&words("echo $HOME ; exit"), PROGRAM).unwrap(), b"$HOME ; exit\n");
        let late = run(&words("sleep 60"), Duration::from_millis(50)).unwrap_err();
        assert!(late.contains("no answer"), "{late}");
        assert!(run(&words("/none"), PROGRAM).unwrap_err().contains("No such file"));
        let failed = run(
            &["sh".into(), "-c".into(), "echo a >&2; echo b >&2; exit 3".into()],
            PROGRAM,
        )
        .unwrap_err();
        assert!(failed.ends_with("exit status: 3: b"), "{failed}");
    }
}

//! The host of plugins: pins with their programs, ready to run.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::job::{Job, Protection};
use super::launch::{Input, launch};
use super::store::Store;
use crate::base::{PluginKind, Sha256};
use crate::edge::fs::FsError;
use crate::plugin::{Ended, Guard, Host, How, Limits, Pin};

/// Where programs are looked for, by plugins.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether this process is the superuser's.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Who hears the lines of plugins' logs: the plugin's id and the line.
type Listener = Box<dyn Fn(&str, &str) + Send + Sync>;

/// Plugins that are ready to run.
pub struct Runner {
    launcher: PathBuf,
    store: Store,
    ready: BTreeMap<(PluginKind, String), (Pin, PathBuf)>,
    /// The folder of node.yaml.
    base: PathBuf,
    cache: Option<PathBuf>,
    log: Listener,
    weakest: Mutex<Protection>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Runner")
            .field("ready", &self.ready.keys())
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// Nothing is ready yet. Supervisors are runs of `launcher`; `base` is the folder of node.yaml; replies are kept in
    /// `cache`, if there is one.
    pub fn new(launcher: PathBuf, base: &Path, cache: Option<PathBuf>, log: Listener) -> Result<Self, FsError> {
        Ok(Self {
            launcher,
            store: Store::new()?,
            ready: BTreeMap::new(),
            base: base.canonicalize().unwrap_or_else(|_| base.to_owned()),
            cache,
            log,
            weakest: Mutex::new(Protection::Whole),
        })
    }

    /// This very program, whatever happens to its file.
    pub fn own_program() -> PathBuf {
        "/proc/self/exe".into()
    }

    /// Where copies are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes a plugin ready: its pin, and the private copy of its program.
    pub fn add(&mut self, pin: Pin, program: PathBuf) {
        self.ready.insert((pin.kind, pin.name.clone()), (pin, program));
    }

    /// The pins of all that are ready, by kind and name.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.ready.values().map(|(pin, _)| pin)
    }

    /// The least that Landlock did for any run.
    pub fn weakest(&self) -> Protection {
        *self.weakest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `program` as `pin` says.
    pub fn run_program(
        &self,
        pin: &Pin,
        program: &Path,
        request: &[u8],
        pace: Option<(usize, Duration)>,
        artifact: Option<&str>,
    ) -> Ended {
        let work = match self.store.work() {
            Ok(work) => work,
            Err(error) => return lost(&error),
        };
        let job = self.job(pin, program, work.path(), artifact);
        let id = pin.id();
        let input = Input { bytes: request, pace };
        let (ended, protection) = launch(&self.launcher, &job, input, &mut |line| (self.log)(&id, line));
        if !matches!(ended.how, How::Start(_) | How::Lost(_)) && protection != Protection::Off {
            let mut weakest = self.weakest.lock().unwrap_or_else(PoisonError::into_inner);
            *weakest = protection.max(*weakest);
        }
        ended
    }

    fn job(&self, pin: &Pin, program: &Path, work: &Path, artifact: Option<&str>) -> Job {
        let own = |value: &Path| value.display().to_string();
        let mut environment: Vec<(String, String)> = [
            ("PATH", PATH.to_owned()),
            ("HOME", own(work)),
            ("TMPDIR", own(work)),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
            ("NODEBAKE_PROTOCOL", crate::plugin::PROTOCOL.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        environment.extend(
            pin.access
                .environment
                .iter()
                .filter_map(|name| Some((name.clone(), env::var(name).ok()?))),
        );
        if !pin.access.reads.is_empty() || !pin.access.output.is_empty() {
            // What it declares relative to this folder it must be able to name.
            environment.push(("NODEBAKE_BASE".into(), own(&self.base)));
        }
        let has = |guard: Guard| !pin.without.contains(&guard);
        let absolute = |list: &[String]| list.iter().map(|path| self.base.join(path)).collect::<Vec<_>>();
        let mut reads = absolute(&pin.access.reads);
        reads.extend(artifact.map(PathBuf::from));
        Job {
            program: program.to_owned(),
            work: work.to_owned(),
            environment,
            reads,
            output: absolute(&pin.access.output),
            limits: pin.limits(),
            grace_ms: Limits::GRACE_MS,
            network: pin.access.network,
            landlock: has(Guard::Landlock),
            syscalls: has(Guard::Syscalls),
        }
    }

    fn reply_file(&self, key: &Sha256) -> Option<PathBuf> {
        let key = key.to_string();
        Some(self.cache.as_ref()?.join(&key[..2]).join(key))
    }
}

/// Puts a reply into its place at once, without waiting for the disk.
fn keep(path: &Path, reply: &[u8]) -> std::io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("{}.{number}.new", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?
        .write_all(reply)?;
    fs::rename(&new, path).inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

fn lost(error: &FsError) -> Ended {
    Ended {
        how: How::Lost(error.to_string()),
        stdout: Vec::new(),
        tail: String::new(),
        left: 0,
    }
}

impl Host for Runner {
    fn pin(&self, kind: PluginKind, name: &str) -> Option<&Pin> {
        self.ready.get(&(kind, name.to_owned())).map(|(pin, _)| pin)
    }

    fn run(&self, pin: &Pin, request: &[u8], artifact: Option<&str>) -> Ended {
        match self.ready.get(&(pin.kind, pin.name.clone())) {
            Some((pin, program)) => self.run_program(pin, program, request, None, artifact),
            None => Ended {
                how: How::Lost("it is not ready".into()),
                stdout: Vec::new(),
                tail: String::new(),
                left: 0,
            },
        }
    }

    fn recall(&self, key: &Sha256) -> Option<Vec<u8>> {
        fs::read(self.reply_file(key)?).ok()
    }

    fn remember(&self, key: &Sha256, reply: &[u8]) {
        if let Some(path) = self.reply_file(key) {
            // A cache that cannot be written is no cache, and one that a crash leaves half written is read as none: a reply
            // that is not whole is asked for again. So nothing waits for the disk.
            let _ = keep(&path, reply);
        }
    }
}

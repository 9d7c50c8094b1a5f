//! The state of a node on the disk.

use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cloud::up::State;
use crate::edge::fs;

/// The state's name in its folder.
const NAME: &str = "state.json";

/// The state and where it is kept. Written at once when something was done.
pub(super) struct Note {
    /// The folder of the state and of the files.
    pub(super) folder: PathBuf,
    /// What was done.
    pub(super) state: State,
}

impl Note {
    /// The note of a node: what an earlier run left, or a new one. Its folder is `NAME.up` beside node.yaml unless
    /// another one is named.
    pub(super) fn open(
        yaml: &Path,
        folder: Option<&Path>,
        (node, cluster, region): (&str, &str, &str),
    ) -> Result<Self, Failure> {
        let usual = || yaml.parent().unwrap_or(Path::new("")).join(format!("{node}.up"));
        let folder = folder.map_or_else(usual, Path::to_owned);
        let path = folder.join(NAME);
        if !fs::exists(&path) {
            return Ok(Self {
                folder,
                state: State::new(node, cluster, region),
            });
        }
        let text = fs::read_bytes(&path)?;
        let state = State::parse(&String::from_utf8_lossy(&text));
        let state = state.and_then(|state| state.is_about(node, cluster, region).map(|()| state));
        let state = state.map_err(|why| anyhow::anyhow!("{} {why}", path.display()))?;
        Ok(Self { folder, state })
    }

    /// Writes down what was done.
    pub(super) fn write(&self) -> Result<(), Failure> {
        fs::write_atomically(&self.folder.join(NAME), self.state.text().as_bytes(), 0o644)?;
        Ok(())
    }

    /// Takes the note away, and its folder if nothing else is in it.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        let path = self.folder.join(NAME);
        if fs::exists(&path) {
            fs::remove(&path)?;
        }
        if let Some(above) = self.folder.parent() {
            fs::remove_empty(above, &self.folder);
        }
        Ok(())
    }
}

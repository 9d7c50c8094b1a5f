//! Where plugins are.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::base::PluginKind;

/// The name of a plugin's file in a folder of its own.
const IN_FOLDER: &str = "plugin";

/// Where is looked.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders the user names, first.
    pub folders: Vec<PathBuf>,
    /// The folder of node.yaml; `plugins/` in it comes next, then PATH.
    pub beside: PathBuf,
}

/// A file that could be the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// It.
    pub path: PathBuf,
    /// Whether it may be executed.
    pub is_executable: bool,
}

/// The plugin's file: `NAME` or `NAME/plugin` in one of the folders, or `nodebake-KIND-NAME` in PATH. The first one is
/// taken, whether it can run or not: the next one is another program.
pub fn find(kind: PluginKind, name: &str, places: &Places) -> Option<Candidate> {
    let named = |folder: &PathBuf| [folder.join(name).join(IN_FOLDER), folder.join(name)];
    let near = places.folders.iter().flat_map(named).chain(near(&places.beside, name));
    let far = env::var_os("PATH").unwrap_or_default();
    let far: Vec<PathBuf> = env::split_paths(&far)
        // A relative or empty part of PATH means whatever folder somebody happens to be in.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("nodebake-{kind}-{name}")))
        .collect();
    near.chain(far).find_map(|path| look(&path))
}

/// Where a plugin of the folder of node.yaml would be.
pub fn near(beside: &Path, name: &str) -> [PathBuf; 2] {
    let folder = beside.join("plugins").join(name);
    [folder.join(IN_FOLDER), folder]
}

fn look(path: &Path) -> Option<Candidate> {
    let about = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some(Candidate {
        path: path.to_owned(),
        is_executable: about.permissions().mode() & 0o111 != 0,
    })
}

//! A bundle that was found whole, and what it wants of a machine.

use std::collections::BTreeMap;

use super::change::{After, Source};
use super::plan::{Want, Wanted};
use super::status::LIST;
use crate::bake::bundle::{BundleManifest, BundleNode, Line, MemberName, Part};
use crate::base::{AbsPath, Mode, Sha256};

const ENV: (&str, &str) = ("node", "/etc/nodebake/node.env");
const SCRIPT: (&str, &str) = ("node", "/usr/local/lib/nodebake/first-boot");
/// Plane and path of texts that are needed before anything is written.
pub(super) const SHORT: [(&str, &str); 2] = [ENV, SCRIPT];
/// Where systemd's own units lie that the machine's owner adds.
const UNITS: &str = "/etc/systemd/system";

/// The list of a node's files, in the bundle.
pub(super) fn list_name(node: &str) -> String {
    format!("nodes/{node}/install.list")
}

/// What first boot finds of its downloads, in the bundle.
pub(super) fn done_name(node: &str) -> String {
    format!("nodes/{node}/artifacts.done")
}

/// A bundle that was found whole.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: BundleManifest,
    /// What is to be installed, by node.
    pub(super) lists: BTreeMap<String, Vec<Line>>,
    /// Short texts that are needed before anything is written.
    pub(super) texts: BTreeMap<MemberName, String>,
}

impl Bundle {
    /// The node called `name`, or the only one there is.
    pub fn node(&self, name: Option<&str>) -> Result<&BundleNode, String> {
        let names: Vec<&str> = self.manifest.nodes.iter().map(|node| node.name.as_str()).collect();
        match (name, self.manifest.nodes.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(format!(
                "the bundle has {} nodes, choose one with --node: {}",
                names.len(),
                names.join(", ")
            )),
            (Some(name), nodes) => nodes
                .iter()
                .find(|node| node.name == name)
                .ok_or_else(|| format!("the bundle has no node `{name}`, it has {}", names.join(", "))),
        }
    }

    /// What a node's files are to be; with `image`, also what starts first boot in an image.
    pub fn wanted(&self, node: &str, image: bool) -> Result<Wanted, String> {
        let mut wanted = Wanted {
            files: Vec::new(),
            state: Vec::new(),
            artifacts_done: self.text(&done_name(node)).map(str::to_owned),
        };
        // What was installed is kept beside the ledger: the modes are in it.
        let list = list_name(node);
        if let Some(text) = self.text(&list) {
            wanted.state.push(Want {
                path: LIST.parse()?,
                after: After::File {
                    sha256: Sha256::of(text.as_bytes()),
                    mode: 0o644,
                    size: text.len() as u64,
                    source: Source::Text(text.to_owned()),
                },
            });
        }
        for line in self.lists.get(node).map(Vec::as_slice).unwrap_or_default() {
            let Line { part, file, member } = line;
            let mode: Mode = file.mode;
            let want = Want {
                path: file.path.clone(),
                after: After::File {
                    sha256: file.sha256,
                    mode: mode.bits(),
                    size: file.size,
                    source: Source::Member(member.clone()),
                },
            };
            match part {
                Part::State => wanted.state.push(want),
                Part::Node => wanted.files.push(want),
                Part::Image if image => {
                    wanted.files.push(want);
                    wanted.files.extend(enabled(&file.path)?);
                }
                Part::Image => {}
            }
        }
        Ok(wanted)
    }

    /// The settings that first boot of a node reads.
    pub fn env(&self, node: &str) -> Option<&str> {
        self.of(node, ENV)
    }

    /// The script that is first boot of a node.
    pub fn first_boot(&self, node: &str) -> Option<&str> {
        self.of(node, SCRIPT)
    }

    /// A short text of a node. Nodes share what they have in common, so its name in the bundle is not told by its path.
    fn of(&self, node: &str, (plane, path): (&str, &str)) -> Option<&str> {
        let node = self.manifest.nodes.iter().find(|known| known.name == node)?;
        let file = node
            .files
            .iter()
            .find(|file| file.plane == plane && file.path == path)?;
        self.text(&file.member)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let name: MemberName = name.parse().ok()?;
        self.texts.get(&name).map(String::as_str)
    }
}

/// The link that has systemd start a unit of an image when the image boots; what `systemctl enable` would make.
fn enabled(unit: &AbsPath) -> Result<Option<Want>, String> {
    let is_unit = super::disk::parent(unit.as_str()) == UNITS && unit.as_str().ends_with(".service");
    if !is_unit {
        return Ok(None);
    }
    Ok(Some(Want {
        path: format!("{UNITS}/multi-user.target.wants/{}", unit.file_name()).parse()?,
        after: After::Link(unit.to_string()),
    }))
}

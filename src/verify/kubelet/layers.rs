//! The layers of the kubelet's configuration, laid over one another, and its command line.

use super::{CONFIG, DROP_IN};
use crate::base::{AbsPath, Place};
use crate::catalog::Plane;
use crate::syntax::FileType;
use crate::syntax::yaml::{Entry, Kind, Node};
use crate::verify::{Subject, documents};

/// The drop-in with the user's raw configuration; its values are looked at where they were written, in node.yaml.
const USER: &str = "/etc/kubernetes/kubelet/kubelet-config.d/50-user.conf";

/// The words of the kubelet's command line.
pub(super) fn command_line(subject: &Subject<'_>) -> Vec<(String, Place)> {
    let Some(entry) = subject
        .tree
        .get(Plane::Node, DROP_IN)
        .filter(|entry| entry.filetype == FileType::Systemd)
    else {
        return Vec::new();
    };
    let lines = subject.systemd(entry);
    let source = entry.source();
    let mut all = Vec::new();
    for exec in lines
        .assignments
        .iter()
        .filter(|assignment| assignment.key == "ExecStart" && !assignment.value.is_empty())
    {
        let place = Place::line_of(&source, exec.line);
        for word in exec.value.split_whitespace() {
            all.push((word.trim_matches('"').replace("%%", "%"), place.clone()));
        }
    }
    all
}

/// Whether the kubelet reads a file of its folder of drop-ins.
pub(super) fn is_drop_in(path: &AbsPath) -> bool {
    path.file_name()
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending == "conf")
}

/// Our configuration with the drop-ins of `folder` laid over it in the order of their names, and the name of our file.
pub(super) fn configuration(subject: &Subject<'_>, folder: Option<&str>) -> (Option<String>, Node) {
    let read = |path: &str| {
        let (entry, node) = documents::at(subject, Plane::Node, path)?;
        Some((entry.tree_path(), node.into_owned()))
    };
    let nothing = Node {
        place: subject.plan.spec.place.clone(),
        kind: Kind::Map(Vec::new()),
    };
    let (ours, mut config) = match read(CONFIG) {
        Some((name, node)) => (Some(name), node),
        None => (None, nothing),
    };
    for entry in subject.tree.plane(Plane::Node) {
        let path = entry.path.to_string();
        let below = folder.is_some_and(|folder| entry.path.is_below(folder));
        if !below || !is_drop_in(&entry.path) {
            continue;
        }
        let drop_in = match subject.plan.spec.node().and_then(|node| node.kubelet.config.as_ref()) {
            Some(user) if path == USER => Some(user.clone()),
            _ => read(&path).map(|(_, node)| node),
        };
        if let Some(drop_in) = drop_in {
            config = merge(config, drop_in);
        }
    }
    (ours, config)
}

/// JSON merge patch (RFC 7386), which is how the kubelet lays a drop-in over what it has: maps are merged, everything
/// else is replaced, null removes. A null that removes nothing is kept, so that its key can be looked at.
fn merge(below: Node, above: Node) -> Node {
    let (Kind::Map(upper), Kind::Map(_)) = (&above.kind, &below.kind) else {
        return above;
    };
    let Kind::Map(mut merged) = below.kind else {
        return above;
    };
    for entry in upper {
        match merged.iter().position(|other| other.key == entry.key) {
            Some(at) if entry.value.is_null() => {
                merged.remove(at);
            }
            Some(at) => {
                let value = merge(merged[at].value.clone(), entry.value.clone());
                merged[at] = Entry {
                    key: entry.key.clone(),
                    key_place: entry.key_place.clone(),
                    value,
                };
            }
            None => merged.push(entry.clone()),
        }
    }
    Node {
        place: above.place,
        kind: Kind::Map(merged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Source;
    use crate::syntax::yaml;

    #[test]
    fn drop_ins_are_merge_patches() {
        let read = |name: &str, text: &str| yaml::parse(&Source::new(name, text)).unwrap();
        let below = read("ours", "a: 1\nlist: [1, 2]\nmap: { x: 1, y: 2 }\ngone: 1\n");
        let above = read("user", "list: [3]\nmap: { y: 3, z: 4 }\ngone: null\nodd: null\n");
        let merged = merge(below, above);
        let told = |key: &str| {
            merged
                .get(key)
                .map(|node| (node.place.source.name.clone(), node.items().len()))
        };
        assert_eq!(told("a"), Some(("ours".into(), 0)));
        assert_eq!(told("list"), Some(("user".into(), 1)));
        assert_eq!(told("gone"), None);
        assert!(merged.get("odd").unwrap().is_null());
        let map = merged.get("map").unwrap();
        let pairs: Vec<_> = map
            .entries()
            .iter()
            .map(|entry| {
                (
                    entry.key.as_str(),
                    entry.value.text().unwrap(),
                    entry.value.place.source.name.as_str(),
                )
            })
            .collect();
        assert_eq!(pairs, [("x", "1", "ours"), ("y", "3", "user"), ("z", "4", "user")]);
    }
}

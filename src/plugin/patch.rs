//! Patch plugins: what they want done with files, held to what they may do.

use base64::Engine as _;

use super::check::findings;
use super::host::Trouble;
use super::reply::tame;
use super::request::{globs, visible};
use super::{Desk, FileChange, Operation, Pin, Request, trouble};
use crate::base::{AbsPath, Finding, Mode, PluginKind, Report};
use crate::catalog::Plane;
use crate::plan::Plan;
use crate::render;
use crate::syntax::{FileType, PluginUse};
use crate::tree::{Entry, FileTree};

/// The tree after all patch plugins, in the order in which they are named; each sees what the ones before it did. The
/// text they bring is checked later, with everything else.
pub fn run_patches(desk: &Desk<'_>, uses: &[PluginUse], plan: &Plan, mut tree: FileTree) -> (FileTree, Report) {
    let mut report = Report::new();
    for one in uses.iter().filter(|one| one.kind == PluginKind::Patch) {
        let asked = desk.pin(one).and_then(|pin| {
            let request = Request::run(PluginKind::Patch, one)
                .with_node(pin, &plan.spec)
                .with_plan(pin, plan)
                .with_files(pin, &tree);
            desk.ask(one, pin, &request).map(|reply| (pin, reply))
        });
        match asked {
            Ok((pin, reply)) => {
                report.extend(findings(
                    one,
                    pin,
                    reply.findings.as_deref().unwrap_or_default(),
                    Some(&tree),
                ));
                for change in reply.files.as_deref().unwrap_or_default() {
                    if let Err(finding) = apply(one, pin, change, &mut tree) {
                        report.push(*finding);
                    }
                }
            }
            Err(finding) => report.push(*finding),
        }
    }
    (tree, report)
}

fn apply(one: &PluginUse, pin: &Pin, change: &FileChange, tree: &mut FileTree) -> Result<(), Box<Finding>> {
    let wrong = |id, message: String| Err(Box::new(trouble(one, &Trouble::new(id, message))));
    let shown = tame(&format!("{}{}", change.plane, change.path), 300);
    let Some(plane) = Plane::ALL.into_iter().find(|plane| plane.word() == change.plane) else {
        return wrong(
            "plugin/path",
            format!("wants a file in the plane `{}`", tame(&change.plane, 40)),
        );
    };
    let path: AbsPath = match change.path.parse() {
        Ok(path) => path,
        Err(why) => {
            return wrong(
                "plugin/path",
                format!("wants a file outside the tree: {}", tame(&why, 300)),
            );
        }
    };
    let tree_path = format!("{}{path}", plane.word());
    let hits = |patterns: &[String]| globs(patterns).iter().any(|glob| glob.matches(&tree_path));
    if !hits(&pin.access.writes) {
        let message = format!("wants to write {shown}, which plugins.lock does not let it");
        return wrong("plugin/path", message);
    }
    let old = tree.get(plane, path.as_str()).cloned();
    match (change.op, &old) {
        (Operation::Add, Some(old)) => {
            let found = Trouble::new("plugin/path", format!("adds {shown}, which is there"))
                .hint("to replace a file say so: op `change`");
            return Err(Box::new(trouble(one, &found).note(&old.origin, "it is made here")));
        }
        (Operation::Change | Operation::Remove, None) => {
            return wrong("plugin/path", format!("changes {shown}, which is not there"));
        }
        (Operation::Change, Some(_)) if !visible(pin, tree).any(|entry| entry.tree_path() == tree_path) => {
            return wrong("plugin/path", format!("changes {shown}, which it was not shown"));
        }
        (Operation::Remove, Some(_)) => {
            tree.remove(plane, &path);
            return Ok(());
        }
        _ => {}
    }
    let content = |message: String| wrong("plugin/content", format!("{shown}: {message}"));
    let mode = match (&change.mode, &old) {
        (Some(mode), _) => match mode.parse::<Mode>() {
            Ok(mode) => mode,
            Err(why) => return content(tame(&why, 200)),
        },
        (None, Some(old)) => old.mode,
        (None, None) => return content("it has no `mode`".into()),
    };
    let filetype = match (&change.filetype, &old) {
        (Some(word), _) => match word.parse::<FileType>() {
            Ok(filetype) => filetype,
            Err(why) => return content(tame(&why, 300)),
        },
        (None, Some(old)) => old.filetype,
        (None, None) => return content("it has no `type`".into()),
    };
    let text = match (&change.text, &change.base64, &old) {
        (Some(_), Some(_), _) => return content("it has `text` and `base64`".into()),
        (Some(text), None, _) => text.clone(),
        (None, Some(coded), _) => match decoded(coded).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => return content("it is not text; `artifacts.files` of node.yaml brings binaries".into()),
            Err(why) => return content(why),
        },
        (None, None, Some(old)) if change.values.is_none() => old.text.clone(),
        (None, None, _) => return content("it has neither `text` nor `base64`".into()),
    };
    let text = match &change.values {
        None => text,
        Some(values) => {
            let context = serde_json::json!({ "values": values });
            match render::fill(&tree_path, filetype, &text, &context) {
                Ok(text) => text,
                Err(why) => return content(tame(&why, 300)),
            }
        }
    };
    tree.replace(Entry {
        path,
        mode,
        filetype,
        plane,
        text,
        origin: one.place().clone(),
    });
    Ok(())
}

/// The bytes of base64, as RFC 4648 writes it.
pub(super) fn decoded(coded: &str) -> Result<Vec<u8>, String> {
    base64::engine::general_purpose::STANDARD
        .decode(coded)
        .map_err(|error| format!("this is not base64: {error}"))
}

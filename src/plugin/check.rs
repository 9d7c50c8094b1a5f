//! Check plugins.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::host::Trouble;
use super::reply::tame;
use super::request::visible;
use super::{Desk, Found, Level, Limits, Pin, Request, trouble};
use crate::base::{Finding, Place, PluginKind, Severity};
use crate::plan::Plan;
use crate::syntax::PluginUse;
use crate::tree::FileTree;

/// What the check plugins find in a node's files, in the order in which the plugins are named.
pub fn run_checks(desk: &Desk<'_>, uses: &[PluginUse], plan: &Plan, tree: &FileTree) -> Vec<Finding> {
    let checks: Vec<&PluginUse> = uses.iter().filter(|one| one.kind == PluginKind::Check).collect();
    let one = |one: &PluginUse| -> Vec<Finding> {
        let asked = desk.pin(one).and_then(|pin| {
            let request = Request::run(PluginKind::Check, one)
                .with_node(pin, &plan.spec)
                .with_plan(pin, plan)
                .with_files(pin, tree);
            desk.ask(one, pin, &request).map(|reply| (pin, reply))
        });
        match asked {
            Ok((pin, reply)) => findings(one, pin, reply.findings.as_deref().unwrap_or_default(), Some(tree)),
            Err(finding) => vec![*finding],
        }
    };
    let threads = desk.threads.get().min(checks.len());
    if threads <= 1 {
        return checks.into_iter().flat_map(one).collect();
    }
    // Plugins differ much in how long they take: whoever is free takes the next one.
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = (check.place().clone(), one(check));
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(found);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by(|a, b| a.0.cmp(&b.0));
    done.into_iter().flat_map(|(_, found)| found).collect()
}

/// A plugin's findings as ours: each names its plugin, and points at the line it means if the plugin was shown it.
pub(super) fn findings(one: &PluginUse, pin: &Pin, found: &[Found], tree: Option<&FileTree>) -> Vec<Finding> {
    let mut all = Vec::new();
    for item in found {
        let severity = match item.severity {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
        };
        let rule = item
            .rule
            .as_deref()
            .map(|rule| format!("/{}", tame(rule, 60)))
            .unwrap_or_default();
        let message = format!("{}{rule}: {}", one.name.value, tame(&item.message, Limits::MESSAGE));
        let place = match (&item.file, tree) {
            (Some(file), Some(tree)) => {
                let Some(entry) = visible(pin, tree).find(|entry| entry.tree_path() == *file) else {
                    let message = format!("found something in `{}`, which it was not shown", tame(file, 200));
                    all.push(trouble(one, &Trouble::new("plugin/reply", message)));
                    continue;
                };
                let line = item.line.map_or(1, |line| usize::try_from(line).unwrap_or(1));
                if line == 0 || line > entry.text.lines().count().max(1) {
                    let message = format!("found something in line {line} of {file}, which has none");
                    all.push(trouble(one, &Trouble::new("plugin/reply", message)));
                    continue;
                }
                Place::line_of(&entry.source(), line)
            }
            _ => one.place().clone(),
        };
        let mut finding = Finding::new(severity, "check/plugin", message).at(place);
        finding.hint = item.hint.as_deref().map(|hint| tame(hint, Limits::MESSAGE));
        all.push(finding);
    }
    all
}

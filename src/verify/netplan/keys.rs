//! The keys of netplan files, map by map.

use super::files;
use crate::base::{Finding, Report, Version, closest};
use crate::catalog::NetplanTable;
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// Keys that the image's netplan does not know.
pub(super) fn known(subject: &Subject<'_>) -> Vec<Finding> {
    let files = files(subject);
    if files.is_empty() {
        return Vec::new();
    }
    let backend = subject.plan.book.get("network.backend");
    let backend = backend.and_then(|backend| backend.value().as_str());
    match subject.catalog.netplan_table() {
        Ok(table) => {
            let mut walk = Walk {
                table: &table,
                floor: &subject.plan.image.netplan,
                image: &subject.plan.image.name,
                planned_dummy: backend == Some("netplan"),
                found: Report::new(),
            };
            for (_, node) in files {
                walk.map("file", node);
            }
            walk.found.into_iter().collect()
        }
        Err(report) => report.into_iter().collect(),
    }
}

struct Walk<'w> {
    table: &'w NetplanTable,
    floor: &'w Version,
    image: &'w str,
    /// Whether the plan says that netplan makes the dummy interface: then it has told already if it cannot.
    planned_dummy: bool,
    found: Report,
}

impl Walk<'_> {
    fn map(&mut self, name: &str, node: &Node) {
        const ID: &str = "netplan/key";
        let known = self.table.keys(name);
        for entry in node.entries() {
            let Some(row) = known.iter().find(|row| row.key == entry.key) else {
                let what = name.replace("file", "a netplan file");
                let message = format!("netplan knows no `{}` in {what}", entry.key);
                let finding = Finding::error(ID, message, &entry.key_place);
                self.found
                    .push(match closest(&entry.key, known.iter().map(|row| row.key.as_str())) {
                        Some(word) => finding.hint(format!("did you mean `{word}`?")),
                        None => finding,
                    });
                continue;
            };
            let told = self.planned_dummy && row.key == "dummy-devices";
            if let Some(since) = row.since.as_ref().filter(|since| *since > self.floor && !told) {
                let message = format!(
                    "`{}` came with netplan {since}, image {} may have {}",
                    entry.key, self.image, self.floor
                );
                let hint = "an older netplan drops every card's configuration over it";
                self.found
                    .push(Finding::error(ID, message, &entry.key_place).hint(hint));
            }
            if let Some(held) = &row.holds {
                self.map(held, &entry.value);
            }
            if let Some(each) = &row.each {
                let values = entry.value.entries().iter().map(|entry| &entry.value);
                for part in entry.value.items().iter().chain(values) {
                    self.map(each, part);
                }
            }
        }
    }
}

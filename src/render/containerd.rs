//! The user's raw containerd configuration, laid over ours.

use toml::{Table, Value};

use crate::base::Finding;
use crate::plan::Plan;
use crate::tree::Entry;

/// Where containerd reads it.
const CONFIG: &str = "/etc/containerd/config.toml";

/// The entry with the user's tables merged in: tables key by key, everything else replaced. One file, because
/// containerd 1.x replaces whole plugin tables by those of an import.
pub(super) fn overlay(plan: &Plan, entry: Entry) -> Result<Entry, Box<Finding>> {
    let own = plan.spec.node().and_then(|node| node.containerd.config.as_ref());
    let Some(config) = own.filter(|_| entry.path.as_str() == CONFIG) else {
        return Ok(entry);
    };
    let broken = |why: String| Box::new(Finding::error("render/containerd", why, &config.place));
    let mut ours: Table = entry
        .text
        .parse()
        .map_err(|error: toml::de::Error| broken(error.message().to_owned()))?;
    let theirs: Table = config
        .value
        .parse()
        .map_err(|error: toml::de::Error| broken(error.message().to_owned()))?;
    if theirs.contains_key("version") {
        let finding = Finding::error("render/containerd", "`version` is set by nodebake", &config.place);
        return Err(Box::new(
            finding.hint("it follows the version of containerd: leave it out"),
        ));
    }
    merge(&mut ours, theirs);
    let body = toml::to_string(&ours).map_err(|error| broken(error.to_string()))?;
    Ok(Entry {
        text: format!("# Written by nodebake, with the tables of node.yaml laid over.\n{body}"),
        ..entry
    })
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_merge_and_the_rest_is_replaced() {
        let mut below: Table = "a = 1\nl = [1]\n[t]\nx = 1\ny = 2\n".parse().unwrap();
        merge(&mut below, "l = [2]\n[t]\ny = 3\n[u]\nz = 4\n".parse().unwrap());
        assert_eq!(
            below,
            "a = 1\nl = [2]\n[t]\nx = 1\ny = 3\n[u]\nz = 4\n"
                .parse::<Table>()
                .unwrap()
        );
    }
}

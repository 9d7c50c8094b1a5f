//! What each format looks like: `snapshots/review/`. Sizes and digests of user-data are left out, because every change
//! of a template changes them.

use std::process::Command;

use serde_json::Value;

use super::{edit, fleet, read, run};
use crate::support::{TempDir, have, stderr, stdout};

/// A change for all nodes, one for a single node, and a new file.
fn changed() -> TempDir {
    let folder = fleet();
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        "    sizing: { maxPods: 60 }\n    kubelet:\n",
    );
    edit(
        &folder,
        "fleet.yaml",
        "      kubelet: { labels: { example.com/team: training } }",
        "      kubelet: { labels: { example.com/team: inference } }\n      files: [{ path: /etc/motd.d/x, mode: \"0644\", type: lines, content: \"a | `b` </details> @c\\n\" }]",
    );
    folder
}

/// Without the lines on user-data, of which there is one at least.
fn masked(text: &str) -> String {
    let (sizes, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("user-data "));
    assert!(!sizes.is_empty(), "{text}");
    rest.into_iter().map(|line| format!("{line}\n")).collect()
}

fn shown(folder: &TempDir, args: &[&str]) -> String {
    let output = run(folder, &[&["diff", "fleet.yaml", "snap"], args].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stdout(&output)
}

fn checked(folder: &TempDir, format: &str) -> String {
    let output = run(folder, &["golden", "check", "fleet.yaml", "snap", "--format", format]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn formats() {
    let folder = changed();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/review");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!("text", masked(&shown(&folder, &["--no-patch"])));
    insta::assert_snapshot!("markdown", masked(&shown(&folder, &["--format", "markdown"])));
    let mut nodes: Value = serde_json::from_str(&shown(&folder, &["--format", "json"])).unwrap();
    for node in nodes.as_array_mut().unwrap() {
        node["userData"] = "masked".into();
        for file in node["files"].as_array_mut().unwrap() {
            assert!(file["diff"].as_str().unwrap().starts_with("--- "));
            file["diff"] = "masked".into();
        }
    }
    let one = nodes
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["name"] == "h100-01")
        .unwrap();
    insta::assert_snapshot!("json", format!("{one:#}\n"));
    insta::assert_snapshot!("sarif", checked(&folder, "sarif"));
    insta::assert_snapshot!("github", checked(&folder, "github"));
    let words = run(&folder, &["golden", "check", "fleet.yaml", "snap"]);
    insta::assert_snapshot!("check", stderr(&words));
    // The findings of a comparison are those of a check.
    assert_eq!(
        shown(&folder, &["--format", "sarif"]).lines().count(),
        checked(&folder, "sarif").lines().count()
    );
}

#[test]
fn a_node_that_is_the_same_is_told_in_every_format() {
    let folder = fleet();
    for (format, expected) in [
        ("text", ""),
        ("github", ""),
        ("markdown", "### nodebake: `fleet.yaml` changes nothing"),
        ("sarif", "\"results\": []"),
        ("json", "\"change\": null"),
    ] {
        let output = run(&folder, &["diff", "fleet.yaml", "snap", "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", stderr(&output));
        let text = stdout(&output);
        assert!(
            text.contains(expected) && (!expected.is_empty() || text.is_empty()),
            "{format}: {text}"
        );
    }
}

/// The parts of SARIF 2.1.0 that code scanning asks for (docs.github.com, "SARIF support for code scanning").
#[test]
fn sarif_has_what_code_scanning_asks_for() {
    let folder = changed();
    let log: Value = serde_json::from_str(&checked(&folder, "sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "nodebake");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 4, "{log:#}");
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].is_string() && rule["fullDescription"]["text"].is_string());
        assert!(matches!(result["level"].as_str(), Some("error" | "warning")));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let lines = read(&folder, uri).lines().count() as u64;
        let line = place["region"]["startLine"].as_u64().unwrap();
        assert!((1..=lines).contains(&line), "{uri}:{line}");
        assert!(place["region"]["startColumn"].as_u64().unwrap() >= 1);
    }
}

/// `--json` on a terminal or not is the same; text gets a pager on a terminal alone, and colours unless `NO_COLOR`.
#[test]
fn people_get_a_pager_and_colours() {
    if !have("script") {
        return;
    }
    let folder = changed();
    let on_terminal = |variables: &str| {
        let command = format!("{variables} {} diff fleet.yaml snap", env!("CARGO_BIN_EXE_nodebake"));
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(folder.path())
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stdout(&output)
    };
    let paged = on_terminal("PAGER='sed s/^/PAGED/'");
    assert!(paged.contains("PAGED\x1b[1m"), "{paged}");
    let plain = on_terminal("NO_COLOR=1 PAGER='sed s/^/PAGED/'");
    assert!(plain.contains("PAGED4 of 4 nodes"), "{plain}");
    for none in ["PAGER=", "PAGER=cat", "PAGER=no-such-pager"] {
        let text = on_terminal(none);
        assert!(
            text.contains("\x1b[1m4 of 4 nodes") && !text.contains("PAGED"),
            "{none}: {text}"
        );
    }
    // A pager that ends early is no error.
    assert!(!on_terminal("PAGER=true").contains("panicked"));
}

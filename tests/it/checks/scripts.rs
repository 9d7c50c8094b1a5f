//! Cases of `src/verify/scripts.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, findings, spec_case, tree_case};

macro_rules! script {
    ($path:literal, $mode:literal, $content:literal) => {
        concat!(
            "  files:\n    - { path: ",
            $path,
            ", mode: \"",
            $mode,
            "\", type: bash, content: \"",
            $content,
            "\\n\" }\n"
        )
    };
}

pub const CASES: &[Case] = &[
    spec_case(
        "script/interpreter",
        "a shell of other systems",
        script!("/usr/local/bin/x", "0755", "#!/bin/zsh"),
    ),
    spec_case(
        "script/interpreter",
        "a path of other systems",
        script!("/usr/local/bin/x", "0755", "#!/usr/local/bin/bash"),
    ),
    spec_case(
        "script/shell",
        "pipefail in sh",
        script!("/usr/local/bin/x", "0755", "#!/bin/sh\\nset -euo pipefail"),
    ),
    spec_case(
        "script/unfinished",
        "a quote",
        script!("/usr/local/bin/x", "0755", "#!/bin/bash\\necho 'x"),
    ),
    tree_case("script/executable", "the exec plugin's mode", |tree| {
        let mut entry = tree
            .get(Node, "/usr/local/lib/nodebake/aws-credentials")
            .unwrap()
            .clone();
        entry.mode = "0644".parse().unwrap();
        tree.replace(entry);
    }),
    spec_case(
        "script/executable",
        "a unit of the user runs it",
        "  files:\n    - { path: /usr/local/bin/x, mode: \"0644\", type: bash, content: \"#!/bin/bash\\n\" }\n    - { path: /etc/systemd/system/x.service, mode: \"0644\", type: systemd, content: \"[Unit]\\nDescription=x\\n\\n[Service]\\nExecStart=-/usr/local/bin/x now\\n\\n[Install]\\nWantedBy=multi-user.target\\n\" }\n",
    ),
    spec_case(
        "script/unused",
        "nobody names it",
        script!("/usr/local/lib/x/run", "0755", "#!/bin/bash"),
    ),
];

#[test]
fn ordinary_scripts_are_fine() {
    for more in [
        script!(
            "/usr/local/bin/x",
            "0755",
            "#!/usr/bin/env bash\\nset -euo pipefail\\n[[ -f x ]]"
        ),
        script!("/etc/cron.daily/x", "0755", "#!/bin/sh\\ntrue"),
        script!("/usr/local/bin/x", "0644", "#!/bin/bash\\ncat <<'E'\\nit's\\nE"),
    ] {
        let report = findings(&spec_case("script/unused", "fine", more), more, |_| {});
        let told: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
        assert!(!told.iter().any(|id| id.starts_with("script/")), "{told:?}");
    }
}

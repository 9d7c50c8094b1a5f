//! Cases of `src/verify/systemd/`.

use nodebake::catalog::Plane::Node;

use super::{Case, NODE, edit, findings, spec_case, tree_case};
use crate::support::told;

const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";
const KUBELET: &str = "/etc/systemd/system/kubelet.service";
const REFRESH: &str = "/etc/systemd/system/nodebake-credentials.service";

/// A node.yaml with a unit of the user's, and what is to be found in it.
macro_rules! unit {
    ($id:literal, $what:literal, $path:literal, $text:literal) => {
        spec_case(
            $id,
            $what,
            concat!(
                "  files:\n    - { path: /etc/systemd/",
                $path,
                ", mode: \"0644\", type: systemd, content: \"",
                $text,
                "\" }\n"
            ),
        )
    };
}

pub const CASES: &[Case] = &[
    tree_case("systemd/unknown-section", "a section is mistyped", |tree| {
        edit(tree, Node, KUBELET, "[Service]", "[Servic]");
    }),
    unit!(
        "systemd/unknown-section",
        "a timer has the section of a service",
        "system/x.timer",
        "[Timer]\\nOnBootSec=1\\n[Service]\\nType=oneshot\\n"
    ),
    tree_case("systemd/unknown-key", "a key is mistyped", |tree| {
        edit(tree, Node, KUBELET, "RestartSec=", "RestartSecs=");
    }),
    tree_case(
        "systemd/unknown-key",
        "the start limit stands where it stood until systemd 229",
        |tree| {
            edit(
                tree,
                Node,
                KUBELET,
                "[Service]\n",
                "[Service]\nStartLimitIntervalSec=0\n",
            );
        },
    ),
    unit!(
        "systemd/unknown-key",
        "a key of a network is mistyped",
        "network/20-x.network",
        "[Match]\\nName=eth0\\n[Network]\\nDCHP=yes\\n"
    ),
    unit!(
        "systemd/unknown-key",
        "a key stands in a drop-in of the wrong type",
        "system/containerd.service.d/x.conf",
        "[Unit]\\nWantedBy=multi-user.target\\n"
    ),
    unit!(
        "systemd/newer-key",
        "the image's systemd is too old",
        "system/containerd.service.d/x.conf",
        "[Service]\\nRestartSteps=5\\n"
    ),
    Case {
        id: "systemd/newer-key",
        what: "the oldest image has not even this",
        node: ("satellite", "ubuntu-20-04", "lambda/gpu_1x_a10", "1.34"),
        more: "",
        change: |tree| edit(tree, Node, KUBELET, "[Service]\n", "[Service]\nExecPaths=/usr\n"),
    },
    unit!(
        "systemd/specifier",
        "a date's format",
        "system/containerd.service.d/x.conf",
        "[Service]\\nExecStartPre=/bin/date +%H:%M\\n"
    ),
    unit!(
        "systemd/specifier",
        "nobody knows the letter",
        "system/containerd.service.d/x.conf",
        "[Service]\\nEnvironment=A=%z\\n"
    ),
    unit!(
        "systemd/specifier",
        "the letter is younger than the image",
        "system/containerd.service.d/x.conf",
        "[Service]\\nEnvironment=A=%d\\n"
    ),
    unit!(
        "systemd/specifier",
        "there is no instance",
        "system/containerd.service.d/x.conf",
        "[Service]\\nEnvironment=A=%i\\n"
    ),
    tree_case("systemd/specifier", "a percent sign stands alone", |tree| {
        edit(tree, Node, REFRESH, "UMask=", "Environment=FULL=100% UMask=\nUMask=");
    }),
    tree_case("systemd/missing-unit", "a target is mistyped", |tree| {
        edit(
            tree,
            Node,
            KUBELET,
            "WantedBy=multi-user.target",
            "WantedBy=multiuser.target",
        );
    }),
    unit!(
        "systemd/missing-unit",
        "a required service is nobody's",
        "system/containerd.service.d/x.conf",
        "[Unit]\\nRequires=my-storage.service\\n"
    ),
    unit!(
        "systemd/missing-unit",
        "a timer has no service",
        "system/x.timer",
        "[Timer]\\nOnBootSec=1\\n[Install]\\nWantedBy=timers.target\\n"
    ),
    tree_case("systemd/void-reference", "a wanted service is mistyped", |tree| {
        edit(
            tree,
            Node,
            KUBELET,
            "Wants=containerd.service",
            "Wants=container.service",
        );
    }),
    unit!(
        "systemd/void-reference",
        "the type is left out",
        "system/containerd.service.d/x.conf",
        "[Unit]\\nAfter=network-online\\n"
    ),
    unit!(
        "systemd/void-reference",
        "a drop-in for nobody",
        "system/contained.service.d/x.conf",
        "[Service]\\nNice=1\\n"
    ),
    Case {
        id: "systemd/void-reference",
        what: "the image has no docker",
        node: ("satellite", "ubuntu-22-04", "lambda/gpu_1x_a10", "1.35"),
        more: "",
        change: |tree| edit(tree, Node, KUBELET, "[Unit]\n", "[Unit]\nAfter=docker.service\n"),
    },
    unit!(
        "systemd/ordering-cycle",
        "after cloud-init's last stage, and wanted before it",
        "system/x.service",
        "[Unit]\\nAfter=cloud-final.service\\n[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n"
    ),
    unit!(
        "systemd/ordering-cycle",
        "first boot waits for what waits for it",
        "system/containerd.service.d/x.conf",
        "[Unit]\\nAfter=cloud-init.target\\n"
    ),
    unit!(
        "systemd/ordering-cycle",
        "before the network, but not early",
        "system/x.service",
        "[Unit]\\nBefore=network-pre.target\\nWants=network-pre.target\\n[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n"
    ),
    unit!(
        "systemd/ordering-cycle",
        "two of the user's wait for each other",
        "system/containerd.service.d/x.conf",
        "[Unit]\\nAfter=kubelet.service\\n"
    ),
    tree_case(
        "systemd/ordering-cycle",
        "the driver's unit waits for the kubelet",
        |tree| {
            let unit = "/etc/systemd/system/nodebake-nvidia.service";
            edit(tree, Node, unit, "After=nvidia", "After=kubelet.service nvidia");
        },
    ),
    tree_case("systemd/refused-service", "the command is gone", |tree| {
        edit(tree, Node, REFRESH, "ExecStart=", "ExecStop=");
    }),
    tree_case("systemd/refused-service", "a oneshot restarts without end", |tree| {
        edit(tree, Node, REFRESH, "Restart=on-failure", "Restart=always");
    }),
    tree_case(
        "systemd/refused-service",
        "the drop-in does not drop the command",
        |tree| {
            edit(tree, Node, DROP_IN, "ExecStart=\nExecStart=", "ExecStart=");
        },
    ),
    unit!(
        "systemd/refused-service",
        "the path is not whole",
        "system/containerd.service.d/x.conf",
        "[Service]\\nExecStartPre=bin/true\\n"
    ),
    unit!(
        "systemd/refused-service",
        "no name on the bus",
        "system/x.service",
        "[Service]\\nType=dbus\\nExecStart=/bin/true\\n"
    ),
    tree_case("systemd/missing-program", "our program is mistyped", |tree| {
        edit(
            tree,
            Node,
            REFRESH,
            "nodebake/aws-credentials",
            "nodebake/aws-credential",
        );
    }),
    spec_case(
        "systemd/missing-program",
        "the user's program cannot be run",
        "  files:\n    - { path: /opt/x/run, mode: \"0644\", type: bash, content: \"#!/bin/bash\\n\" }\n    - { path: /etc/systemd/system/x.service, mode: \"0644\", type: systemd, content: \"[Service]\\nExecStart=/opt/x/run\\n\" }\n",
    ),
    spec_case(
        "systemd/missing-program",
        "the user's program has another name",
        "  files:\n    - { path: /opt/x/prepare, mode: \"0755\", type: bash, content: \"#!/bin/bash\\n\" }\n    - { path: /etc/systemd/system/x.service, mode: \"0644\", type: systemd, content: \"[Service]\\nExecStart=/opt/x/prepear\\n\" }\n",
    ),
    tree_case("systemd/no-install", "[Install] is forgotten", |tree| {
        edit(tree, Node, KUBELET, "[Install]\nWantedBy=multi-user.target\n", "");
    }),
    unit!(
        "systemd/never-started",
        "nobody enables the user's service",
        "system/x.service",
        "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n"
    ),
    unit!(
        "systemd/ignored-file",
        "the type is mistyped",
        "system/x.serivce",
        "[Service]\\nExecStart=/bin/true\\n"
    ),
    unit!(
        "systemd/ignored-file",
        "a drop-in is no .conf",
        "system/kubelet.service.d/x",
        "[Service]\\nNice=1\\n"
    ),
    unit!(
        "systemd/ignored-file",
        "a unit among the networks",
        "network/x.service",
        "[Service]\\nNice=1\\n"
    ),
];

/// What looks wrong and is not.
#[test]
fn these_are_right() {
    for text in [
        "[Service]\\nCPUQuota=20%\\nMemoryHigh=50%\\n[X-Ours]\\nAnything=%z\\n[Unit]\\nX-Note=%z\\n",
        "[Service]\\nExecStartPre=/bin/date +%%H\\nEnvironment=HOST=%H\\n",
        "[Service]\\nCPUShares=100\\nMemoryLimit=1G\\n",
    ] {
        let more = format!(
            "  files:\n    - {{ path: /etc/systemd/system/containerd.service.d/x.conf, mode: \"0644\", type: systemd, content: \"{text}\" }}\n"
        );
        let case = spec_case("", "nothing is broken", "");
        let report = findings(&case, &more, |_| {});
        let wrong: Vec<_> = report
            .sorted()
            .into_iter()
            .filter(|finding| finding.id.starts_with("systemd/"))
            .collect();
        assert!(wrong.is_empty(), "{text}: {}", told(&report));
    }
}

/// The hint of the finding `id` on a node with this drop-in.
fn hint(id: &str, text: &str) -> Option<String> {
    let more = format!(
        "  files:\n    - {{ path: /etc/systemd/system/containerd.service.d/x.conf, mode: \"0644\", type: systemd, content: \"{text}\" }}\n"
    );
    let case = Case {
        node: NODE,
        ..spec_case("", "", "")
    };
    let report = findings(&case, &more, |_| {});
    let found = report.sorted().into_iter().find(|finding| finding.id == id).cloned();
    found.unwrap_or_else(|| panic!("{id}: {}", told(&report))).hint
}

#[test]
fn hints_say_what_was_meant() {
    for (id, text, said) in [
        (
            "systemd/unknown-key",
            "[Service]\\nRestartSecs=1\\n",
            "did you mean RestartSec=?",
        ),
        (
            "systemd/unknown-key",
            "[Service]\\nStartLimitIntervalSec=1\\n",
            "StartLimitIntervalSec= belongs into [Unit]",
        ),
        (
            "systemd/unknown-key",
            "[Unit]\\nExecStart=/x\\n",
            "ExecStart= belongs into [Service]",
        ),
        (
            "systemd/unknown-section",
            "[Servce]\\nType=simple\\n",
            "did you mean [Service]?",
        ),
    ] {
        assert_eq!(hint(id, text).as_deref(), Some(said), "{text}");
    }
}

//! systemd accepts every unit and drop-in, can enable what shall run, and finds an order to start it in.

use std::path::{Path, PathBuf};

use nodebake::pipeline::Built;

use super::{Machine, assignments, brought, built, decided, namespaces, nodes, text};
use crate::checks;
use crate::support::{have, stderr, stdout};
use nodebake::catalog::Plane;
use nodebake::tree::FileTree;

const UNITS: &str = "/etc/systemd/system/";

/// A machine that has the programs of the units, and a unit of the image's to which a drop-in belongs.
fn machine(built: &Built) -> Machine {
    let machine = Machine::of(built);
    machine.stub("/usr/local/bin/kubelet");
    machine.stub("/opt/nodebake/nodebake");
    machine.stub(decided(built, "containerd.ctr").as_str().unwrap());
    machine.stub(
        decided(built, "containerd.path")
            .as_str()
            .unwrap_or("/usr/bin/containerd"),
    );
    for name in [
        "bin/nvidia-modprobe",
        "bin/nvidia-ctk",
        "sbin/modprobe",
        "sbin/iptables",
    ] {
        machine.stub(&format!("/usr/{name}"));
    }
    for name in ["nvidia-fabricmanager", "containerd"] {
        let drop_ins = machine.outside(&format!("{UNITS}{name}.service.d"));
        let unit = format!("{UNITS}{name}.service");
        if drop_ins.is_dir() && !machine.outside(&unit).exists() {
            machine.put(
                &unit,
                "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
                0o644,
            );
        }
    }
    machine
}

/// The units of the tree, and those of them that can be enabled.
fn units(tree: &FileTree) -> (Vec<String>, Vec<String>) {
    let mut all = Vec::new();
    let mut enabled = Vec::new();
    for entry in tree.plane(Plane::Node) {
        let Some(name) = entry
            .path
            .as_str()
            .strip_prefix(UNITS)
            .filter(|name| !name.contains('/'))
        else {
            continue;
        };
        all.push(name.to_owned());
        if assignments(&entry.text).keys().any(|key| key.starts_with("[Install]")) {
            enabled.push(name.to_owned());
        }
    }
    (all, enabled)
}

/// What systemd has against the machine's units, once all are enabled as at the end of first boot.
fn complaints(machine: &Machine, tree: &FileTree) -> Vec<String> {
    let (all, enabled) = units(tree);
    assert!(!all.is_empty());
    let script = format!(
        ". /etc/nodebake/node.env && systemctl -q enable $NB_ENABLE_UNITS {} && cd {UNITS} && \
         systemd-analyze --man=no verify multi-user.target {} && echo fine",
        enabled.join(" "),
        all.join(" ")
    );
    let output = machine.run(&["bash", "-c", &script]);
    // systemctl tells on standard error what it has done.
    let mut said: Vec<String> = stderr(&output)
        .lines()
        .filter(|line| !line.starts_with("Created symlink "))
        .map(str::to_owned)
        .collect();
    if said.is_empty() && stdout(&output).trim() != "fine" {
        said.push(format!("{}: {}", output.status, stdout(&output)));
    }
    said
}

fn accepts_all(userland: Option<&Path>) {
    for node in nodes() {
        let machine = machine(&node.built);
        let machine = match userland {
            Some(root) => machine.userland(root),
            None => machine,
        };
        assert_eq!(
            complaints(&machine, node.built.verified.tree()),
            [""; 0],
            "{}",
            node.name
        );
    }
}

#[test]
fn the_installed_one_accepts_every_unit() {
    if have("systemd-analyze") && namespaces() {
        accepts_all(None);
    }
}

/// 247: between Ubuntu 20.04's and 22.04's.
#[test]
fn an_older_one_accepts_every_unit() {
    let root: Option<PathBuf> = brought("bullseye");
    if let Some(root) = root.filter(|_| namespaces()) {
        accepts_all(Some(&root));
    }
}

/// 257: newer than Ubuntu 24.04's.
#[test]
fn a_newer_one_accepts_every_unit() {
    let root: Option<PathBuf> = brought("trixie");
    if let Some(root) = root.filter(|_| namespaces()) {
        accepts_all(Some(&root));
    }
}

#[test]
fn a_broken_unit_is_seen() {
    if !have("systemd-analyze") || !namespaces() {
        return;
    }
    let built = &nodes()[0].built;
    let timer = "nodebake-credentials.timer";
    assert!(
        nodes()
            .iter()
            .any(|node| text(&node.built, &format!("{UNITS}nodebake-images.service")).is_some())
    );
    for (unit, from, to, why) in [
        ("kubelet.service", "RestartSec=", "RestartSecs=", "Unknown key"),
        ("kubelet.service", "[Install]", "[Instal]", "Unknown section"),
        (
            "kubelet.service.d/10-node.conf",
            "/usr/local/bin/kubelet ",
            "/usr/local/bin/kubelt ",
            "kubelt",
        ),
        (
            "kubelet.service.d/10-node.conf",
            "[Service]",
            "[Servic]",
            "Unknown section",
        ),
        (timer, "OnUnitActiveSec=", "OnUnitActiveSec=often", "often"),
        (timer, "OnBootSec=0", "OnBootSecs=0", "Unknown key"),
        (
            "nodebake-nvidia.service",
            "After=nvidia",
            "After=kubelet.service nvidia",
            "ordering cycle",
        ),
        ("containerd.service", "Type=notify", "Type=notified", "notified"),
    ] {
        let machine = machine(built);
        machine.edit(&format!("{UNITS}{unit}"), |text| text.replace(from, to));
        let said = complaints(&machine, built.verified.tree());
        assert!(said.iter().any(|line| line.contains(why)), "{unit}: {to}: {said:?}");
    }
}

/// Enables what an image with cloud-init and systemd-networkd has enabled: most cycles go through these.
fn as_in_a_cloud(machine: &Machine) {
    for (target, units) in [
        (
            "cloud-init",
            "cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service",
        ),
        ("multi-user", "cloud-init.target systemd-networkd.service"),
        ("network-online", "systemd-networkd-wait-online.service"),
    ] {
        for unit in units.split(' ') {
            let link = format!("{UNITS}{target}.target.wants/{unit}");
            machine.link(&format!("/usr/lib/systemd/system/{unit}"), &link);
        }
    }
}

#[test]
fn it_finds_an_order_among_a_cloud_s_units() {
    if have("systemd-analyze") && have("cloud-init") && namespaces() {
        for node in nodes() {
            let machine = machine(&node.built);
            as_in_a_cloud(&machine);
            let said = complaints(&machine, node.built.verified.tree());
            assert_eq!(said, [""; 0], "{}", node.name);
        }
    }
}

/// What we find before boot, systemd finds too, as far as it looks.
#[test]
fn what_we_find_it_finds() {
    if !have("systemd-analyze") || !have("cloud-init") || !namespaces() {
        return;
    }
    let (mut judged, mut missed) = (0, Vec::new());
    for case in checks::systemd::CASES.iter().filter(|case| case.node == checks::NODE) {
        let Some(why) = said_of(case.id, case.what) else {
            continue;
        };
        let tree = checks::broken(case);
        let (profile, image, kind, minor) = case.node;
        let machine = machine(&built(profile, image, kind, "", minor));
        for entry in tree.plane(Plane::Node) {
            machine.put(entry.path.as_str(), &entry.text, entry.mode.bits());
        }
        as_in_a_cloud(&machine);
        let said = complaints(&machine, &tree);
        if !said.iter().any(|line| line.contains(why)) {
            missed.push(format!("{}: {}: {said:?}", case.id, case.what));
        }
        judged += 1;
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(judged >= 15, "{judged} cases judged");
}

/// Words of systemd for a case of ours; nothing where `systemd-analyze verify` does not look.
fn said_of(id: &str, what: &str) -> Option<&'static str> {
    match (id, what) {
        // It does not read networks, and does not know who starts what; a timer is refused only when it starts.
        (_, "a key of a network is mistyped" | "first boot waits for what waits for it") => None,
        ("systemd/unknown-section", _) => Some("Unknown section"),
        ("systemd/unknown-key", _) => Some("Unknown key"),
        ("systemd/ordering-cycle", _) => Some("ordering cycle"),
        (_, "a required service is nobody's") => Some("my-storage.service"),
        (_, "the command is gone") => Some("no ExecStart="),
        (_, "a oneshot restarts without end") => Some("Restart="),
        (_, "the drop-in does not drop the command") => Some("more than one ExecStart="),
        (_, "the path is not whole") => Some("bin/true"),
        (_, "no name on the bus") => Some("D-Bus"),
        (_, "our program is mistyped") => Some("aws-credential"),
        (_, "the user's program cannot be run") => Some("not executable"),
        (_, "the user's program has another name") => Some("prepear"),
        _ => None,
    }
}

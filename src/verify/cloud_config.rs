//! The user's own cloud-config: what runs before what, and which files are cloud-init's own.

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity};
use crate::catalog::Plane;
use crate::syntax::yaml::{Kind, Node};

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "cloud-config/too-early",
        severity: Severity::Error,
        summary: "No command uses what first boot has still to bring",
        reason: "bootcmd runs before any file is written, snap's commands before first boot, which runs last, in scripts_user (cloud-init's module order, the same from 20.1 to 26.1).",
        run: Some(too_early),
    },
    Check {
        id: "cloud-config/users",
        severity: Severity::Warning,
        summary: "The image's own user is still made",
        reason: "A list of users takes the place of the default one: the provider's keys then go to nobody, and the machine's key cannot be brought to it (cloud-init cc_users_groups).",
        run: Some(default_user),
    },
    Check {
        id: "cloud-config/password",
        severity: Severity::Error,
        summary: "Users come without passwords",
        reason: "User-data stays readable on the machine and at the provider; a hash can be guessed at leisure.",
        run: Some(passwords),
    },
    Check {
        id: "cloud-config/package",
        severity: Severity::Warning,
        summary: "No package brings a second one of what the node has",
        reason: "Packages are installed before first boot runs: their containerd, kubelet or driver starts with a configuration of its own, and stays in the way.",
        run: Some(packages),
    },
    Check {
        id: "cloud-config/swap",
        severity: Severity::Error,
        summary: "No swap is mounted",
        reason: "cloud-init writes the mount into /etc/fstab: after the next boot the kubelet does not start (failSwapOn).",
        run: Some(swap),
    },
    Check {
        id: "cloud-config/disk",
        severity: Severity::Warning,
        summary: "The root disk is grown to its size",
        reason: "Images are a few GiB; the plan counts on the disk of the instance type, and first boot refuses a machine that has less.",
        run: Some(disk),
    },
    Check {
        id: "file/cloud-init",
        severity: Severity::Error,
        summary: "No file takes the place of one that cloud-init or the system keeps",
        reason: "authorized_keys, hostname, fstab and the like are written by cloud-init or by programs of the system: a file from the bake takes the provider's keys away, or is overwritten (cloud-init cc_ssh, cc_update_hostname, cc_update_etc_hosts, cc_mounts).",
        run: Some(kept_files),
    },
];

fn config<'s>(subject: &'s Subject<'_>) -> Option<&'s Node> {
    subject.plan.spec.cloud_config.as_ref()
}

/// The entry `key`, with the place of the key.
fn entry<'s>(subject: &'s Subject<'_>, key: &str) -> Option<(&'s Place, &'s Node)> {
    let entries = config(subject)?.entries();
    let found = entries.iter().find(|entry| entry.key == key)?;
    Some((&found.key_place, &found.value))
}

/// Every text in a value, with its place.
fn texts<'n>(node: &'n Node, all: &mut Vec<(&'n Place, &'n str)>) {
    match &node.kind {
        Kind::Scalar { text, .. } => all.push((&node.place, text)),
        Kind::List(items) => items.iter().for_each(|item| texts(item, all)),
        Kind::Map(entries) => entries.iter().for_each(|entry| texts(&entry.value, all)),
    }
}

fn too_early(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let snap = entry(subject, "snap").and_then(|(_, snap)| snap.get("commands"));
    let boot = entry(subject, "bootcmd").map(|(_, commands)| commands);
    for (commands, when) in [(boot, "bootcmd"), (snap, "snap's commands")] {
        // One command is a text or a list of words.
        let commands = commands.into_iter().flat_map(|list| {
            let values = list.entries().iter().map(|entry| &entry.value);
            list.items().iter().chain(values)
        });
        for command in commands {
            let mut words = Vec::new();
            texts(command, &mut words);
            let line: Vec<&str> = words.iter().map(|(_, text)| *text).collect();
            let line = line.join(" ");
            if let Some(used) = brought_in(subject, &line) {
                let message = format!("{when} uses {used}, which is there only after first boot");
                let finding = Finding::error("cloud-config/too-early", message, &command.place);
                findings.push(finding.hint("put it into a unit of your own in `files`, ordered after what it needs"));
            }
        }
    }
    findings
}

/// What a command line uses of the things that first boot brings.
fn brought_in(subject: &Subject<'_>, line: &str) -> Option<String> {
    let file = subject
        .tree
        .plane(Plane::Node)
        .find(|entry| line.contains(entry.path.as_str()))
        .map(|entry| entry.path.to_string());
    let program = subject
        .plan
        .artifacts
        .iter()
        .find(|artifact| artifact.action == "file" && line.contains(&artifact.dest))
        .map(|artifact| artifact.dest.clone());
    let unit = || {
        let units = subject
            .tree
            .plane(Plane::Node)
            .filter(|entry| entry.path.is_below("/etc/systemd/system"));
        let mut words = line.split_whitespace();
        words.any(|word| word.ends_with("systemctl")).then_some(())?;
        units
            .map(|entry| entry.path.file_name())
            .find(|name| {
                let short = name.strip_suffix(".service").unwrap_or(name);
                line.split_whitespace().any(|word| word == *name || word == short)
            })
            .map(str::to_owned)
    };
    file.or(program).or_else(unit)
}

fn default_user(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((place, users)) = entry(subject, "users") else {
        return Vec::new();
    };
    let is_default =
        |item: &Node| item.text() == Some("default") || item.get("name").and_then(Node::text) == Some("ubuntu");
    let kept = match &users.kind {
        Kind::List(items) => items.iter().any(is_default),
        Kind::Scalar { text, .. } => text.split(',').any(|name| matches!(name.trim(), "default" | "ubuntu")),
        Kind::Map(entries) => entries
            .iter()
            .any(|entry| matches!(entry.key.as_str(), "default" | "ubuntu")),
    };
    if kept {
        return Vec::new();
    }
    let message = "`users` without `default` leaves the image's own user out, and the provider's keys with it";
    vec![Finding::warning("cloud-config/users", message, place).hint("begin the list with `- default`")]
}

fn passwords(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in ["user", "users"] {
        let Some((_, value)) = entry(subject, key) else {
            continue;
        };
        for user in std::iter::once(value).chain(value.items()) {
            for entry in user.entries() {
                let name = entry.key.replace('-', "_");
                if matches!(name.as_str(), "passwd" | "hashed_passwd" | "plain_text_passwd") {
                    let message = format!("`{}` does not belong in user-data", entry.key);
                    // The place is told without its text: a snippet would print the password.
                    let place = &Place::new(&entry.key_place.source, 0..0);
                    let finding = Finding::error("cloud-config/password", message, place);
                    findings.push(finding.hint("log in by key: ssh_authorized_keys"));
                }
            }
        }
    }
    findings
}

/// Beginnings of packages' names that bring what the node has from us or from its image.
const SECOND_ONES: [&str; 14] = [
    "containerd",
    "docker",
    "kubelet",
    "kubeadm",
    "kubernetes-cni",
    "containernetworking-plugins",
    "cri-o",
    "cri-tools",
    "runc",
    "podman-docker",
    "nvidia-driver",
    "nvidia-headless",
    "nvidia-fabricmanager",
    "cuda-drivers",
];

fn packages(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((_, list)) = entry(subject, "packages") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut names = Vec::new();
    texts(list, &mut names);
    for (place, name) in names {
        if SECOND_ONES.iter().any(|second| name.starts_with(second)) {
            let message = format!("the package {name} brings a second one of what the node has");
            let hint = "leave it out: nodebake brings the runtime and the kubelet, the image its driver";
            findings.push(Finding::warning("cloud-config/package", message, place).hint(hint));
        }
    }
    findings
}

fn swap(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((_, mounts)) = entry(subject, "mounts") else {
        return Vec::new();
    };
    let is_swap = |mount: &&Node| mount.items().iter().any(|field| matches!(field.text(), Some("swap")));
    let mounts = mounts.items().iter().filter(is_swap);
    mounts
        .map(|mount| {
            let message = "the kubelet does not start beside swap";
            Finding::error("cloud-config/swap", message, &mount.place).hint("leave this mount out")
        })
        .collect()
}

fn disk(subject: &Subject<'_>) -> Vec<Finding> {
    let off = |node: &Node| matches!(node.text(), Some("off" | "false" | "no"));
    let growth = entry(subject, "growpart")
        .filter(|(_, growpart)| growpart.get("mode").is_some_and(off))
        .or_else(|| entry(subject, "resize_rootfs").filter(|(_, resize)| off(resize)));
    let Some((place, _)) = growth else { return Vec::new() };
    let message = "the root disk keeps the image's size";
    vec![Finding::warning("cloud-config/disk", message, place).hint("leave it out: the default grows the disk")]
}

fn kept_files(subject: &Subject<'_>) -> Vec<Finding> {
    let said = |key: &str| {
        let text = entry(subject, key).and_then(|(_, value)| value.text());
        text.unwrap_or_default().to_owned()
    };
    let manages_hosts = !matches!(said("manage_etc_hosts").as_str(), "" | "false");
    let keeps_hostname = said("preserve_hostname") == "true";
    let mut findings = Vec::new();
    for entry in subject.tree.plane(Plane::Node) {
        let path = entry.path.as_str();
        let why = match path {
            "/etc/hostname" if !keeps_hostname => "cloud-init writes it at every boot (preserve_hostname is not set)",
            "/etc/hosts" if manages_hosts => "manage_etc_hosts makes cloud-init write it at every boot",
            "/etc/fstab" => "it lists the machine's own disks: without them it does not boot",
            "/etc/passwd" | "/etc/shadow" | "/etc/group" | "/etc/gshadow" | "/etc/subuid" | "/etc/subgid" => {
                "it lists the image's own users"
            }
            "/etc/machine-id" => "every machine makes its own",
            "/etc/resolv.conf" => "it is a link into systemd-resolved's folder",
            "/etc/cloud/cloud.cfg" => "it belongs to the package cloud-init",
            "/etc/sudoers.d/90-cloud-init-users" => "cloud-init writes the users' rights into it",
            "/etc/ssh/sshd_config.d/50-cloud-init.conf" => "cloud-init writes it",
            _ if path.ends_with("/.ssh/authorized_keys") => {
                "the provider's keys are in it: without them nobody logs in; `ssh_authorized_keys` adds to them"
            }
            _ if entry.path.is_below("/etc/cloud/cloud.cfg.d") && path.rsplit('.').next() != Some("cfg") => {
                "cloud-init reads *.cfg only from this folder"
            }
            _ => continue,
        };
        findings.push(Finding::error(
            "file/cloud-init",
            format!("{path}: {why}"),
            &entry.origin,
        ));
    }
    findings
}

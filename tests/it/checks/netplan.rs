//! Cases of `src/verify/netplan/`.

use nodebake::catalog::Plane::Node;

use super::{Case, edit, findings, spec_case};

/// A node whose interface netplan makes.
const NEW: (&str, &str, &str, &str) = ("satellite", "gpu-base-24-04", "lambda/gpu_8x_h100_sxm5", "1.35");
const OURS: &str = "/etc/netplan/90-nodebake.yaml";

macro_rules! file {
    ($name:literal, $content:literal) => {
        concat!(
            "  files:\n    - { path: /etc/netplan/",
            $name,
            ", mode: \"0600\", type: yaml, content: \"",
            $content,
            "\\n\" }\n"
        )
    };
}

const fn ours(id: &'static str, what: &'static str, change: fn(&mut nodebake::tree::FileTree)) -> Case {
    Case {
        id,
        what,
        node: NEW,
        more: "",
        change,
    }
}

const fn users(id: &'static str, what: &'static str, more: &'static str) -> Case {
    Case {
        id,
        what,
        node: NEW,
        more,
        change: |_| {},
    }
}

pub const CASES: &[Case] = &[
    spec_case(
        "netplan/key",
        "a dummy on netplan 0.104",
        file!(
            "60-x.yaml",
            "network: { version: 2, dummy-devices: { d0: { addresses: [10.1.0.1/32] } } }"
        ),
    ),
    spec_case(
        "netplan/key",
        "a typo on a card",
        file!(
            "60-x.yaml",
            "network: { version: 2, ethernets: { e0: { dhcp: true } } }"
        ),
    ),
    spec_case(
        "netplan/key",
        "a key of another type",
        file!(
            "60-x.yaml",
            "network: { version: 2, ethernets: { e0: { interfaces: [a] } } }"
        ),
    ),
    spec_case(
        "netplan/key",
        "a route's key of a later netplan",
        file!(
            "60-x.yaml",
            "network: { version: 2, ethernets: { e0: { routes: [{ to: 10.1.0.0/24, via: 10.0.0.1, advertised-mss: 1400 }] } } }"
        ),
    ),
    spec_case(
        "netplan/key",
        "a key beside the network",
        file!("60-x.yaml", "{ network: { version: 2 }, netwrk: 1 }"),
    ),
    ours("netplan/key", "ours has a typo", |tree| {
        edit(tree, Node, OURS, "optional:", "optinal:");
    }),
    users(
        "netplan/value",
        "another version",
        file!("95-x.yaml", "network: { version: 1 }"),
    ),
    users("netplan/value", "no network", file!("95-x.yaml", "{}")),
    users(
        "netplan/value",
        "a renderer that is none",
        file!("95-x.yaml", "network: { version: 2, renderer: nm }"),
    ),
    ours("netplan/value", "an address without a prefix", |tree| {
        edit(tree, Node, OURS, "/32", "");
    }),
    ours("netplan/value", "half a MAC address", |tree| {
        edit(tree, Node, OURS, "macaddress: ", "macaddress: x");
    }),
    ours("netplan/value", "a word for a boolean", |tree| {
        edit(tree, Node, OURS, "optional: true", "optional: always");
    }),
    users(
        "netplan/value",
        "a name that is too long",
        file!(
            "95-x.yaml",
            "network: { version: 2, bridges: { averyveryverylongname0: { interfaces: [] } } }"
        ),
    ),
    users(
        "netplan/value",
        "a route to nowhere",
        file!(
            "95-x.yaml",
            "network: { version: 2, ethernets: { e0: { routes: [{ via: 10.0.0.1 }] } } }"
        ),
    ),
    Case {
        id: "netplan/value",
        what: "a default route on netplan 0.99",
        node: ("satellite", "ubuntu-20-04", "lambda/gpu_1x_a10", "1.34"),
        more: file!(
            "60-x.yaml",
            "network: { version: 2, ethernets: { e0: { routes: [{ to: default, via: 10.0.0.1 }] } } }"
        ),
        change: |_| {},
    },
    users(
        "netplan/renderer",
        "a desktop's",
        file!("95-x.yaml", "network: { version: 2, renderer: NetworkManager }"),
    ),
    users(
        "netplan/deprecated",
        "gateway4",
        file!(
            "95-x.yaml",
            "network: { version: 2, ethernets: { e0: { addresses: [10.0.0.2/24], gateway4: 10.0.0.1 } } }"
        ),
    ),
    users(
        "netplan/type-change",
        "our interface as a bridge",
        file!(
            "95-x.yaml",
            "network: { version: 2, bridges: { kubesat0: { interfaces: [] } } }"
        ),
    ),
    users(
        "netplan/merge",
        "another address for our interface",
        file!(
            "95-x.yaml",
            "network: { version: 2, dummy-devices: { kubesat0: { addresses: [10.0.2.234/24] } } }"
        ),
    ),
    users(
        "netplan/file",
        "cloud-init's own",
        file!("50-cloud-init.yaml", "network: { version: 2 }"),
    ),
    users(
        "netplan/file",
        "another ending",
        file!("60-x.yml", "network: { version: 2 }"),
    ),
    users(
        "netplan/order",
        "before cloud-init's",
        file!("10-x.yaml", "network: { version: 2 }"),
    ),
];

/// What many write, and netplan reads.
#[test]
fn ordinary_files_are_fine() {
    for more in [
        file!(
            "60-x.yaml",
            "network: { version: 2, renderer: networkd, ethernets: { enp1: { match: { driver: [virtio_net] }, dhcp4: yes, dhcp4-overrides: { use-dns: false }, nameservers: { addresses: [1.1.1.1] }, mtu: 9000, addresses: [{ 10.0.0.1/24: { label: x } }], routes: [{ to: 0.0.0.0/0, via: 10.0.0.1, metric: 50 }] } } }"
        ),
        file!(
            "60-x.yaml",
            "network: { version: 2, vlans: { v1: { id: 1, link: enp1, renderer: sriov, macaddress: random } }, bonds: { b0: { interfaces: [a], parameters: { mode: 802.3ad } } } }"
        ),
        file!("60-x.yaml", "network: { ethernets: { enp1: { dhcp4: true } } }"),
    ] {
        let report = findings(&users("netplan/key", "fine", more), more, |_| {});
        let told: Vec<String> = report.sorted().iter().map(|finding| finding.message.clone()).collect();
        let ids: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
        assert!(!ids.iter().any(|id| id.starts_with("netplan/")), "{told:?}");
    }
}

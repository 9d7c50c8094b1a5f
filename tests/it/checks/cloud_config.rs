//! Cases of `src/verify/cloud_config.rs`.

use super::{Case, findings, spec_case};

pub const CASES: &[Case] = &[
    spec_case(
        "cloud-config/too-early",
        "a program of first boot",
        "  cloudConfig: { bootcmd: [[/usr/local/bin/kubelet, --version]] }\n",
    ),
    spec_case(
        "cloud-config/too-early",
        "a unit of ours",
        "  cloudConfig: { bootcmd: [systemctl restart kubelet] }\n",
    ),
    spec_case(
        "cloud-config/too-early",
        "a file of the user's own",
        "  files: [{ path: /etc/x.conf, mode: \"0644\", type: lines, content: \"x\\n\" }]\n  cloudConfig: { snap: { commands: { a: \"snap set x conf=/etc/x.conf\" } } }\n",
    ),
    spec_case(
        "cloud-config/users",
        "a list without the default one",
        "  cloudConfig: { users: [{ name: eve }] }\n",
    ),
    spec_case(
        "cloud-config/password",
        "a hash",
        "  cloudConfig: { users: [default, { name: eve, passwd: x }] }\n",
    ),
    spec_case(
        "cloud-config/package",
        "a second runtime",
        "  cloudConfig: { packages: [jq, docker.io] }\n",
    ),
    spec_case(
        "cloud-config/package",
        "a driver, with its version",
        "  cloudConfig: { packages: [[nvidia-driver-550, \"550.1\"]] }\n",
    ),
    spec_case(
        "cloud-config/swap",
        "a partition",
        "  cloudConfig: { mounts: [[/dev/vdb, none, swap, sw]] }\n",
    ),
    spec_case(
        "cloud-config/disk",
        "no growth",
        "  cloudConfig: { growpart: { mode: \"off\" } }\n",
    ),
    spec_case(
        "cloud-config/disk",
        "no resize",
        "  cloudConfig: { resize_rootfs: false }\n",
    ),
    spec_case(
        "file/cloud-init",
        "keys",
        "  files: [{ path: /home/ubuntu/.ssh/authorized_keys, mode: \"0600\", type: lines, content: \"x\\n\" }]\n",
    ),
    spec_case(
        "file/cloud-init",
        "the hostname",
        "  files: [{ path: /etc/hostname, mode: \"0644\", type: lines, content: \"x\\n\" }]\n",
    ),
    spec_case(
        "file/cloud-init",
        "managed hosts",
        "  files: [{ path: /etc/hosts, mode: \"0644\", type: lines, content: \"127.0.0.1 localhost\\n\" }]\n  cloudConfig: { manage_etc_hosts: true }\n",
    ),
    spec_case(
        "file/cloud-init",
        "a configuration of cloud-init that it does not read",
        "  files: [{ path: /etc/cloud/cloud.cfg.d/99-x.yaml, mode: \"0644\", type: yaml, content: \"network: { config: disabled }\\n\" }]\n",
    ),
];

#[test]
fn ordinary_cloud_configs_are_fine() {
    for more in [
        "  cloudConfig: { users: [default, { name: eve, ssh_authorized_keys: [ssh-ed25519 AAAA], sudo: \"ALL=(ALL) ALL\" }], packages: [jq, htop], bootcmd: [\"modprobe nvme\"] }\n",
        "  files: [{ path: /etc/hosts, mode: \"0644\", type: lines, content: \"127.0.0.1 localhost\\n\" }, { path: /etc/cloud/cloud.cfg.d/99-x.cfg, mode: \"0644\", type: yaml, content: \"network: { config: disabled }\\n\" }]\n  cloudConfig: { growpart: { mode: auto }, mounts: [[/dev/vdb, /data, ext4]] }\n",
        "  files: [{ path: /etc/hostname, mode: \"0644\", type: lines, content: \"x\\n\" }]\n  cloudConfig: { preserve_hostname: true }\n",
    ] {
        let report = findings(&spec_case("cloud-config/users", "fine", more), more, |_| {});
        let told: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
        let ours = |id: &&str| id.starts_with("cloud-config/") || **id == *"file/cloud-init";
        assert!(!told.iter().any(ours), "{told:?}");
    }
}

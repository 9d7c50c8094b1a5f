//! What a change of each type of file means.

use nodebake::review::{How, Impact};
use nodebake::syntax::FileType::{self, Bash, Env, Ini, Json, Lines, Pem, Sysctl, Systemd, Toml, Yaml};

use super::told;

/// Type, path, before, after, in which way, in words.
type Row = (
    FileType,
    &'static str,
    &'static str,
    &'static str,
    How,
    &'static [&'static str],
);

const KUBELET: &str = "/etc/kubernetes/kubelet/kubelet-config.yaml";
const UNIT: &str = "/etc/systemd/system/x.service";

const ROWS: &[Row] = &[
    (
        Yaml,
        KUBELET,
        "maxPods: 110\n",
        "maxPods: 250\n",
        How::Values,
        &["maxPods 110 → 250"],
    ),
    (
        Yaml,
        KUBELET,
        "kubeReserved: {cpu: 1m, memory: \"1465Mi\"}\n",
        "kubeReserved:\n  cpu: 1m\n  memory: 3005Mi\n",
        How::Values,
        &["kubeReserved.memory 1465Mi → 3005Mi"],
    ),
    (
        Yaml,
        KUBELET,
        "a: 1\nevictionHard: {memory.available: 5%}\n",
        "evictionHard: {memory.available: 6%}\nb: [x]\n",
        How::Values,
        &["a removed: 1", "evictionHard[memory.available] 5% → 6%", "b added: [x]"],
    ),
    (
        Yaml,
        KUBELET,
        "a: 1\nb: 2\n",
        "b: 2\na: 1\n",
        How::Reordered,
        &["reordered: the same values"],
    ),
    (
        Yaml,
        KUBELET,
        "a: {x: 1}\nb: text\n",
        "a:\n    x: 1\nb: 'text'\n",
        How::Reformatted,
        &["reformatted: the same values"],
    ),
    (
        Yaml,
        KUBELET,
        "# x\na: 1\n",
        "a: 1\n\n# y\n",
        How::Comments,
        &["only comments or blank lines"],
    ),
    // A number is no text, and what readers disagree about is neither.
    (Yaml, KUBELET, "a: 1\n", "a: \"1\"\n", How::Values, &["a 1 → \"1\""]),
    (
        Yaml,
        KUBELET,
        "a: yes\n",
        "a: \"yes\"\n",
        How::Values,
        &["a yes → \"yes\""],
    ),
    (
        Yaml,
        KUBELET,
        "a: null\n",
        "a: \"null\"\n",
        How::Values,
        &["a null → \"null\""],
    ),
    (Yaml, KUBELET, "a: [1]\n", "a: 1\n", How::Values, &["a [1] → 1"]),
    // Lists: by name where items have one, else by item; their order has a meaning.
    (
        Yaml,
        KUBELET,
        "t: [{key: a, effect: X}, {key: b, effect: X}]\n",
        "t: [{key: a, effect: Y}, {key: c, effect: X}]\n",
        How::Values,
        &[
            "t[a].effect X → Y",
            "t[b] removed: {effect: X, key: b}",
            "t[c] added: {effect: X, key: c}",
        ],
    ),
    (
        Yaml,
        KUBELET,
        "t: [a, b, c]\n",
        "t: [a, x, c, d]\n",
        How::Values,
        &["t removed: b", "t added: x", "t added: d"],
    ),
    (
        Yaml,
        KUBELET,
        "t: [a, b]\n",
        "t: [b, a]\n",
        How::Values,
        &["t in another order: [a, b] → [b, a]"],
    ),
    (
        Yaml,
        KUBELET,
        "t: [{name: a}, {name: b}]\n",
        "t: [{name: b}, {name: a}]\n",
        How::Values,
        &["t in another order: [a, b] → [b, a]"],
    ),
    (
        Yaml,
        KUBELET,
        "t: [{a: 1}, {a: 2}]\n",
        "t: [{a: 1}, {a: 3}]\n",
        How::Values,
        &["t[1].a 2 → 3"],
    ),
    (
        Yaml,
        KUBELET,
        "t: [{x: 1, y: 2}]\n",
        "t: [{y: 2, x: 1}]\n",
        How::Reordered,
        &["reordered: the same values"],
    ),
    // What is no YAML is compared by lines.
    (Yaml, KUBELET, "a: [\n", "a: 1\n", How::Text, &["text: +1 -1 lines"]),
    (
        Yaml,
        KUBELET,
        "a: 1\na: 2\n",
        "a: 2\n",
        How::Text,
        &["text: +0 -1 lines"],
    ),
    (
        Json,
        "/a.json",
        "{\"a\": 1}\n",
        "{\"a\": 1.0}\n",
        How::Values,
        &["a 1 → 1.0"],
    ),
    (
        Json,
        "/a.json",
        "{\"a\": 1}\n",
        "{ \"a\":1 }",
        How::Reformatted,
        &["reformatted: the same values"],
    ),
    (
        Json,
        "/a.json",
        "{\"a\": 1,}\n",
        "{\"a\": 1}\n",
        How::Text,
        &["text: +1 -1 lines"],
    ),
    (
        Toml,
        "/etc/containerd/config.toml",
        "[plugins.'io.x'.cni]\nbin_dirs = [\"/opt\"]\nn = 1\n",
        "[plugins.'io.x'.cni]\nbin_dirs = [\"/opt\", \"/usr\"]\nn = 0x01\nf = inf\n",
        How::Values,
        &[
            "plugins[io.x].cni.bin_dirs added: /usr",
            "plugins[io.x].cni.f added: @inf",
        ],
    ),
    (
        Toml,
        "/a.toml",
        "[a]\nx = 1\n[b]\n",
        "[b]\n[a]\nx = 1\n",
        How::Reordered,
        &["reordered: the same values"],
    ),
    (Toml, "/a.toml", "a = 1\n", "a =\n", How::Text, &["text: +1 -1 lines"]),
    (
        Systemd,
        UNIT,
        "[Unit]\nAfter=a.service\n[Service]\nType=oneshot\n",
        "[Unit]\nAfter=a.service\nAfter=b.service\n[Service]\nType=simple\nUser=x\n",
        How::Values,
        &[
            "Unit.After added: b.service",
            "Service.Type oneshot → simple",
            "Service.User added: x",
        ],
    ),
    (
        Systemd,
        UNIT,
        "[Service]\nExecStart=\nExecStart=/k \\\n  --a=1 \\\n  --labels=x=1,y=2 --gone=\n",
        "[Service]\nExecStart=\nExecStart=/k --a=2 --labels=y=3,z=4\n",
        How::Values,
        &[
            "Service.ExecStart --a 1 → 2",
            "Service.ExecStart --labels[x] removed: 1",
            "Service.ExecStart --labels[y] 2 → 3",
            "Service.ExecStart --labels[z] added: 4",
            "Service.ExecStart --gone removed",
        ],
    ),
    (
        Systemd,
        UNIT,
        "[Service]\nExecStart=/k --a=1 x\n",
        "[Service]\nExecStart=/k --a=1 y\n",
        How::Values,
        &["Service.ExecStart /k --a=1 x → /k --a=1 y"],
    ),
    (
        Systemd,
        UNIT,
        "[Service]\nExecStart=/k --a=1 --b=2\n",
        "[Service]\nExecStart=/k --b=2 --a=1\n",
        How::Reordered,
        &["reordered: the same values"],
    ),
    (
        Systemd,
        UNIT,
        "[A]\nX=1\nY=2\n",
        "[A]\nY=2\nX=1\n",
        How::Reordered,
        &["reordered: the same values"],
    ),
    (
        Systemd,
        UNIT,
        "[A]\nX=1 \\\n 2\n",
        "[A]\nX=1 2\n",
        How::Reformatted,
        &["reformatted: the same values"],
    ),
    (
        Systemd,
        UNIT,
        "[A]\n; x\nX=1\n",
        "[A]\nX=1\n",
        How::Comments,
        &["only comments or blank lines"],
    ),
    (Systemd, UNIT, "X=1\n", "[A]\nX=1\n", How::Text, &["text: +1 -0 lines"]),
    (
        Sysctl,
        "/etc/sysctl.d/a.conf",
        "vm.x = 1\nvm.y = 2\n",
        "vm.x = 3\nnet/ipv4/z = 1\n",
        How::Values,
        &["vm.x 1 → 3", "vm.y removed: 2", "net.ipv4.z added: 1"],
    ),
    (
        Sysctl,
        "/etc/sysctl.d/a.conf",
        "vm.x = 1\n",
        "-vm.x = 1\n",
        How::Values,
        &["vm.x 1 → 1 (a failure is ignored)"],
    ),
    (
        Sysctl,
        "/etc/sysctl.d/a.conf",
        "vm.x=1\n",
        "vm/x = 1\n",
        How::Reformatted,
        &["reformatted: the same values"],
    ),
    (
        Sysctl,
        "/etc/sysctl.d/a.conf",
        "vm.x=1\nvm.x=2\n",
        "vm.x=2\n",
        How::Text,
        &["text: +0 -1 lines"],
    ),
    (
        Ini,
        "/a",
        "[p]\nregion = a\n",
        "[p]\nregion = b\n",
        How::Values,
        &["[p] region a → b"],
    ),
    (
        Env,
        "/a",
        "A=1\nB='x y'\n",
        "B='x z'\nA=1\n",
        How::Values,
        &["B x y → x z"],
    ),
    (
        Env,
        "/a",
        "A='1'\n",
        "A=1\n",
        How::Reformatted,
        &["reformatted: the same values"],
    ),
    (Env, "/a", "A=$(x)\n", "A=1\n", How::Text, &["text: +1 -1 lines"]),
    (Lines, "/a", "x\n# c\ny\n", "x\nz\n", How::Values, &["line 2 y → z"]),
    (
        Lines,
        "/a",
        "x\n",
        "x\n\ny\nz\n",
        How::Values,
        &["line 3 added: y", "line 4 added: z"],
    ),
    (Bash, "/a", "x\n", "# c\nx\n", How::Text, &["text: +1 -0 lines"]),
    (Pem, "/a", "x\n", "x", How::Text, &["text: +1 -1 lines"]),
];

#[test]
fn every_type_of_file_is_told_by_its_meaning() {
    for (filetype, path, old, new, how, words) in ROWS {
        let file = told(*filetype, path, old, new).unwrap();
        assert_eq!(
            (file.how, file.words()),
            (*how, words.iter().map(ToString::to_string).collect()),
            "{old:?} {new:?}"
        );
        assert!(told(*filetype, path, new, new).is_none());
        assert!(!file.diff.is_empty(), "{old:?} {new:?}");
    }
}

#[test]
fn lines_are_those_of_each_side() {
    let file = told(Yaml, KUBELET, "a: 1\nb:\n  c: 2\n", "# x\na: 1\nb:\n\n  c: 3\n").unwrap();
    assert_eq!((file.items[0].old_line, file.items[0].new_line), (Some(3), Some(5)));
    let unit = "[Service]\nExecStart=/k \\\n  --a=1 \\\n  --b=";
    let file = told(Systemd, UNIT, &format!("{unit}1\n"), &format!("{unit}2\n")).unwrap();
    assert_eq!((file.items[0].old_line, file.items[0].new_line), (Some(4), Some(4)));
}

const LIST: &str = "/etc/nodebake/artifacts.list";

fn artifact(sha256: char, file: &str) -> String {
    format!(
        "{} file /usr/local/bin/x https://dl.example/{file}\n",
        sha256.to_string().repeat(64)
    )
}

#[test]
fn artifacts_are_told_by_name_version_and_hash() {
    let words = |old: &str, new: &str| told(Lines, LIST, old, new).unwrap().words();
    let old = artifact('a', "v1.35.3/kubelet");
    assert_eq!(
        words(&old, &artifact('b', "v1.35.8/kubelet")),
        ["kubelet 1.35.3 (sha256 aaaaaaaaaaaa…) → 1.35.8 (sha256 bbbbbbbbbbbb…)"]
    );
    assert_eq!(
        words(&old, &artifact('b', "v1.35.3/kubelet")),
        ["kubelet of the same version with another hash 1.35.3 (sha256 aaaaaaaaaaaa…) → 1.35.3 (sha256 bbbbbbbbbbbb…)"]
    );
    let moved = artifact('a', "mirror/v1.35.3/kubelet");
    assert_eq!(
        words(&old, &moved),
        [
            "kubelet from file /usr/local/bin/x https://dl.example/v1.35.3/kubelet → file /usr/local/bin/x https://dl.example/mirror/v1.35.3/kubelet"
        ]
    );
    let both = format!("{old}{}", artifact('c', "v1.3.5/runc.amd64"));
    assert_eq!(words(&old, &both), ["runc added: 1.3.5"]);
    assert_eq!(words(&both, &old), ["runc removed: 1.3.5"]);
    let other = format!("{}{old}", artifact('c', "v1.3.5/runc.amd64"));
    assert_eq!(words(&both, &other), ["reordered: the same values"]);
    // No such list: by lines.
    assert_eq!(told(Lines, LIST, "x\n", &old).unwrap().how, How::Text);
}

#[test]
fn what_a_machine_needs_is_said_by_the_table() {
    let of = |filetype, path: &str, old: &str, new: &str| told(filetype, path, old, new).unwrap().impact;
    let node = "/etc/systemd/system/kubelet.service.d/10-node.conf";
    let flag = |name: &str, value: &str| format!("[Service]\nExecStart=/k --{name}={value}\n");
    let flagged = |name: &str| of(Systemd, node, &flag(name, "1"), &flag(name, "2"));
    assert_eq!(flagged("hostname-override"), Impact::Name);
    assert_eq!(flagged("node-ip"), Impact::Csr);
    assert_eq!(flagged("v"), Impact::Kubelet);
    assert_eq!(of(Yaml, KUBELET, "maxPods: 1\n", "maxPods: 2\n"), Impact::Kubelet);
    assert_eq!(
        of(Yaml, KUBELET, "cgroupDriver: a\n", "cgroupDriver: b\n"),
        Impact::Reboot
    );
    assert_eq!(of(Yaml, KUBELET, "# a\nmaxPods: 1\n", "maxPods: 1\n"), Impact::Nothing);
    assert_eq!(
        of(Toml, "/etc/containerd/config.toml", "a = 1\n", "a = 2\n"),
        Impact::Containerd
    );
    assert_eq!(
        of(Sysctl, "/etc/sysctl.d/x.conf", "vm.x = 1\n", "vm.x = 2\n"),
        Impact::Service
    );
    assert_eq!(of(Lines, "/etc/modprobe.d/x.conf", "a\n", "b\n"), Impact::Reboot);
    assert_eq!(
        of(Bash, "/usr/local/lib/nodebake/first-boot", "a\n", "b\n"),
        Impact::FirstBoot
    );
    assert_eq!(of(Lines, "/etc/motd", "a\n", "b\n"), Impact::Unknown);
    let list = |version: &str, file: &str| artifact('a', &format!("v{version}/{file}"));
    assert_eq!(
        of(Lines, LIST, &list("1.1", "kubelet"), &list("1.2", "kubelet")),
        Impact::Kubelet
    );
    assert_eq!(
        of(Lines, LIST, &list("1.1", "runc"), &list("1.2", "runc")),
        Impact::FirstBoot
    );
}

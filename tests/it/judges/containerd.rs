//! containerd understands its configuration as it was meant, comes up with it, and finds the pod network; the CNI
//! plugins give a pod what the network's file promises.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodebake::pipeline::Built;
use serde_json::{Value, json};
use toml::Table;

use super::{Machine, Node, brought, decided, namespaces, nodes, refused, run, text, tool};
use crate::support::{TempDir, have, stderr, stdout};

const CONFIG: &str = "/etc/containerd/config.toml";
const SESSION: &str = "/tmp/tools/containerd_session.sh";

/// The programs that read a schema: those nodebake's files are written for, as far as they are here.
fn readers(schema: u64) -> Vec<PathBuf> {
    if schema == 3 {
        return brought("bin/containerd").into_iter().collect();
    }
    // A containerd 2 would translate the dump to its own schema.
    let installed = PathBuf::from("/usr/bin/containerd");
    let old = have("containerd") && stdout(&run(Command::new(&installed).arg("--version"))).contains(" 1.");
    old.then_some(installed)
        .into_iter()
        .chain(brought("trixie/usr/bin/containerd"))
        .collect()
}

type Meaning = BTreeMap<String, String>;

/// What was meant for a node, said in words that fit every schema.
fn meant(built: &Built) -> Meaning {
    let nvidia = decided(built, "gpu.nvidia") == &Value::Bool(true);
    let mut meant: Meaning = [
        ("pause", decided(built, "containerd.pauseImage").as_str().unwrap()),
        ("hosts", "/etc/containerd/certs.d"),
        ("cni programs", "/opt/cni/bin"),
        ("cni files", "/etc/cni/net.d"),
        ("default runtime", if nvidia { "nvidia" } else { "runc" }),
        ("runc", "io.containerd.runc.v2, systemd: true, program: "),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    if nvidia {
        let runtime = "io.containerd.runc.v2, systemd: true, program: /usr/bin/nvidia-container-runtime";
        meant.insert("nvidia".to_owned(), runtime.to_owned());
    }
    meant
}

/// The same of a containerd's whole configuration, after its defaults.
fn understood(dump: &str, schema: u64) -> Meaning {
    let dump: Table = dump.parse().unwrap_or_else(|error| panic!("{error}\n{dump}"));
    let plugin = |name: &str| dump["plugins"][name].clone();
    let (images, runtime) = if schema == 3 {
        (
            plugin("io.containerd.cri.v1.images"),
            plugin("io.containerd.cri.v1.runtime"),
        )
    } else {
        (plugin("io.containerd.grpc.v1.cri"), plugin("io.containerd.grpc.v1.cri"))
    };
    let word = |value: Option<&toml::Value>| match value {
        Some(toml::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let pause = if schema == 3 {
        &images["pinned_images"]["sandbox"]
    } else {
        &images["sandbox_image"]
    };
    let programs = match runtime["cni"].get("bin_dirs").and_then(toml::Value::as_array) {
        Some(folders) => folders
            .iter()
            .map(|folder| word(Some(folder)))
            .collect::<Vec<_>>()
            .join(":"),
        None => word(runtime["cni"].get("bin_dir")),
    };
    let mut found: Meaning = [
        ("pause", word(Some(pause))),
        ("hosts", word(images["registry"].get("config_path"))),
        ("cni programs", programs),
        ("cni files", word(runtime["cni"].get("conf_dir"))),
        (
            "default runtime",
            word(runtime["containerd"].get("default_runtime_name")),
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    for (name, runtime) in runtime["containerd"]["runtimes"].as_table().unwrap() {
        let options = runtime.get("options");
        let option = |key: &str| word(options.and_then(|options| options.get(key)));
        let (kind, systemd) = (word(runtime.get("runtime_type")), option("SystemdCgroup"));
        found.insert(
            name.clone(),
            format!("{kind}, systemd: {systemd}, program: {}", option("BinaryName")),
        );
    }
    found
}

fn dump(containerd: &Path, config: &Path) -> String {
    let output = run(Command::new(containerd)
        .arg("--config")
        .arg(config)
        .args(["config", "dump"]));
    assert_eq!(refused(&output), None);
    stdout(&output)
}

#[test]
fn the_configuration_is_understood_as_meant() {
    let folder = TempDir::new();
    for node in nodes() {
        let schema = node.built.plan.node.as_ref().unwrap().containerd.schema;
        let config = folder.write("config.toml", text(&node.built, CONFIG).unwrap());
        for containerd in readers(schema) {
            let dump = dump(&containerd, &config);
            assert_eq!(
                understood(&dump, schema),
                meant(&node.built),
                "{}: {}",
                node.name,
                containerd.display()
            );
            // Not known to 1.6, where it does no harm; on by default from 2.0 on.
            let cdi = decided(&node.built, "gpu.nvidia") == &Value::Bool(true) && dump.contains("enable_cdi");
            assert!(
                !cdi || dump.contains("enable_cdi = true"),
                "{}: {}",
                node.name,
                containerd.display()
            );
        }
    }
}

#[test]
fn both_schemas_are_judged() {
    for schema in [2, 3] {
        assert!(
            nodes()
                .iter()
                .any(|node| node.built.plan.node.as_ref().unwrap().containerd.schema == schema)
        );
    }
}

/// containerd takes a misspelt key without a word, so only the values tell.
#[test]
fn a_misspelt_key_is_seen() {
    let folder = TempDir::new();
    for (from, to) in [
        ("SystemdCgroup", "SystemdCgroups"),
        ("config_path", "configPath"),
        ("conf_dir", "confdir"),
    ] {
        for node in nodes() {
            let schema = node.built.plan.node.as_ref().unwrap().containerd.schema;
            let good = text(&node.built, CONFIG).unwrap();
            assert!(good.contains(from));
            let config = folder.write("config.toml", good.replacen(from, to, 1));
            for containerd in readers(schema) {
                // The default of conf_dir is what nodebake writes; of the others it is not.
                let same = understood(&dump(&containerd, &config), schema) == meant(&node.built);
                assert_eq!(
                    same,
                    from == "conf_dir",
                    "{}: {from}: {}",
                    node.name,
                    containerd.display()
                );
            }
        }
    }
}

fn machine(node: &Node) -> Machine {
    let machine = Machine::of(&node.built);
    for name in ["containerd_session.sh", "cri_status.py", "cni_chain.py"] {
        machine.copy(&tool(name), &format!("/tmp/tools/{name}"));
    }
    machine.link("/usr/lib/cni", "/opt/cni/bin");
    machine
}

/// What containerd answers about itself with the node's CNI file, without it, and with it again.
fn session(machine: &Machine, tries: &str) -> (Vec<Value>, String) {
    let output = machine.run(&["bash", SESSION, tries]);
    let answers = stdout(&output);
    let answers = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line)))
        .collect();
    (answers, stderr(&output))
}

fn comes_up(node: &Node, machine: &Machine, two: bool) {
    let (answers, log) = session(machine, "100");
    let states: Vec<(Option<bool>, Option<bool>)> = answers
        .iter()
        .map(|answer| {
            let state = |name: &str| answer["conditions"][name]["status"].as_bool();
            (state("RuntimeReady"), state("NetworkReady"))
        })
        .collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(
        states,
        [(yes, yes), (yes, no), (yes, yes)],
        "{}: {answers:?}\n{log}",
        node.name
    );
    if two {
        // What the kubelet asks from 1.34 on, and believes more than its own configuration.
        assert_eq!(answers[0]["cgroupDriver"], "systemd", "{}", node.name);
        let warnings = answers[0]["conditions"]["ContainerdHasNoDeprecationWarnings"]["message"]
            .as_str()
            .unwrap();
        let warnings: BTreeMap<String, String> = serde_json::from_str(warnings).unwrap_or_default();
        // That this machine has cgroup v1 is not the file's doing.
        let ours: Vec<&String> = warnings.keys().filter(|id| !id.ends_with("/cgroup-v1")).collect();
        assert!(ours.is_empty(), "{}: {warnings:?}", node.name);
    }
}

fn of_schema(schema: u64) -> impl Iterator<Item = &'static Node> {
    nodes()
        .iter()
        .filter(move |node| node.built.plan.node.as_ref().unwrap().containerd.schema == schema)
}

#[test]
fn the_installed_one_comes_up_and_finds_the_pod_network() {
    if !have("containerd") || !namespaces() || readers(2).first().is_none_or(|first| !first.starts_with("/usr/bin")) {
        return;
    }
    for node in of_schema(2) {
        comes_up(node, &machine(node), false);
    }
}

/// 1.7, the line that nodebake brings to Ubuntu 20.04.
#[test]
fn one_of_1_7_comes_up_and_finds_the_pod_network() {
    let Some(trixie) = brought("trixie").filter(|_| namespaces()) else {
        return;
    };
    for node in of_schema(2) {
        comes_up(node, &machine(node).userland(&trixie), false);
    }
}

/// The very version that nodebake brings to the other images.
#[test]
fn the_pinned_one_comes_up_and_finds_the_pod_network() {
    let Some(programs) = brought("bin").filter(|_| namespaces()) else {
        return;
    };
    for node in of_schema(3) {
        let version = stdout(&run(Command::new(programs.join("containerd")).arg("--version")));
        let pinned = node.built.plan.node.as_ref().unwrap().containerd.version.to_string();
        assert!(
            version.contains(&format!(" {pinned}")),
            "{version}is not the pinned {pinned}: see .ci/setup"
        );
        comes_up(node, &machine(node).programs(&programs), true);
    }
}

#[test]
fn a_broken_configuration_does_not_come_up() {
    let Some(programs) = brought("bin").filter(|_| namespaces()) else {
        return;
    };
    let node = of_schema(3).next().unwrap();
    let machine = machine(node).programs(&programs);
    machine.edit(CONFIG, |text| {
        text.replace("default_runtime_name = \"nvidia\"", "default_runtime_name = \"nvida\"")
    });
    let (answers, log) = session(&machine, "5");
    assert!(answers.iter().all(Value::is_string), "{answers:?}");
    assert!(log.contains("nvida"), "{log}");
}

/// NVIDIA's installers leave a drop-in there; without `imports` containerd does not look.
#[test]
fn a_foreign_drop_in_takes_no_part() {
    let Some(programs) = brought("bin").filter(|_| namespaces()) else {
        return;
    };
    let node = of_schema(3).next().unwrap();
    let machine = machine(node).programs(&programs);
    let plugin = "plugins.'io.containerd.cri.v1.runtime'.containerd";
    let drop_in = format!("version = 3\n[{plugin}]\ndefault_runtime_name = \"foreign\"\n");
    machine.put("/etc/containerd/conf.d/99-nvidia.toml", drop_in, 0o644);
    let dump = || {
        let output = machine.run(&["containerd", "--config", CONFIG, "config", "dump"]);
        assert_eq!(refused(&output), None);
        understood(&stdout(&output), 3)
    };
    assert_eq!(dump(), meant(&node.built));
    machine.edit(CONFIG, |text| {
        text.replace(
            "version = 3\n",
            "version = 3\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n",
        )
    });
    assert_eq!(dump()["default runtime"], "foreign");
}

/// Adds a pod to the node's network by the real plugins.
fn add_pod(machine: &Machine) -> Result<Value, String> {
    let chain = "/usr/bin/python3 /tmp/tools/cni_chain.py /etc/cni/net.d/*.conflist /opt/cni/bin /run/netns/pod";
    let output = machine.run(&["bash", "-c", &format!("ip netns add pod && {chain}")]);
    match refused(&output) {
        Some(why) => Err(why),
        None => Ok(serde_json::from_str(&stdout(&output)).unwrap()),
    }
}

#[test]
fn pods_get_what_the_network_promises() {
    // Debian's plugins are in no folder of PATH; they come with .ci/setup as iptables does.
    let plugins = Path::new("/usr/lib/cni/bridge").is_file();
    if !have("ip") || !have("iptables") || !namespaces() || !plugins {
        assert!(
            plugins || !have("iptables") || std::env::var("CI").as_deref() != Ok("true"),
            "no CNI plugins"
        );
        return;
    }
    for node in nodes() {
        let machine = machine(node);
        let result = add_pod(&machine).unwrap_or_else(|error| panic!("{}: {error}", node.name));
        if text(&node.built, "/etc/cni/net.d/10-bridge.conflist").is_some() {
            assert_eq!(result["ips"][0]["address"], "10.244.7.2/24", "{}: {result}", node.name);
            assert_eq!(result["ips"][0]["gateway"], "10.244.7.1", "{}: {result}", node.name);
            assert_eq!(result["interfaces"][0]["name"], "cni0", "{}: {result}", node.name);
            machine.edit("/etc/cni/net.d/10-bridge.conflist", |text| {
                text.replace("host-local", "host-locale")
            });
            assert!(
                add_pod(&machine).is_err_and(|error| error.contains("host-locale")),
                "{}",
                node.name
            );
        } else {
            assert_eq!(
                result["interfaces"].as_array().map(Vec::len),
                Some(1),
                "{}: {result}",
                node.name
            );
            assert_eq!(result["interfaces"][0]["name"], "lo", "{}: {result}", node.name);
        }
    }
}

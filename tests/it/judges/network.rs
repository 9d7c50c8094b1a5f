//! netplan and systemd-networkd make the interface that carries the node IP.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{
    COVERING, Machine, Node, assignments, brought, built, decided, namespaces, nodes, refused, run, text, tool,
};
use crate::support::{TempDir, have, stderr, stdout};

const NETPLAN: &str = "/etc/netplan/90-nodebake.yaml";
const NETDEV: &str = "/etc/systemd/network/10-nodebake.netdev";
const NETWORK: &str = "/etc/systemd/network/10-nodebake.network";
const SESSION: &str = "/tmp/tools/networkd_session.sh";

/// netplan's generator of another Debian, with that Debian's libraries.
fn newer_netplan() -> Option<Command> {
    let root = brought("trixie")?;
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command
        .arg("--library-path")
        .arg(libraries)
        .arg(root.join("usr/libexec/netplan/generate"));
    Some(command)
}

/// The files that netplan makes of one file.
fn generate(mut generator: Command, definition: &str) -> Result<BTreeMap<String, String>, String> {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new();
    let file = folder.write(&NETPLAN[1..], definition);
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
    let output = run(generator.arg("--root-dir").arg(folder.path()));
    if let Some(why) = refused(&output) {
        let made = files(&folder.path().join("run"));
        assert!(made.is_empty(), "refused, and yet there is {made:?}");
        return Err(why);
    }
    assert_eq!(stderr(&output), "");
    let name = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
    Ok(files(&folder.path().join("run"))
        .into_iter()
        .map(|path| (name(path.clone()), std::fs::read_to_string(path).unwrap_or_default()))
        .collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn with_netplan() -> impl Iterator<Item = (&'static Node, &'static str)> {
    nodes()
        .iter()
        .filter_map(|node| Some((node, text(&node.built, NETPLAN)?)))
}

fn interface(node: &Node) -> String {
    decided(&node.built, "network.interface").as_str().unwrap().to_owned()
}

/// The nodes of the covering set that get netplan's form, in the other form.
fn in_networkd_form() -> Vec<Node> {
    let pairs = nodes()
        .iter()
        .zip(COVERING)
        .filter(|(node, _)| text(&node.built, NETPLAN).is_some());
    pairs
        .map(|(node, (profile, image, kind, _, minor))| Node {
            name: node.name.clone(),
            built: built(profile, image, kind, "  network: { backend: networkd }\n", minor),
        })
        .collect()
}

#[test]
fn each_image_gets_the_form_it_can_read() {
    assert!(with_netplan().count() > 0);
    for node in nodes() {
        let floor = &node.built.plan.image.netplan;
        let reads = *floor >= "0.107".parse().unwrap();
        let netplan = text(&node.built, NETPLAN).is_some();
        assert!(!netplan || reads, "{} has netplan {floor}", node.name);
        let satellite = node.built.plan.profile.name == "satellite";
        assert_eq!(
            satellite,
            netplan || text(&node.built, NETWORK).is_some(),
            "{}",
            node.name
        );
        assert_eq!(
            text(&node.built, NETDEV).is_some(),
            text(&node.built, NETWORK).is_some(),
            "{}",
            node.name
        );
    }
}

#[test]
fn a_newer_netplan_makes_what_the_networkd_form_says() {
    for ((node, definition), other) in with_netplan().zip(in_networkd_form()) {
        let Some(netplan) = newer_netplan() else { return };
        let made = generate(netplan, definition).unwrap_or_else(|why| panic!("{}: {why}", node.name));
        let interface = interface(node);
        let file = |ending: &str| assignments(&made[&format!("run/systemd/network/10-netplan-{interface}.{ending}")]);
        assert_eq!(
            file("netdev"),
            assignments(text(&other.built, NETDEV).unwrap()),
            "{}",
            node.name
        );
        let (mut network, mut own) = (file("network"), assignments(text(&other.built, NETWORK).unwrap()));
        let ip = decided(&node.built, "identity.nodeIp").as_str().unwrap();
        assert_eq!(network["[Network]Address"], [format!("{ip}/32")], "{}", node.name);
        // Twice the same address, once for the device and once for the link.
        assert_eq!(
            network.remove("[Link]MACAddress").as_ref(),
            file("netdev").get("[NetDev]MACAddress")
        );
        // netplan 1.1 lists what the boot waits for elsewhere, and must not list this.
        assert_eq!(own.remove("[Link]RequiredForOnline"), Some(vec!["no".to_owned()]));
        assert_eq!(network, own, "{}", node.name);
        for (name, content) in made.iter().filter(|(name, _)| name.contains("systemd/system/")) {
            assert!(!content.contains(&interface), "{}: {name}: {content}", node.name);
        }
    }
}

#[test]
fn a_newer_netplan_refuses_what_is_broken() {
    let Some((_, good)) = with_netplan().next() else { return };
    for (from, to, why) in [
        ("dummy-devices", "dummy-device", "unknown key"),
        ("/32\"", "/33\"", "prefix length"),
        ("accept-ra: false", "accept-ra: maybe", "boolean"),
    ] {
        let Some(netplan) = newer_netplan() else { return };
        let said = generate(netplan, &good.replacen(from, to, 1));
        assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{from}: {said:?}");
    }
}

/// Debian 12's netplan, older than 0.107: why older images get files for networkd instead.
#[test]
fn an_older_netplan_refuses_the_file_and_makes_nothing_at_all() {
    let generator = "/usr/lib/netplan/generate";
    if !have("netplan") {
        return;
    }
    let version = stdout(&run(Command::new("dpkg-query").args([
        "-W",
        "-f",
        "${Version}",
        "netplan.io",
    ])));
    if !version.starts_with("0.10") || version.starts_with("0.107") {
        println!("skipped: netplan {version} is not older than 0.107");
        return;
    }
    for (node, definition) in with_netplan() {
        let said = generate(Command::new(generator), definition);
        let why = "unknown key 'dummy-devices'";
        assert!(
            said.as_ref().is_err_and(|said| said.contains(why)),
            "{}: {said:?}",
            node.name
        );
    }
    let plain = "network:\n  version: 2\n  ethernets:\n    enp1s0: {dhcp4: true}\n";
    assert!(generate(Command::new(generator), plain).is_ok_and(|made| !made.is_empty()));
}

/// What networkd makes of the files: its complaints, and the interface.
fn networkd(machine: &Machine, interface: &str) -> (Vec<String>, Value) {
    machine.copy(&tool("networkd_session.sh"), SESSION);
    let output = machine.run(&["bash", SESSION, interface]);
    let said = stderr(&output);
    assert!(
        said.contains(&format!("{interface}: ")),
        "networkd did not come to {interface}: {said}"
    );
    let ours = |line: &&str| line.contains("/systemd/network/") && !line.contains(": Configuring with ");
    let complaints = said.lines().filter(ours).map(str::to_owned).collect();
    (complaints, serde_json::from_str(&stdout(&output)).unwrap_or_default())
}

/// A kernel without dummy interfaces gets a bridge without members instead: as little there behind the address.
fn stand_in(machine: &Machine, netdev: &str) {
    if !machine
        .run(&["ip", "link", "add", "probe", "type", "dummy"])
        .status
        .success()
    {
        println!("a bridge stands in: this kernel has no dummy interfaces");
        machine.edit(netdev, |text| text.replace("Kind=dummy", "Kind=bridge"));
    }
}

fn has_the_address(node: &Node, machine: &Machine) {
    let (complaints, shown) = networkd(machine, &interface(node));
    assert!(complaints.is_empty(), "{}: {complaints:?}", node.name);
    let addresses = shown[0]["addr_info"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: no interface", node.name));
    assert_eq!(addresses.len(), 1, "{}: {shown}", node.name);
    assert_eq!(
        &addresses[0]["local"],
        decided(&node.built, "identity.nodeIp"),
        "{}: {shown}",
        node.name
    );
    assert_eq!(addresses[0]["prefixlen"], 32, "{}: {shown}", node.name);
    assert_eq!(
        &shown[0]["address"],
        decided(&node.built, "network.mac"),
        "{}: {shown}",
        node.name
    );
    assert!(
        shown[0]["flags"].as_array().unwrap().contains(&"UP".into()),
        "{}: {shown}",
        node.name
    );
}

#[test]
fn networkd_makes_the_interface_and_gives_it_the_node_ip() {
    if !have("networkctl") || !have("ip") || !namespaces() {
        return;
    }
    // The installed systemd, one near Ubuntu 20.04's and one newer than 24.04's.
    let mut userlands = vec![None];
    userlands.extend(["bullseye", "trixie"].into_iter().filter_map(brought).map(Some));
    for userland in userlands {
        let enter = |machine: Machine| match &userland {
            Some(root) => machine.userland(root),
            None => machine,
        };
        let others = in_networkd_form();
        for node in nodes()
            .iter()
            .chain(&others)
            .filter(|node| text(&node.built, NETDEV).is_some())
        {
            let machine = enter(Machine::of(&node.built));
            stand_in(&machine, NETDEV);
            has_the_address(node, &machine);
        }
        for (node, definition) in with_netplan() {
            let Some(netplan) = newer_netplan() else { continue };
            let machine = enter(Machine::of(&node.built));
            let mut netdev = None;
            for (name, content) in generate(netplan, definition).unwrap() {
                // Where it would be in /run, which is empty there.
                if let Some(name) = name.strip_prefix("run/systemd/network/") {
                    machine.put(&format!("/etc/systemd/network/{name}"), content, 0o644);
                    netdev = netdev.or_else(|| {
                        name.ends_with(".netdev")
                            .then(|| format!("/etc/systemd/network/{name}"))
                    });
                }
            }
            stand_in(&machine, &netdev.unwrap());
            has_the_address(node, &machine);
        }
    }
}

#[test]
fn networkd_tells_what_it_does_not_understand() {
    if !have("networkctl") || !have("ip") || !namespaces() {
        return;
    }
    let node = nodes()
        .iter()
        .find(|node| text(&node.built, NETWORK).is_some())
        .unwrap();
    for (file, from, to) in [
        (NETWORK, "Address=", "Addres="),
        (NETWORK, "/32", "/33"),
        (NETWORK, "[Link]", "[Lnk]"),
        (NETDEV, "MACAddress=02", "MACAddress=x2"),
    ] {
        let machine = Machine::of(&node.built);
        machine.edit(file, |text| text.replacen(from, to, 1));
        let (complaints, _) = networkd(&machine, &interface(node));
        assert!(!complaints.is_empty(), "{from} as {to}");
    }
}

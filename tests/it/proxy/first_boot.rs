//! First boot of a proxy, in a folder that stands in for a machine, with programs that write down what they are told.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use nodebake::catalog::Plane;

use crate::support::{TempDir, build, proxy_yaml, stderr, stdout, told};

struct Machine(TempDir);

impl Machine {
    /// An Ubuntu 24.04 with the stage of an `HAProxy` proxy, whose card has `address`.
    fn new(address: &str) -> Self {
        let folder = TempDir::new();
        let yaml = proxy_yaml("ubuntu-24-04", "ec2/t3.small", "");
        let built = build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)));
        for entry in built.verified.tree().plane(Plane::Node) {
            let path = folder.write(&format!("root/var/lib/nodebake/stage{}", entry.path), &entry.text);
            std::fs::set_permissions(path, PermissionsExt::from_mode(entry.mode.bits())).unwrap();
        }
        folder.write("root/etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n");
        folder.write("root/var/log/x", "");
        let machine = Self(folder);
        let log = machine.0.path().join("calls");
        for (name, body) in [
            ("systemctl", String::new()),
            ("sysctl", String::new()),
            ("uname", "echo x86_64".into()),
            ("ip", format!("echo '2: ens5 inet {address}/20 brd x'")),
            (
                "apt-get",
                "case \"$*\" in *install*) mkdir -p $NODEBAKE_ROOT/usr/sbin; cp $0 $NODEBAKE_ROOT/usr/sbin/haproxy;; esac".into(),
            ),
        ] {
            let script = format!("#!/bin/sh\necho {name} \"$@\" >>{}\n{body}\n", log.display());
            let path = machine.0.write(&format!("bin/{name}"), script);
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn run(&self) -> Output {
        let path = std::env::var("PATH").unwrap();
        Command::new("bash")
            .arg(
                self.0
                    .path()
                    .join("root/var/lib/nodebake/stage/usr/local/lib/nodebake/first-boot"),
            )
            .env("PATH", format!("{}:{path}", self.0.path().join("bin").display()))
            .env("NODEBAKE_ROOT", self.0.path().join("root"))
            .output()
            .unwrap()
    }

    /// What was called since the last time.
    fn calls(&self) -> String {
        let path = self.0.path().join("calls");
        let calls = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        calls
    }

    fn has(&self, path: &str) -> bool {
        self.0.path().join("root").join(path).exists()
    }
}

#[test]
fn it_installs_what_is_missing_and_starts_the_proxy() {
    let machine = Machine::new("10.0.2.10");
    let output = machine.run();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let calls = machine.calls();
    // The package's own unit does not get to listen.
    let at = |what: &str| calls.find(what).unwrap_or_else(|| panic!("no {what}:\n{calls}"));
    assert!(at("systemctl mask haproxy.service") < at("install --no-install-recommends haproxy"));
    assert!(at("systemctl daemon-reload") < at("systemctl reload-or-restart nodebake-proxy-addresses.service"));
    assert!(at("nodebake-proxy-addresses.service") < at("reload-or-restart nodebake-proxy.service"));
    for path in [
        "etc/nodebake/haproxy.cfg",
        "etc/systemd/system/nodebake-proxy.service",
        "var/lib/nodebake/first-boot.done",
    ] {
        assert!(machine.has(path), "{path}");
    }
    // Again: nothing is installed or written.
    let output = machine.run();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!machine.calls().contains("apt-get"));
    assert!(!stdout(&output).contains("wrote"), "{}", stdout(&output));
    // A stage that changed is taken over.
    let stage = machine
        .0
        .path()
        .join("root/var/lib/nodebake/stage/etc/nodebake/haproxy.cfg");
    let text = std::fs::read_to_string(&stage).unwrap();
    std::fs::write(&stage, text.replace("timeout connect 10s", "timeout connect 9s")).unwrap();
    let output = machine.run();
    assert!(
        stdout(&output).contains("wrote /etc/nodebake/haproxy.cfg"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn another_machine_is_left_as_it_is() {
    let machine = Machine::new("10.0.9.9");
    let output = machine.run();
    assert_eq!(output.status.code(), Some(1));
    let words = stdout(&output);
    assert!(words.contains("does not have its own address 10.0.2.10"), "{words}");
    assert!(!machine.has("etc/nodebake") && !machine.has("var/lib/nodebake/first-boot.done"));
    assert!(machine.has("var/lib/nodebake/first-boot.failed"));
    assert!(!machine.calls().contains("systemctl"));
}

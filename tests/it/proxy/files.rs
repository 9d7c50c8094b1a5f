//! nft, `HAProxy`, systemd, cloud-init, bash and shellcheck read a proxy's files.

use std::path::Path;
use std::process::Command;

use nodebake::bake::{Packer, user_data};
use nodebake::catalog::Plane;
use nodebake::pipeline::Built;

use crate::support::{TempDir, build, have, nodebake, proxy_yaml, root, stderr, stdout, told};

const NFTABLES: &str = "ec2/t4g.small";
const HAPROXY: &str = "ec2/t3.small";
const SERVE: &str = "ec2/c7gn.medium";

fn built(kind: &str) -> Built {
    let yaml = proxy_yaml("ubuntu-24-04", kind, "");
    build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)))
}

fn file(built: &Built, path: &str) -> String {
    let entry = built.verified.tree().get(Plane::Node, path);
    entry.unwrap_or_else(|| panic!("no {path}")).text.clone()
}

/// What a program has against a file, in a network of its own where it needs one.
fn against(command: &[&str], name: &str, text: &str) -> Option<String> {
    let folder = TempDir::new();
    let path = folder.write(name, text);
    let output = Command::new(command[0]).args(&command[1..]).arg(path).output().unwrap();
    (!output.status.success()).then(|| format!("{}{}", stdout(&output), stderr(&output)))
}

/// Whether this machine lets us make a network of our own.
fn networks() -> bool {
    let granted = Command::new("unshare").args(["-rn", "true"]).status();
    let granted = granted.is_ok_and(|status| status.success());
    if !granted {
        println!("skipped: this machine grants no network namespaces");
    }
    granted
}

#[test]
fn nft_takes_the_table_and_refuses_a_broken_one() {
    if !have("nft") || !networks() {
        return;
    }
    let check = ["unshare", "-rn", "/usr/sbin/nft", "-c", "-f"];
    let table = file(&built(NFTABLES), "/etc/nodebake/proxy.nft");
    assert_eq!(against(&check, "proxy.nft", &table), None);
    for (from, to) in [
        ("10.0.2.233 :", "10.0.2.333 :"),
        ("snat to", "snta to"),
        ("@kubelet", "@nodes"),
    ] {
        let broken = table.replace(from, to);
        assert_ne!(broken, table, "{from}");
        assert!(against(&check, "proxy.nft", &broken).is_some(), "{to}");
    }
}

/// Loaded twice, and with a satellite more, each in one go: there is one table, and it is the last one.
#[test]
fn a_table_replaces_the_one_before_and_a_broken_one_replaces_nothing() {
    if !have("nft") || !networks() {
        return;
    }
    let folder = TempDir::new();
    let table = file(&built(NFTABLES), "/etc/nodebake/proxy.nft");
    folder.write("one.nft", &table);
    let more = table.replace("      # a10-02", "      10.0.2.240 : 129.213.90.40,\n      # a10-02");
    assert_ne!(more, table);
    folder.write("more.nft", &more);
    folder.write(
        "broken.nft",
        more.replace("129.213.90.40,\n", "129.213.90.40,\n      10.0.2.240 : nowhere,\n"),
    );
    let script = "set -e; PATH=$PATH:/usr/sbin; nft -f one.nft; nft -f one.nft; nft -f more.nft; \
                  ! nft -f broken.nft 2>/dev/null; nft add element ip nodebake kubelet '{ 10.0.2.241 : 129.213.90.41 }'; \
                  nft delete element ip nodebake kubelet '{ 10.0.2.233 }'; nft list map ip nodebake kubelet; \
                  nft list tables";
    let output = Command::new("unshare")
        .args(["-rn", "bash", "-c", script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", stderr(&output));
    for (address, there) in [
        ("10.0.2.240", true),
        ("10.0.2.241", true),
        ("10.0.2.234", true),
        ("10.0.2.233", false),
    ] {
        assert_eq!(said.contains(&format!("{address} : ")), there, "{address}: {said}");
    }
    assert_eq!(said.matches("table ip nodebake").count(), 2, "{said}");
}

#[test]
fn haproxy_takes_its_configuration_and_waits_long_enough() {
    let text = file(&built(HAPROXY), "/etc/nodebake/haproxy.cfg");
    for key in [
        "timeout client 5h",
        "timeout server 5h",
        "timeout tunnel 5h",
        "option clitcpka",
        "option srvtcpka",
    ] {
        assert!(text.lines().any(|line| line.trim() == key), "{key}");
    }
    assert_eq!(text.matches("\nlisten ").count(), 2);
    if !have("haproxy") {
        return;
    }
    let check = ["/usr/sbin/haproxy", "-c", "-f"];
    assert_eq!(against(&check, "haproxy.cfg", &text), None);
    for (from, to) in [
        ("mode tcp", "mode tpc"),
        ("10.0.2.233:10250", "10.0.2.233:port"),
        ("5h", "5parsecs"),
    ] {
        assert!(
            against(&check, "haproxy.cfg", &text.replace(from, to)).is_some(),
            "{to}"
        );
    }
}

/// Probes come before AWS forgets a stream, and only what passes packets on forwards any.
#[test]
fn kernel_settings_are_those_of_the_form() {
    let path = "/etc/sysctl.d/99-zz-nodebake-proxy.conf";
    for kind in [HAPROXY, SERVE] {
        let text = file(&built(kind), path);
        let time = text
            .lines()
            .find_map(|line| line.strip_prefix("net.ipv4.tcp_keepalive_time = "));
        assert!(time.unwrap().parse::<u32>().unwrap() < 350);
        assert!(!text.contains("ip_forward"));
    }
    assert!(file(&built(NFTABLES), path).contains("net.ipv4.ip_forward = 1"));
}

/// The addresses come, stay over a reload, follow a change, and go.
#[test]
fn the_unit_gives_this_machine_its_addresses() {
    if !have("ip") || !networks() {
        return;
    }
    let unit = file(&built(NFTABLES), "/etc/systemd/system/nodebake-proxy-addresses.service");
    let commands = |key: &str| -> String {
        let lines = unit.lines().filter_map(|line| line.strip_prefix(key));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let (start, reload, stop) = (commands("ExecStart="), commands("ExecReload="), commands("ExecStop="));
    let show = "ip -4 -o address show dev lo label lo:nodebake | grep -c /32";
    let script =
        format!("{start}{show}\n{start}{show}\n{reload}{show}\n{stop}{show}\n/sbin/ip -4 -o address show dev lo");
    let output = Command::new("unshare")
        .args(["-rn", "bash", "-c", &script])
        .output()
        .unwrap();
    let said = stdout(&output);
    let counts: Vec<&str> = said.lines().take(4).collect();
    assert_eq!(counts, ["2", "2", "2", "0"], "{said}{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    assert!(said.contains("127.0.0.1/8"), "{said}");
}

#[test]
fn scripts_are_clean() {
    let script = file(&built(NFTABLES), "/usr/local/lib/nodebake/first-boot");
    assert_eq!(against(&["bash", "-n"], "first-boot", &script), None);
    if have("shellcheck") {
        assert_eq!(against(&["shellcheck", "-s", "bash"], "first-boot", &script), None);
    }
}

#[test]
fn systemd_takes_the_units() {
    if !have("systemd-analyze") {
        return;
    }
    for kind in [NFTABLES, HAPROXY, SERVE] {
        let (built, folder) = (built(kind), TempDir::new());
        for name in ["nodebake-proxy-addresses.service", "nodebake-proxy.service"] {
            let unit = file(&built, &format!("/etc/systemd/system/{name}"));
            // Its program need not be here.
            folder.write(name, unit.replace("/usr/local/bin/nodebake proxy", "/bin/true proxy"));
        }
        let verify = |folder: &Path| {
            let output = Command::new("systemd-analyze")
                .args([
                    "--man=no",
                    "verify",
                    "nodebake-proxy.service",
                    "nodebake-proxy-addresses.service",
                ])
                .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
                .current_dir(folder)
                .output()
                .unwrap();
            stderr(&output)
                .lines()
                .filter(|line| line.contains("nodebake-"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(verify(folder.path()), [""; 0], "{kind}");
        let unit = std::fs::read_to_string(folder.path().join("nodebake-proxy.service")).unwrap();
        folder.write(
            "nodebake-proxy.service",
            unit.replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"),
        );
        assert!(!verify(folder.path()).is_empty(), "{kind}");
    }
}

/// What starts is awaited where the program says when it is ready: first boot then sees one that never was.
#[test]
fn a_unit_has_started_when_its_program_listens() {
    for kind in [HAPROXY, SERVE] {
        let unit = file(&built(kind), "/etc/systemd/system/nodebake-proxy.service");
        assert!(unit.lines().any(|line| line == "Type=notify"), "{kind}: {unit}");
    }
}

/// The most connections that a document may say are taken, all of them by one route, and none more is allowed.
#[test]
fn as_many_connections_as_are_said_are_one_routes() {
    let with = |most: u32| {
        let more = format!("  maxConnections: {most}\n");
        build(&proxy_yaml("ubuntu-24-04", SERVE, &more), "1.35")
    };
    let built = with(100_000).unwrap_or_else(|report| panic!("{}", told(&report)));
    let folder = TempDir::new();
    let text = file(&built, "/etc/nodebake/passthrough.yaml");
    assert!(text.contains("connectionsPerRoute: 100000\n"), "{text}");
    folder.write("passthrough.yaml", text);
    let words = ["proxy", "serve", "--config", "passthrough.yaml", "--check"];
    let output = nodebake(&words, folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(told(&with(100_001).unwrap_err()).contains("100000"));
}

#[test]
fn cloud_init_takes_the_user_data_and_much_room_is_left() {
    for kind in [NFTABLES, HAPROXY, SERVE] {
        let built = built(kind);
        let artifact = user_data(&built.plan, &built.verified, &Packer::default()).unwrap();
        assert_eq!(artifact.budget.max, Some(16_384));
        assert!(artifact.bytes.len() < 6_000, "{kind}: {}", artifact.bytes.len());
        if !have("cloud-init") {
            continue;
        }
        let mut plain = artifact.bytes.clone();
        if artifact.gzipped {
            plain.clear();
            let mut reader = flate2::read::GzDecoder::new(artifact.bytes.as_slice());
            std::io::Read::read_to_end(&mut reader, &mut plain).unwrap();
        }
        let text = String::from_utf8(plain).unwrap();
        let schema = ["cloud-init", "schema", "--config-file"];
        assert_eq!(against(&schema, "user-data", &text), None, "{kind}");
    }
}

/// 50 satellites, as many as the largest interface has room for, still fit.
#[test]
fn many_satellites_fit() {
    let satellites: String = (1..15)
        .map(|n| format!("    - {{ name: gpu-{n}, address: 10.0.3.{n}, publicAddress: 129.213.91.{n} }}\n"))
        .collect();
    let yaml = proxy_yaml("ubuntu-24-04", "ec2/c7gn.xlarge", "");
    let begin = yaml.find("    - { name: a10-01").unwrap();
    let end = yaml.find("  launch:").unwrap();
    let full = format!("{}{satellites}{}", &yaml[..begin], &yaml[end..]);
    let built = build(&full, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)));
    let artifact = user_data(&built.plan, &built.verified, &Packer::default()).unwrap();
    assert!(artifact.bytes.len() < 16_384 / 2, "{}", artifact.bytes.len());
    let one_more = full.replace(
        "  launch:",
        "    - { name: gpu-15, address: 10.0.3.15, publicAddress: 129.213.91.15 }\n  launch:",
    );
    let refused = build(&one_more, "1.35").unwrap_err();
    assert!(told(&refused).contains("plan/proxy-room"), "{}", told(&refused));
}

/// Every command that works on a node works on the example, and those that cannot say so.
#[test]
fn commands_take_the_example() {
    let folder = TempDir::new();
    for path in ["satellite/cluster.yaml", "proxy/proxy.yaml"] {
        folder.write(path, std::fs::read(root().join("examples").join(path)).unwrap());
    }
    let proxy = "proxy/proxy.yaml";
    for args in [
        &["check", proxy][..],
        &["render", proxy, "-o", "out"],
        &["bake", proxy, "-o", "user-data"],
        &["bake", proxy, "--format", "nocloud", "-o", "seed.img"],
        &["golden", "update", proxy, "goldens"],
        &["golden", "check", proxy, "goldens"],
        &["explain", proxy],
        &["explain", proxy, "proxy.form"],
        &["explain", proxy, "--why-not", "proxy/haproxy"],
        &["diff", proxy, "goldens"],
        &["report", proxy, "-o", "report.html"],
        &["fetch", proxy, "--cache", "cache"],
    ] {
        let output = nodebake(args, folder.path());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
    }
    let rule = std::fs::read_to_string(folder.path().join("out/aws/security-group-rule.json")).unwrap();
    let rule: serde_json::Value = serde_json::from_str(&rule).unwrap();
    let rule = &rule["IpPermissions"][0];
    assert_eq!(rule["UserIdGroupPairs"][0]["GroupId"], "sg-0f1e2d3c4b5a69788");
    assert_eq!((&rule["FromPort"], &rule["ToPort"]), (&10_250.into(), &10_250.into()));
    assert!(rule.get("IpRanges").is_none());
    let output = nodebake(&["bake", proxy, "--format", "tarball", "-o", "x.tar.gz"], folder.path());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("bake/proxy-bundle"), "{}", stderr(&output));
}

/// What the AWS CLI is told: everything that is needed, and nothing that opens anything.
#[test]
fn the_launch_document_is_careful() {
    let built = built(NFTABLES);
    let entry = built.verified.tree().get(Plane::Aws, "/run-instances.json").unwrap();
    let run: serde_json::Value = serde_json::from_str(&entry.text).unwrap();
    assert_eq!(run["MetadataOptions"]["HttpTokens"], "required");
    assert_eq!(run["BlockDeviceMappings"][0]["Ebs"]["Encrypted"], true);
    assert!(run.get("IamInstanceProfile").is_none() && run.get("KeyName").is_none());
    let interface = &run["NetworkInterfaces"][0];
    let addresses = interface["PrivateIpAddresses"].as_array().unwrap();
    assert_eq!(addresses.len(), 3);
    assert_eq!(addresses[0]["PrivateIpAddress"], "10.0.2.10");
    assert_eq!(addresses[0]["Primary"], true);
    assert!(addresses[1..].iter().all(|one| one["Primary"] == false));
    assert_eq!(interface["Groups"][0], "sg-0123456789abcdef0");
    let token = run["ClientToken"].as_str().unwrap();
    assert!(token.len() <= 64 && token.is_ascii(), "{token}");
}

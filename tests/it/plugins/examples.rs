//! The plugins of `examples/plugins/` and those that `plugin new` writes: they pass the test every plugin must pass, and
//! do their work in a node.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{QUIET, Site};
use crate::support::{have, root, stderr, stdout};

fn example(name: &str) -> PathBuf {
    root().join("examples/plugins").join(name)
}

/// A site whose plugins/ has these examples, trusted as they ask.
fn site(list: &str, names: &[&str]) -> Site {
    let site = Site::new(list, &[]);
    for name in names {
        copy(&example(name), &site.path().join("plugins").join(name));
    }
    site
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() && path.file_name().unwrap() != "target" {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

fn trusted(site: &Site) {
    let output = site.run(&["plugin", "trust", "node.yaml"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

fn passes(site: &Site, folder: &str) {
    let output = site.run(&["plugin", "test", folder]);
    assert!(output.status.success(), "{folder}:\n{}", stderr(&output));
    assert!(stderr(&output).contains(" passed, 0 failed"));
}

/// Builds a plugin in Rust, from what cargo has if there is no network.
fn build(site: &Site, name: &str) -> bool {
    if !have("cargo") {
        return false;
    }
    let folder = site.path().join("plugins").join(name);
    let built = |more: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet"]).args(more).current_dir(&folder);
        cargo.env("CARGO_TARGET_DIR", folder.join("target")).output().unwrap()
    };
    if !built(&["--offline"]).status.success() {
        let output = built(&[]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    std::fs::copy(folder.join("target/debug").join(name), folder.join("plugin")).unwrap();
    true
}

#[test]
fn the_check_for_tags() {
    if !have("jq") {
        return;
    }
    let site = site("    - check: no-latest-tags", &["no-latest-tags"]);
    passes(&site, "plugins/no-latest-tags");
    trusted(&site);
    let good = site.run(&["check", "node.yaml"]);
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    let node = std::fs::read_to_string(site.path().join("node.yaml")).unwrap();
    let own = "  files:\n    - path: /etc/kubernetes/manifests/agent.yaml\n      mode: \"0644\"\n      type: yaml\n      content: |\n        apiVersion: v1\n        kind: Pod\n        metadata: { name: agent }\n        spec:\n          containers:\n            - name: agent\n              image: quay.io/team/agent:latest\n";
    site.folder.write("node.yaml", format!("{node}{own}"));
    let words = stderr(&site.run(&["check", "node.yaml"]));
    assert!(
        words.contains("no-latest-tags/tag: quay.io/team/agent:latest is another image tomorrow"),
        "{words}"
    );
    assert!(
        words.contains("image: quay.io/team/agent:latest\n") && words.contains("written here"),
        "{words}"
    );
}

#[test]
fn the_inventory_as_a_file_and_as_an_endpoint() {
    if !have("python3") {
        return;
    }
    let site = site(
        "    - { facts: inventory, with: { file: inventory.csv } }",
        &["inventory"],
    );
    passes(&site, "plugins/inventory");
    trusted(&site);
    let disk = |site: &Site| stdout(&site.run(&["explain", "node.yaml", "hardware.diskLabelGiB"]));
    let missing = stderr(&site.run(&["check", "node.yaml"]));
    assert!(
        missing.contains("says: inventory.csv: No such file or directory (code 100)"),
        "{missing}"
    );
    site.folder.write(
        "inventory.csv",
        std::fs::read(example("inventory/inventory.csv")).unwrap(),
    );
    assert!(
        disk(&site).starts_with("hardware.diskLabelGiB = 900"),
        "{}",
        disk(&site)
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/nodes", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = r#"{"nodes":{"node-17":{"diskGiB":1100}},"cluster":{"region":"us-east-1"}}"#;
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    site.node(&format!("    - {{ facts: inventory, with: {{ url: \"{url}\" }} }}"));
    assert!(
        disk(&site).starts_with("hardware.diskLabelGiB = 1100"),
        "{}",
        disk(&site)
    );
    // Without the network in the lock it gets nowhere.
    let lock = std::fs::read_to_string(site.path().join("plugins.lock")).unwrap();
    site.folder
        .write("plugins.lock", lock.replace("    network: true\n", ""));
    let words = stderr(&site.run(&["check", "node.yaml"]));
    assert!(
        words.contains("error[plugin/error]") && words.contains("(code 4)"),
        "{words}"
    );
}

#[test]
fn the_agent_in_rust() {
    let list = "    - { patch: node-exporter, with: { port: 9200, collectors: [nvme] } }";
    let site = site(list, &["node-exporter"]);
    if !build(&site, "node-exporter") {
        return;
    }
    passes(&site, "plugins/node-exporter");
    trusted(&site);
    let program = "#!/bin/sh\n";
    site.folder.write("node_exporter", program);
    let sha256 = nodebake::base::Sha256::of(program.as_bytes());
    let node = std::fs::read_to_string(site.path().join("node.yaml")).unwrap();
    let with = format!(
        "{node}  artifacts:\n    files:\n      - {{ name: node-exporter, source: \"https://example.com/node_exporter\", sha256: {sha256}, path: /usr/local/bin/node_exporter, mode: \"0755\" }}\n"
    );
    site.folder.write("node.yaml", with);
    let output = site.run(&["render", "node.yaml", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let read = |path: &str| std::fs::read_to_string(site.path().join("out/node").join(path)).unwrap();
    assert!(
        read("etc/systemd/system/node-exporter.service").contains("ExecStart=/usr/local/bin/node_exporter $OPTIONS")
    );
    let options = read("etc/default/node-exporter");
    assert_eq!(
        options,
        "OPTIONS='--web.listen-address=10.0.2.233:9200 --collector.nvme'\n"
    );
    // It refuses what is not meant, and nothing breaks out of its file.
    site.node("    - { patch: node-exporter, with: { collectors: [\"a b\"] } }");
    assert!(stderr(&site.run(&["check", "node.yaml"])).contains("is no name of a collector (code 3)"));
}

#[test]
fn the_store_as_a_folder_and_by_its_cli() {
    if !have("jq") || !have("openssl") {
        return;
    }
    let site = site("    - { deliver: store, with: { folder: delivered } }", &["store"]);
    passes(&site, "plugins/store");
    trusted(&site);
    site.folder.write("delivered/.keep", "");
    let bake = |site: &Site| site.run(&["bake", "node.yaml", "-o", "u.yaml", "--deliver", "store"]);
    let output = bake(&site);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let baked = std::fs::read(site.path().join("u.yaml")).unwrap();
    let sha256 = nodebake::base::Sha256::of(&baked).to_string();
    let stored = site.path().join("delivered").join(&sha256[..16]).join("u.yaml");
    assert!(std::fs::read(stored).unwrap() == baked);

    // A command line that stands in for the AWS CLI and writes down what it is asked.
    let cli = site
        .folder
        .write("aws", "#!/bin/sh\necho \"$*\" >\"$NODEBAKE_BASE/delivered/asked\"\n");
    std::fs::set_permissions(&cli, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    site.node(&format!(
        "    - {{ deliver: store, with: {{ s3: \"s3://bucket/nodes/\", cli: {} }} }}",
        cli.display()
    ));
    let lock = std::fs::read_to_string(site.path().join("plugins.lock")).unwrap();
    let lock = lock.replace("    output:\n", "    reads:\n      - aws\n    output:\n");
    site.folder.write("plugins.lock", lock);
    let output = bake(&site);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let key = format!("nodes/{}/u.yaml", &sha256[..16]);
    assert!(words.contains(&format!("delivered to s3://bucket/{key}")), "{words}");
    let asked = std::fs::read_to_string(site.path().join("delivered/asked")).unwrap();
    assert!(
        asked.starts_with(&format!("s3api put-object --bucket bucket --key {key} --body ")),
        "{asked}"
    );
    assert!(asked.contains("--checksum-sha256 "), "{asked}");
}

/// Every kind in every language works as it is written.
#[test]
fn new_plugins_pass_their_tests() {
    if !have("jq") || !have("python3") {
        return;
    }
    for lang in ["bash", "python"] {
        let list: String = ["facts", "patch", "check", "format", "deliver"]
            .map(|kind| {
                let with = match kind {
                    "facts" => ", with: { diskGiB: 700 }",
                    "patch" => ", with: { owner: us }",
                    _ => "",
                };
                format!("    - {{ {kind}: my-{kind}{with} }}\n")
            })
            .concat();
        let site = Site::new(list.trim_end(), &[]);
        for kind in ["facts", "patch", "check", "format", "deliver"] {
            let name = format!("my-{kind}");
            // The command line of `new` runs nothing, and takes no word about root.
            let made = crate::support::nodebake(&["plugin", "new", kind, &name, "--lang", lang], site.path());
            assert!(made.status.success(), "{}", stderr(&made));
            passes(&site, &format!("plugins/{name}"));
            let again = crate::support::nodebake(&["plugin", "new", kind, &name], site.path());
            assert_eq!(again.status.code(), Some(3));
        }
        trusted(&site);
        let output = site.run(&["bake", "node.yaml", "-o", "u.txt", "--format", "plugin/my-format"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = std::fs::read_to_string(site.path().join("u.txt")).unwrap();
        assert!(text.contains("0644 node/etc/motd.d/my-patch\n"), "{text}");
    }
}

#[test]
fn new_plugins_in_rust() {
    let site = Site::new("", &[]);
    for kind in ["facts", "patch", "check", "format", "deliver"] {
        let name = format!("my-{kind}");
        let made = crate::support::nodebake(&["plugin", "new", kind, &name, "--lang", "rust"], site.path());
        assert!(made.status.success(), "{}", stderr(&made));
        // One target folder for all of them: the libraries are built once.
        let folder = site.path().join("plugins").join(&name);
        let shared = site.path().join("target");
        std::fs::create_dir_all(&shared).unwrap();
        std::os::unix::fs::symlink(&shared, folder.join("target")).unwrap();
        if !build(&site, &name) {
            return;
        }
        passes(&site, &format!("plugins/{name}"));
    }
}

/// The test finds plugins that only look right.
#[test]
fn careless_plugins_do_not_pass() {
    let site = Site::new("", &[]);
    site.program("careless/plugin", QUIET);
    let request = r#"{"protocol": 1, "op": "run", "kind": "check", "name": "careless"}"#;
    site.folder.write("plugins/careless/tests/good/request.json", request);
    site.folder.write(
        "plugins/careless/tests/good/reply.json",
        r#"{"protocol": 1, "findings": []}"#,
    );
    let output = site.run(&["plugin", "test", "plugins/careless"]);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    for case in [
        "it describes itself",
        "version 999 of the protocol",
        "half a request",
        "nothing on stdin",
    ] {
        assert!(words.contains(&format!("FAIL  {case}")), "{case}: {words}");
    }
    assert!(
        words.contains("ok    tests/good") && words.contains("as if nothing were wrong"),
        "{words}"
    );
    let none = site.run(&["plugin", "test", "plugins"]);
    assert_eq!(none.status.code(), Some(3));
}

/// Scripts of ours are as clean as those nodebake bakes.
#[test]
fn shell_scripts_are_clean() {
    if !have("shellcheck") {
        return;
    }
    let site = Site::new("", &[]);
    let mut scripts = vec![example("no-latest-tags/plugin"), example("store/plugin")];
    for kind in ["facts", "patch", "check", "format", "deliver"] {
        let made = crate::support::nodebake(&["plugin", "new", kind, kind, "--lang", "bash"], site.path());
        assert!(made.status.success(), "{}", stderr(&made));
        scripts.push(site.path().join("plugins").join(kind).join("plugin"));
    }
    let output = Command::new("shellcheck").args(scripts).output().unwrap();
    assert!(output.status.success(), "{}", stdout(&output));
}

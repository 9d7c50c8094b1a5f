//! The program as a user meets it.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{TempDir, node_yaml, nodebake, root, stderr, stdout};

fn sha256(bytes: &[u8]) -> String {
    nodebake::base::Sha256::of(bytes).to_string()
}

/// A folder with a good node.yaml and cluster.yaml.
fn project() -> TempDir {
    let folder = TempDir::new();
    folder.write(
        "node.yaml",
        node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
    );
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    folder
}

#[test]
fn init_writes_files_that_bake_as_they_are_and_touches_nothing() {
    let folder = TempDir::new();
    let output = nodebake(&["init", "demo"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = nodebake(
        &["bake", "demo/node.yaml", "-o", "user-data.yaml", "--strict"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        std::fs::read_to_string(folder.path().join("user-data.yaml"))
            .unwrap()
            .starts_with("#cloud-config\n")
    );
    let again = nodebake(&["init", "demo"], folder.path());
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));
}

#[test]
fn a_dash_is_no_file() {
    let folder = project();
    for command in [
        vec!["bake", "node.yaml"],
        vec!["report", "node.yaml"],
        vec!["facts", "eks", "gh62"],
    ] {
        let args = [command.as_slice(), &["-o", "-"]].concat();
        let output = nodebake(&args, folder.path());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("leave -o out"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    assert!(!folder.path().join("-").exists());
}

#[test]
fn every_example_bakes() {
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["node.yaml", "fleet.yaml"] {
            if folder.join(name).exists() {
                let out = TempDir::new();
                let target = out.path().join("out").display().to_string();
                let output = nodebake(&["bake", name, "-o", &target], &folder);
                assert_eq!(
                    output.status.code(),
                    Some(0),
                    "{}: {}",
                    folder.display(),
                    stderr(&output)
                );
                count += 1;
            }
        }
    }
    assert!(count >= 3, "{count} examples");
}

/// The same inputs give the same bytes wherever and however they are baked.
#[test]
fn same_bytes_everywhere() {
    let folder = project();
    let mut digests = Vec::new();
    for (at, (zone, language, mask)) in [
        ("UTC", "C", "022"),
        ("Asia/Tokyo", "tr_TR.UTF-8", "077"),
        ("America/New_York", "de_DE", "000"),
    ]
    .iter()
    .enumerate()
    {
        let out = format!("out{at}.yaml");
        let command = format!(
            "umask {mask}; exec {} bake node.yaml -o {out}",
            env!("CARGO_BIN_EXE_nodebake")
        );
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("TZ", zone)
            .env("LANG", language)
            .env("LC_ALL", language)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let path = folder.path().join(out);
        digests.push(sha256(&std::fs::read(&path).unwrap()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
    // From another folder, to stdout.
    let node = folder.path().join("node.yaml").display().to_string();
    let output = nodebake(&["bake", &node], Path::new("/"));
    digests.push(sha256(&output.stdout));
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[test]
fn a_fleet_bakes_every_node_like_a_node() {
    let folder = project();
    let single = nodebake(&["bake", "node.yaml"], folder.path());
    let yaml = std::fs::read_to_string(folder.path().join("node.yaml")).unwrap();
    let spec: String = yaml
        .split("spec:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    let nodes: String = (0..40)
        .map(|at| {
            format!(
                "    - {{ name: node-{at}, identity: {{ address: 10.0.3.{} }} }}\n",
                at + 1
            )
        })
        .collect();
    let fleet = format!(
        "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: {{ name: fleet }}\nspec:\n  defaults:\n{spec}  nodes:\n    - {{ name: node-17x }}\n{nodes}"
    );
    folder.write(
        "fleet.yaml",
        fleet
            .replace("node-17x", "node-17")
            .replace("name: node-17,", "name: other,"),
    );
    let output = nodebake(&["bake", "fleet.yaml", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 41);
    assert_eq!(
        std::fs::read(folder.path().join("out/node-17.yaml")).unwrap(),
        single.stdout
    );
    let other = std::fs::read_to_string(folder.path().join("out/node-5.yaml")).unwrap();
    assert!(other.contains("fargate-ip-10-0-3-6."));
    let nowhere = nodebake(&["bake", "fleet.yaml"], folder.path());
    assert_eq!(nowhere.status.code(), Some(2), "{}", stderr(&nowhere));
}

#[test]
fn strict_takes_warnings_for_errors_and_writes_nothing() {
    let folder = project();
    let yaml = std::fs::read_to_string(folder.path().join("node.yaml")).unwrap();
    folder.write(
        "node.yaml",
        yaml.replace(
            "{ address: 10.0.2.233 }",
            "{ address: 10.0.2.233, eniAddress: 10.0.2.9 }",
        ),
    );
    let loose = nodebake(&["bake", "node.yaml", "-o", "a.yaml"], folder.path());
    assert_eq!(loose.status.code(), Some(0));
    assert!(
        stderr(&loose).contains("warning[plan/two-addresses]"),
        "{}",
        stderr(&loose)
    );
    let strict = nodebake(&["bake", "node.yaml", "-o", "b.yaml", "--strict"], folder.path());
    assert_eq!(strict.status.code(), Some(1));
    assert!(!folder.path().join("b.yaml").exists());
    let code = |args: &[&str]| {
        nodebake(&[&["check", "node.yaml"], args].concat(), folder.path())
            .status
            .code()
    };
    assert_eq!(code(&["--strict", "--allow", "plan/two-addresses"]), Some(0));
    assert_eq!(code(&["--deny", "plan/two-addresses"]), Some(1));
    assert_eq!(code(&["--allow", "plan/two-adresses"]), Some(2));
    assert_eq!(code(&["--allow", "secret/in-text"]), Some(2));
    let json = nodebake(&["check", "node.yaml", "--json"], folder.path());
    let findings: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(findings[0]["id"], "plan/two-addresses");
    assert_eq!(findings[0]["file"], "node.yaml");
}

#[test]
fn explain_names_value_and_origin() {
    let folder = project();
    let output = nodebake(&["explain", "node.yaml", "sizing.maxPods"], folder.path());
    assert!(
        stdout(&output).starts_with("sizing.maxPods = 110\n    default: "),
        "{}",
        stdout(&output)
    );
    folder.write(
        "node.yaml",
        node_yaml(
            "satellite",
            "lambda-stack-22-04",
            "lambda/gpu_1x_a10",
            "  sizing: { maxPods: 60 }\n",
        ),
    );
    let output = nodebake(&["explain", "node.yaml", "sizing.maxPods"], folder.path());
    assert!(
        stdout(&output).starts_with("sizing.maxPods = 60\n    node.yaml:15:22\n    overrules 110 (default: "),
        "{}",
        stdout(&output)
    );
    let output = nodebake(&["explain", "node.yaml", "sizing.maxPodz"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean `sizing.maxPods`?"),
        "{}",
        stderr(&output)
    );
    let all = nodebake(&["explain", "node.yaml", "--json"], folder.path());
    let all: serde_json::Value = serde_json::from_str(&stdout(&all)).unwrap();
    assert!(all.as_array().unwrap().len() > 80, "{}", all.as_array().unwrap().len());
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .all(|value| value["layers"][0]["origin"].is_string())
    );
}

#[test]
fn explain_says_why_a_template_is_left_out() {
    let folder = project();
    let said = |template: &str| {
        stdout(&nodebake(
            &["explain", "node.yaml", "--why-not", template],
            folder.path(),
        ))
    };
    let left = said("nvidia/fabric-manager");
    assert!(
        left.starts_with("nvidia/fabric-manager is left out: this does not hold\n    gpu.fabricManager\n"),
        "{left}"
    );
    assert!(
        left.contains("gpu.fabricManager = false\n    default: no NVSwitch in the machine\n"),
        "{left}"
    );
    assert!(said("nvidia/unit").starts_with("nvidia/unit is made: this holds\n"));
    assert!(said("kubelet/unit").starts_with("kubelet/unit is made: profile satellite lists it"));
    let wrong = nodebake(&["explain", "node.yaml", "--why-not", "kubelet/units"], folder.path());
    assert!(
        stderr(&wrong).contains("did you mean `kubelet/unit`?"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn catalog_lists_and_shows_everything() {
    let folder = TempDir::new();
    for kind in [
        "profiles",
        "images",
        "instance-types",
        "providers",
        "templates",
        "checks",
        "formats",
    ] {
        let table = nodebake(&["catalog", kind], folder.path());
        assert_eq!(table.status.code(), Some(0), "{}", stderr(&table));
        let lines = stdout(&table).lines().count();
        let json = nodebake(&["catalog", kind, "--json"], folder.path());
        let list: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
        assert_eq!(list.as_array().unwrap().len(), lines - 1, "{kind}");
        let first = stdout(&table)
            .lines()
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned();
        let one = nodebake(&["catalog", kind, &first], folder.path());
        assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
    }
    let wrong = nodebake(&["catalog", "images", "lambda-stack-22-40"], folder.path());
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("did you mean `lambda-stack-22-04`?"));
}

#[test]
fn a_folder_of_the_user_overlays_the_catalog() {
    let folder = project();
    let profile = std::fs::read_to_string(root().join("profiles/satellite.yaml")).unwrap();
    folder.write(
        "mine/profiles/satellite.yaml",
        profile.replace("network.interface: kubesat0", "network.interface: mysat0"),
    );
    let output = nodebake(
        &["explain", "node.yaml", "network.interface", "--catalog", "mine"],
        folder.path(),
    );
    assert!(
        stdout(&output).starts_with("network.interface = mysat0\n    profile mine/profiles/satellite.yaml:"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let sizing = std::fs::read_to_string(root().join("profiles/sizing.yaml")).unwrap();
    for (from, to) in [
        ("minMiB: 100", "minMiB: 4096"),
        ("memoryOfLabelPercent: 97", "memoryOfLabelPercent: 1048576"),
    ] {
        folder.write("odd/profiles/sizing.yaml", sizing.replace(from, to));
        let output = nodebake(&["check", "node.yaml", "--catalog", "odd"], folder.path());
        assert!(stderr(&output).contains("error[catalog/sizing]"), "{}", stderr(&output));
    }
    folder.write("mine/profiles/notes.txt", "x\n");
    let output = nodebake(&["bake", "node.yaml", "--catalog", "mine"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("catalog/file"), "{}", stderr(&output));
}

#[test]
fn render_writes_planes_with_modes() {
    let folder = project();
    let output = nodebake(&["render", "node.yaml", "-o", "tree"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mode = |path: &str| {
        std::fs::metadata(folder.path().join("tree").join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("node/var/lib/kubelet/kubeconfig"), 0o600);
    assert_eq!(mode("node/usr/local/lib/nodebake/first-boot"), 0o755);
    assert_eq!(mode("aws/role-trust-policy.json"), 0o644);
    assert!(folder.path().join("tree/cluster/aws-auth-entry.yaml").exists());
    let manifest = std::fs::read_to_string(folder.path().join("tree/MANIFEST")).unwrap();
    assert!(manifest.contains(" node/var/lib/kubelet/kubeconfig kubelet/kubeconfig@"));
}

/// A disk that cannot be written, a pipe that closes: words and a code, no panic, no half file.
#[test]
fn the_world_can_fail() {
    let folder = project();
    folder.write("file", "x");
    let output = nodebake(&["bake", "node.yaml", "-o", "file/out.yaml"], folder.path());
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("file"), "{}", stderr(&output));
    let command = format!("{} explain node.yaml | head -1", env!("CARGO_BIN_EXE_nodebake"));
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    let full = Command::new("sh")
        .args([
            "-c",
            &format!("{} bake node.yaml > /dev/full", env!("CARGO_BIN_EXE_nodebake")),
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(3), "{}", stderr(&full));
}

#[test]
fn help_fits_80_columns() {
    for args in [
        vec!["--help"],
        vec!["init", "--help"],
        vec!["catalog", "--help"],
        vec!["explain", "--help"],
        vec!["check", "--help"],
        vec!["render", "--help"],
        vec!["diff", "--help"],
        vec!["golden", "--help"],
        vec!["golden", "check", "--help"],
        vec!["golden", "update", "--help"],
        vec!["bake", "--help"],
    ] {
        let output = nodebake(&args, Path::new("/"));
        assert_eq!(output.status.code(), Some(0));
        for line in stdout(&output).lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
    assert_eq!(nodebake(&["bkae"], Path::new("/")).status.code(), Some(2));
    assert_eq!(
        nodebake(&["bake", "x", "--format", "iso"], Path::new("/"))
            .status
            .code(),
        Some(2)
    );
}

/// A finding in rendered text names the template's line and the line of node.yaml behind it.
#[test]
fn findings_in_rendered_text_lead_back_to_their_cause() {
    let folder = project();
    let template = std::fs::read_to_string(root().join("templates/kubelet/config.j2")).unwrap();
    let line = template.lines().position(|line| line.starts_with("maxPods:")).unwrap() + 1;
    folder.write(
        "mine/templates/kubelet/config.j2",
        template.replace("maxPods:", "maxPodz:"),
    );
    let more = "  sizing: { maxPods: 60 }\n";
    folder.write(
        "node.yaml",
        node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more),
    );
    let output = nodebake(&["check", "node.yaml", "--catalog", "mine"], folder.path());
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("error[kubelet/unknown-key]: `maxPodz` is not a key"),
        "{words}"
    );
    assert!(
        words.contains("--> node/etc/kubernetes/kubelet/kubelet-config.yaml:"),
        "{words}"
    );
    assert!(
        words.contains(&format!("::: mine/templates/kubelet/config.j2:{line}:1")),
        "{words}"
    );
    assert!(words.contains("::: node.yaml:15:22"), "{words}");

    let content = "  files:\n    - path: /etc/x.toml\n      mode: \"0644\"\n      type: toml\n      content: |\n        a = 1\n        b = [\n";
    folder.write(
        "node.yaml",
        node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", content),
    );
    let output = nodebake(&["check", "node.yaml"], folder.path());
    assert!(stderr(&output).contains("::: node.yaml:21:9"), "{}", stderr(&output));
}

/// The user's own cloud-config and containerd tables are merged, and read back the same.
#[test]
fn the_users_own_text_takes_part() {
    let folder = project();
    let more = "  cloudConfig:\n    timezone: Etc/UTC\n    ssh_authorized_keys: [\"ssh-ed25519 AAAA no: [x]\"]\n    ntp: { enabled: true, servers: [10.0.0.2] }\n  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime']\n      tolerate_missing_hugetlb_controller = true\n      [plugins.'io.containerd.cri.v1.images'.pinned_images]\n      sandbox = 'registry.k8s.io/pause:3.11'\n";
    folder.write(
        "node.yaml",
        node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more),
    );
    let output = nodebake(&["bake", "node.yaml", "-o", "ud.yaml"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(folder.path().join("ud.yaml")).unwrap();
    assert!(text.contains("\ntimezone: Etc/UTC\nssh_authorized_keys: [\"ssh-ed25519 AAAA no: [x]\"]\nntp: {enabled: true, servers: [\"10.0.0.2\"]}\nruncmd:\n"), "{text}");
    let output = nodebake(&["render", "node.yaml", "-o", "tree"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let config = std::fs::read_to_string(folder.path().join("tree/node/etc/containerd/config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(
        config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"].as_str(),
        Some("registry.k8s.io/pause:3.11")
    );
    assert_eq!(
        config["plugins"]["io.containerd.cri.v1.runtime"]["tolerate_missing_hugetlb_controller"].as_bool(),
        Some(true)
    );
    assert_eq!(config["version"].as_integer(), Some(3));
}

#[test]
fn a_pipe_or_device_given_as_output_is_written_to_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let folder = project();
    let plain = nodebake(&["bake", "node.yaml"], folder.path());
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let read = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    let output = nodebake(&["bake", "node.yaml", "-o", "pipe"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(read.join().unwrap() == plain.stdout);
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

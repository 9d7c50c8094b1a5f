//! `bake --bootstrap`: the document, what it refuses, and its script with the real curl.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

use std::path::Path;
use std::process::{Command, Output};

use nodebake::base::Sha256;
use serde_json::Value;

use crate::judges::run;
use crate::offline::{bake, project};
use crate::support::{TempDir, have, nodebake, root, stderr, stdout};

const URL: &str = "https://bundles.example/sat.tar.gz";

/// A project with its bundle baked.
fn baked() -> TempDir {
    let folder = project();
    let output = bake(folder.path(), &["-o", "sat.tar.gz"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder
}

fn bootstrap(folder: &TempDir, more: &[&str]) -> Output {
    let common = ["bake", "node.yaml", "--catalog", "catalog", "--bundle", "sat.tar.gz"];
    nodebake(&[&common[..], more].concat(), folder.path())
}

#[test]
fn the_document_names_the_bundle_by_digest() {
    let folder = baked();
    let output = bootstrap(&folder, &["--bootstrap", URL]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("#cloud-config\n"), "{text}");
    assert!(text.len() < 4096, "{} bytes", text.len());
    let document: Value = serde_yaml::from_str(&text).unwrap();
    let digest = Sha256::of(&std::fs::read(folder.path().join("sat.tar.gz")).unwrap()).to_string();
    let name: Value = serde_yaml::from_str(&std::fs::read_to_string(folder.path().join("node.yaml")).unwrap()).unwrap();
    let command = [
        "sh",
        "/run/nodebake/bootstrap",
        URL,
        &digest,
        name["metadata"]["name"].as_str().unwrap(),
    ];
    assert_eq!(document["runcmd"], serde_json::json!([command]));
    let files = document["write_files"].as_array().unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["path"], "/run/nodebake/bootstrap");
}

#[test]
fn a_bundle_of_something_else_is_refused() {
    let folder = baked();
    let node = std::fs::read_to_string(folder.path().join("node.yaml")).unwrap();
    let pins = std::fs::read_to_string(folder.path().join("catalog/images/artifacts.csv")).unwrap();
    let refuses = |what: &str| {
        let output = bootstrap(&folder, &["--bootstrap", URL]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("[bake/bundle-differs]") && said.contains(what),
            "{what}: {said}"
        );
        assert!(output.stdout.is_empty());
    };
    let name = serde_yaml::from_str::<Value>(&node).unwrap()["metadata"]["name"].clone();
    let name = name.as_str().unwrap();
    folder.write("node.yaml", node.replace(&format!("name: {name}"), "name: another"));
    refuses("the bundle has no node `another`, it has");
    folder.write("node.yaml", format!("{node}  sizing: {{ maxPods: 33 }}\n"));
    refuses("another content");
    folder.write("node.yaml", &node);
    let other = Sha256::of(b"other").to_string();
    let changed: String = pins
        .lines()
        .map(|line| match line.rsplit_once(',') {
            Some((about, _)) if about.starts_with("crictl,") => format!("{about},{other}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    folder.write("catalog/images/artifacts.csv", changed);
    refuses("");
    folder.write("catalog/images/artifacts.csv", pins);
    let output = bootstrap(&folder, &["--bootstrap", URL]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn words_that_do_not_fit_are_refused() {
    let folder = baked();
    for (args, code, what) in [
        (&["--bootstrap", "http://bundles.example/sat.tar.gz"][..], 2, "https://"),
        (
            &["--bootstrap", "https://bundles.example/x?sig=1"],
            2,
            "does not belong",
        ),
        (&["--bootstrap", URL, "--format", "nocloud"], 2, "leave --format out"),
        (&[], 2, "--bootstrap"),
    ] {
        let output = bootstrap(&folder, args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(what), "{args:?}: {said}");
    }
    let mut bytes = std::fs::read(folder.path().join("sat.tar.gz")).unwrap();
    bytes.truncate(bytes.len() / 2);
    folder.write("sat.tar.gz", bytes);
    let output = bootstrap(&folder, &["--bootstrap", URL]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cut short"), "{}", stderr(&output));
}

/// A machine with a bundle on a server, whose installer tells how it was called.
struct Machine {
    folder: TempDir,
    sha256: String,
}

impl Machine {
    /// `curl` is a shell script that goes before the real one; `$real` calls that, and lets it read files.
    fn new(curl: &str) -> Self {
        let folder = TempDir::new();
        let installer = "#!/bin/sh\necho \"$*\" >>\"$NODEBAKE_ROOT/installed\"\nexit \"${ENDS:-0}\"\n";
        folder.write("bundle/install.sh", installer);
        // What does not shrink, so that half of it is a beginning.
        let noise: Vec<u8> = (0..50_000_u32)
            .flat_map(|n| Sha256::of(&n.to_le_bytes()).to_string().into_bytes())
            .collect();
        folder.write("bundle/noise", &noise[..100_000]);
        let packed = run(Command::new("tar")
            .args(["-czf", "served", "-C", "bundle", "."])
            .current_dir(folder.path()));
        assert!(packed.status.success(), "{}", stderr(&packed));
        let place = folder.path().display();
        let script = format!(
            "#!/bin/sh\nset -eu\necho x >>{place}/calls\nreal() {{ PATH=${{PATH#*:}} curl \"$@\" --proto =file; }}\n{curl}\n"
        );
        folder.write("bin/curl", script);
        folder.write("bin/sleep", format!("#!/bin/sh\necho \"$1\" >>{place}/slept\n"));
        let bin = folder.path().join("bin");
        let marked = run(Command::new("chmod").arg("-R").arg("755").arg(&bin));
        assert!(marked.status.success());
        let sha256 = Sha256::of(&std::fs::read(folder.path().join("served")).unwrap()).to_string();
        Self { folder, sha256 }
    }

    fn boots(&self, shell: &str, ends: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut words = shell.split(' ');
        run(Command::new(words.next().unwrap())
            .args(words)
            .arg(root().join("src/bake/bundle/bootstrap.sh"))
            .arg(format!("file://{}/served", self.folder.path().display()))
            .args([&self.sha256, "n-1"])
            .env("PATH", format!("{}/bin:{path}", self.folder.path().display()))
            .env("NODEBAKE_ROOT", self.folder.path())
            .env("ENDS", ends))
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(name)).ok()
    }

    fn failed_at(&self) -> Option<String> {
        let marker = self.read("var/lib/nodebake/first-boot.failed")?;
        Some(marker.lines().next().unwrap_or_default().to_owned())
    }

    fn left_overs(&self) -> bool {
        self.folder.path().join("var/cache/nodebake-bundle").exists()
    }
}

const INSTALLED: &str = "--node n-1 --backup --wait 60\n";

#[test]
fn the_script_fetches_checks_and_installs() {
    if !have("curl") {
        return;
    }
    for shell in ["sh", "dash", "bash", "busybox sh"] {
        if !have(shell.split(' ').next().unwrap()) {
            continue;
        }
        let machine = Machine::new("real \"$@\"");
        let output = machine.boots(shell, "0");
        assert!(
            output.status.success(),
            "{shell}: {}{}",
            stdout(&output),
            stderr(&output)
        );
        assert_eq!(machine.read("installed").as_deref(), Some(INSTALLED), "{shell}");
        assert_eq!(machine.read("calls").as_deref(), Some("x\n"), "{shell}");
        assert!(!machine.left_overs() && machine.failed_at().is_none(), "{shell}");
    }
}

/// Half of it comes, then the rest: what is there is not asked for again.
#[test]
fn a_cut_off_download_goes_on() {
    if !have("curl") {
        return;
    }
    let cut = "if [ ! -e \"$NODEBAKE_ROOT/cut\" ]; then\n\
               while [ \"$1\" != -o ]; do shift; done\n\
               head -c 30000 \"$NODEBAKE_ROOT/served\" >\"$2\"; : >\"$NODEBAKE_ROOT/cut\"; exit 18\nfi\n\
               while read -r _; do :; done <\"$NODEBAKE_ROOT/calls\"\n\
               real \"$@\" -w '%{size_download}\\n' >\"$NODEBAKE_ROOT/loaded\"";
    let machine = Machine::new(cut);
    let output = machine.boots("sh", "0");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(machine.read("installed").as_deref(), Some(INSTALLED));
    assert_eq!(machine.read("slept").as_deref(), Some("1\n"));
    let whole = std::fs::metadata(machine.folder.path().join("served")).unwrap().len();
    let loaded: u64 = machine.read("loaded").unwrap().trim().parse().unwrap();
    assert_eq!(loaded, whole - 30_000);
}

/// A damaged beginning is thrown away once; a second wrong sum is the server's.
#[test]
fn a_wrong_sum_never_installs() {
    if !have("curl") {
        return;
    }
    let mut machine = Machine::new("real \"$@\"");
    machine.sha256 = Sha256::of(b"what was reviewed").to_string();
    let output = machine.boots("sh", "0");
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("ERROR: wrong sha256: "), "{}", stdout(&output));
    assert_eq!(machine.read("calls").as_deref(), Some("x\nx\n"));
    assert_eq!(machine.read("installed"), None);
    assert_eq!(machine.failed_at().as_deref(), Some("step: bootstrap, fetch"));
}

#[test]
fn it_gives_up_after_growing_pauses_and_can_run_again() {
    if !have("curl") {
        return;
    }
    let machine = Machine::new("exit 22");
    let output = machine.boots("sh", "0");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("ERROR: curl 22: "), "{}", stdout(&output));
    assert_eq!(machine.read("slept").as_deref(), Some("1\n4\n9\n16\n25\n36\n49\n"));
    assert_eq!(machine.failed_at().as_deref(), Some("step: bootstrap, fetch"));
    let real = machine.read("bin/curl").unwrap().replace("exit 22", "real \"$@\"");
    std::fs::write(machine.folder.path().join("bin/curl"), real).unwrap();
    let output = machine.boots("sh", "0");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(machine.read("installed").as_deref(), Some(INSTALLED));
    assert_eq!(machine.failed_at(), None);
}

/// The installer's own failure is passed on, and its own marker is not written over.
#[test]
fn a_failed_installation_is_a_failure() {
    if !have("curl") {
        return;
    }
    let machine = Machine::new("real \"$@\"");
    let output = machine.boots("sh", "3");
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert_eq!(machine.failed_at(), None);
}

#[test]
fn the_script_is_clean() {
    let script = root().join("src/bake/bundle/bootstrap.sh");
    if have("shellcheck") {
        let output = run(Command::new("shellcheck").args(["-s", "sh"]).arg(Path::new(&script)));
        assert!(output.status.success(), "{}", stdout(&output));
    }
}

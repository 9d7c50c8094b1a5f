//! Every plugin of `tests/fixtures/plugins/hostile/` misbehaves; the comments at its top say how it is pinned and which
//! finding it gets. Drop a file there to add one.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{QUIET, Site};
use crate::support::{have, root, stderr};

/// Fixtures that run at a time: most of them sleep.
const LANES: usize = 3;

struct Fixture {
    name: String,
    text: String,
}

impl Fixture {
    fn all(&self, key: &str) -> Vec<&str> {
        let head = format!("# {key}: ");
        self.text
            .lines()
            .take(12)
            .filter_map(|line| line.strip_prefix(&head))
            .collect()
    }
}

fn fixtures() -> Vec<Fixture> {
    let folder = root().join("tests/fixtures/plugins/hostile");
    let mut all: Vec<Fixture> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            Fixture {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                text: std::fs::read_to_string(&path).unwrap(),
            }
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Runs one; what was wrong with it.
fn run(fixture: &Fixture, port: u16) -> Vec<String> {
    let kind = fixture.all("kind").first().copied().unwrap_or("check");
    let name = &fixture.name;
    let lock = fixture.all("lock");
    let site = Site::new("", &[(kind, name.as_str(), &fixture.text, &lock)]);
    let canary = site.folder.write("given-to-nobody/canary", "canary");
    let folder = canary.parent().unwrap().display().to_string();
    let with = fixture.all("with").first().map(|with| {
        let with = with.replace("FOLDER", &folder).replace("PORT", &port.to_string());
        format!("\n      with: {with}")
    });
    site.node(&format!("    - {kind}: {name}{}", with.unwrap_or_default()));
    let mut args = vec!["check", "node.yaml", "--short"];
    args.extend(fixture.all("args"));
    let mut command = site.command(&args);
    // A descriptor that is not closed on exec, as a careless parent leaves them.
    let careless = format!("exec 9<{} \"$0\" \"$@\"", canary.display());
    let program = command.get_program().to_owned();
    let words: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let envs: Vec<_> = command
        .get_envs()
        .map(|(key, value)| (key.to_owned(), value.unwrap().to_owned()))
        .collect();
    command = std::process::Command::new("sh");
    command
        .arg("-c")
        .arg(careless)
        .arg(program)
        .args(words)
        .envs(envs)
        .current_dir(site.path());
    let output = command.output().unwrap();
    let words = stderr(&output);
    let mut wrong = Vec::new();
    let mut tell = |what: String| wrong.push(format!("{name}: {what}\n{words}"));
    let expected = fixture.all("expect");
    let (id, message) = expected
        .first()
        .expect("an expected finding")
        .split_once(' ')
        .unwrap_or((expected[0], ""));
    let errors: Vec<&str> = words.lines().filter(|line| line.contains("error: ")).collect();
    let hits = errors
        .iter()
        .filter(|line| line.ends_with(&format!("[{id}]")) && line.contains(message))
        .count();
    if hits == 0 {
        tell(format!("not told: {id} {message}"));
    }
    // One clear finding; text that was brought may have several things wrong with it.
    if (id.starts_with("plugin/") || id == "check/plugin") && errors.len() != 1 {
        tell(format!("{} errors", errors.len()));
    }
    if output.status.code() != Some(1) {
        tell(format!("ended with {:?}", output.status));
    }
    if words.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        tell("a control character reached the terminal".into());
    }
    if !canary.exists() || std::fs::read_to_string(&canary).unwrap() != "canary" {
        tell("the canary is not what it was".into());
    }
    if !site.left().is_empty() {
        tell(format!("files are left: {:?}", site.left()));
    }
    if !site.processes().is_empty() {
        tell(format!("processes are left: {:?}", site.processes()));
    }
    wrong
}

#[test]
fn every_hostile_plugin_gets_its_finding_and_leaves_nothing() {
    if !have("python3") || !have("setsid") {
        return;
    }
    let fixtures = fixtures();
    assert!(fixtures.len() >= 60, "{} fixtures", fixtures.len());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let wanted = std::env::var("HOSTILE").ok();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(fixture) = fixtures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if wanted.as_ref().is_none_or(|name| *name == fixture.name) {
                        let found = run(fixture, port);
                        wrong.lock().unwrap().extend(found);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Hundreds of runs in one process with few descriptors: it would end early if any run kept one.
#[test]
fn no_descriptor_is_left() {
    let site = Site::new("", &[("check", "quiet", QUIET, &["node: true"])]);
    let nodes: String = (0..150)
        .map(|n| format!("    - {{ name: n{n}, identity: {{ address: 10.0.3.{} }} }}\n", n + 10))
        .collect();
    let node = std::fs::read_to_string(site.path().join("node.yaml")).unwrap();
    let spec = node.split_once("spec:\n").unwrap().1;
    let defaults: String = spec
        .lines()
        .filter(|line| !line.contains("identity:") && !line.contains("plugins:"))
        .map(|line| format!("  {line}\n"))
        .collect();
    let fleet = format!(
        "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: {{ name: f }}\nspec:\n  defaults:\n{defaults}    plugins: [{{ check: quiet }}]\n  nodes:\n{nodes}"
    );
    site.folder.write("fleet.yaml", fleet);
    let few = format!(
        "ulimit -n 40; exec {} check fleet.yaml --no-plugin-cache --allow-root",
        env!("CARGO_BIN_EXE_nodebake")
    );
    let mut command = site.command(&[]);
    let envs: Vec<_> = command
        .get_envs()
        .map(|(k, v)| (k.to_owned(), v.unwrap().to_owned()))
        .collect();
    command = std::process::Command::new("sh");
    let output = command
        .args(["-c", &few])
        .envs(envs)
        .current_dir(site.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("150 nodes"), "{}", stderr(&output));
    assert_eq!(site.left(), Vec::<std::path::PathBuf>::new());
}

/// Whoever kills nodebake kills its plugins.
#[test]
fn a_killed_nodebake_leaves_no_plugin() {
    let program = "#!/bin/sh\ntouch begun\nsetsid sleep 1000 &\nexec sleep 1000\n";
    let site = Site::new("    - check: sleeper", &[("check", "sleeper", program, &[])]);
    let mut nodebake = site.command(&["check", "node.yaml"]).spawn().unwrap();
    let mut patience = 200;
    let begun = |folder: &Path| site.processes().iter().any(|line| line.contains("sleep")) && folder.exists();
    while !begun(site.path()) && patience > 0 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        patience -= 1;
    }
    assert!(patience > 0, "it never began");
    nodebake.kill().unwrap();
    nodebake.wait().unwrap();
    while !site.processes().is_empty() && patience > 0 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        patience -= 1;
    }
    assert_eq!(site.processes(), Vec::<String>::new());
    while !site.left().is_empty() && patience > 0 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        patience -= 1;
    }
    assert_eq!(site.left(), Vec::<std::path::PathBuf>::new());
}

//! The readers that judge: long-lived processes that answer many cases.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::support::{TempDir, have, root};

/// Debian's own Python: the one that has its packages.
const PYTHON: &str = "/usr/bin/python3";

struct Process {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    // Ends when its input closes, with this test.
    _child: Child,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            _child: child,
        }
    }

    fn ask(&mut self, question: &str, end: u8) -> Vec<u8> {
        self.input.write_all(question.as_bytes()).unwrap();
        self.input.write_all(b"\n").unwrap();
        self.input.flush().unwrap();
        let mut answer = Vec::new();
        self.output.read_until(end, &mut answer).unwrap();
        assert_eq!(answer.pop(), Some(end), "the reader died over {question:?}");
        answer
    }
}

/// Whether Python is there with what the readers import.
pub fn have_python() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    // cloud-init brings PyYAML.
    have("python3")
        && have("cloud-init")
        && *READY.get_or_init(|| {
            let ready = Command::new(PYTHON)
                .args(["-c", "import tomllib, yaml"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
            assert!(
                ready || std::env::var("CI").as_deref() != Ok("true"),
                "CI=true and {PYTHON} has no tomllib or no yaml"
            );
            if !ready {
                println!("skipped: {PYTHON} has no tomllib or no yaml");
            }
            ready
        })
}

/// `text` as Python's `reader` reads it.
pub fn python(reader: &str, text: &str) -> Result<Value, String> {
    static PYTHONS: OnceLock<Vec<Mutex<Process>>> = OnceLock::new();
    let all = PYTHONS.get_or_init(|| {
        (0..2)
            .map(|_| {
                Mutex::new(Process::start(
                    Command::new(PYTHON)
                        .arg("-B")
                        .arg(root().join("tests/fixtures/tools/readers.py")),
                ))
            })
            .collect()
    });
    // The one that is free, if one is.
    let free = all.iter().find_map(|process| process.try_lock().ok());
    let mut process = free.unwrap_or_else(|| all[0].lock().unwrap_or_else(PoisonError::into_inner));
    let answer = process.ask(&json!([reader, text]).to_string(), b'\n');
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    match answer {
        Value::Array(mut values) => Ok(values.pop().unwrap()),
        other => Err(other["error"].as_str().unwrap().to_owned()),
    }
}

/// A shell that reads files of assignments.
pub struct Shell {
    process: Process,
    folder: TempDir,
}

impl Shell {
    pub fn start(shell: &str, locale: &str) -> Self {
        let script = r#"while IFS= read -r file; do (unset X; . "$file" && printf '=%s\0' "$X") || printf '!\0'; done"#;
        let process = Process::start(Command::new(shell).args(["-c", script]).env("LC_ALL", locale));
        Self {
            process,
            folder: TempDir::new(),
        }
    }

    /// What `X` is after `text` was sourced; `None` if that failed.
    pub fn variable(&mut self, text: &str) -> Option<Vec<u8>> {
        let path = self.folder.write("env", text);
        let answer = self.process.ask(path.to_str().unwrap(), 0);
        answer.strip_prefix(b"=").map(<[u8]>::to_vec)
    }
}

/// Runs `command` and gives what it prints, however much that is.
fn printed(command: &mut Command) -> String {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The systemd of this machine, as the manager of a user, which reads all units and tells them without starting any.
/// That manager does not run as root.
pub fn systemd(folder: &Path, unit: &str) -> Option<String> {
    if !have("systemd-analyze") {
        return None;
    }
    let manager = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
        .into_iter()
        .find(|path| Path::new(path).is_file())?;
    let is_root = printed(Command::new("id").arg("-u")).trim() == "0";
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", manager]);
        command
    } else {
        Command::new(manager)
    };
    let open = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    };
    let home = folder.join("home");
    std::fs::create_dir_all(&home).unwrap();
    open(folder);
    open(&home);
    command
        .args(["--test", "--user", "--unit", unit])
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home)
        .env("SYSTEMD_UNIT_PATH", folder)
        .env("LC_ALL", "C.UTF-8");
    let text = printed(&mut command);
    if !text.contains(unit) {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and systemd does not read units here"
        );
        println!("skipped: this machine does not let systemd read units");
        return None;
    }
    Some(text)
}

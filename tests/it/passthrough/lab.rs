//! Machines of the test's own, in namespaces: they need no rights here and leave nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{TempDir, have, root, stderr, stdout};

/// The node's addresses in the VPC, which the proxy has.
pub const NODE: &str = "10.0.2.233";
pub const SECOND: &str = "10.0.2.234";
/// An address of the proxy that leads nowhere.
pub const NOBODY: &str = "10.0.2.235";
/// Where the API server's side comes from, and where nobody may come from.
pub const API: &str = "10.0.0.10";
pub const STRANGER: &str = "192.168.7.7";

/// Whether this machine grants what a lab takes, and has these tools.
pub fn possible(tools: &[&str]) -> bool {
    let all = ["unshare", "nsenter", "ip", "python3", "openssl"];
    if !all.iter().chain(tools).all(|tool| have(tool)) {
        return false;
    }
    let mut probe = unshare();
    let granted = probe.args(["ip", "netns", "list"]).output().unwrap().status.success();
    if !granted {
        println!("skipped: this machine grants no user and network namespaces");
    }
    granted
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
    ]);
    command
}

/// The three machines of `lab.sh`, with certificates for both ends.
pub struct Lab {
    pub folder: TempDir,
    keeper: Child,
    first: String,
    _stdin: ChildStdin,
}

impl Lab {
    pub fn new() -> Self {
        let folder = TempDir::new();
        certificates(&folder);
        let mut keeper = unshare()
            .arg("bash")
            .arg(root().join("tests/fixtures/proxy/lab.sh"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = keeper.stdin.take().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "ready\n");
        let id = keeper.id();
        let first = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let first = first.trim().to_owned();
        Self {
            folder,
            keeper,
            first,
            _stdin: stdin,
        }
    }

    /// A path of the folder of the test.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A command on one of the machines, which ends after two minutes at the latest.
    pub fn command(&self, host: &str, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.first,
            "--user",
            "--preserve-credentials",
            "--mount",
            "--pid",
            "--",
        ]);
        command.args(["timeout", "-k", "5", "120", "ip", "netns", "exec", host]);
        command
            .args(words)
            .env("NO_COLOR", "1")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.current_dir(self.folder.path());
        command
    }

    /// Runs it to its end.
    pub fn output(&self, host: &str, words: &[&str]) -> Output {
        self.command(host, words).stdin(Stdio::null()).output().unwrap()
    }

    /// What it printed; it must go well.
    pub fn run(&self, host: &str, words: &[&str]) -> String {
        let output = self.output(host, words);
        assert!(
            output.status.success(),
            "{words:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
        stdout(&output)
    }

    /// Starts a program that stays, and writes its number to `NAME.pid`.
    pub fn start(&self, host: &str, name: &str, words: &[&str]) -> Child {
        let script = format!("echo $$ >{}; exec \"$@\"", self.path(&format!("{name}.pid")));
        let mut all = vec!["bash", "-c", &script, name];
        all.extend(words);
        let log = std::fs::File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        self.command(host, &all)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// What a program that stays has said on standard error.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap()
    }

    /// Sends a signal to a program that stays.
    pub fn signal(&self, name: &str, signal: &str) {
        let number = std::fs::read_to_string(self.folder.path().join(format!("{name}.pid"))).unwrap();
        self.run("proxy", &["kill", &format!("-{signal}"), number.trim()]);
    }

    /// One end of streams, run to its end: what it printed, or why it failed.
    pub fn peer(&self, mode: &str, certs: &str, from: &str, to: &str, numbers: &[&str]) -> Result<String, String> {
        let program = peers();
        let to = format!("{to}:10250");
        let mut words = vec!["python3", &program, mode, certs, from, &to];
        words.extend(numbers);
        let output = self.output("api", &words);
        if output.status.success() {
            Ok(stdout(&output).trim().to_owned())
        } else {
            Err(stderr(&output).trim().to_owned())
        }
    }

    /// The node: answers on its addresses, with TLS or `plain`.
    pub fn node(&self, certs: &str) -> Node {
        let program = peers();
        let words = [
            "python3",
            &program,
            "serve",
            certs,
            "203.0.113.9:10250",
            "203.0.113.10:10250",
        ];
        let mut child = self.start("node", "node", &words);
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "ready\n", "{}", self.log("node"));
        Node(child)
    }

    /// A stream that stays open.
    pub fn lines(&self, certs: &str, to: &str) -> Lines {
        let (program, to) = (peers(), format!("{to}:10250"));
        let mut child = self
            .command("api", &["python3", &program, "lines", certs, API, &to])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        assert!(said.contains("port"), "no stream to {to}: {said}");
        Lines { child, stdin, stdout }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// The node's program. It ends with the lab.
pub struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A stream that stays open and is used a line at a time.
pub struct Lines {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Lines {
    /// Says a line: what came back, `(end)`, or `(broken)` and why.
    pub fn say(&mut self, line: &str) -> String {
        writeln!(self.stdin, "{line}").unwrap();
        let mut said = String::new();
        self.stdout.read_line(&mut said).unwrap();
        said.trim().to_owned()
    }

    /// Says a line and does not wait for what comes back.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "(tell) {line}").unwrap();
    }

    /// The line comes back, or the test fails.
    pub fn works(&mut self, when: &str) {
        assert_eq!(self.say(when), when);
    }

    /// Waits, for a minute at most, for what the other side says of itself: its end.
    pub fn hears_the_end(&mut self) -> bool {
        let heard = self.say("(listen)");
        heard == "(end)" || heard.starts_with("(broken)")
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peers() -> String {
    root().join("tests/fixtures/proxy/peers.py").display().to_string()
}

/// Waits for something to become true, for half a minute at most.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A CA, the kubelet's certificate for the addresses of the nodes, and the API server's.
fn certificates(folder: &TempDir) {
    let names = format!("subjectAltName=IP:{NODE},IP:{SECOND}");
    for (side, subject, more) in [
        ("ca", "/CN=lab", "basicConstraints=critical,CA:TRUE"),
        ("node", "/O=system:nodes/CN=system:node:lab", names.as_str()),
        ("api", "/CN=kube-apiserver-kubelet-client", "basicConstraints=CA:FALSE"),
    ] {
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        command.args([
            "-subj",
            subject,
            "-addext",
            more,
            "-out",
            &format!("{side}.pem"),
            "-keyout",
            &format!("{side}.key"),
        ]);
        if side != "ca" {
            command.args(["-CA", "ca.pem", "-CAkey", "ca.key"]);
        }
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

//! moto's server, another reading of AWS' APIs, for the tests that hold theirs to it.

#![allow(clippy::print_stdout, reason = "a skipped test says why")]
#![allow(clippy::disallowed_methods, reason = "tests start and end processes")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::stderr;

/// The server, ended when it goes out of scope.
pub struct Moto {
    child: Child,
    pub url: String,
    tools: PathBuf,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// moto, where `.ci/setup` put it. Without it the test is skipped with a printed reason, and fails where CI=true.
pub fn moto() -> Option<Moto> {
    let tools = std::env::var("NODEBAKE_TOOLS").unwrap_or_else(|_| "/var/cache/nodebake-tools".into());
    let tools = PathBuf::from(tools).join("moto/bin");
    if !tools.join("moto_server").is_file() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and moto is not in {}",
            tools.display()
        );
        println!("skipped: moto is not in {}", tools.display());
        return None;
    }
    let mut child = Command::new(tools.join("moto_server"))
        .args(["-H", "127.0.0.1", "-p", "0"])
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("Running on ")
                .map(|(_, url)| url.trim().to_owned())
        })
        .unwrap();
    // What it says of each request is read, so that it does not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Moto { child, url, tools })
}

impl Moto {
    /// What a script prints as JSON; moto's address is its first argument, and boto3 is there.
    pub fn python(&self, script: &str) -> Value {
        let output = Command::new(self.tools.join("python"))
            .args(["-c", script, &self.url])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

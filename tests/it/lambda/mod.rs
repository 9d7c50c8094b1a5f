//! Lambda Cloud: its API by a table, a stand-in that keeps to it, and everything nodebake does there.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and processes")]

mod calls;
mod choosing;
pub mod cloud;
mod firewall;
mod kills;
mod launching;
mod listing;
mod pace;
mod schema;
mod secrets;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use cloud::{Cloud, KEY};
use nodebake::cloud::Clock;

use crate::standin::Kill;
use crate::support::{TempDir, node_yaml, root};

/// A clock in which no time passes but by sleeping.
#[derive(Default)]
pub struct Still {
    pub slept: RefCell<Vec<Duration>>,
    passed: Cell<Duration>,
}

impl Clock for Still {
    fn now(&self) -> i64 {
        1_800_000_000 + i64::try_from(self.passed.get().as_secs()).unwrap()
    }

    fn sleep(&self, time: Duration) {
        self.slept.borrow_mut().push(time);
        self.passed.set(self.passed.get() + time);
    }

    fn dice(&self) -> f64 {
        1.0
    }
}

/// A folder with a node that can be launched: `more` is added to its spec.
pub fn folder(more: &str) -> TempDir {
    let folder = TempDir::new();
    let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more);
    folder.write("node.yaml", yaml);
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    folder
}

/// `nodebake` against the stand-in, with a state folder of the test's own.
pub fn command(cloud: &Cloud, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
    command
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("LAMBDA_API_KEY", KEY)
        .env("NODEBAKE_LAMBDA_ENDPOINT", &cloud.server.url)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env_remove("HTTP_PROXY")
        .env_remove("HTTPS_PROXY");
    command
}

pub fn run(cloud: &Cloud, folder: &Path, args: &[&str], kill: Option<Kill>) -> Output {
    cloud.server.run(&mut command(cloud, folder, args), kill)
}

/// Words that every launch of these tests has.
pub const LAUNCH: [&str; 5] = ["launch", "node.yaml", "--region", "us-west-1", "--yes"];

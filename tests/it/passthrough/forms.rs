//! The three forms of the proxy, started on the lab's middle machine.

use std::process::Child;

use super::lab::{Lab, NODE, SECOND, eventually, possible};
use crate::support::{TempDir, nodebake, root, stderr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Nftables,
    Haproxy,
    Serve,
}

/// What a form is set up with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whether the second node is known.
    pub second: bool,
    /// How long a stream may be silent, in seconds.
    pub idle: u32,
    /// Further lines of its file, four spaces deep: limits of `serve`.
    pub limits: &'static str,
}

pub const SETUP: Setup = Setup {
    second: false,
    idle: 4 * 3600,
    limits: "",
};

impl Setup {
    fn routes(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let mut routes = vec![("first", NODE, "203.0.113.9")];
        if self.second {
            routes.push(("second", SECOND, "203.0.113.10"));
        }
        routes
    }
}

/// A form that runs.
pub struct Running<'l> {
    pub lab: &'l Lab,
    pub form: Form,
    child: Option<Child>,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Nftables, Self::Haproxy, Self::Serve];

    /// Whether it can run here.
    pub fn is_possible(self) -> bool {
        possible(match self {
            Self::Nftables => &["nft", "conntrack"],
            Self::Haproxy => &["haproxy"],
            Self::Serve => &[],
        })
    }

    /// What `nodebake render` makes of a proxy.yaml, at its real path.
    fn rendered(self, lab: &Lab, setup: &Setup, path: &str) -> String {
        let mut yaml = PROXY.replace("FORM", self.word());
        for (name, at, to) in setup.routes() {
            yaml += &format!("    - {{ name: {name}, address: {at}, publicAddress: {to} }}\n");
        }
        if self == Self::Serve {
            yaml += PROGRAM;
        }
        lab.folder.write("proxy.yaml", yaml);
        let cluster = std::fs::read(root().join("examples/satellite/cluster.yaml")).unwrap();
        lab.folder.write("cluster.yaml", cluster);
        let output = nodebake(&["render", "proxy.yaml", "-o", "rendered"], lab.folder.path());
        assert!(output.status.success(), "{}", stderr(&output));
        std::fs::read_to_string(lab.folder.path().join(format!("rendered/node{path}"))).unwrap()
    }

    fn word(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
            Self::Haproxy => "haproxy",
            Self::Serve => "serve",
        }
    }

    /// The text of its file: as it is rendered, with the limits of the setup in place of the five hours.
    pub fn text(self, lab: &Lab, setup: &Setup) -> String {
        let (path, rendered, own) = match self {
            Self::Nftables => return self.rendered(lab, setup, "/etc/nodebake/proxy.nft"),
            Self::Haproxy => ("haproxy.cfg", " 5h\n", format!(" {}s\n", setup.idle)),
            Self::Serve => {
                let own = format!("idleSeconds: {}\n{}", setup.idle, setup.limits);
                ("passthrough.yaml", "idleSeconds: 18000\n", own)
            }
        };
        let text = self.rendered(lab, setup, &format!("/etc/nodebake/{path}"));
        assert!(text.contains(rendered), "no {rendered:?} in {text}");
        let text = text.replace(rendered, &own);
        // Not every machine lets a test have as many files as the unit has.
        let own = if setup.limits.contains("connections:") {
            ""
        } else {
            "    connections: 2048\n    connectionsPerRoute: 2048\n"
        };
        let comment = "    # Behind a proxy with one satellite, all of them are its own.\n";
        text.replace(comment, "")
            .replace("    connections: 4096\n    connectionsPerRoute: 4096\n", own)
    }

    /// Starts it, and waits until it listens.
    pub fn start<'l>(self, lab: &'l Lab, setup: &Setup) -> Running<'l> {
        self.start_with(lab, &self.text(lab, setup), setup.second)
    }

    /// Starts it with this text as its file.
    pub fn start_with<'l>(self, lab: &'l Lab, text: &str, second: bool) -> Running<'l> {
        let path = file(&lab.folder, text);
        let settings = lab.path("rendered/node/etc/sysctl.d/99-zz-nodebake-proxy.conf");
        lab.run("proxy", &["sysctl", "-qp", &settings]);
        let child = match self {
            Self::Nftables => {
                lab.run("proxy", &["nft", "-f", &path]);
                None
            }
            Self::Haproxy => Some(lab.start("proxy", "form", &["haproxy", "-Ws", "-f", &path])),
            Self::Serve => {
                let metrics = lab.path("metrics.prom");
                let nodebake = env!("CARGO_BIN_EXE_nodebake");
                let more = ["--metrics-file", &metrics, "--metrics-every", "1"];
                let words = [&[nodebake, "proxy", "serve", "--config", &path], &more[..]].concat();
                Some(lab.start("proxy", "form", &words))
            }
        };
        let running = Running { lab, form: self, child };
        running.listens(NODE);
        if second {
            running.listens(SECOND);
        }
        running
    }
}

fn file(folder: &TempDir, text: &str) -> String {
    folder.write("proxy.conf", text).display().to_string()
}

impl Running<'_> {
    fn listens(&self, at: &str) {
        if self.form != Form::Nftables {
            eventually("the proxy listens", || {
                let sockets = self.lab.run("proxy", &["ss", "-Htln"]);
                assert!(
                    sockets.contains(':') || !self.lab.log("form").contains("error"),
                    "{}",
                    self.lab.log("form")
                );
                sockets.contains(&format!("{at}:10250"))
            });
        }
    }

    /// Gives it a new file, as its operator would.
    pub fn reload(&self, setup: &Setup) {
        let path = file(&self.lab.folder, &self.form.text(self.lab, setup));
        match self.form {
            Form::Nftables => drop(self.lab.run("proxy", &["nft", "-f", &path])),
            Form::Haproxy => {
                // While the master starts again it hears nothing: the next signal has to wait.
                let done = || self.lab.log("form").matches("Loading success").count();
                let before = done();
                self.lab.signal("form", "USR2");
                eventually("haproxy has read its file", || done() > before);
            }
            Form::Serve => self.lab.signal("form", "HUP"),
        }
        if setup.second {
            self.listens(SECOND);
        }
    }

    /// What it exits with, once it does.
    pub fn ends(mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// Its metrics, once `line` is one of them.
    pub fn metric(&self, line: &str) {
        let path = self.lab.folder.path().join("metrics.prom");
        eventually(line, || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            text.lines().any(|own| own == format!("nodebake_proxy_{line}"))
        });
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let number = std::fs::read_to_string(self.lab.folder.path().join("form.pid")).unwrap_or_default();
            let _ = self.lab.output("proxy", &["kill", "-KILL", number.trim()]);
            let _ = child.wait();
        }
    }
}

const PROXY: &str = "\
apiVersion: nodebake/v1
kind: Proxy
metadata: { name: lab }
spec:
  profile: satellite-proxy
  image: ubuntu-24-04
  instanceType: ec2/t4g.small
  cluster: cluster.yaml
  address: 10.0.2.10
  form: FORM
  satellites:
";

/// What `serve` has to be told beside: where the program comes from. Nothing here is fetched.
const PROGRAM: &str = "  artifacts:
    files:
      - name: nodebake
        source: https://tools.example/nodebake
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        path: /usr/local/bin/nodebake
        mode: \"0755\"
";

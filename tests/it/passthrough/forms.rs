//! The three forms of the proxy, started on the lab's middle machine.

use std::process::Child;

use super::lab::{Lab, NODE, SECOND, eventually, possible};
use crate::support::TempDir;

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
    /// Further lines of its file: limits of `serve`.
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

    /// The text of its file.
    pub fn text(self, setup: &Setup) -> String {
        let routes = setup.routes();
        match self {
            Self::Nftables => {
                let elements: Vec<String> = routes.iter().map(|(_, at, to)| format!("{at} : {to}")).collect();
                NFTABLES.replace("ELEMENTS", &elements.join(", "))
            }
            Self::Haproxy => {
                let blocks = routes.iter().map(|(name, at, to)| {
                    let block = HAPROXY_ROUTE.replace("NAME", name);
                    block.replace("LISTEN", at).replace("TO", to)
                });
                HAPROXY.replace("IDLE", &setup.idle.to_string()) + &blocks.collect::<String>()
            }
            Self::Serve => {
                let mut text = String::from(SERVE);
                for (name, at, to) in routes {
                    text += &format!("    - {{ name: {name}, listen: {at}:10250, to: {to}:10250 }}\n");
                }
                text + &format!("  limits: {{ idleSeconds: {}{} }}\n", setup.idle, setup.limits)
            }
        }
    }

    /// Starts it, and waits until it listens.
    pub fn start<'l>(self, lab: &'l Lab, setup: &Setup) -> Running<'l> {
        self.start_with(lab, &self.text(setup), setup.second)
    }

    /// Starts it with this text as its file.
    pub fn start_with<'l>(self, lab: &'l Lab, text: &str, second: bool) -> Running<'l> {
        let path = file(&lab.folder, text);
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
                assert!(sockets.contains(':') || !self.lab.log("form").contains("error"), "{}", self.lab.log("form"));
                sockets.contains(&format!("{at}:10250"))
            });
        }
    }

    /// Gives it a new file, as its operator would.
    pub fn reload(&self, setup: &Setup) {
        let path = file(&self.lab.folder, &self.form.text(setup));
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

const NFTABLES: &str = "\
table ip nodebake
delete table ip nodebake
table ip nodebake {
  map kubelet {
    type ipv4_addr : ipv4_addr
    elements = { ELEMENTS }
  }
  chain pre {
    type nat hook prerouting priority dstnat; policy accept;
    ip saddr 10.0.0.0/16 tcp dport 10250 dnat to ip daddr map @kubelet
  }
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat tcp dport 10250 masquerade
  }
}
";

const HAPROXY: &str = "\
global
  maxconn 3000
defaults
  mode tcp
  timeout connect 10s
  timeout client IDLEs
  timeout server IDLEs
  timeout tunnel IDLEs
  option clitcpka
  option srvtcpka
  clitcpka-idle 60s
  srvtcpka-idle 60s
";

const HAPROXY_ROUTE: &str = "\
listen NAME
  bind LISTEN:10250
  tcp-request connection reject unless { src 10.0.0.0/16 }
  server NAME TO:10250
";

const SERVE: &str = "\
apiVersion: nodebake/v1
kind: Passthrough
spec:
  sources: [10.0.0.0/16]
  routes:
";

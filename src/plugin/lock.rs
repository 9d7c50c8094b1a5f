//! `plugins.lock`: which programs may run, by their sha256, and what each is given. It is committed beside node.yaml, so
//! that a pull request shows when another program is to run, or one is to see or do more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Access, Glob, Guard, Limits};
use crate::base::{Finding, Place, PluginKind, Report, Sha256, Source};
use crate::syntax::PluginUse;
use crate::syntax::yaml::{self, Node, Reader};

/// Its name.
pub const LOCK: &str = "plugins.lock";

const HEAD: &str = "# Which plugins may run, by their sha256, and what each is given. Written by `nodebake plugin trust`, which asks each\n# plugin what it needs; review it and commit it. `without` switches a guard off by its name:\n# deadline, memory, cpu, file-size, open-files, processes, landlock, syscalls.\n";

/// One program that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What it does.
    pub kind: PluginKind,
    /// Its name.
    pub name: String,
    /// The digest of its file.
    pub sha256: Sha256,
    /// What it is given.
    pub access: Access,
    /// What it is not held by.
    pub without: Vec<Guard>,
    /// Where the lock says so.
    pub place: Option<Place>,
}

impl Pin {
    /// `kind/name`
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// What it is held to.
    pub fn limits(&self) -> Limits {
        Limits::of(self.kind, self.access.seconds, &self.without)
    }

    /// Whether the same request always has the same answer, as far as anybody can see: nothing of the world goes in.
    pub fn is_closed(&self) -> bool {
        let Access {
            reads,
            network,
            environment,
            ..
        } = &self.access;
        reads.is_empty() && !network && environment.is_empty() && self.kind != PluginKind::Deliver
    }

    /// What is wrong with what a plugin asks for; it may come from the plugin itself or from the lock.
    pub fn check(&self) -> Result<(), String> {
        PluginUse::check_name(&self.name)?;
        for pattern in self.access.files.iter().chain(&self.access.writes) {
            pattern.parse::<Glob>()?;
        }
        let only = |what: &str, list: &[String], kind: PluginKind| {
            if list.is_empty() || self.kind == kind {
                Ok(())
            } else {
                Err(format!("`{what}` is for {kind}, not for {}", self.kind))
            }
        };
        only("writes", &self.access.writes, PluginKind::Patch)?;
        only("output", &self.access.output, PluginKind::Deliver)?;
        for path in self.access.reads.iter().chain(&self.access.output) {
            let clean = !path.is_empty() && !path.contains('\0') && !path.split('/').any(|part| part == "..");
            if !clean || path == "/" || path.len() > 4096 {
                return Err(format!("`{path}` is no path that can be given to a plugin"));
            }
        }
        for name in &self.access.environment {
            let tame = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let upper = name.to_ascii_uppercase();
            let words = ["SECRET", "TOKEN", "PASSW", "KEY", "CREDENTIAL", "AUTH", "COOKIE"];
            if !tame || name.is_empty() || name.len() > 100 {
                return Err(format!("`{name}` is no name of a variable"));
            }
            // A file's name is none; whether the file may be read is a question of `reads`.
            if !upper.ends_with("_FILE") && words.iter().any(|word| upper.contains(word)) {
                return Err(format!(
                    "the variable `{name}` looks like a secret, which no plugin is given"
                ));
            }
            if upper.starts_with("LD_") || matches!(upper.as_str(), "PATH" | "HOME" | "TMPDIR") {
                return Err(format!("the variable `{name}` is nodebake's to set"));
            }
        }
        match self.access.seconds {
            Some(seconds) if !(1..=Limits::SECONDS).contains(&seconds) => {
                Err(format!("{seconds} seconds are not 1 to {}", Limits::SECONDS))
            }
            _ => Ok(()),
        }
    }
}

/// A lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    pins: BTreeMap<(PluginKind, String), Pin>,
}

impl Pins {
    /// What is pinned for a plugin.
    pub fn get(&self, kind: PluginKind, name: &str) -> Option<&Pin> {
        self.pins.get(&(kind, name.to_owned()))
    }

    /// Pins a plugin, in place of what was pinned for it.
    pub fn set(&mut self, pin: Pin) {
        self.pins.insert((pin.kind, pin.name.clone()), pin);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// Its text, the same for the same pins.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}apiVersion: nodebake/v1\nkind: Plugins\nplugins:");
        if self.pins.is_empty() {
            return text + " []\n";
        }
        text.push('\n');
        for pin in self.pins.values() {
            text.push_str(&format!("  - {}: {}\n", pin.kind, quoted(&pin.name)));
            text.push_str(&format!("    sha256: {}\n", quoted(&pin.sha256.to_string())));
            let access = &pin.access;
            let mut flag = |key: &str, set: bool| {
                if set {
                    text.push_str(&format!("    {key}: true\n"));
                }
            };
            flag("node", access.node);
            flag("network", access.network);
            for (key, items) in [
                ("plan", &access.plan),
                ("files", &access.files),
                ("writes", &access.writes),
                ("reads", &access.reads),
                ("output", &access.output),
                ("environment", &access.environment),
            ] {
                list(&mut text, key, items.iter().map(String::as_str));
            }
            if let Some(seconds) = access.seconds {
                text.push_str(&format!("    seconds: {seconds}\n"));
            }
            list(&mut text, "without", pin.without.iter().map(|guard| guard.word()));
        }
        text
    }

    /// Reads a lock. All mistakes are reported together.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Report> {
        let root = yaml::parse(source)?;
        let mut report = Report::new();
        let mut reader = Reader { report: &mut report };
        let mut pins = Self::default();
        let mut fields = reader.map(&root, "plugins.lock");
        if let Some(node) = fields.required(&mut reader, "apiVersion") {
            reader.word(node, &[("nodebake/v1", ())]);
        }
        if let Some(node) = fields.required(&mut reader, "kind") {
            reader.word(node, &[("Plugins", ())]);
        }
        let items = fields.required(&mut reader, "plugins");
        fields.done(&mut reader);
        for item in items.map(|node| reader.list(node)).unwrap_or_default() {
            let Some(pin) = pin(&mut reader, item) else { continue };
            if pins.get(pin.kind, &pin.name).is_some() {
                let message = format!("{} is pinned twice", pin.id());
                reader.report.push(Finding::error("plugin/lock", message, &item.place));
            }
            pins.set(pin);
        }
        if report.has_errors() { Err(report) } else { Ok(pins) }
    }
}

fn quoted(text: &str) -> String {
    yaml::scalar(text)
}

fn list<'t>(text: &mut String, key: &str, items: impl Iterator<Item = &'t str>) {
    let items: Vec<&str> = items.collect();
    if !items.is_empty() {
        text.push_str(&format!("    {key}:\n"));
        for item in items {
            text.push_str(&format!("      - {}\n", quoted(item)));
        }
    }
}

fn pin(reader: &mut Reader<'_>, item: &Node) -> Option<Pin> {
    let mut fields = reader.map(item, "a pinned plugin");
    let mut named = Vec::new();
    for kind in PluginKind::ALL {
        named.extend(fields.optional(kind.word()).map(|node| (kind, node)));
    }
    let sha256 = fields
        .required(reader, "sha256")
        .and_then(|node| reader.parsed(node, "plugin/lock"));
    let mut flag = |reader: &mut Reader<'_>, key| {
        let node = fields.optional(key);
        node.and_then(|node| reader.boolean(node)).is_some_and(|set| set.value)
    };
    let (node, network) = (flag(reader, "node"), flag(reader, "network"));
    let mut texts = |reader: &mut Reader<'_>, key| -> Vec<String> {
        let items = fields.optional(key).map(|node| reader.list(node)).unwrap_or_default();
        let texts = items.iter().filter_map(|item| reader.text(item));
        texts.map(|text| text.value).collect()
    };
    let access = Access {
        node,
        network,
        plan: texts(reader, "plan"),
        files: texts(reader, "files"),
        writes: texts(reader, "writes"),
        reads: texts(reader, "reads"),
        output: texts(reader, "output"),
        environment: texts(reader, "environment"),
        seconds: None,
    };
    let seconds = fields
        .optional("seconds")
        .and_then(|node| reader.integer(node, 1, Limits::SECONDS.into()))
        .and_then(|seconds| u32::try_from(seconds.value).ok());
    let without = fields
        .optional("without")
        .map(|node| reader.list(node))
        .unwrap_or_default();
    let without = without
        .iter()
        .filter_map(|item| reader.parsed::<Guard>(item, "plugin/lock"))
        .map(|guard| guard.value)
        .collect();
    fields.done(reader);
    let [(kind, name)] = named[..] else {
        let message = "this must name one plugin, by its kind";
        reader.report.push(Finding::error("plugin/lock", message, &item.place));
        return None;
    };
    let pin = Pin {
        kind,
        name: reader.text(name)?.value,
        sha256: sha256?.value,
        access: Access { seconds, ..access },
        without,
        place: Some(name.place.clone()),
    };
    if let Err(why) = pin.check() {
        reader.report.push(Finding::error("plugin/lock", why, &name.place));
        return None;
    }
    Some(pin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned() -> Pin {
        Pin {
            kind: PluginKind::Deliver,
            name: "no".into(),
            sha256: Sha256::of(b"x"),
            access: Access {
                node: true,
                plan: vec!["sizing".into()],
                files: vec!["node/**".into(), "*/a*".into()],
                output: vec!["/srv/out".into()],
                environment: vec!["AWS_PROFILE".into()],
                network: true,
                seconds: Some(90),
                ..Access::default()
            },
            without: vec![Guard::Memory, Guard::FileSize],
            place: None,
        }
    }

    #[test]
    fn there_and_back() {
        let mut pins = Pins::default();
        assert_eq!(Pins::parse(&Source::new("l", pins.text())), Ok(Pins::default()));
        pins.set(pinned());
        pins.set(Pin {
            kind: PluginKind::Check,
            access: Access::default(),
            without: vec![],
            ..pinned()
        });
        let read = Pins::parse(&Source::new("plugins.lock", pins.text())).unwrap();
        assert_eq!(read.text(), pins.text());
        let back = read.get(PluginKind::Deliver, "no").unwrap();
        assert_eq!(
            Pin {
                place: None,
                ..back.clone()
            },
            pinned()
        );
        assert!(
            pins.text().contains("- deliver: \"no\""),
            "YAML 1.1 reads it as false: {}",
            pins.text()
        );
    }

    #[test]
    fn nothing_is_given_that_should_not_be() {
        let wrong = |change: &dyn Fn(&mut Pin)| {
            let mut pin = pinned();
            change(&mut pin);
            pin.check().is_err()
        };
        assert!(pinned().check().is_ok());
        for name in ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LD_PRELOAD", "PATH", "a b", ""] {
            assert!(wrong(&|pin| pin.access.environment = vec![name.into()]), "{name}");
        }
        for path in ["", "/", "a/../b", "a\0"] {
            assert!(wrong(&|pin| pin.access.reads = vec![path.into()]), "{path:?}");
        }
        assert!(wrong(&|pin| pin.access.writes = vec!["node/**".into()]));
        assert!(wrong(&|pin| pin.access.files = vec!["etc/**".into()]));
        assert!(wrong(&|pin| pin.access.seconds = Some(4000)));
        assert!(wrong(&|pin| pin.name = "../x".into()));
    }
}

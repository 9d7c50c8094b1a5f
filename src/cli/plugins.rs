//! The plugins a node names, made ready to run: found, compared with plugins.lock, copied.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::load::Inputs;
use super::ui::Ui;
use crate::bake::bundle::BundlePlugin;
use crate::base::{Finding, PluginKind, Report, Severity, masked};
use crate::edge::cache::Cache;
use crate::edge::plugin::{Candidate, Places, Protection, Runner, find, is_root, near};
use crate::plugin::{Desk, LOCK, Pin, Pins, Trouble, tame, trouble};
use crate::syntax::PluginUse;

/// What every command that runs plugins takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Plugins")]
pub(super) struct PluginArgs {
    /// A folder with plugins, looked through before plugins/ beside node.yaml
    /// and PATH
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
    /// Run every plugin twice, and refuse one whose replies differ
    #[arg(long)]
    plugin_twice: bool,
    /// Ask plugins anew, whatever they answered before
    #[arg(long)]
    no_plugin_cache: bool,
    /// Let plugins run as root
    #[arg(long)]
    allow_root: bool,
}

impl PluginArgs {
    /// Where plugins of a node.yaml in the folder `beside` are.
    pub(super) fn places(&self, beside: &Path) -> Places {
        Places {
            folders: self.plugin_dir.clone(),
            beside: beside.to_owned(),
        }
    }

    /// Refuses to run anything as root, unless that was asked for.
    pub(super) fn may_run(&self) -> Result<(), Trouble> {
        if !is_root() || self.allow_root {
            return Ok(());
        }
        Err(Trouble {
            id: "plugin/root",
            message: "would run as root".into(),
            hint: Some("run nodebake as another user, or say --allow-root".into()),
        })
    }

    /// A runner with nothing ready yet, and with it who hears the logs.
    pub(super) fn runner(&self, beside: &Path) -> Result<Runner, Finding> {
        let cache = if self.no_plugin_cache {
            None
        } else {
            Cache::open(None).ok()
        };
        let cache = cache.map(|cache| cache.folder().join("plugins"));
        let folder = if beside.as_os_str().is_empty() {
            Path::new(".")
        } else {
            beside
        };
        let log = |id: &str, line: &str| Ui::new().talk(&format!("{id}: {}", masked(&tame(line, 1000))));
        Runner::new(Runner::own_program(), folder, cache, Box::new(log))
            .map_err(|error| Finding::new(Severity::Error, "plugin/start", error.to_string()))
    }
}

/// Plugins that are ready.
#[derive(Debug)]
pub(super) struct Plugins {
    pub(super) runner: Runner,
    twice: bool,
}

impl Plugins {
    /// Makes all of `uses` of the file `node` ready; none if there is none. Everything that is wrong with any of them is told.
    pub(super) fn ready(
        uses: &[PluginUse],
        node: &Path,
        args: &PluginArgs,
        inputs: Inputs<'_>,
    ) -> Result<Option<Self>, Report> {
        let beside = node.parent().unwrap_or(Path::new(""));
        let mut wanted: BTreeMap<(PluginKind, &str), &PluginUse> = BTreeMap::new();
        for one in uses {
            wanted.entry((one.kind, one.name.value.as_str())).or_insert(one);
        }
        let Some(first) = uses.first() else { return Ok(None) };
        if let Err(found) = args.may_run() {
            return Err(trouble(first, &found).into());
        }
        let pins = lock(inputs, beside)?;
        let mut runner = args.runner(beside)?;
        let mut report = Report::new();
        let places = args.places(beside);
        for one in wanted.into_values() {
            match ready(one, node, &pins, &places, inputs, &runner) {
                Ok((pin, program)) => runner.add(pin, program),
                Err(finding) => report.push(*finding),
            }
        }
        if report.has_errors() {
            return Err(report);
        }
        Ok(Some(Self {
            runner,
            twice: args.plugin_twice,
        }))
    }

    /// Where they are asked; of a single node several at a time, of a fleet the nodes are built on all CPUs.
    pub(super) fn desk(&self, is_single: bool) -> Desk<'_> {
        let threads = if is_single {
            thread::available_parallelism().ok()
        } else {
            None
        };
        Desk::new(&self.runner, self.twice, threads.unwrap_or(NonZero::<usize>::MIN))
    }

    /// Which programs take part, for a bundle's manifest; those that only take it away have no part in it.
    pub(super) fn pins(&self) -> Vec<BundlePlugin> {
        let parts = self
            .runner
            .pins()
            .filter(|pin| matches!(pin.kind, PluginKind::Facts | PluginKind::Patch | PluginKind::Check));
        parts
            .map(|pin| BundlePlugin {
                kind: pin.kind.to_string(),
                name: pin.name.clone(),
                sha256: pin.sha256.to_string(),
            })
            .collect()
    }

    /// Tells, once, what this kernel cannot do.
    pub(super) fn tell(&self, ui: &Ui) {
        match self.runner.weakest() {
            Protection::Whole | Protection::Off => {}
            Protection::Part => ui.talk("plugins: this kernel's Landlock is old, and holds them less tightly"),
            Protection::None => ui.talk("plugins: this kernel has no Landlock; they can read whatever you can"),
        }
    }
}

/// The lock beside node.yaml; empty if there is none.
pub(super) fn lock(inputs: Inputs<'_>, beside: &Path) -> Result<Pins, Report> {
    match inputs.optional(&beside.join(LOCK)) {
        Ok(Some(source)) => Pins::parse(&source),
        Ok(None) => Ok(Pins::default()),
        Err(finding) => Err((*finding).into()),
    }
}

fn ready(
    one: &PluginUse,
    node: &Path,
    pins: &Pins,
    places: &Places,
    inputs: Inputs<'_>,
    runner: &Runner,
) -> Result<(Pin, PathBuf), Box<Finding>> {
    let wrong = |id, message: String, hint: String| {
        let hint = Some(hint);
        Box::new(trouble(one, &Trouble { id, message, hint }))
    };
    let (kind, name) = (one.kind, one.name.value.as_str());
    let node = node.display();
    let missing = || {
        let hint = format!(
            "it would be plugins/{name} or plugins/{name}/plugin beside node.yaml, in a --plugin-dir, or \
             nodebake-{kind}-{name} in PATH; `nodebake plugin new {kind} {name}` makes one"
        );
        wrong("plugin/unknown", "is nowhere to be found".into(), hint)
    };
    let untrusted = |shown: &Path| {
        let message = format!("is at {}, and nobody trusted it yet", shown.display());
        let hint = format!("look at it, then run `nodebake plugin trust {node} {name}` and commit {LOCK}");
        wrong("plugin/untrusted", message, hint)
    };
    let pin = pins.get(kind, name);
    // A revision brings the programs it had.
    let near = near(&places.beside, name);
    let had = near.into_iter().find_map(|path| Some((inputs.program(&path)?, path)));
    let (kept, path) = match had {
        Some((bytes, path)) => (runner.store().keep_bytes(&bytes), path),
        None => {
            let Candidate { path, is_executable } = find(kind, name, places).ok_or_else(missing)?;
            let shown = path.display();
            if !is_executable {
                let message = format!("is at {shown}, which is not executable");
                return Err(wrong("plugin/start", message, format!("chmod +x {shown}")));
            }
            if pin.is_none() {
                return Err(untrusted(&path));
            }
            (runner.store().keep(&path), path)
        }
    };
    let pin = pin.ok_or_else(|| untrusted(&path))?;
    let shown = path.display();
    let (program, sha256) =
        kept.map_err(|error| wrong("plugin/start", error.to_string(), "can you read it?".into()))?;
    if sha256 != pin.sha256 {
        let message = format!("at {shown} is another program than {LOCK} says: its sha256 is {sha256}");
        let hint = format!("look at what changed, then run `nodebake plugin trust {node} {name}`");
        let mut finding = wrong("plugin/changed", message, hint);
        if let Some(place) = &pin.place {
            *finding = finding.note(place, "trusted here");
        }
        return Err(finding);
    }
    Ok((pin.clone(), program))
}

/// Plugins, shared by those who need them longer than the nodes.
pub(super) type Shared = Option<Arc<Plugins>>;

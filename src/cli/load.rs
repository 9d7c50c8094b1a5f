//! From the command line's words to the core's input.

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::plugins::{PluginArgs, Plugins, Shared};
use super::ui::Ui;
use super::{Common, Failure, report};
use crate::base::{Finding, PluginKind, Policy, Report, Source};
use crate::catalog::Catalog;
use crate::edge::git::Revision;
use crate::edge::{clock, fs};
use crate::facts::{self, ClusterFacts};
use crate::pipeline::{self, Built, Pipeline};
use crate::plugin::{Desk, bring_facts};
use crate::spec::{self, NodeSpec};
use crate::syntax::PluginUse;

/// The nodes of a file with the facts of their clusters.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) catalog: Catalog,
    /// `metadata.name`
    pub(super) name: String,
    pub(super) is_fleet: bool,
    pub(super) nodes: Vec<(NodeSpec, ClusterFacts)>,
    pub(super) policy: Policy,
    pub(super) plugins: Shared,
}

/// Where inputs are read: as they are now, or as a revision has them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inputs<'r> {
    /// The disk.
    Disk,
    /// A revision, and what the user calls it.
    Git(&'r Revision, &'r str),
}

impl Inputs<'_> {
    fn read(self, path: &Path) -> Result<Arc<Source>, Box<Finding>> {
        let Self::Git(revision, name) = self else {
            return fs::read_source(path);
        };
        let name = format!("{name}:{}", path.display());
        let wrong = |why: String| {
            Box::new(Finding::new(
                crate::base::Severity::Error,
                "file/unreadable",
                format!("{name} {why}"),
            ))
        };
        match revision.read(path) {
            Ok(Some(bytes)) => Source::from_bytes(&name, &bytes),
            Ok(None) => Err(wrong("is not there".into())),
            Err(error) => Err(wrong(format!("cannot be read: {error}"))),
        }
    }

    /// A file that may be missing.
    pub(super) fn optional(self, path: &Path) -> Result<Option<Arc<Source>>, Box<Finding>> {
        let is_there = match self {
            Self::Disk => fs::exists(path),
            Self::Git(revision, _) => revision.read(path).is_ok_and(|bytes| bytes.is_some()),
        };
        if is_there { self.read(path).map(Some) } else { Ok(None) }
    }

    /// The bytes of a program, where inputs are not on the disk.
    pub(super) fn program(self, path: &Path) -> Option<Vec<u8>> {
        match self {
            Self::Disk => None,
            Self::Git(revision, _) => revision.read(path).ok().flatten(),
        }
    }

    fn walk(self, folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
        match self {
            Self::Disk => fs::walk(folder).map_err(|error| error.to_string()),
            Self::Git(revision, _) => {
                let names = revision.walk(folder).map_err(|error| error.to_string())?;
                Ok(names
                    .into_iter()
                    .map(|name| (name.clone(), folder.join(name)))
                    .collect())
            }
        }
    }
}

/// The built-in catalog, with the user's folder over it.
pub(super) fn catalog(folder: Option<&Path>) -> Result<Catalog, Report> {
    catalog_from(Inputs::Disk, folder)
}

fn catalog_from(inputs: Inputs<'_>, folder: Option<&Path>) -> Result<Catalog, Report> {
    let Some(folder) = folder else {
        return Ok(Catalog::embedded());
    };
    let wrong = |message: String| Finding::new(crate::base::Severity::Error, "catalog/folder", message);
    let files = inputs.walk(folder).map_err(|error| Report::from(wrong(error)))?;
    let mut report = Report::new();
    let mut sources = Vec::new();
    for (relative, path) in files {
        match inputs.read(&path) {
            Ok(source) => sources.push((relative, source)),
            Err(finding) => report.push(*finding),
        }
    }
    if report.has_errors() {
        Err(report)
    } else {
        Catalog::embedded().overlay(sources)
    }
}

/// The plugins that take part in the nodes of a file, which is read no further.
pub(super) fn uses(node: &Path, catalog_folder: Option<&Path>) -> Result<Vec<PluginUse>, Report> {
    let catalog = catalog(catalog_folder)?;
    let source = fs::read_source(node).map_err(|finding| Report::from(*finding))?;
    let document = spec::read(&source)?;
    let mut all = Vec::new();
    for spec in &document.nodes {
        let profile = catalog.profile(&spec.profile)?;
        all.extend(pipeline::plugins(spec, &profile.plugins));
    }
    Ok(all)
}

/// The plugins that take part in a node. A profile that cannot be read is told when the node is planned.
fn taking_part(catalog: &Catalog, spec: &NodeSpec) -> Vec<PluginUse> {
    let profile = catalog.profile(&spec.profile);
    pipeline::plugins(spec, profile.as_ref().map_or(&[], |profile| &profile.plugins))
}

/// Reads `node` for a command, and prints what is wrong with it.
pub(super) fn open(ui: &Ui, node: &Path, common: &Common) -> Result<Loaded, Failure> {
    match Loaded::read(node, common, common.policy()?) {
        (Some(loaded), warnings) => {
            report::print(ui, &warnings, common.short);
            Ok(loaded)
        }
        (None, failed) => {
            report::print(ui, &failed, common.short);
            Err(Failure::Findings)
        }
    }
}

impl Loaded {
    /// Reads `node` and every cluster file it names, asks the sources of facts, and makes all other plugins ready. The
    /// report holds the warnings, or why nothing was read.
    pub(super) fn read(node: &Path, common: &Common, policy: Policy) -> (Option<Self>, Report) {
        Self::read_from(Inputs::Disk, node, common.catalog.as_deref(), &common.plugins, policy)
    }

    /// As [`Self::read`], from these inputs.
    pub(super) fn read_from(
        inputs: Inputs<'_>,
        node: &Path,
        catalog_folder: Option<&Path>,
        plugins: &PluginArgs,
        policy: Policy,
    ) -> (Option<Self>, Report) {
        let mut report = Report::new();
        let read = Self::read_all(inputs, node, catalog_folder, plugins, policy, &mut report);
        let read = read.filter(|_| !report.has_errors());
        (read, report)
    }

    fn read_all(
        inputs: Inputs<'_>,
        node: &Path,
        catalog_folder: Option<&Path>,
        plugins: &PluginArgs,
        policy: Policy,
        report: &mut Report,
    ) -> Option<Self> {
        let catalog = catalog_from(inputs, catalog_folder)
            .map_err(|failed| report.extend(failed))
            .ok();
        let document = inputs
            .read(node)
            .map_err(|finding| Report::from(*finding))
            .and_then(|source| spec::read(&source))
            .map_err(|failed| report.extend(failed))
            .ok();
        let (catalog, document) = (catalog?, document?);
        let beside = node.parent().unwrap_or(Path::new(""));
        let uses: Vec<Vec<PluginUse>> = document.nodes.iter().map(|spec| taking_part(&catalog, spec)).collect();
        let plugins = Plugins::ready(&uses.concat(), node, plugins, inputs)
            .map_err(|failed| report.extend(policy.judge(failed)))
            .ok()?
            .map(Arc::new);
        let desk = plugins.as_ref().map(|plugins| plugins.desk(true));
        let mut clusters: BTreeMap<PathBuf, Option<ClusterFacts>> = BTreeMap::new();
        let mut nodes = Vec::new();
        for (mut node_spec, uses) in document.nodes.into_iter().zip(uses) {
            let path = beside.join(&node_spec.cluster.value);
            if let Some(desk) = &desk
                && uses.iter().any(|one| one.kind == PluginKind::Facts)
            {
                let read = inputs.read(&path);
                let read = read.map_err(|finding| report.push(finding.at(node_spec.cluster.place.clone())));
                let Ok(source) = read else { continue };
                let (facts, found) = bring_facts(desk, &uses, &mut node_spec, &source);
                report.extend(policy.judge(found));
                nodes.extend(facts.map(|facts| (node_spec, facts)));
                continue;
            }
            let facts = clusters.entry(path.clone()).or_insert_with(|| {
                let read = inputs.read(&path).map_err(|finding| {
                    // A file that node.yaml names and that is not there is a mistake in node.yaml.
                    let finding = if finding.place.is_none() {
                        finding.at(node_spec.cluster.place.clone())
                    } else {
                        *finding
                    };
                    Report::from(finding)
                });
                let read = read.and_then(|source: Arc<Source>| facts::read(&source));
                read.map_err(|failed| report.extend(failed)).ok()
            });
            if let Some(facts) = facts {
                nodes.push((node_spec, facts.clone()));
            }
        }
        Some(Self {
            catalog,
            is_fleet: document.is_fleet,
            name: document.name.value,
            nodes,
            policy,
            plugins,
        })
    }

    /// Each node's name with the plugins that take part in it.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&str, Vec<PluginUse>)> {
        let nodes = self.nodes.iter();
        nodes.map(|(spec, _)| (spec.name.value.as_str(), taking_part(&self.catalog, spec)))
    }

    /// Builds every node, on all CPUs, and gives what `finish` makes of each, in the order of the nodes: of a large
    /// fleet nobody wants to keep more than that. All findings of all nodes are reported together.
    pub(super) fn build<T: Send>(self, finish: impl Fn(Built) -> Result<T, Report> + Sync) -> (Option<Vec<T>>, Report) {
        self.build_all(|built, _, _| finish(built))
    }

    /// As [`Self::build`]; `finish` gets the catalog too.
    pub(super) fn build_with<T: Send>(
        self,
        finish: impl Fn(Built, &Catalog) -> Result<T, Report> + Sync,
    ) -> (Option<Vec<T>>, Report) {
        self.build_all(|built, catalog, _| finish(built, catalog))
    }

    /// As [`Self::build`]; `finish` gets the desk of the plugins too.
    pub(super) fn build_at<T: Send>(
        self,
        finish: impl Fn(Built, Option<&Desk<'_>>) -> Result<T, Report> + Sync,
    ) -> (Option<Vec<T>>, Report) {
        self.build_all(|built, _, desk| finish(built, desk))
    }

    fn build_all<T: Send>(
        self,
        finish: impl Fn(Built, &Catalog, Option<&Desk<'_>>) -> Result<T, Report> + Sync,
    ) -> (Option<Vec<T>>, Report) {
        let is_single = self.nodes.len() == 1;
        let plugins = self.plugins.clone();
        let desk = plugins.as_ref().map(|plugins| plugins.desk(is_single));
        let desk = desk.as_ref();
        let catalog = &self.catalog;
        let pipeline = Pipeline::new(catalog, &self.policy, Some(clock::now()));
        let pipeline = if is_single { pipeline } else { pipeline.of_many() };
        let one = |(spec, facts): (NodeSpec, ClusterFacts)| -> (Option<T>, Report) {
            let built = match pipeline.build_with(spec, facts, desk) {
                Ok(built) => built,
                Err(failed) => return (None, failed),
            };
            let mut report = built.warnings.clone();
            let made = finish(built, catalog, desk).map_err(|failed| report.extend(failed));
            (made.ok(), report)
        };
        let results = on_all_cpus(self.nodes, &one);
        if let Some(plugins) = &plugins {
            plugins.tell(&Ui::new());
        }
        let mut report = Report::new();
        let mut all = Vec::new();
        for (made, found) in results {
            report.extend(found);
            all.extend(made);
        }
        // Whoever builds nodes does so once or twice, and giving the tables back piece by piece takes longer than many a
        // check.
        mem::forget(pipeline);
        mem::forget(self.catalog);
        if report.has_errors() {
            (None, report)
        } else {
            (Some(all), report)
        }
    }
}

/// `work` on each item, on all CPUs; results in the order of the items.
fn on_all_cpus<I: Send, O: Send>(items: Vec<I>, work: &(impl Fn(I) -> O + Sync)) -> Vec<O> {
    // To count the CPUs the kernel is asked several times.
    let cpus = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if items.len() > 1 { cpus() } else { 1 };
    on_threads(threads, items, work)
}

/// `work` on each item, on so many threads; results in the order of the items.
pub(super) fn on_threads<I: Send, O: Send>(threads: usize, items: Vec<I>, work: &(impl Fn(I) -> O + Sync)) -> Vec<O> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let mut lanes: Vec<Vec<(usize, I)>> = (0..threads).map(|_| Vec::new()).collect();
    for (at, item) in items.into_iter().enumerate() {
        lanes[at % threads].push((at, item));
    }
    let mut done: Vec<(usize, O)> = thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .map(|lane| scope.spawn(move || lane.into_iter().map(|(at, item)| (at, work(item))).collect::<Vec<_>>()))
            .collect();
        // A panic in a lane is a defect, and goes on here.
        running
            .into_iter()
            .flat_map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, output)| output).collect()
}

/// Prints the findings; fails if they forbid going on.
pub(super) fn settle(ui: &Ui, findings: &Report, common: &Common) -> Result<(), Failure> {
    report::print(ui, findings, common.short);
    if findings.has_errors() {
        Err(Failure::Findings)
    } else {
        Ok(())
    }
}

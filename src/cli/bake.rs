//! `nodebake bake`

use std::path::{Path, PathBuf};

use super::load::Loaded;
use super::plugin::deliver;
use super::{Common, Failure, Outcome, Ui, bootstrap, bundle, load};
use crate::bake::{self, Artifact, BakeOne, Format, Packer, Published};
use crate::base::{PluginKind, Report};
use crate::edge::fs;
use crate::pipeline::{self, Built};
use crate::plugin::{self, Desk};
use crate::syntax::PluginUse;

/// Bake a node, or every node of a fleet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// What to make; `nodebake catalog formats` lists them. Or plugin/NAME,
    /// a format plugin that node.yaml names
    #[arg(long, default_value = "cloud-init", value_name = "FORMAT", value_parser = format)]
    format: Choice,
    /// The file to write, stdout if left out; for a fleet the folder, in which
    /// each node gets NAME.yaml, or NAME.img. A tarball holds the whole fleet,
    /// and is packed with zstd if its name ends with .zst
    #[arg(short, long, value_name = "PATH", value_parser = super::to_write())]
    output: Option<PathBuf>,
    /// Have this deliver plugin, which node.yaml names, take away what was made
    #[arg(long, value_name = "PLUGIN", requires = "output")]
    deliver: Vec<String>,
    #[command(flatten)]
    tarball: bundle::BundleArgs,
    #[command(flatten)]
    bootstrap: bootstrap::BootstrapArgs,
    #[command(flatten)]
    common: Common,
}

/// What was asked for.
#[derive(Debug, Clone)]
enum Choice {
    Own(Format),
    Plugin(String),
}

impl Choice {
    fn word(&self) -> &str {
        match self {
            Self::Own(format) => Format::ALL
                .iter()
                .find(|(_, own, _)| own == format)
                .map_or("", |row| row.0),
            Self::Plugin(name) => name,
        }
    }
}

fn format(word: &str) -> Result<Choice, String> {
    let known = Format::ALL.iter().find(|(name, ..)| *name == word);
    match known {
        Some((_, format, _)) => Ok(Choice::Own(*format)),
        None => match word.strip_prefix("plugin/") {
            Some(name) => PluginUse::check_name(name).map(|()| Choice::Plugin(name.to_owned())),
            None => Err(no_format()),
        },
    }
}

fn no_format() -> String {
    let words: Vec<&str> = Format::ALL.iter().map(|(name, ..)| *name).collect();
    format!("there are {}, and plugin/NAME", words.join(", "))
}

/// Every plugin that is asked for by name must be named by every node.
fn check_named(loaded: &Loaded, kind: PluginKind, name: &str) -> Result<(), Failure> {
    let lacks = loaded
        .uses()
        .find(|(_, uses)| !uses.iter().any(|one| one.kind == kind && one.name.value == name));
    match lacks {
        None => Ok(()),
        Some((node, _)) => Err(Failure::Usage(format!("{node} names no {kind} plugin `{name}`"))),
    }
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let is_cloud_init = matches!(args.format, Choice::Own(Format::CloudInit));
    let published = args.bootstrap.published(ui, is_cloud_init)?;
    let loaded = load::open(ui, &args.node, &args.common)?;
    for name in &args.deliver {
        check_named(&loaded, PluginKind::Deliver, name)?;
    }
    let deliverer = deliver::Deliverer::new(&loaded, &args.deliver, args.format.word());
    let how = match &args.format {
        Choice::Plugin(name) => {
            check_named(&loaded, PluginKind::Format, name)?;
            How::Plugin(name)
        }
        Choice::Own(format) => match format.one() {
            Some(one) => How::Own(one),
            None => {
                let name = loaded.name.clone();
                bundle::run(
                    ui,
                    loaded,
                    &args.node,
                    args.output.as_deref(),
                    &args.tarball,
                    &args.common,
                )?;
                let output = args.output.as_deref().map(|path| (name.as_str(), path.to_owned()));
                return deliverer.run(ui, output, &args.common);
            }
        },
    };
    args.tarball.refuse_unless_tarball()?;
    let is_fleet = loaded.is_fleet;
    if is_fleet && args.output.is_none() {
        return Err(Failure::Usage(
            "a fleet is baked into a folder: give one with -o".into(),
        ));
    }
    let packer = Packer::default();
    let how = published.as_ref().map_or(how, How::Bootstrap);
    let (baked, findings) = loaded.build_at(|built, desk| Baked::of(&built, how, &packer, desk));
    load::settle(ui, &findings, &args.common)?;
    // All nodes are baked before the first one is written.
    let baked = baked.ok_or(Failure::Findings)?;
    if let Some(folder) = args.output.as_ref().filter(|_| is_fleet) {
        write_fleet(ui, folder, &baked)?;
        let written = baked.iter().map(|node| (node.name.as_str(), path_in(folder, node)));
        return deliverer.run(ui, written, &args.common);
    }
    for node in &baked {
        match &args.output {
            Some(path) => {
                fs::write_atomically(path, &node.artifact.bytes, 0o644)?;
                say(ui, &path.display().to_string(), node);
                deliverer.run(ui, [(node.name.as_str(), path.clone())], &args.common)?;
            }
            None if ui.data_is_seen && node.artifact.ending != "yaml" => {
                return Err(Failure::Usage(
                    "this is no text for a terminal: give a file with -o".into(),
                ));
            }
            None => {
                ui.data(&node.artifact.bytes)?;
                say(ui, &node.name, node);
            }
        }
    }
    Ok(())
}

/// What is told and written of a node.
struct Baked {
    name: String,
    artifact: Artifact,
    /// Whether somebody measured what the provider takes.
    is_limit_measured: bool,
}

/// Who bakes a node.
#[derive(Debug, Clone, Copy)]
enum How<'f> {
    Own(BakeOne),
    Bootstrap(&'f Published),
    Plugin(&'f str),
}

impl Baked {
    fn of(built: &Built, how: How<'_>, packer: &Packer, desk: Option<&Desk<'_>>) -> Result<Self, Report> {
        let artifact = match how {
            How::Own(bake) => bake(&built.plan, &built.verified, packer)?,
            How::Bootstrap(bundle) => bake::bootstrap(&built.plan, &built.verified, bundle, packer)?,
            How::Plugin(name) => {
                let uses = pipeline::plugins(&built.plan.spec, &built.plan.profile.plugins);
                let one = uses
                    .iter()
                    .find(|one| one.kind == PluginKind::Format && one.name.value == name);
                // Every node was looked at for it before the first was built.
                let (Some(one), Some(desk)) = (one, desk) else {
                    return Err(Report::new());
                };
                let made = plugin::format(desk, one, &built.plan, built.verified.tree());
                let made = made.map_err(|finding| Report::from(*finding))?;
                Artifact::unlimited(made.bytes, made.ending)
            }
        };
        Ok(Self {
            artifact,
            name: built.plan.spec.name.value.clone(),
            is_limit_measured: built.plan.provider.verified,
        })
    }
}

/// Files on their way to the disk at once. Writing is mostly waiting for it, and it takes many at a time.
const WRITERS: usize = 8;

/// Every node's file.
fn write_fleet(ui: &Ui, folder: &Path, baked: &[Baked]) -> Outcome {
    let write = |node: &Baked| fs::replace(&path_in(folder, node), &node.artifact.bytes, 0o644);
    fs::make_folder(folder)?;
    let written = load::on_threads(WRITERS, baked.iter().collect(), &write);
    written.into_iter().collect::<Result<(), _>>()?;
    fs::settle(folder)?;
    for node in baked {
        say(ui, &path_in(folder, node).display().to_string(), node);
    }
    Ok(())
}

fn path_in(folder: &Path, node: &Baked) -> PathBuf {
    folder.join(format!("{}.{}", node.name, node.artifact.ending))
}

fn say(ui: &Ui, what: &str, node: &Baked) {
    let budget = &node.artifact.budget;
    let kind = if node.artifact.gzipped { ", gzip" } else { "" };
    let limit = if budget.max.is_none() || node.is_limit_measured {
        ""
    } else {
        " (limit not measured)"
    };
    let sha256 = node.artifact.sha256;
    ui.talk(&format!("{what}: {budget}{limit}{kind}, sha256 {sha256}"));
    if budget.is_tight() {
        ui.talk(&format!(
            "  little is left; the largest parts are {}",
            budget.biggest(5)
        ));
    }
}

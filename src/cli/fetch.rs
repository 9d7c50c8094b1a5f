//! `nodebake fetch`

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::progress::Progress;
use super::{Common, Failure, Outcome, Ui, load, report};
use crate::base::{Mirror, Sha256};
use crate::edge::cache::Cache;
use crate::edge::download::{Ending, Options, Want, load_all};
use crate::edge::fs;
use crate::pipeline::Built;
use crate::plan::PlannedArtifact;
use crate::review::{self, LOCK, Lock};
use crate::spec::Whence;

/// Load what a node or a fleet needs beside text into the cache, each artifact
/// once, checked against its sha256. What the cache has is not asked for again.
///
/// Proxies are taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The cache; if left out NODEBAKE_CACHE, or the folder nodebake in
    /// XDG_CACHE_HOME or ~/.cache
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// A mirror, a URL or a folder, that keeps each host's files under a folder
    /// of its name; HOST=URL is one that keeps the files of one host. Asked in
    /// the order given, in place of the mirror of node.yaml
    #[arg(long, value_name = "[HOST=]URL")]
    mirror: Vec<String>,
    /// Where no mirror has an artifact, take it from where it is published
    #[arg(long, requires = "mirror")]
    or_origin: bool,
    /// The lock; if left out artifacts.lock beside node.yaml
    #[arg(long, value_name = "PATH")]
    lock: Option<PathBuf>,
    /// Refuse to load anything but what the lock has
    #[arg(long)]
    locked: bool,
    /// How many artifacts to load at a time
    #[arg(short, long, value_name = "N", default_value = "4")]
    jobs: NonZero<usize>,
    /// How often to try again, if a try brings nothing new
    #[arg(long, value_name = "N", default_value_t = 4)]
    retries: u32,
    /// After how many seconds in which nothing comes a transfer is given up
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    stall: NonZero<u32>,
    /// Let mirrors on other machines be asked over plain http
    #[arg(long)]
    insecure_http: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let mirrors = mirrors(args)?;
    let cache = Cache::open(args.cache.as_deref())?;
    let folder = args.node.parent().unwrap_or(Path::new("")).to_owned();
    let lock_path = args.lock.clone().unwrap_or_else(|| folder.join(LOCK));
    let (built, findings) = load::open(ui, &args.node, &args.common)?.build(Ok);
    load::settle(ui, &findings, &args.common)?;
    let built = built.ok_or(Failure::Findings)?;
    if args.locked {
        check_lock(ui, args, &built, &lock_path)?;
    }
    let artifacts = each_once(&built);
    let wants: Vec<Want> = artifacts
        .into_iter()
        .map(|(sha256, alike)| {
            let places = alike
                .iter()
                .flat_map(|artifact| places(artifact, &mirrors, args.or_origin, &folder));
            Want {
                label: alike.first().map_or_else(String::new, |artifact| label(artifact)),
                sha256,
                places: places.collect(),
            }
        })
        .collect();
    let options = Options {
        jobs: args.jobs,
        stall: Duration::from_secs(args.stall.get().into()),
        retries: args.retries,
        insecure_http: args.insecure_http,
    };
    let progress = Progress::new(ui, &wants);
    let endings = load_all(
        &cache,
        &wants,
        &options,
        &|at, event| progress.event(at, event),
        &|at, ending| progress.ended(at, ending),
    );
    progress.finish();
    let sizes = settle(ui, &wants, &endings, &cache)?;
    if !args.locked {
        write_lock(ui, &built, &sizes, &lock_path)?;
    }
    Ok(())
}

/// The mirrors. Not left to the parser of the command line, which would show a refused one with its password.
fn mirrors(args: &Args) -> Result<Vec<Mirror>, Failure> {
    let mirrors: Result<Vec<Mirror>, String> = args.mirror.iter().map(|text| text.parse()).collect();
    let mirrors = mirrors.map_err(|why| Failure::Usage(format!("--mirror: {why}")))?;
    for mirror in &mirrors {
        if mirror.is_plain_http() && !mirror.is_loopback() && !args.insecure_http {
            let message = "a mirror over plain http on another machine needs --insecure-http";
            return Err(Failure::Usage(message.into()));
        }
    }
    Ok(mirrors)
}

/// Every artifact of every node once, by its digest, under each name and source it has.
fn each_once(built: &[Built]) -> BTreeMap<Sha256, Vec<&PlannedArtifact>> {
    let mut once: BTreeMap<Sha256, Vec<&PlannedArtifact>> = BTreeMap::new();
    for artifact in built.iter().flat_map(|node| &node.plan.artifacts) {
        let alike = once.entry(artifact.sha256).or_default();
        if alike
            .iter()
            .all(|other| other.url != artifact.url || other.source != artifact.source)
        {
            alike.push(artifact);
        }
    }
    once
}

/// What an artifact is called: a fleet may have one for each architecture.
fn label(artifact: &PlannedArtifact) -> String {
    match artifact.version {
        Some(_) => format!("{} {}", artifact.label(), artifact.arch.as_str()),
        None => artifact.label(),
    }
}

/// Where an artifact may be, in the order in which it is looked for.
fn places(artifact: &PlannedArtifact, mirrors: &[Mirror], or_origin: bool, folder: &Path) -> Vec<String> {
    let url = match &artifact.source {
        Whence::File(path) => return vec![folder.join(path).display().to_string()],
        Whence::Web(url) => url,
    };
    let mut places: Vec<String> = mirrors.iter().filter_map(|mirror| mirror.copy_of(url)).collect();
    if places.is_empty() {
        places.push(artifact.url.clone());
    } else if or_origin {
        places.push(url.as_str().to_owned());
    }
    places
}

/// Refuses if what is wanted is not what is locked.
fn check_lock(ui: &Ui, args: &Args, built: &[Built], path: &Path) -> Outcome {
    let wanted = review::wanted(built.iter().map(|node| &node.plan));
    let read = fs::read_source(path).map_err(|finding| crate::base::Report::from(*finding));
    let checked = read
        .and_then(|source| Lock::parse(&source))
        .map(|lock| lock.differences(&wanted, &path.display().to_string()));
    let findings = checked.unwrap_or_else(|failed| failed);
    report::print(ui, &findings, args.common.short);
    if findings.has_errors() {
        Err(Failure::Findings)
    } else {
        Ok(())
    }
}

/// Tells how it ended: everything that failed at once. Gives the sizes.
fn settle(ui: &Ui, wants: &[Want], endings: &[Ending], cache: &Cache) -> Result<BTreeMap<Sha256, u64>, Failure> {
    let mut sizes = BTreeMap::new();
    let (mut loaded, mut failed) = (0, Vec::new());
    for (want, ending) in wants.iter().zip(endings) {
        match ending {
            Ok(done) => {
                sizes.insert(want.sha256, done.size);
                loaded += usize::from(!done.was_there);
            }
            Err(why) => failed.push(format!("  {}: {why}", want.label)),
        }
    }
    if !failed.is_empty() {
        failed.sort();
        return Err(Failure::World(anyhow::anyhow!(
            "{} of {} artifacts could not be loaded:\n{}",
            failed.len(),
            wants.len(),
            failed.join("\n")
        )));
    }
    let bytes: u64 = sizes.values().sum();
    ui.talk(&format!(
        "{} artifacts, {} MiB, {loaded} of them new, in {}",
        wants.len(),
        bytes.div_ceil(1 << 20),
        cache.folder().display()
    ));
    Ok(sizes)
}

/// Writes the lock, if it says something new.
fn write_lock(ui: &Ui, built: &[Built], sizes: &BTreeMap<Sha256, u64>, path: &Path) -> Outcome {
    let rows = review::wanted(built.iter().map(|node| &node.plan));
    let rows = rows.into_iter().filter_map(|row| {
        let size = sizes.get(&row.sha256).copied()?;
        Some((row, size))
    });
    let text = Lock::new(rows).text();
    let old = fs::read_source(path).ok();
    if old.is_some_and(|old| old.text == text) {
        return Ok(());
    }
    fs::write_atomically(path, text.as_bytes(), 0o644)?;
    ui.talk(&format!("wrote {}", path.display()));
    Ok(())
}

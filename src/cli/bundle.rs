//! `nodebake bake --format tarball`

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use sha2::Digest;

use super::load::Loaded;
use super::progress::Bar;
use super::{Common, Failure, Outcome, Ui, load, report};
use crate::bake::bundle::{Bundle, BundledNode, Packing, Payload};
use crate::base::Sha256;
use crate::edge::cache::Cache;
use crate::edge::{fs, sign};
use crate::pipeline::Built;
use crate::plan::PlannedArtifact;
use crate::review::{self, LOCK, Lock};

/// What only a tarball takes.
#[derive(Debug, clap::Args)]
pub(super) struct BundleArgs {
    /// For a tarball: the cache that `nodebake fetch` filled; if left out
    /// NODEBAKE_CACHE, or the folder nodebake in XDG_CACHE_HOME or ~/.cache
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// For a tarball: sign it with this minisign secret key, into the file
    /// PATH.minisig beside it
    #[arg(long, value_name = "KEY", requires = "output")]
    sign: Option<PathBuf>,
}

impl BundleArgs {
    /// Words that would have no effect are refused.
    pub(super) fn refuse_unless_tarball(&self) -> Outcome {
        if self.cache.is_some() || self.sign.is_some() {
            return Err(Failure::Usage("--cache and --sign go with --format tarball".into()));
        }
        Ok(())
    }
}

pub(super) fn run(
    ui: &Ui,
    loaded: Loaded,
    node: &Path,
    output: Option<&Path>,
    args: &BundleArgs,
    common: &Common,
) -> Outcome {
    if output.is_none() && ui.data_is_seen {
        return Err(Failure::Usage(
            "this is no text for a terminal: give a file with -o".into(),
        ));
    }
    let plugins = loaded
        .plugins
        .as_ref()
        .map(|plugins| plugins.pins())
        .unwrap_or_default();
    let (built, findings) = loaded.build(Ok);
    load::settle(ui, &findings, common)?;
    let built = built.ok_or(Failure::Findings)?;
    hold_to_lock(ui, &built, node, common)?;
    let cache = Cache::open(args.cache.as_deref())?;
    let payloads = payloads(&cache, &built)?;
    let nodes: Vec<BundledNode> = built
        .iter()
        .zip(&payloads)
        .map(|(built, payloads)| BundledNode {
            plan: &built.plan,
            verified: &built.verified,
            payloads,
        })
        .collect();
    let bundle = Bundle::with_plugins(&nodes, plugins).map_err(|failed| {
        report::print(ui, &failed, common.short);
        Failure::Findings
    })?;
    let Some(path) = output else {
        return write(ui, &bundle, &cache, Packing::Gzip, &mut io::stdout(), "stdout");
    };
    let name = path.display().to_string();
    let packing = if path.extension().is_some_and(|ending| ending == "zst") {
        Packing::Zstd
    } else {
        Packing::Gzip
    };
    fs::stream_atomically(path, 0o644, |out| write(ui, &bundle, &cache, packing, out, &name))?;
    if let Some(key) = &args.sign {
        let signature = sign::sign(key, path)?;
        ui.talk(&format!("signed: {}", signature.display()));
    }
    Ok(())
}

/// Refuses if there is a lock and the plan wants something else.
fn hold_to_lock(ui: &Ui, built: &[Built], node: &Path, common: &Common) -> Outcome {
    let path = node.parent().unwrap_or(Path::new("")).join(LOCK);
    if !fs::exists(&path) {
        return Ok(());
    }
    let wanted = review::wanted(built.iter().map(|node| &node.plan));
    let read = fs::read_source(&path).map_err(|finding| crate::base::Report::from(*finding));
    let checked = read
        .and_then(|source| Lock::parse(&source))
        .map(|lock| lock.differences(&wanted, &path.display().to_string()));
    load::settle(ui, &checked.unwrap_or_else(|failed| failed), common)
}

/// Every node's artifacts with their files. What the cache has not is told together.
fn payloads(cache: &Cache, built: &[Built]) -> Result<Vec<Vec<Arc<Payload>>>, Failure> {
    let mut known: Vec<Arc<Payload>> = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for node in built {
        let mut payloads = Vec::new();
        for artifact in &node.plan.artifacts {
            if let Some(payload) = known.iter().find(|payload| payload.artifact == *artifact) {
                payloads.push(Arc::clone(payload));
                continue;
            }
            match payload(cache, artifact) {
                Ok(payload) => {
                    known.push(Arc::clone(&payload));
                    payloads.push(payload);
                }
                Err(why) => missing.push(format!("  {}: {why}", artifact.label())),
            }
        }
        all.push(payloads);
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(all);
    }
    let count = missing.len();
    Err(Failure::World(anyhow::anyhow!(
        "{count} artifacts cannot be taken from the cache:\n{}",
        missing.join("\n")
    )))
}

fn payload(cache: &Cache, artifact: &PlannedArtifact) -> Result<Arc<Payload>, String> {
    let dest = artifact.dest.parse()?;
    let files = cache.members(&artifact.sha256, &artifact.action, &dest);
    Ok(Arc::new(Payload {
        artifact: artifact.clone(),
        files: files.map_err(|error| error.to_string())?,
    }))
}

fn write(
    ui: &Ui,
    bundle: &Bundle,
    cache: &Cache,
    packing: Packing,
    out: &mut (dyn Write + Send),
    name: &str,
) -> Outcome {
    let bar = Bar::new(name, bundle.size());
    let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let mut out = Counting {
        out,
        bytes: 0,
        digest: sha2::Sha256::new(),
    };
    bundle.write(cache, packing, threads, &mut out, &|bytes| bar.step(bytes))?;
    out.flush()?;
    bar.finish();
    let digest = Sha256::from_bytes(out.digest.finalize().into());
    ui.talk(&format!(
        "{name}: {} node(s), {} files, {} of {} kB packed, sha256 {digest}",
        bundle.manifest.nodes.len(),
        bundle.count(),
        out.bytes.div_ceil(1000),
        bundle.size().div_ceil(1000)
    ));
    Ok(())
}

/// Counts and hashes what passes by.
struct Counting<'w> {
    out: &'w mut (dyn Write + Send),
    bytes: u64,
    digest: sha2::Sha256,
}

impl Write for Counting<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.out.write(data)?;
        self.digest.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

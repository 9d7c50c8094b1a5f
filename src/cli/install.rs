//! `nodebake install`

use std::io::Read;
use std::path::{Path, PathBuf};

use super::deliver::{Target, Where, refuse};
use super::{Failure, Outcome, Ui};
use crate::bake::bundle::{BundleNode, MemberName};
use crate::deliver::{self, After, Bundle, Disk, Opened, Plan, Source, Supply, Unpack, Wanted};
use crate::edge::{archive, sign, target};

/// Install an offline bundle: on this machine, and start the node, or with
/// --root into an image that is being built.
///
/// Files that are not nodebake's, and files of nodebake's that were changed
/// here, are never overwritten unasked: all of them are told at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle: .tar.gz, .tar.zst, or the folder it was unpacked into
    bundle: PathBuf,
    #[command(flatten)]
    place: Where,
    /// The node, if the bundle has several
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Print what would be done, and how texts would change
    #[arg(long)]
    dry_run: bool,
    /// Keep a copy of what is in the way below /var/lib/nodebake/backup, and
    /// replace it
    #[arg(long)]
    backup: bool,
    /// Leave what is in the way as it is, and take it for nodebake's
    #[arg(long, conflicts_with = "backup")]
    adopt: bool,
    /// Demand BUNDLE.minisig, a signature by this minisign public key; a key or
    /// a file with one
    #[arg(long, value_name = "PUB")]
    verify_key: Option<String>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let target = args.place.open(!args.dry_run)?;
    let bundle = open(args).map_err(|failed| match failed {
        Failure::World(error) => {
            ui.talk(&format!("error: {}: {error:#}", args.bundle.display()));
            ui.talk("nothing was changed");
            Failure::Findings
        }
        other => other,
    })?;
    let node = bundle.node(args.node.as_deref()).map_err(Failure::Usage)?;
    let wanted = bundle
        .wanted(&node.name, !target.live)
        .map_err(|why| Failure::World(anyhow::anyhow!(why)))?;
    preflight(ui, &target, &bundle, node, &wanted)?;
    let lock = if args.dry_run {
        None
    } else {
        Some(target.lock(args.place.wait)?)
    };
    if lock.is_some() {
        target.recover(ui, args.backup)?;
    }
    let options = target.options(args.backup, args.adopt);
    let plan = deliver::install(&target.disk, &wanted, options)?.map_err(|conflicts| refuse(ui, &conflicts))?;
    for (path, why) in &plan.kept {
        ui.talk(&format!("kept {path}: {why}"));
    }
    if args.dry_run {
        return show(ui, args, &target, &plan);
    }
    if plan.is_empty() {
        ui.talk(&format!("{} is installed already; nothing was changed", node.name));
    } else {
        target.execute(ui, &plan, &mut *supply(&args.bundle)?)?;
        ui.talk(&format!(
            "installed {}: {} files, {} MiB",
            node.name,
            plan.changes.len(),
            plan.bytes() >> 20
        ));
    }
    // First boot locks the record for itself.
    drop(lock);
    target.activate(ui)
}

/// Reads a bundle from its first byte to its last.
fn open(args: &Args) -> Result<Bundle, Failure> {
    let path = &args.bundle;
    if path.is_dir() {
        if args.verify_key.is_some() {
            let why = "--verify-key is for archives: a signature is of the archive as a whole";
            return Err(Failure::Usage(why.into()));
        }
        return Ok(deliver::check_folder(&|name| archive::open_in(path, name))?);
    }
    if let Some(key) = &args.verify_key {
        sign::verify(key, path)?;
    }
    let mut unpacked = archive::open(path)?;
    Ok(deliver::check_archive(&mut unpacked)?)
}

fn preflight(ui: &Ui, target: &Target, bundle: &Bundle, node: &BundleNode, wanted: &Wanted) -> Outcome {
    if target.live {
        let (Some(script), Some(env)) = (bundle.first_boot(&node.name), bundle.env(&node.name)) else {
            return Err(Failure::World(anyhow::anyhow!("the bundle has no first boot")));
        };
        return if target::bash(script, "first-boot", &["--preflight", "/dev/stdin"], env)? {
            Ok(())
        } else {
            Err(Failure::Findings)
        };
    }
    let mut release = String::new();
    let release = target
        .disk
        .read_through_links("/etc/os-release")
        .and_then(|file| file.take(1 << 16).read_to_string(&mut release))
        .is_ok()
        .then_some(release);
    let mut shell = Vec::new();
    let shell = target
        .disk
        .read_through_links("/bin/sh")
        .and_then(|file| file.take(64).read_to_end(&mut shell))
        .is_ok()
        .then_some(shell);
    let found = deliver::in_image(&target.disk, node, wanted, release.as_deref(), shell.as_deref())?;
    if found.is_empty() {
        Ok(())
    } else {
        Err(refuse(ui, &found))
    }
}

fn supply(path: &Path) -> Result<Box<dyn Supply>, Failure> {
    if path.is_dir() {
        Ok(Box::new(Folder(path.to_owned())))
    } else {
        Ok(Box::new(Unpack(archive::open(path)?)))
    }
}

/// An unpacked bundle.
struct Folder(PathBuf);

impl Supply for Folder {
    fn supply(
        &mut self,
        wanted: &std::collections::BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        for name in wanted {
            let (size, from): Opened = archive::open_in(&self.0, name.as_str())?;
            take(name, &mut from.take(size))?;
        }
        Ok(())
    }
}

/// Texts longer than this are not compared, in bytes.
const LONGEST_TEXT: u64 = 256 << 10;

/// Prints the operations, and how texts of the machine change.
fn show(ui: &Ui, args: &Args, target: &Target, plan: &Plan) -> Outcome {
    let mut out: String = plan.operations().iter().map(|line| format!("{line}\n")).collect();
    let mut names = std::collections::BTreeSet::new();
    for change in &plan.changes {
        if let After::File {
            source: Source::Member(name),
            size,
            ..
        } = &change.after
            && *size <= LONGEST_TEXT
            && change.verb != deliver::Verb::Record
        {
            names.insert(name.clone());
        }
    }
    let mut texts = std::collections::BTreeMap::new();
    if !names.is_empty() {
        supply(&args.bundle)?.supply(&names, &mut |name, from| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)?;
            if let Ok(text) = String::from_utf8(bytes) {
                texts.insert(name.clone(), text);
            }
            Ok(())
        })?;
    }
    for change in &plan.changes {
        let After::File {
            source: Source::Member(name),
            ..
        } = &change.after
        else {
            continue;
        };
        let is_file =
            matches!(target.disk.look(&change.path)?, deliver::Look::File { size, .. } if size <= LONGEST_TEXT);
        let (Some(new), true) = (texts.get(name), is_file) else {
            continue;
        };
        let Ok(Some(old)) = deliver::text(&target.disk, &change.path) else {
            continue;
        };
        let diff = similar::TextDiff::from_lines(&old, new);
        let (now, then) = (change.path.clone(), format!("{} of the bundle", change.path));
        out += &crate::base::masked(&diff.unified_diff().header(&now, &then).to_string());
    }
    if plan.is_empty() {
        out += "nothing would be changed\n";
    }
    Ok(ui.data(out.as_bytes())?)
}

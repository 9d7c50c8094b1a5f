//! What the commands on the machine share: the disk, the lock, what an earlier run left, and first boot.

use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Ui};
use crate::bake::bundle::STATE;
use crate::deliver::{self, Conflict, Disk, Journal, Left, Options, Plan, Progress, Task};
use crate::edge::disk::RootDisk;
use crate::edge::target::{self, Lock, NoLock};

/// Where the scripts of the machine lie.
const SCRIPTS: &str = "/usr/local/lib/nodebake";

/// Where the commands on the machine work.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The root folder of an image that is being built, instead of this
    /// machine; only its files are touched
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// Seconds to wait for another installation to end
    #[arg(long, value_name = "SECS", default_value_t = 0)]
    pub(super) wait: u64,
}

/// The machine or image that is worked on.
pub(super) struct Target {
    pub(super) disk: RootDisk,
    /// Whether it is the running machine.
    pub(super) live: bool,
    /// The owner that files get.
    pub(super) owner: Option<(u32, u32)>,
}

impl Where {
    /// Opens the target. The running machine is root's.
    pub(super) fn open(&self, writes: bool) -> Result<Target, Failure> {
        let live = self.root.is_none();
        let is_root = target::is_root();
        if live && writes && !is_root {
            return Err(Failure::Usage("only root may change this machine: sudo".into()));
        }
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        let disk =
            RootDisk::open(root).map_err(|error| anyhow::anyhow!("{} cannot be opened: {error}", root.display()))?;
        Ok(Target {
            disk,
            live,
            owner: is_root.then_some((0, 0)),
        })
    }
}

/// Prints what is in the way, and ends.
pub(super) fn refuse(ui: &Ui, conflicts: &[Conflict]) -> Failure {
    for conflict in conflicts {
        ui.talk(&format!("error: {conflict}"));
    }
    ui.talk(&format!("{} in the way; nothing was changed", conflicts.len()));
    Failure::Findings
}

impl Target {
    pub(super) fn lock(&self, wait: u64) -> Result<Lock<'_>, Failure> {
        if !self.disk.is_folder("/var/lib")? {
            let missing = "it has no /var/lib: --root wants the root folder of a whole system";
            return Err(Failure::Usage(missing.into()));
        }
        target::lock(&self.disk, STATE, wait).map_err(|error| match error {
            NoLock::Held(who) => Failure::World(anyhow::anyhow!(
                "another installation is active: {who}; --wait SECS waits for it"
            )),
            NoLock::World(error) => error.into(),
        })
    }

    pub(super) fn options(&self, backup: bool, adopt: bool) -> Options {
        Options {
            backup,
            adopt,
            owner: self.owner,
        }
    }

    /// Brings a transaction that did not end back to its beginning, or an uninstallation to its end.
    pub(super) fn recover(&self, ui: &Ui, backup: bool) -> Result<(), Failure> {
        match deliver::left(&self.disk)? {
            Left::Begun(journal, Progress::Done) if journal.task == Task::Uninstall => self.end_uninstall(ui)?,
            Left::Begun(journal, Progress::Applying | Progress::Undoing) => {
                ui.talk(&format!(
                    "the last {} was interrupted; it is taken back first",
                    journal.task.word()
                ));
                self.undo(ui, &journal, backup)?;
            }
            _ => {}
        }
        Ok(deliver::tidy(&self.disk)?)
    }

    /// Takes a transaction back, unless that would lose what others changed since.
    pub(super) fn undo(&self, ui: &Ui, journal: &Journal, backup: bool) -> Result<(), Failure> {
        let conflicts = deliver::undo_conflicts(&self.disk, journal)?;
        if !conflicts.is_empty() {
            if !backup {
                return Err(refuse(ui, &conflicts));
            }
            deliver::save(&self.disk, &conflicts, self.owner)?;
        }
        Ok(deliver::undo(&self.disk, journal, self.owner, self.live)?)
    }

    /// Carries out a plan, once it is known to fit.
    pub(super) fn execute(&self, ui: &Ui, plan: &Plan, supply: &mut dyn deliver::Supply) -> Result<(), Failure> {
        let short = deliver::room(plan, &|path| self.disk.space(path))?;
        if !short.is_empty() {
            return Err(refuse(ui, &short));
        }
        deliver::execute(&self.disk, plan, supply, self.owner).map_err(|error| {
            let state = match deliver::left(&self.disk) {
                Ok(Left::Begun(_, Progress::Applying | Progress::Undoing)) => {
                    "the next run or `nodebake rollback` takes back what was begun"
                }
                _ => "everything is as it was",
            };
            Failure::World(anyhow::anyhow!("{error}; {state}"))
        })
    }

    /// Starts what was installed, if it was not: first boot, which finds all files in place.
    pub(super) fn activate(&self, ui: &Ui) -> Result<(), Failure> {
        if !self.live || self.disk.look(deliver::FIRST_BOOT_DONE)? != deliver::Look::Absent {
            return Ok(());
        }
        let script = self.script("first-boot")?.unwrap_or_default();
        ui.talk("starting the node");
        if target::bash(&script, "first-boot", &[], "")? {
            return Ok(());
        }
        Err(Failure::World(anyhow::anyhow!(
            "the files are installed, but first boot failed: see {STATE}/first-boot.failed; install again, or `nodebake rollback`"
        )))
    }

    /// A script of the machine, from the stage if it is not installed any more.
    pub(super) fn script(&self, name: &str) -> io::Result<Option<String>> {
        match deliver::text(&self.disk, &format!("{SCRIPTS}/{name}"))? {
            Some(text) => Ok(Some(text)),
            None => deliver::text(&self.disk, &format!("{STATE}/stage{SCRIPTS}/{name}")),
        }
    }

    /// Runs the part of the uninstall script that deals with units and the system. Its failures are told, not heeded:
    /// what cannot be stopped must not keep files here.
    pub(super) fn units(&self, ui: &Ui, part: &str) -> io::Result<()> {
        let (script, env) = (self.script("uninstall")?, self.env()?);
        units_with(self, ui, part, script.as_deref(), env.as_deref())
    }

    /// The settings of first boot.
    pub(super) fn env(&self) -> io::Result<Option<String>> {
        deliver::text(&self.disk, &format!("{STATE}/stage/etc/nodebake/node.env"))
    }

    /// What comes after the files of an uninstallation are gone.
    pub(super) fn end_uninstall(&self, ui: &Ui) -> io::Result<()> {
        self.units(ui, "--back")?;
        deliver::forget(&self.disk)
    }
}

/// Runs a part of the uninstall script that was read before its files went.
pub(super) fn units_with(
    target: &Target,
    ui: &Ui,
    part: &str,
    script: Option<&str>,
    env: Option<&str>,
) -> io::Result<()> {
    let (true, Some(script), Some(env)) = (target.live, script, env) else {
        return Ok(());
    };
    if !target::bash(script, "uninstall", &[part, "/dev/stdin"], env)? {
        ui.talk(&format!("warning: `uninstall {part}` did not end well"));
    }
    Ok(())
}

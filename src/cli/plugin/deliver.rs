//! `nodebake bake --deliver`

use std::path::PathBuf;

use super::super::load::Loaded;
use super::super::plugins::Shared;
use super::super::{Common, Outcome, Ui, load};
use crate::base::{PluginKind, Report};
use crate::edge::fs;
use crate::plugin::{Artifact, deliver};
use crate::syntax::PluginUse;

/// Has plugins take away what was made.
#[derive(Debug)]
pub(in crate::cli) struct Deliverer {
    plugins: Shared,
    /// In the order in which node.yaml names them; what each node tells them may differ.
    uses: Vec<(String, PluginUse)>,
    fleet: String,
    format: String,
}

impl Deliverer {
    pub(in crate::cli) fn new(loaded: &Loaded, names: &[String], format: &str) -> Self {
        let wanted = |one: &PluginUse| one.kind == PluginKind::Deliver && names.contains(&one.name.value);
        let uses = loaded.uses().flat_map(|(node, uses)| {
            let uses = uses.into_iter().filter(wanted);
            uses.map(move |one| (node.to_owned(), one)).collect::<Vec<_>>()
        });
        Self {
            plugins: loaded.plugins.clone(),
            uses: uses.collect(),
            fleet: loaded.name.clone(),
            format: format.into(),
        }
    }

    /// Delivers each file, one after the other: the first that fails ends it, and what was delivered stays.
    pub(in crate::cli) fn run<'a>(
        &self,
        ui: &Ui,
        written: impl IntoIterator<Item = (&'a str, PathBuf)>,
        common: &Common,
    ) -> Outcome {
        let Some(plugins) = &self.plugins else { return Ok(()) };
        let desk = plugins.desk(true);
        for (name, path) in written {
            let mut done: Vec<&PluginUse> = Vec::new();
            for (node, one) in &self.uses {
                // A bundle of a fleet is one file: each plugin takes it once for each thing it is told.
                let is_same = |other: &&PluginUse| other.id() == one.id() && other.with == one.with;
                if (node != name && name != self.fleet) || done.iter().any(is_same) {
                    continue;
                }
                done.push(one);
                let (sha256, size) = fs::digest(&path)?;
                let artifact = Artifact {
                    name: name.into(),
                    format: self.format.clone(),
                    path: fs::whole_path(&path)?.display().to_string(),
                    size,
                    sha256: sha256.to_string(),
                };
                match deliver(&desk, one, artifact) {
                    Ok(location) => ui.talk(&format!("{}: {} delivered to {location}", path.display(), one.id())),
                    Err(finding) => return load::settle(ui, &Report::from(*finding), common),
                }
            }
        }
        plugins.tell(ui);
        Ok(())
    }
}

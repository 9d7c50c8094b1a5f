//! What a page keeps of one node while the others are still made.

use std::sync::Arc;

use super::findings::{FindingView, findings};
use super::order::{self, Step};
use super::resources::{Resource, max_pods, resources};
use super::text::{Paths, Texts};
use super::values::{ValueView, values};
use crate::base::{Mode, Report, Sha256};
use crate::catalog::{Catalog, Plane};
use crate::plan::Plan;
use crate::render::{paths_in, template_of};
use crate::tree::{Entry, FileTree};
use crate::verify::kubelet_config;

/// One file's part of the user-data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPart {
    /// The file's path on the machine.
    pub path: String,
    /// Bytes of its entry.
    pub bytes: usize,
    /// How its content is written.
    pub encoding: &'static str,
}

/// The user-data of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetView {
    /// Who takes it.
    pub taker: String,
    /// Its bytes.
    pub used: usize,
    /// Bytes that are taken; nothing if there is no limit.
    pub max: Option<usize>,
    /// Whether it is compressed as a whole, so that it is smaller than its parts together.
    pub gzipped: bool,
    /// Every file's part, largest first.
    pub parts: Vec<BudgetPart>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) plane: Plane,
    /// Its path in its plane.
    pub(super) path: String,
    pub(super) mode: Mode,
    pub(super) digest: Sha256,
    pub(super) text: Arc<str>,
    /// The template's name, or nothing for the user's own.
    pub(super) template: Option<String>,
    /// What the template says the file is for.
    pub(super) summary: String,
    /// Where it comes from.
    pub(super) origin: String,
    /// Values of the plan that its template asks for.
    pub(super) uses: Vec<String>,
}

/// What a page keeps of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    pub(super) name: String,
    pub(super) node_name: String,
    pub(super) instance_type: String,
    pub(super) image: String,
    pub(super) profile: String,
    pub(super) cluster: String,
    pub(super) kubernetes: String,
    pub(super) gpus: String,
    pub(super) gpu_count: u64,
    pub(super) max_pods: u64,
    pub(super) resources: [Resource; 2],
    pub(super) files: Vec<File>,
    pub(super) steps: Vec<Step>,
    pub(super) values: Vec<ValueView>,
    pub(super) user_data: BudgetView,
    pub(super) findings: Vec<FindingView>,
}

impl NodeView {
    /// What the page keeps of the node that `plan` and `tree` describe. `texts` and `paths` are those of the whole page.
    pub fn new(
        plan: &Plan,
        tree: &FileTree,
        catalog: &Catalog,
        report: &Report,
        user_data: BudgetView,
        texts: &Texts,
        paths: &Paths,
    ) -> Self {
        let config = kubelet_config(plan, tree, catalog);
        let said = |path: &str| {
            let decision = plan.book.get(path);
            let text = decision.and_then(|decision| decision.value().as_str());
            text.unwrap_or_default().to_owned()
        };
        let gpu = plan.instance_type.gpu.as_ref();
        Self {
            name: plan.spec.name.value.clone(),
            node_name: said("identity.nodeName"),
            instance_type: plan.instance_type.full_name(),
            image: plan.image.name.clone(),
            profile: plan.profile.name.clone(),
            cluster: said("cluster.name"),
            kubernetes: plan
                .node
                .as_ref()
                .map_or_else(|| "none".into(), |node| node.kubelet_version.to_string()),
            gpus: gpu.map_or_else(|| "none".into(), |gpu| format!("{} \u{d7} {}", gpu.count, gpu.model)),
            gpu_count: gpu.map_or(0, |gpu| gpu.count),
            max_pods: max_pods(&config),
            resources: resources(plan, &config),
            files: tree
                .iter()
                .map(|entry| file(entry, plan, catalog, texts, paths))
                .collect(),
            steps: order::steps(plan, tree, catalog, paths),
            values: values(plan, paths),
            user_data,
            findings: findings(report, paths),
        }
    }
}

fn file(entry: &Entry, plan: &Plan, catalog: &Catalog, texts: &Texts, paths: &Paths) -> File {
    let (digest, text) = texts.keep(&entry.text);
    let template = template_of(plan, catalog, entry);
    let mut uses = Vec::new();
    if let Some(template) = &template {
        let when = template.when.as_ref().map_or("", |when| when.value.as_str());
        let body = if template.verbatim { "" } else { template.body() };
        let asked = in_tags(body).into_iter().chain([when]);
        uses.extend(asked.flat_map(paths_in).filter(|path| plan.book.get(path).is_some()));
        uses.sort_unstable();
        uses.dedup();
    }
    let uses = uses.into_iter().map(str::to_owned).collect();
    File {
        plane: entry.plane,
        path: entry.path.to_string(),
        mode: entry.mode,
        digest,
        text,
        summary: template
            .as_ref()
            .map_or_else(|| "a file of yours".to_owned(), |template| template.summary.clone()),
        origin: match &template {
            Some(_) => paths.short(&entry.origin.source.name).to_owned(),
            None => paths.place(&entry.origin),
        },
        template: template.map(|template| template.name.clone()),
        uses,
    }
}

/// What stands in a template's tags.
fn in_tags(body: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        let tags = body.split(open).skip(1);
        found.extend(tags.filter_map(|rest| Some(rest.split_once(close)?.0)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_both_kinds() {
        assert_eq!(
            in_tags("a {{ x.y }} {% if z.w %}{{ v }}{% endif %} }} {{"),
            [" x.y ", " v ", " if z.w ", " endif "]
        );
    }
}

//! Artifacts: what is brought to the machine beside text, each with the hash it must have.

use serde::Serialize;

use super::{ContainerdPlan, Desk};
use crate::base::{Finding, HttpsUrl, Origin, Report, Sha256, Version};
use crate::catalog::Arch;
use crate::spec::{ArtifactFile, Whence};

/// One download of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedArtifact {
    /// `kubelet` …, or what the user calls an own one.
    pub component: String,
    /// Its version. The user's own have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// For which machine.
    #[serde(skip)]
    pub arch: Arch,
    /// What its bytes must hash to.
    pub sha256: Sha256,
    /// `file` (mode 0755), `file` and another mode (`file0644`), `untar0` or `untar1`.
    pub action: String,
    /// Where it goes.
    pub dest: String,
    /// Where the machine gets it: a URL, the mirror already applied, or a path relative to node.yaml, which only a
    /// bundle can carry.
    pub url: String,
    /// Where it is published.
    #[serde(skip)]
    pub source: Whence,
}

impl PlannedArtifact {
    /// What it is called in messages: component and version.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.component),
            None => self.component.clone(),
        }
    }
}

/// The version word that follows the cluster's minor.
const BY_KUBERNETES: &str = "by-kubernetes";

pub(super) fn decide(desk: &mut Desk<'_>, kubelet: &Version, containerd: &ContainerdPlan) -> Vec<PlannedArtifact> {
    let mut wanted: Vec<(String, Option<Version>)> = vec![("kubelet".into(), Some(kubelet.clone()))];
    for (component, version) in &desk.image.artifacts {
        let runtime = component == "containerd" || component == "runc";
        if runtime && !containerd.pinned {
            continue;
        }
        let version = match component.as_str() {
            "containerd" => Some(containerd.version.clone()),
            _ if version == BY_KUBERNETES => None,
            _ => version.parse().ok(),
        };
        wanted.push((component.clone(), version));
    }
    let mut planned = Vec::new();
    for (component, version) in wanted {
        match plan(desk, &component, version.as_ref(), kubelet) {
            Ok(artifact) => planned.push(artifact),
            Err(report) => desk.report.extend(report),
        }
    }
    own(desk, &mut planned);
    let own = desk.spec.artifacts.files.first();
    let origin = match own {
        Some(own) => Origin::Spec(own.name.place.clone()),
        None => Origin::Image(format!("{} ({})", desk.image.name, desk.image.place)),
    };
    let pinned: Vec<&PlannedArtifact> = planned.iter().filter(|artifact| artifact.version.is_some()).collect();
    let image = Origin::Image(format!("{} ({})", desk.image.name, desk.image.place));
    let all = own.map(|_| (planned.iter().collect(), origin));
    desk.book.choose("artifacts.list", (pinned, image), [all]);
    let imports: Vec<&str> = desk
        .spec
        .artifacts
        .imports()
        .map(|file| file.path.value.as_str())
        .collect();
    let rule = "the user's artifacts with `import`";
    desk.book
        .set("artifacts.imports", &imports, Origin::Default(rule.to_owned()));
    planned
}

/// The user's own artifacts alone: a machine without a kubelet needs none of ours.
pub(super) fn own_alone<R>(desk: &mut Desk<'_, R>) -> Vec<PlannedArtifact> {
    let mut planned = Vec::new();
    own(desk, &mut planned);
    for file in desk.spec.artifacts.imports() {
        let message = "only a node has a containerd to import images into";
        let finding = Finding::error("plan/own-artifact", message, &file.name.place);
        desk.report.push(finding.hint("leave `import` out"));
    }
    let origin = match desk.spec.artifacts.files.first() {
        Some(own) => Origin::Spec(own.name.place.clone()),
        None => Origin::Default("only what the user adds".into()),
    };
    desk.book.set("artifacts.list", &planned, origin);
    planned
}

/// Where the machine gets a published file.
fn mirrored<R>(desk: &Desk<'_, R>, url: &HttpsUrl) -> String {
    match &desk.spec.artifacts.mirror {
        Some(mirror) => format!("{}/{}", mirror.value, url.after_scheme()),
        None => url.as_str().to_owned(),
    }
}

/// Adds the user's own, and says which stand in the way of others.
fn own<R>(desk: &mut Desk<'_, R>, planned: &mut Vec<PlannedArtifact>) {
    let spec = desk.spec;
    for file in &spec.artifacts.files {
        let path = file.path.value.as_str();
        let above = |folder: &str, path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        for other in &*planned {
            if other.component == file.name.value && other.version.is_some() {
                let message = format!("`{}` is an artifact of nodebake's", file.name.value);
                let finding = Finding::error("plan/own-artifact", message, &file.name.place);
                desk.report.push(finding.hint("call it something else"));
            }
            if other.dest == path
                || above(path, &other.dest)
                || (other.action.starts_with("file") && above(&other.dest, path))
            {
                let message = format!("{path} is where {} goes: {}", other.label(), other.dest);
                desk.report
                    .push(Finding::error("plan/own-artifact", message, &file.path.place));
            }
        }
        planned.push(plan_own(desk, file));
    }
}

fn plan_own<R>(desk: &Desk<'_, R>, file: &ArtifactFile) -> PlannedArtifact {
    let url = match &file.source.value {
        Whence::Web(url) => mirrored(desk, url),
        Whence::File(path) => path.clone(),
    };
    PlannedArtifact {
        component: file.name.value.clone(),
        version: None,
        arch: desk.instance_type.arch,
        sha256: file.sha256.value,
        action: format!("file{}", file.mode.value),
        dest: file.path.value.as_str().to_owned(),
        url,
        source: file.source.value.clone(),
    }
}

fn plan(
    desk: &Desk<'_>,
    component: &str,
    version: Option<&Version>,
    kubelet: &Version,
) -> Result<PlannedArtifact, Report> {
    let arch = desk.instance_type.arch;
    let pin = match version {
        Some(version) => desk.catalog.artifact(component, version, arch)?,
        None => desk.catalog.newest_artifact(component, kubelet.kube_minor(), arch)?,
    };
    let Some(pin) = pin else {
        let wanted = version.map_or_else(
            || format!("for Kubernetes {}", kubelet.kube_minor()),
            ToString::to_string,
        );
        let message = format!("no {component} {wanted} is pinned for {}", arch.as_str());
        let hint = "add its row to images/artifacts.csv of your catalog folder (--catalog)";
        return Err(Finding::error("plan/artifact", message, &desk.spec.image.place)
            .hint(hint)
            .into());
    };
    let (action, dest) = desk.catalog.install_rule(component)?;
    let url = mirrored(desk, &pin.url);
    Ok(PlannedArtifact {
        component: pin.component,
        version: Some(pin.version),
        arch,
        sha256: pin.sha256,
        action,
        dest,
        url,
        source: Whence::Web(pin.url),
    })
}

//! Artifacts: what the machine downloads at first boot, each with the hash it must have.

use serde::Serialize;

use super::{ContainerdPlan, Desk};
use crate::base::{Finding, Origin, Report, Sha256, Version};

/// One download of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedArtifact {
    /// `kubelet` …
    pub component: String,
    /// Its version.
    pub version: Version,
    /// What its bytes must hash to.
    pub sha256: Sha256,
    /// `file`, `untar0` or `untar1`.
    pub action: String,
    /// Where it goes.
    pub dest: String,
    /// Where it comes from, the mirror already applied.
    pub url: String,
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
    let origin = Origin::Image(format!("{} ({})", desk.image.name, desk.image.place));
    desk.book.set("artifacts.list", &planned, origin);
    planned
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
    let url = match &desk.spec.artifacts.mirror {
        Some(mirror) => format!("{}/{}", mirror.value, pin.url.after_scheme()),
        None => pin.url.as_str().to_owned(),
    };
    Ok(PlannedArtifact {
        component: pin.component,
        version: pin.version,
        sha256: pin.sha256,
        action,
        dest,
        url,
    })
}

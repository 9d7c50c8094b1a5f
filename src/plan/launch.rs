//! What a launch through the cloud's API takes beside what is baked: as `node.yaml` says it. What exists in the account is
//! known only when it is launched.

use std::collections::BTreeMap;

use super::Desk;
use crate::base::{Finding, Located, Origin};
use crate::catalog::Provider;

pub(super) fn decide(desk: &mut Desk<'_>, provider: &Provider) {
    let Some(launch) = &desk.role.launch else { return };
    let (image, spec) = (desk.image, desk.spec);
    if provider.api.is_none() {
        let message = format!("nodebake launches nothing at {}", provider.name);
        let finding = Finding::error("plan/launch", message, &launch.place);
        desk.report.push(
            finding
                .note(&spec.instance_type.place, "the instance type")
                .hint("leave `launch` out, and launch with what you have for that cloud"),
        );
    } else if image.family.is_none() {
        let message = format!("image {} has no family to launch with at {}", image.name, provider.name);
        let finding = Finding::error("plan/launch", message, &spec.image.place);
        let families = provider.image_families.join(", ");
        desk.report.push(finding.hint(format!("the provider has {families}")));
    }
    let mut set = |key: &str, value: Option<&Located<String>>| {
        if let Some(value) = value {
            let origin = Origin::Spec(value.place.clone());
            desk.book.set(&format!("launch.{key}"), &value.value, origin);
        }
    };
    set("region", launch.region.as_ref());
    set("sshKey", launch.ssh_key.as_ref());
    set("name", launch.name.as_ref());
    set_list(desk, "fileSystems", &launch.file_systems);
    set_list(desk, "firewallRulesets", &launch.firewall_rulesets);
    if let Some((first, _)) = launch.tags.first() {
        let tags: BTreeMap<&str, &str> = launch
            .tags
            .iter()
            .map(|(key, value)| (key.value.as_str(), value.value.as_str()))
            .collect();
        desk.book.set("launch.tags", tags, Origin::Spec(first.place.clone()));
    }
}

fn set_list(desk: &mut Desk<'_>, key: &str, list: &[Located<String>]) {
    if let Some(first) = list.first() {
        let values: Vec<&String> = list.iter().map(|one| &one.value).collect();
        let origin = Origin::Spec(first.place.clone());
        desk.book.set(&format!("launch.{key}"), values, origin);
    }
}

//! The user's own part of the cloud-config document: what can be merged, and what cannot.

use serde_json::json;

use super::Desk;
use crate::base::{Finding, Origin, closest};
use crate::syntax::yaml::{self, Reader};

pub(super) fn decide<R>(desk: &mut Desk<'_, R>) {
    let Some(config) = &desk.spec.cloud_config else {
        desk.book.set(
            "cloudConfig",
            json!({}),
            Origin::Default("node.yaml has no cloudConfig".into()),
        );
        return;
    };
    let keys = match desk.catalog.cloud_config_keys() {
        Ok(keys) => keys,
        Err(report) => return desk.report.extend(report),
    };
    let floor = &desk.image.cloud_init;
    for entry in config.entries() {
        let Some(row) = keys.iter().find(|row| row.key == entry.key) else {
            let message = format!("`{}` is not a key of cloud-config", entry.key);
            let mut finding = Finding::error("plan/cloud-config", message, &entry.key_place);
            if let Some(near) = closest(&entry.key, keys.iter().map(|row| row.key.as_str())) {
                finding = finding.hint(format!("did you mean `{near}`?"));
            }
            desk.report.push(finding);
            continue;
        };
        if let Some(why) = &row.refuse {
            let finding = Finding::error(
                "plan/cloud-config",
                format!("`{}` cannot be merged", entry.key),
                &entry.key_place,
            );
            desk.report.push(finding.hint(why.clone()));
        }
        if let Some(since) = row.since.as_ref().filter(|since| *since > floor) {
            let message = format!(
                "`{}` came with cloud-init {since}, image {} may have {floor}",
                entry.key, desk.image.name
            );
            desk.report
                .push(Finding::error("plan/cloud-config", message, &entry.key_place).hint("it would be ignored"));
        }
        if let Some(why) = &row.warn {
            let message = format!("`{}` deserves a second look: {why}", entry.key);
            desk.report
                .push(Finding::warning("plan/cloud-config-risk", message, &entry.key_place));
        }
    }
    let value = yaml::to_json(
        &mut Reader {
            report: &mut desk.report,
        },
        config,
    );
    desk.book.set("cloudConfig", value, Origin::Spec(config.place.clone()));
}

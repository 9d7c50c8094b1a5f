//! `sbom.cdx.json`: the software of a bundle as a `CycloneDX` 1.6 document. It carries no time, and its serial number is
//! made of its content, so that the same bundle has the same document.

use std::sync::Arc;

use serde_cyclonedx::cyclonedx::v_1_6 as cdx;

use super::contents::Payload;
use crate::base::{Member, Sha256};

/// The document about `payloads`, which come in a fixed order. `None` if the library refuses a part, which is a defect.
pub(super) fn sbom<'p>(payloads: impl Iterator<Item = &'p Arc<Payload>>) -> Option<String> {
    let components = payloads.map(|payload| component(payload)).collect::<Option<Vec<_>>>()?;
    let mut document = cdx::CycloneDxBuilder::default()
        .bom_format("CycloneDX")
        .spec_version("1.6")
        .version(1)
        .components(components)
        .build()
        .ok()?;
    let unnumbered = serde_json::to_string(&document).ok()?;
    document.serial_number = Some(uuid(Sha256::of(unnumbered.as_bytes())));
    let mut text = serde_json::to_string_pretty(&document).ok()?;
    text.push('\n');
    Some(text)
}

fn component(payload: &Payload) -> Option<cdx::Component> {
    let artifact = &payload.artifact;
    let version = payload.version();
    let source = cdx::ExternalReferenceBuilder::default()
        .type_("distribution")
        .url(artifact.url.clone())
        .hashes(vec![hash(artifact.sha256)])
        .build()
        .ok()?;
    cdx::ComponentBuilder::default()
        .type_("application")
        .bom_ref(payload.name())
        .name(artifact.component.clone())
        .version(version.clone())
        .purl(format!(
            "pkg:generic/{}@{version}?arch={}&checksum=sha256:{}",
            artifact.component,
            artifact.arch.as_str(),
            artifact.sha256
        ))
        .external_references(vec![source])
        .components(payload.files.iter().map(file).collect::<Option<Vec<_>>>()?)
        .build()
        .ok()
}

fn file(file: &Member) -> Option<cdx::Component> {
    cdx::ComponentBuilder::default()
        .type_("file")
        .name(file.path.to_string())
        .hashes(vec![hash(file.sha256)])
        .build()
        .ok()
}

fn hash(digest: Sha256) -> cdx::Hash {
    cdx::Hash {
        alg: cdx::HashAlg::Sha256,
        content: digest.to_string(),
    }
}

/// A name-based UUID in the form of RFC 9562, section 5.8 (version 8: made of what its maker likes, here a digest).
fn uuid(digest: Sha256) -> String {
    let hex = digest.to_string();
    format!(
        "urn:uuid:{}-{}-8{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

//! Providers: how a cloud takes user-data.

use serde::Serialize;

use super::Catalog;
use super::files::unknown;
use crate::base::Report;
use crate::syntax::yaml::{Node, Reader};

/// What the API's field wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WireEncoding {
    /// The text itself.
    Plain,
    /// Base64; the client does it, the limit counts the bytes before it.
    Base64,
}

/// A cloud's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What it is.
    pub summary: String,
    /// Largest user-data in bytes, before the wire encoding.
    pub max_bytes: u64,
    /// What the API's field wants.
    pub wire_encoding: WireEncoding,
    /// Whether the whole document may be gzipped.
    pub gzip: bool,
    /// Kinds of user-data it takes.
    pub accepts: Vec<String>,
    /// Whether the limit was measured.
    pub verified: bool,
    /// Where the rules come from.
    pub source: String,
    /// The user one logs in as.
    pub default_user: String,
    /// Image families it has, if it has such names.
    pub image_families: Vec<String>,
    /// Regions that were seen.
    pub regions: Vec<String>,
    /// What its firewall lets in.
    pub firewall: Option<String>,
    /// How fast its API may be asked, if nodebake asks it.
    pub api: Option<ApiPace>,
}

/// How fast an API may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiPace {
    /// Seconds between two requests.
    pub request_seconds: u64,
    /// Seconds between two launches.
    pub launch_seconds: u64,
    /// Who says so.
    pub source: String,
}

fn api_pace(reader: &mut Reader<'_>, node: &Node) -> Option<ApiPace> {
    let mut fields = reader.map(node, "api");
    let request = fields
        .required(reader, "requestSeconds")
        .and_then(|node| reader.integer(node, 0, 3600));
    let launch = fields
        .required(reader, "launchSeconds")
        .and_then(|node| reader.integer(node, 0, 3600));
    let source = fields.required(reader, "source").and_then(|node| reader.text(node));
    fields.done(reader);
    Some(ApiPace {
        request_seconds: request?.value,
        launch_seconds: launch?.value,
        source: source?.value,
    })
}

impl Catalog {
    /// The provider `name`.
    pub(super) fn read_provider(&self, name: &str) -> Result<Provider, Report> {
        let path = format!("profiles/providers/{name}.yaml");
        if self.file(&path).is_none() {
            return Err(unknown(
                "provider",
                name,
                None,
                self.names("profiles/providers/", ".yaml"),
            ));
        }
        self.read(&path, |reader, node| {
            let mut fields = reader.map(node, "a provider");
            let text = |reader: &mut Reader<'_>, node| reader.text(node).map(|text| text.value);
            let texts = |reader: &mut Reader<'_>, node| -> Vec<String> {
                let items = reader.list(node).to_vec();
                items
                    .iter()
                    .filter_map(|item| reader.text(item))
                    .map(|text| text.value)
                    .collect()
            };
            let name = fields.required(reader, "name").and_then(|node| text(reader, node));
            let summary = fields.required(reader, "summary").and_then(|node| text(reader, node));
            let user_data = fields.required(reader, "userData");
            let default_user = fields
                .required(reader, "defaultUser")
                .and_then(|node| text(reader, node));
            fields.optional("publicAddress").map(|node| reader.text(node));
            let image_families = fields
                .optional("imageFamilies")
                .map(|node| texts(reader, node))
                .unwrap_or_default();
            let regions = fields
                .optional("regions")
                .map(|node| texts(reader, node))
                .unwrap_or_default();
            let firewall = fields.optional("firewall").and_then(|node| text(reader, node));
            let api = fields.optional("api").and_then(|node| api_pace(reader, node));
            fields.optional("source").map(|node| reader.text(node));
            fields.done(reader);

            let mut fields = reader.map(user_data?, "userData");
            let max_bytes = fields
                .required(reader, "maxBytes")
                .and_then(|node| reader.integer(node, 1, 1 << 30));
            let encodings = [("plain", WireEncoding::Plain), ("base64", WireEncoding::Base64)];
            let wire = fields
                .required(reader, "wireEncoding")
                .and_then(|node| reader.word(node, &encodings));
            let gzip = fields.required(reader, "gzip").and_then(|node| reader.boolean(node));
            let accepts = fields.required(reader, "accepts").map(|node| texts(reader, node));
            let verified = fields
                .required(reader, "verified")
                .and_then(|node| reader.boolean(node));
            let source = fields.required(reader, "source").and_then(|node| text(reader, node));
            fields.done(reader);
            Some(Provider {
                name: name?,
                summary: summary?,
                max_bytes: max_bytes?.value,
                wire_encoding: wire?.value,
                gzip: gzip?.value,
                accepts: accepts?,
                verified: verified?.value,
                source: source?,
                default_user: default_user?,
                image_families,
                regions,
                firewall,
                api,
            })
        })
    }
}

//! `manifest.json`: all that is in a bundle, for people and programs that must know before they unpack it.

use serde::{Deserialize, Serialize};

/// What `format` says.
pub const FORMAT: &str = "nodebake/bundle/v1";

/// All of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleManifest {
    /// [`FORMAT`]
    pub format: String,
    /// The version of nodebake that baked it.
    pub nodebake: String,
    /// Its nodes, by name.
    pub nodes: Vec<BundleNode>,
    /// What was downloaded for it, each once.
    pub artifacts: Vec<BundleArtifact>,
    /// The plugins that took part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<BundlePlugin>,
}

/// One program of somebody else's that had a part in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundlePlugin {
    /// `facts`, `patch`, `check` …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The digest of its file, as in plugins.lock.
    pub sha256: String,
}

/// One node of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleNode {
    /// `metadata.name` of its node.yaml.
    pub name: String,
    /// The name under which it joins the cluster.
    pub node_name: String,
    /// The cluster.
    pub cluster: String,
    /// Its Kubernetes version.
    pub kubernetes: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// The operating system it is for, as `ID-VERSION_ID` of os-release.
    pub os: String,
    /// The instance type it is sized for.
    pub instance_type: String,
    /// What it needs of [`BundleManifest::artifacts`], by name.
    pub artifacts: Vec<String>,
    /// Its rendered files of all planes.
    pub files: Vec<BundleFile>,
}

/// One file for a machine, a cluster or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleFile {
    /// `node`, `image`, `cluster` or `aws`.
    pub plane: String,
    /// Where it goes, in its plane.
    pub path: String,
    /// Four octal digits.
    pub mode: String,
    /// `uid:gid`
    pub owner: String,
    /// Bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub sha256: String,
    /// Its name in the bundle.
    pub member: String,
    /// What made it: a template, a line of node.yaml, an artifact.
    pub origin: String,
}

/// One download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleArtifact {
    /// `component-version-arch`, which is also its folder in the bundle.
    pub name: String,
    /// `kubelet` …
    pub component: String,
    /// Its version.
    pub version: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// Where it came from.
    pub url: String,
    /// The digest of the download.
    pub sha256: String,
    /// Its files, unpacked.
    pub files: Vec<BundleFile>,
}

//! The messages of protocol v1. The JSON Schemas in `examples/plugins/schemas/` are made from these types, and what
//! their comments say is what authors of plugins read there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::PluginKind;

/// The version that is spoken.
pub const PROTOCOL: u32 = 1;

/// The oldest version that is still understood.
pub const MIN_PROTOCOL: u32 = 1;

/// The schema of [`PluginKind`], which the build script shares and which therefore derives nothing of ours.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase", remote = "PluginKind")]
#[schemars(rename = "PluginKind")]
#[expect(dead_code, reason = "it is a schema")]
enum Kind {
    /// Brings facts of the cluster or of the machine.
    Facts,
    /// Adds, changes and removes files.
    Patch,
    /// Finds mistakes.
    Check,
    /// Bakes into a form of its own.
    Format,
    /// Takes an artifact somewhere.
    Deliver,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Say who you are and what you need; no inputs come with it.
    Describe,
    /// Do your work.
    Run,
}

/// One request, as one JSON document on stdin. Fields that a plugin does not know are to be ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The version of the protocol, 1. Refuse another one with an error.
    pub protocol: u32,
    /// What is asked.
    pub op: Op,
    /// The kind of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    #[schemars(with = "Option<Kind>")]
    pub kind: Option<PluginKind>,
    /// The name under which node.yaml or the profile names the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub name: Option<String>,
    /// What node.yaml or the profile tells the plugin under `with`.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[serde(default)]
    pub with: Value,
    /// The node, if the plugin needs `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub node: Option<NodeFacts>,
    /// The parts of the plan that the plugin needs, as one tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub plan: Option<Map<String, Value>>,
    /// The files that the plugin needs, by plane and path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub files: Option<Vec<File>>,
    /// For `deliver`: what is to be taken somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub artifact: Option<Artifact>,
}

/// Which node it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// `metadata.name` of its node.yaml, or its name in the fleet.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// Its image.
    pub image: String,
    /// Its instance type, `provider/name`.
    pub instance_type: String,
}

/// One rendered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Where it is used: `node`, `cluster`, `aws` or `image`.
    pub plane: String,
    /// Its absolute path there.
    pub path: String,
    /// Its mode, four octal digits.
    pub mode: String,
    /// What it is written in: `yaml`, `json`, `toml`, `systemd`, `sysctl`, `ini`, `bash`, `env`, `python`, `pem`, `lines`.
    #[serde(rename = "type")]
    pub filetype: String,
    /// Its text.
    pub text: String,
}

/// What was baked, for `deliver`. It lies in a file because it may be gigabytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The node's or the bundle's name.
    pub name: String,
    /// What it is: `cloud-init`, `nocloud`, `tarball` or the name of a format plugin.
    pub format: String,
    /// Where it can be read.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, 64 hexadecimal digits.
    pub sha256: String,
}

/// One reply, as one JSON document on stdout and nothing else there. Fields that nodebake does not know are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The version of the protocol of this reply: that of the request.
    pub protocol: u32,
    /// What kept the plugin from its work. Nothing else of the reply is looked at then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub error: Option<PluginError>,
    /// The answer to `describe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub describe: Option<Describe>,
    /// What was found. `check` must give a list, which may be empty; every other kind may give one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub findings: Option<Vec<Found>>,
    /// For `patch`: what is to be done with files; it must be there and may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub files: Option<Vec<FileChange>>,
    /// For `facts`: what was brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub facts: Option<Brought>,
    /// For `format`: what was baked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub artifact: Option<Made>,
    /// For `deliver`: where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub delivered: Option<Delivered>,
}

/// What kept a plugin from its work, in the manner of CNI's errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginError {
    /// 1: this version of the protocol is not spoken. 2: the request cannot be read. 3: `with` is wrong. 4: try again
    /// later. From 100 on they are the plugin's own.
    pub code: u32,
    /// What is wrong, one sentence.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub details: Option<String>,
}

/// Who a plugin is and what it needs. `nodebake plugin trust` records it in plugins.lock, where a reviewer sees it; what
/// is not recorded there is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Describe {
    /// What it does.
    #[schemars(with = "Kind")]
    pub kind: PluginKind,
    /// What it is for, one line.
    pub summary: String,
    /// The versions of the protocol it speaks.
    pub protocols: Vec<u32>,
    /// What it needs; nothing if left out.
    #[serde(flatten)]
    pub access: Access,
}

/// What a plugin is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// Name, profile, image and instance type of the node. Without it nodes that look alike to the plugin share a run.
    pub node: bool,
    /// Parts of the plan by their path, such as `sizing` or `kubelet.version`; `nodebake explain` shows them all.
    pub plan: Vec<String>,
    /// Files as `plane/path`; `*` stands for any letters of one part, `**` for any parts: `node/etc/systemd/**`.
    pub files: Vec<String>,
    /// For `patch`: files it may add, change and remove, in the same form.
    pub writes: Vec<String>,
    /// Files and folders of this machine it reads: absolute, or relative to the folder of node.yaml.
    pub reads: Vec<String>,
    /// For `deliver`: folders it writes to, in the same form.
    pub output: Vec<String>,
    /// Whether it talks to the network.
    pub network: bool,
    /// Names of variables it takes from the environment. None may name a secret.
    pub environment: Vec<String>,
    /// Seconds it may take, 1 to 3600; 30 if left out, 600 for `deliver`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing may be baked.
    Error,
    /// It can be baked, and somebody should look.
    Warning,
}

/// One mistake or doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// How bad it is.
    pub severity: Level,
    /// The plugin's own name of the rule, if it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub rule: Option<String>,
    /// What is wrong, a sentence without a final period.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub hint: Option<String>,
    /// In which file, as `plane/path`. nodebake shows the line, and what in node.yaml or a template made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub file: Option<String>,
    /// In which line of it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub line: Option<u32>,
}

/// What to do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// There must be no file yet.
    Add,
    /// There must be one; what is left out stays as it is.
    Change,
    /// There must be one.
    Remove,
}

/// One change of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// What to do.
    pub op: Operation,
    /// `node` if left out.
    #[serde(default = "node")]
    pub plane: String,
    /// Its absolute path there.
    pub path: String,
    /// Its mode, four octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub mode: Option<String>,
    /// What it is written in; its text is checked as such.
    #[serde(rename = "type")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub filetype: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub text: Option<String>,
    /// Its text in base64, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub base64: Option<String>,
    /// If it is there, the text is a template: `{{ values.x }}` stands for the value x, quoted by the file's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub values: Option<Map<String, Value>>,
}

fn node() -> String {
    "node".into()
}

/// What a source of facts brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Brought {
    /// Keys of `spec` of cluster.yaml that it leaves out, and `name`.
    pub cluster: Map<String, Value>,
    /// `vcpus`, `memoryGiB`, `diskGiB` of the machine; what node.yaml says goes before.
    pub hardware: std::collections::BTreeMap<Fact, u64>,
}

/// A fact of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Fact {
    /// Virtual CPUs.
    #[serde(rename = "vcpus")]
    Vcpus,
    /// Memory in GiB.
    #[serde(rename = "memoryGiB")]
    MemoryGib,
    /// Root disk in GiB.
    #[serde(rename = "diskGiB")]
    DiskGib,
}

/// What a format made. Either `text` or `base64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// How the name of a file with it ends, without the dot.
    pub ending: String,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub text: Option<String>,
    /// Its bytes in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub base64: Option<String>,
}

/// Where an artifact went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// A path or a URL.
    pub location: String,
}

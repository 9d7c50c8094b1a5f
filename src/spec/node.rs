//! One node: the sections of `spec`.

use std::sync::Arc;

use super::{Agent, Artifacts, Credentials, Identity, Kubelet, LaunchSpec, ProxySpec};
use crate::base::{AbsPath, Cidr, Finding, InterfaceName, Located, Mode, Place, Report, Source, Version};
use crate::syntax::yaml::{self, Fields, Node, Reader};
use crate::syntax::{FileType, PluginUse, toml};

/// What the user wrote about one machine.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// `metadata.name`, or the name in the fleet.
    pub name: Located<String>,
    /// Where the node's spec begins.
    pub place: Place,
    /// The profile's name.
    pub profile: Located<String>,
    /// The image's name.
    pub image: Located<String>,
    /// `provider/name` of the instance type.
    pub instance_type: Located<String>,
    /// The file with the cluster's facts, relative to this one.
    pub cluster: Located<String>,
    /// Corrections of the instance type's row.
    pub hardware: Hardware,
    /// What only machines of its kind have.
    pub role: Role,
    /// Where artifacts come from, and the user's own.
    pub artifacts: Artifacts,
    /// The user's own files.
    pub files: Vec<UserFile>,
    /// The user's own part of the cloud-config document.
    pub cloud_config: Option<Node>,
    /// The plugins that take part, after those of the profile.
    pub plugins: Vec<PluginUse>,
}

/// What the machine is.
#[derive(Debug, Clone)]
pub enum Role {
    /// A node of the cluster.
    Node(Box<KubeletSpec>),
    /// The machine that passes the API server's connections on to satellites.
    Proxy(Box<ProxySpec>),
}

/// What only a machine with a kubelet has.
#[derive(Debug, Clone)]
pub struct KubeletSpec {
    /// Who the node is.
    pub identity: Identity,
    /// How it gets AWS credentials.
    pub credentials: Credentials,
    /// What makes its tokens and keeps its session.
    pub agent: Agent,
    /// The kubelet's exact version, if not the newest patch of the cluster's minor.
    pub kubernetes_version: Option<Located<Version>>,
    /// How it is sized.
    pub sizing: Sizing,
    /// Labels, taints, raw configuration.
    pub kubelet: Kubelet,
    /// Interfaces and pod network.
    pub network: Network,
    /// The container runtime.
    pub containerd: Containerd,
    /// What a launch through the cloud's API takes.
    pub launch: Option<LaunchSpec>,
}

/// The named rules that reserve CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizingRule {
    /// As EKS's own nodes do.
    Eks,
    /// As EKS hybrid nodes do.
    Hybrid,
    /// Nothing reserved.
    None,
}

/// `sizing`.
#[derive(Debug, Clone, Default)]
pub struct Sizing {
    /// The rule.
    pub rule: Option<Located<SizingRule>>,
    /// Pods the node takes.
    pub max_pods: Option<Located<u64>>,
}

/// `hardware`: what this very machine has, where the instance type's row is wrong or silent.
#[derive(Debug, Clone, Default)]
pub struct Hardware {
    /// Virtual CPUs.
    pub vcpus: Option<Located<u64>>,
    /// Memory in GiB, as a label: sized with the same caution as the row's.
    pub memory_gib: Option<Located<u64>>,
    /// Root disk in GiB.
    pub disk_gib: Option<Located<u64>>,
}

/// Who makes the dummy interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkBackend {
    /// Files for systemd-networkd.
    Networkd,
    /// A netplan file with `dummy-devices`.
    Netplan,
}

/// What pods get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodNetwork {
    /// The host's network.
    Host,
    /// A bridge on this machine.
    Bridge,
}

/// `network`.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Name of the dummy interface.
    pub interface: Option<Located<InterfaceName>>,
    /// Who makes it.
    pub backend: Option<Located<NetworkBackend>>,
    /// What pods get.
    pub pods: Option<Located<PodNetwork>>,
    /// The bridge's network.
    pub pod_cidr: Option<Located<Cidr>>,
}

/// Whose containerd runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerdSource {
    /// The image's own.
    Image,
    /// The version nodebake pins and brings.
    Pinned,
}

/// `containerd`.
#[derive(Debug, Clone, Default)]
pub struct Containerd {
    /// Whose.
    pub source: Option<Located<ContainerdSource>>,
    /// The sandbox image.
    pub pause_image: Option<Located<String>>,
    /// Raw TOML, laid over ours.
    pub config: Option<Located<String>>,
}

/// One file of the user's own.
#[derive(Debug, Clone)]
pub struct UserFile {
    /// Where it goes.
    pub path: Located<AbsPath>,
    /// Its mode.
    pub mode: Located<Mode>,
    /// What it is written in, for the checks.
    pub filetype: Located<FileType>,
    /// Its bytes.
    pub content: Located<String>,
}

impl NodeSpec {
    /// What it has as a node of the cluster; `None` if it is none.
    pub fn node(&self) -> Option<&KubeletSpec> {
        match &self.role {
            Role::Node(node) => Some(node),
            Role::Proxy(_) => None,
        }
    }

    /// What it has as a proxy; `None` if it is none.
    pub fn proxy(&self) -> Option<&ProxySpec> {
        match &self.role {
            Role::Node(_) => None,
            Role::Proxy(proxy) => Some(proxy),
        }
    }

    /// `read_role` takes the keys that only machines of this kind have.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        node: &Node,
        name: Located<String>,
        read_role: fn(&mut Reader<'_>, &mut Fields<'_>) -> Option<Role>,
    ) -> Option<Self> {
        let mut fields = reader.map(node, "spec");
        let profile = fields.required(reader, "profile").and_then(|node| reader.text(node));
        let image = fields.required(reader, "image").and_then(|node| reader.text(node));
        let instance_type = fields
            .required(reader, "instanceType")
            .and_then(|node| instance_type(reader, node));
        let cluster = fields.required(reader, "cluster").and_then(|node| reader.text(node));
        let role = read_role(reader, &mut fields);
        let hardware = fields
            .optional("hardware")
            .map(|node| Hardware::read(reader, node))
            .unwrap_or_default();
        let artifacts = fields
            .optional("artifacts")
            .map(|node| Artifacts::read(reader, node))
            .unwrap_or_default();
        let files = fields
            .optional("files")
            .map(|node| UserFile::read_all(reader, node))
            .unwrap_or_default();
        let cloud_config = fields.optional("cloudConfig").inspect(|node| {
            reader.map(node, "cloudConfig");
        });
        let plugins = fields
            .optional("plugins")
            .map(|node| PluginUse::read_all(reader, node))
            .unwrap_or_default();
        fields.done(reader);
        Some(Self {
            name,
            place: node.place.clone(),
            profile: profile?,
            image: image?,
            instance_type: instance_type?,
            cluster: cluster?,
            hardware,
            role: role?,
            artifacts,
            files,
            cloud_config: cloud_config.cloned(),
            plugins,
        })
    }
}

impl KubeletSpec {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Role> {
        let identity = fields
            .required(reader, "identity")
            .map(|node| Identity::read(reader, node));
        let credentials = fields
            .required(reader, "credentials")
            .and_then(|node| Credentials::read(reader, node));
        let kubernetes_version = fields.optional("kubernetes").and_then(|node| {
            let mut fields = reader.map(node, "kubernetes");
            let version = fields.optional("version").and_then(|node| patch_version(reader, node));
            fields.done(reader);
            version
        });
        let sizing = fields
            .optional("sizing")
            .map(|node| Sizing::read(reader, node))
            .unwrap_or_default();
        let kubelet = fields
            .optional("kubelet")
            .map(|node| Kubelet::read(reader, node))
            .unwrap_or_default();
        let network = fields
            .optional("network")
            .map(|node| Network::read(reader, node))
            .unwrap_or_default();
        let containerd = fields
            .optional("containerd")
            .map(|node| Containerd::read(reader, node))
            .unwrap_or_default();
        let launch = fields.optional("launch").map(|node| LaunchSpec::read(reader, node));
        let (credentials, agent) = credentials?;
        Some(Role::Node(Box::new(Self {
            identity: identity?,
            credentials,
            agent,
            kubernetes_version,
            sizing,
            kubelet,
            network,
            containerd,
            launch,
        })))
    }
}

fn instance_type(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    match name.value.split_once('/') {
        Some((provider, row)) if !provider.is_empty() && !row.is_empty() => Some(name),
        _ => {
            let message = format!("`{}` does not say whose instance type it is", name.value);
            let finding = Finding::error("spec/instance-type", message, &name.place);
            reader
                .report
                .push(finding.hint("write provider/name, such as lambda/gpu_1x_a10"));
            None
        }
    }
}

fn patch_version(reader: &mut Reader<'_>, node: &Node) -> Option<Located<Version>> {
    let version: Located<Version> = reader.parsed(node, "spec/version")?;
    if version.value.as_str().split('.').count() != 3 {
        let message = format!("`{}` is a minor; the kubelet needs its exact version", version.value);
        let finding = Finding::error("spec/version", message, &version.place);
        reader
            .report
            .push(finding.hint("leave it out for the newest patch of the cluster's minor"));
        return None;
    }
    Some(version)
}

impl Sizing {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "sizing");
        let rules = [
            ("eks", SizingRule::Eks),
            ("hybrid", SizingRule::Hybrid),
            ("none", SizingRule::None),
        ];
        let sizing = Self {
            rule: fields.optional("rule").and_then(|node| reader.word(node, &rules)),
            max_pods: fields
                .optional("maxPods")
                .and_then(|node| reader.integer(node, 1, 1024)),
        };
        fields.done(reader);
        sizing
    }
}

impl Hardware {
    /// The keys that say something, and where.
    pub fn stated(&self) -> Vec<(&'static str, Place)> {
        let keys = [
            ("vcpus", &self.vcpus),
            ("memoryGiB", &self.memory_gib),
            ("diskGiB", &self.disk_gib),
        ];
        let said = keys
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_ref()?.place.clone())));
        said.collect()
    }

    /// Reads the section alone, as a plugin writes it.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Report> {
        let root = yaml::parse(source)?;
        let mut report = Report::new();
        let hardware = Self::read(&mut Reader { report: &mut report }, &root);
        if report.has_errors() { Err(report) } else { Ok(hardware) }
    }

    fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "hardware");
        let hardware = Self {
            vcpus: fields.optional("vcpus").and_then(|node| reader.integer(node, 1, 4096)),
            memory_gib: fields
                .optional("memoryGiB")
                .and_then(|node| reader.integer(node, 1, 65_536)),
            disk_gib: fields
                .optional("diskGiB")
                .and_then(|node| reader.integer(node, 8, 1 << 20)),
        };
        fields.done(reader);
        hardware
    }
}

impl Network {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "network");
        let backends = [
            ("networkd", NetworkBackend::Networkd),
            ("netplan", NetworkBackend::Netplan),
        ];
        let pods = [("host", PodNetwork::Host), ("bridge", PodNetwork::Bridge)];
        let network = Self {
            interface: fields
                .optional("interface")
                .and_then(|node| reader.parsed(node, "spec/interface")),
            backend: fields.optional("backend").and_then(|node| reader.word(node, &backends)),
            pods: fields.optional("pods").and_then(|node| reader.word(node, &pods)),
            pod_cidr: fields
                .optional("podCidr")
                .and_then(|node| reader.parsed(node, "spec/cidr")),
        };
        fields.done(reader);
        network
    }
}

impl Containerd {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "containerd");
        let sources = [("image", ContainerdSource::Image), ("pinned", ContainerdSource::Pinned)];
        let containerd = Self {
            source: fields.optional("source").and_then(|node| reader.word(node, &sources)),
            pause_image: fields
                .optional("pauseImage")
                .and_then(|node| image_reference(reader, node)),
            config: fields.optional("config").and_then(|node| raw_toml(reader, node)),
        };
        fields.done(reader);
        containerd
    }
}

/// TOML that reads as TOML.
fn raw_toml(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let text = reader.text(node)?;
    if let Err(error) = toml::parse(&text.value) {
        let line = text.place.line_column().0 + error.line - 1;
        let place = Place::line_of(&text.place.source, line);
        reader.report.push(Finding::error(
            "spec/toml",
            format!("this is not TOML: {}", error.message),
            &place,
        ));
        return None;
    }
    Some(text)
}

/// An image reference with a host and a tag or digest: containerd pulls the sandbox image itself and resolves no short
/// names.
fn image_reference(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let text = reader.text(node)?;
    let tame = text
        .value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "./:@_-".contains(c));
    let (host, rest) = text.value.split_once('/').unwrap_or(("", ""));
    let tagged = rest.contains(':') && !rest.ends_with(':') && !rest.ends_with(":latest");
    if !tame || !(host.contains('.') || host.contains(':') || host == "localhost") || !tagged {
        let message = format!("`{}` is not HOST/NAME:TAG with a tag other than latest", text.value);
        reader
            .report
            .push(Finding::error("spec/image-reference", message, &text.place));
        return None;
    }
    Some(text)
}

impl UserFile {
    fn read_all(reader: &mut Reader<'_>, node: &Node) -> Vec<Self> {
        let mut files: Vec<Self> = Vec::new();
        for item in reader.list(node) {
            let Some(file) = Self::read(reader, item) else { continue };
            if let Some(first) = files.iter().find(|other| other.path.value == file.path.value) {
                reader.report.push(
                    Finding::error(
                        "spec/duplicate-file",
                        format!("`{}` is given twice", file.path.value),
                        &file.path.place,
                    )
                    .note(&first.path.place, "the first one"),
                );
            }
            files.push(file);
        }
        files
    }

    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "a file");
        let path = fields
            .required(reader, "path")
            .and_then(|node| reader.parsed(node, "spec/path"));
        let mode = fields.required(reader, "mode").and_then(|node| mode(reader, node));
        let filetype = fields
            .required(reader, "type")
            .and_then(|node| reader.parsed(node, "spec/file-type"));
        let content = fields.required(reader, "content").and_then(|node| reader.text(node));
        fields.done(reader);
        Some(Self {
            path: path?,
            mode: mode?,
            filetype: filetype?,
            content: content?,
        })
    }
}

/// A mode in quotes: YAML 1.1 readers take a plain `0644` for the number 420, and `644` for mode 1204.
pub(super) fn mode(reader: &mut Reader<'_>, node: &Node) -> Option<Located<Mode>> {
    let text = node.text().unwrap_or_default();
    if let crate::syntax::yaml::Kind::Scalar { plain: true, .. } = &node.kind
        && text.bytes().all(|byte| byte.is_ascii_digit())
    {
        let digits = text.trim_start_matches('0');
        let finding = Finding::error(
            "spec/mode",
            format!("`{text}` is a number to YAML, not a mode"),
            &node.place,
        );
        reader
            .report
            .push(finding.hint(format!("write \"{digits:0>4}\" with the quotes")));
        return None;
    }
    reader.parsed(node, "spec/mode")
}

//! Images: a base operating system, what it already has, and what nodebake adds to it.

use serde::Serialize;

use super::files::unknown;
use super::{Arch, Catalog};
use crate::base::{AbsPath, KubeMinor, Located, Place, Report, Version};
use crate::syntax::yaml::{Node, Reader};

/// Whether an image has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// Sources disagree; the machine is asked at first boot.
    Unknown,
}

/// A base image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its name.
    pub name: String,
    /// What it is.
    pub summary: String,
    /// The provider's family name, if it has one.
    pub family: Option<String>,
    /// Who offers it.
    pub providers: Vec<String>,
    /// `ubuntu`
    pub os_id: String,
    /// `22.04`
    pub os_version: String,
    /// Architectures it exists for.
    pub arch: Vec<Arch>,
    /// cgroup hierarchy, 1 or 2.
    pub cgroup: u64,
    /// The last Kubernetes minor it can run, and why.
    pub max_kubernetes: Option<(KubeMinor, String)>,
    /// Lowest kernel.
    pub kernel: Version,
    /// Lowest systemd.
    pub systemd: Version,
    /// Lowest cloud-init.
    pub cloud_init: Version,
    /// Lowest netplan.
    pub netplan: Version,
    /// Lowest Python 3.
    pub python: Version,
    /// Docker.
    pub docker: Presence,
    /// Lowest containerd, if one is known to be there.
    pub containerd: Option<Version>,
    /// NVIDIA driver.
    pub nvidia_driver: Presence,
    /// NVIDIA container toolkit.
    pub nvidia_container_toolkit: Presence,
    /// Units to switch off, with the reason.
    pub disable_units: Vec<(String, String)>,
    /// The resolver file pods are given.
    pub resolv_conf: AbsPath,
    /// Artifacts nodebake adds, and their version (`by-kubernetes` where it follows the cluster).
    pub artifacts: Vec<(String, String)>,
    /// Whether somebody recorded all this on a machine.
    pub verified: bool,
    /// Where it comes from.
    pub source: String,
    /// What is not sure.
    pub note: Option<String>,
    /// What its AMIs are called, if EC2 offers it.
    pub ec2: Option<Ec2Image>,
    /// Where the file is.
    #[serde(skip)]
    pub place: Place,
}

/// What the AMIs of an image are called. They are made anew every few weeks, so that only a pattern is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ec2Image {
    /// The account that publishes them, in the partition `aws`.
    pub owner: String,
    /// Their name, with `{arch}` and `*`.
    pub name: String,
}

impl Ec2Image {
    /// Their name for an architecture, with `*`.
    pub fn pattern(&self, arch: Arch) -> String {
        self.name.replace("{arch}", arch.as_str())
    }
}

impl Image {
    /// The version of an artifact, if the image names the artifact.
    pub fn artifact_version(&self, component: &str) -> Option<&str> {
        self.artifacts
            .iter()
            .find(|(name, _)| name == component)
            .map(|(_, version)| version.as_str())
    }
}

impl Catalog {
    /// The image `name`.
    pub(super) fn read_image(&self, name: &Located<String>) -> Result<Image, Report> {
        let path = format!("images/{}.yaml", name.value);
        if self.file(&path).is_none() {
            return Err(unknown(
                "image",
                &name.value,
                Some(&name.place),
                self.names("images/", ".yaml"),
            ));
        }
        self.read(&path, image)
    }
}

fn image(reader: &mut Reader<'_>, node: &Node) -> Option<Image> {
    let mut fields = reader.map(node, "an image");
    let text = |reader: &mut Reader<'_>, node: &Node| reader.text(node).map(|text| text.value);
    let name = fields.required(reader, "name").and_then(|node| text(reader, node));
    let summary = fields.required(reader, "summary").and_then(|node| text(reader, node));
    let family = fields.optional("family").and_then(|node| text(reader, node));
    let providers = fields.required(reader, "providers");
    let os = fields.required(reader, "os").and_then(|node| os(reader, node));
    let arch = fields.required(reader, "arch");
    let cgroup = fields
        .required(reader, "cgroup")
        .and_then(|node| reader.integer(node, 1, 2));
    let max_kubernetes = fields.optional("kubernetes").and_then(|node| {
        let mut fields = reader.map(node, "kubernetes");
        let max = fields
            .required(reader, "max")
            .and_then(|node| reader.parsed::<KubeMinor>(node, "catalog/value"));
        let why = fields.required(reader, "why").and_then(|node| reader.text(node));
        fields.done(reader);
        Some((max?.value, why?.value))
    });
    let floors = fields.required(reader, "floors").and_then(|node| floors(reader, node));
    let preinstalled = fields
        .required(reader, "preinstalled")
        .and_then(|node| preinstalled(reader, node));
    let disable_units = fields.required(reader, "disableUnits").map(|node| {
        let items = reader.list(node);
        items.iter().filter_map(|item| unit(reader, item)).collect()
    });
    let resolv_conf = fields
        .required(reader, "resolvConf")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let artifacts = fields.required(reader, "artifacts").map(|node| {
        reader.map(node, "artifacts");
        let entries = node.entries().iter();
        entries
            .filter_map(|entry| Some((entry.key.clone(), reader.text(&entry.value)?.value)))
            .collect()
    });
    let verified = fields
        .required(reader, "verified")
        .and_then(|node| reader.boolean(node));
    let source = fields.required(reader, "source").and_then(|node| text(reader, node));
    let note = fields.optional("note").and_then(|node| text(reader, node));
    let ec2 = fields.optional("ec2").and_then(|node| {
        let mut fields = reader.map(node, "ec2");
        let owner = fields.required(reader, "owner").and_then(|node| text(reader, node));
        let name = fields.required(reader, "name").and_then(|node| text(reader, node));
        fields.done(reader);
        Some(Ec2Image {
            owner: owner?,
            name: name?,
        })
    });
    fields.done(reader);

    let providers: Vec<String> = reader
        .list(providers?)
        .iter()
        .filter_map(|item| text(reader, item))
        .collect();
    let arch: Vec<Arch> = reader
        .list(arch?)
        .iter()
        .filter_map(|item| reader.parsed(item, "catalog/value"))
        .map(|arch| arch.value)
        .collect();

    let (os_id, os_version) = os?;
    let floors = floors?;
    let preinstalled = preinstalled?;
    Some(Image {
        name: name?,
        summary: summary?,
        family,
        providers,
        os_id,
        os_version,
        arch,
        cgroup: cgroup?.value,
        max_kubernetes,
        kernel: floors.kernel,
        systemd: floors.systemd,
        cloud_init: floors.cloud_init,
        netplan: floors.netplan,
        python: floors.python,
        docker: preinstalled.docker,
        containerd: preinstalled.containerd,
        nvidia_driver: preinstalled.driver,
        nvidia_container_toolkit: preinstalled.toolkit,
        disable_units: disable_units?,
        resolv_conf: resolv_conf?.value,
        artifacts: artifacts?,
        verified: verified?.value,
        source: source?,
        note,
        ec2,
        place: node.place.clone(),
    })
}

/// The lowest versions.
struct Floors {
    kernel: Version,
    systemd: Version,
    cloud_init: Version,
    netplan: Version,
    python: Version,
}

fn version(reader: &mut Reader<'_>, node: &Node) -> Option<Version> {
    reader
        .parsed::<Version>(node, "catalog/value")
        .map(|version| version.value)
}

fn floors(reader: &mut Reader<'_>, node: &Node) -> Option<Floors> {
    let mut fields = reader.map(node, "floors");
    let mut floor = |reader: &mut Reader<'_>, key| fields.required(reader, key).and_then(|node| version(reader, node));
    let kernel = floor(reader, "kernel");
    let systemd = floor(reader, "systemd");
    let cloud_init = floor(reader, "cloudInit");
    let netplan = floor(reader, "netplan");
    let python = floor(reader, "python");
    fields.done(reader);
    Some(Floors {
        kernel: kernel?,
        systemd: systemd?,
        cloud_init: cloud_init?,
        netplan: netplan?,
        python: python?,
    })
}

/// What is there already.
struct Preinstalled {
    docker: Presence,
    containerd: Option<Version>,
    driver: Presence,
    toolkit: Presence,
}

fn preinstalled(reader: &mut Reader<'_>, node: &Node) -> Option<Preinstalled> {
    let words = [
        ("true", Presence::Yes),
        ("false", Presence::No),
        ("unknown", Presence::Unknown),
    ];
    let mut fields = reader.map(node, "preinstalled");
    let docker = fields
        .required(reader, "docker")
        .and_then(|node| reader.word(node, &words));
    let containerd = fields.optional("containerd").and_then(|node| version(reader, node));
    let driver = fields
        .required(reader, "nvidiaDriver")
        .and_then(|node| reader.word(node, &words));
    let toolkit = fields
        .required(reader, "nvidiaContainerToolkit")
        .and_then(|node| reader.word(node, &words));
    fields.done(reader);
    Some(Preinstalled {
        docker: docker?.value,
        containerd,
        driver: driver?.value,
        toolkit: toolkit?.value,
    })
}

fn os(reader: &mut Reader<'_>, node: &Node) -> Option<(String, String)> {
    let mut fields = reader.map(node, "os");
    let id = fields.required(reader, "id").and_then(|node| reader.text(node));
    let version = fields.required(reader, "version").and_then(|node| reader.text(node));
    fields.optional("codename").map(|node| reader.text(node));
    fields.done(reader);
    Some((id?.value, version?.value))
}

fn unit(reader: &mut Reader<'_>, node: &Node) -> Option<(String, String)> {
    let mut fields = reader.map(node, "a unit to disable");
    let unit = fields.required(reader, "unit").and_then(|node| reader.text(node));
    let why = fields.required(reader, "why").and_then(|node| reader.text(node));
    fields.done(reader);
    Some((unit?.value, why?.value))
}

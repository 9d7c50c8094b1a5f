//! Instance types: the hardware a node is sized for.

use serde::Serialize;

use super::files::unknown;
use super::{Arch, Catalog};
use crate::base::{Located, Place, Report};
use crate::syntax::yaml::{Node, Reader};

/// NVIDIA's GPU generations, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// V100
    Volta,
    /// T4, Quadro RTX
    Turing,
    /// A10, A100
    Ampere,
    /// L4, L40S
    Ada,
    /// H100, H200, GH200
    Hopper,
    /// B200, B300, GB200
    Blackwell,
}

/// The GPUs of a type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    /// How many.
    pub count: u64,
    /// Which.
    pub model: String,
    /// Memory of one, in GiB, by its label.
    #[serde(rename = "memoryGiB")]
    pub memory_gib: u64,
    /// PCIe, SXM4 …
    pub form: String,
    /// Generation.
    pub generation: Generation,
}

/// One row of hardware.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// Whose it is.
    pub provider: String,
    /// The provider's name for it.
    pub name: String,
    /// Architecture.
    pub arch: Arch,
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory in GiB, by the provider's label.
    #[serde(rename = "memoryGiB")]
    pub memory_gib: u64,
    /// Root disk in GiB, by the provider's label; `None` where the user chooses it at launch.
    #[serde(rename = "diskGiB")]
    pub disk_gib: Option<u64>,
    /// GPUs, if any.
    pub gpu: Option<Gpu>,
    /// Whether the machine itself runs the NVSwitch fabric.
    pub nvswitch: bool,
    /// EFA interfaces.
    pub efa: u64,
    /// Price of the whole machine, in USD an hour, when it was recorded.
    pub usd_per_hour: Option<f64>,
    /// Local NVMe storage in GB.
    #[serde(rename = "nvmeGB")]
    pub nvme_gb: Option<u64>,
    /// Network in Gbit/s.
    pub network_gbps: Option<f64>,
    /// Pods by the VPC CNI's secondary addresses.
    pub vpc_max_pods: Option<u64>,
    /// Private IPv4 addresses that one network interface takes, its own among them.
    pub addresses_per_interface: Option<u64>,
    /// Whether the numbers were recorded from the provider.
    pub verified: bool,
    /// Where they come from.
    pub source: String,
    /// What else to know.
    pub note: Option<String>,
    /// Where the row is written.
    #[serde(skip)]
    pub place: Place,
}

impl InstanceType {
    /// `provider/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.provider, self.name)
    }
}

impl Catalog {
    /// All types of `provider`.
    pub fn instance_types(&self, provider: &str) -> Result<Vec<InstanceType>, Report> {
        self.read(&format!("profiles/instance-types/{provider}.yaml"), |reader, node| {
            let mut fields = reader.map(node, "an instance type file");
            let owner = fields.required(reader, "provider").and_then(|node| reader.text(node));
            let types = fields.required(reader, "types");
            fields.done(reader);
            let (owner, types) = (owner?, types?);
            Some(
                reader
                    .list(types)
                    .iter()
                    .filter_map(|node| row(reader, node, &owner.value))
                    .collect(),
            )
        })
    }

    /// Reads the type `provider/name`. Of a built-in table only its own row is parsed.
    pub(super) fn read_instance_type(&self, name: &Located<String>) -> Result<InstanceType, Report> {
        let (provider, wanted) = name.value.split_once('/').unwrap_or(("", &name.value));
        let path = format!("profiles/instance-types/{provider}.yaml");
        if let Some(node) = self.row(&path, "types", "name", wanted) {
            let mut report = Report::new();
            return row(&mut Reader { report: &mut report }, &node, provider).ok_or(report);
        }
        let providers: Vec<&str> = self.names("profiles/instance-types/", ".yaml").collect();
        if !providers.contains(&provider) {
            return Err(unknown("provider", provider, Some(&name.place), providers.into_iter()));
        }
        let types = self.instance_types(provider)?;
        if let Some(kind) = types.iter().find(|kind| kind.name == wanted) {
            return Ok(kind.clone());
        }
        let names: Vec<String> = types.iter().map(InstanceType::full_name).collect();
        Err(unknown(
            "instance type",
            &name.value,
            Some(&name.place),
            names.iter().map(String::as_str),
        ))
    }
}

fn row(reader: &mut Reader<'_>, node: &Node, provider: &str) -> Option<InstanceType> {
    // Far above any machine, and small enough to be multiplied.
    const MANY: u64 = 1 << 24;
    let mut fields = reader.map(node, "an instance type");
    let text = |reader: &mut Reader<'_>, node: &Node| reader.text(node).map(|text| text.value);
    let whole = |reader: &mut Reader<'_>, node: &Node| reader.integer(node, 0, MANY).map(|number| number.value);
    let name = fields.required(reader, "name").and_then(|node| text(reader, node));
    let arch = fields
        .required(reader, "arch")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let vcpus = fields
        .required(reader, "vcpus")
        .and_then(|node| reader.integer(node, 1, MANY));
    let memory_gib = fields
        .required(reader, "memoryGiB")
        .and_then(|node| reader.integer(node, 1, MANY));
    let disk_gib = fields.optional("diskGiB").and_then(|node| whole(reader, node));
    let gpu = fields.optional("gpu").and_then(|node| gpu(reader, node));
    let nvswitch = fields
        .required(reader, "nvswitch")
        .and_then(|node| reader.boolean(node));
    let efa = fields.optional("efa").and_then(|node| whole(reader, node)).unwrap_or(0);
    let usd_per_hour = fields
        .optional("usdPerHour")
        .and_then(|node| reader.number(node))
        .map(|price| price.value);
    let nvme_gb = fields.optional("nvmeGB").and_then(|node| whole(reader, node));
    let network_gbps = fields
        .optional("networkGbps")
        .and_then(|node| reader.number(node))
        .map(|speed| speed.value);
    let vpc_max_pods = fields.optional("vpcMaxPods").and_then(|node| whole(reader, node));
    let addresses_per_interface = fields
        .optional("addressesPerInterface")
        .and_then(|node| whole(reader, node));
    let verified = fields
        .required(reader, "verified")
        .and_then(|node| reader.boolean(node));
    let source = fields.required(reader, "source").and_then(|node| text(reader, node));
    let note = fields.optional("note").and_then(|node| text(reader, node));
    fields.done(reader);
    Some(InstanceType {
        provider: provider.to_owned(),
        name: name?,
        arch: arch?.value,
        vcpus: vcpus?.value,
        memory_gib: memory_gib?.value,
        disk_gib,
        gpu,
        nvswitch: nvswitch?.value,
        efa,
        usd_per_hour,
        nvme_gb,
        network_gbps,
        vpc_max_pods,
        addresses_per_interface,
        verified: verified?.value,
        source: source?,
        note,
        place: node.place.clone(),
    })
}

fn gpu(reader: &mut Reader<'_>, node: &Node) -> Option<Gpu> {
    let generations = [
        ("volta", Generation::Volta),
        ("turing", Generation::Turing),
        ("ampere", Generation::Ampere),
        ("ada", Generation::Ada),
        ("hopper", Generation::Hopper),
        ("blackwell", Generation::Blackwell),
    ];
    let mut fields = reader.map(node, "gpu");
    let count = fields
        .required(reader, "count")
        .and_then(|node| reader.integer(node, 1, 64));
    let model = fields.required(reader, "model").and_then(|node| reader.text(node));
    let memory_gib = fields
        .required(reader, "memoryGiB")
        .and_then(|node| reader.integer(node, 1, 4096));
    let form = fields.required(reader, "form").and_then(|node| reader.text(node));
    let generation = fields
        .required(reader, "generation")
        .and_then(|node| reader.word(node, &generations));
    fields.done(reader);
    Some(Gpu {
        count: count?.value,
        model: model?.value,
        memory_gib: memory_gib?.value,
        form: form?.value,
        generation: generation?.value,
    })
}

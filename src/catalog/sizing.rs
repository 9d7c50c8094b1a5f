//! The sizing table: every number by which a node is cut to its hardware.

use super::Catalog;
use crate::base::{Finding, Located, Place, Report};
use crate::syntax::yaml::{Node, Reader};

/// How a rule reserves memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryRule {
    /// `base + pods * per_pod` MiB.
    PerPod {
        /// MiB whatever the number of pods.
        base_mib: u64,
        /// MiB for each pod.
        per_pod_mib: u64,
    },
    /// A share of each stretch of memory, rounded to whole GiB: the GiB it reaches up to (`None`: all the rest), and
    /// percent.
    Tiers(Vec<(Option<u64>, u64)>),
}

/// One named rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizingRow {
    /// `eks`, `hybrid` or `none`.
    pub name: String,
    /// What it is good for.
    pub summary: String,
    /// Ten-thousandths of each of the first CPUs, and of every further one; `None` reserves nothing.
    pub cpu: Option<(Vec<u64>, u64)>,
    /// Memory for Kubernetes.
    pub memory: Option<MemoryRule>,
    /// Thousandths of a CPU for the system.
    pub system_cpu_milli: u64,
    /// MiB for the system.
    pub system_memory_mib: u64,
    /// GiB of disk for Kubernetes.
    pub ephemeral_gib: u64,
}

/// What disks up to some size get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTier {
    /// Largest disk in GiB; `None`: any.
    pub up_to_gib: Option<u64>,
    /// Percent of use at which images are collected.
    pub image_gc_high: u64,
    /// Percent of use at which collection stops.
    pub image_gc_low: u64,
    /// Size of one container log in MiB.
    pub log_max_mib: u64,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizingTable {
    /// Percent of a memory label that is counted on.
    pub memory_of_label_percent: u64,
    /// Percent of a disk label that is counted on.
    pub disk_of_label_percent: u64,
    /// The rules.
    pub rules: Vec<SizingRow>,
    /// Disk tiers, smallest first.
    pub disk: Vec<DiskTier>,
    /// Largest number of CPUs and how many images are pulled at once; the last row has no bound.
    pub parallel_pulls: Vec<(Option<u64>, u64)>,
    /// Memory eviction: per mille of memory, and its least and greatest value in MiB.
    pub eviction_memory: (u64, u64, u64),
    /// File system eviction: percent of the disk, and the greatest value in GiB.
    pub eviction_nodefs: (u64, u64),
    /// The same for the image file system.
    pub eviction_imagefs: (u64, u64),
    /// Percent of inodes.
    pub eviction_inodes_percent: u64,
    /// Huge pages of 2 MiB for each EFA interface's libfabric pools.
    pub efa_hugepages: u64,
    /// Where the file is.
    pub place: Place,
}

impl Catalog {
    /// The sizing table.
    pub(super) fn read_sizing(&self) -> Result<SizingTable, Report> {
        self.read("profiles/sizing.yaml", table)
    }
}

/// Larger than any number of the table means; small enough that no product of two overflows.
const MANY: u64 = 1 << 20;

fn whole(reader: &mut Reader<'_>, node: Option<&Node>) -> Option<u64> {
    reader.integer(node?, 0, MANY).map(|number: Located<u64>| number.value)
}

fn table(reader: &mut Reader<'_>, node: &Node) -> Option<SizingTable> {
    let mut fields = reader.map(node, "the sizing table");
    let required = |fields: &mut crate::syntax::yaml::Fields<'_>, reader: &mut Reader<'_>, key| {
        let node = fields.required(reader, key);
        whole(reader, node)
    };
    let memory_percent = required(&mut fields, reader, "memoryOfLabelPercent");
    let disk_percent = required(&mut fields, reader, "diskOfLabelPercent");
    let rules = fields.required(reader, "rules");
    let disk = fields.required(reader, "disk");
    let pulls = fields.required(reader, "parallelPulls");
    let eviction = fields.required(reader, "eviction");
    let efa_hugepages = required(&mut fields, reader, "efaHugepages2Mi");
    fields.done(reader);

    let mut fields = reader.map(eviction?, "eviction");
    let mut part = |reader: &mut Reader<'_>, key, share: &'static str, bounds: &[&'static str]| {
        let node = fields.required(reader, key)?;
        let mut fields = reader.map(node, key);
        let node = fields.required(reader, share);
        let mut numbers = vec![whole(reader, node)?];
        for bound in bounds {
            let node = fields.required(reader, bound);
            numbers.push(whole(reader, node)?);
        }
        fields.done(reader);
        Some(numbers)
    };
    let memory = part(reader, "memory", "perMille", &["minMiB", "maxMiB"]);
    let nodefs = part(reader, "nodefs", "percent", &["maxGiB"]);
    let imagefs = part(reader, "imagefs", "percent", &["maxGiB"]);
    let inodes = part(reader, "inodes", "percent", &[]);
    fields.done(reader);
    let (memory, nodefs, imagefs, inodes) = (memory?, nodefs?, imagefs?, inodes?);
    let shares = [
        memory_percent?,
        disk_percent?,
        memory[0] / 10,
        nodefs[0],
        imagefs[0],
        inodes[0],
    ];
    if shares.iter().any(|percent| *percent > 100) || memory[1] > memory[2] {
        let message = "a share is more than the whole, or a least value more than its greatest";
        reader
            .report
            .push(Finding::error("catalog/sizing", message, &node.place));
        return None;
    }
    Some(SizingTable {
        memory_of_label_percent: memory_percent?,
        disk_of_label_percent: disk_percent?,
        rules: reader
            .list(rules?)
            .iter()
            .filter_map(|node| rule(reader, node))
            .collect(),
        disk: reader
            .list(disk?)
            .iter()
            .filter_map(|node| tier(reader, node))
            .collect(),
        parallel_pulls: reader
            .list(pulls?)
            .iter()
            .filter_map(|node| pull(reader, node))
            .collect(),
        eviction_memory: (memory[0], memory[1], memory[2]),
        eviction_nodefs: (nodefs[0], nodefs[1]),
        eviction_imagefs: (imagefs[0], imagefs[1]),
        eviction_inodes_percent: inodes[0],
        efa_hugepages: efa_hugepages?,
        place: node.place.clone(),
    })
}

fn rule(reader: &mut Reader<'_>, node: &Node) -> Option<SizingRow> {
    let mut fields = reader.map(node, "a sizing rule");
    let name = fields.required(reader, "name").and_then(|node| reader.text(node));
    let summary = fields.required(reader, "summary").and_then(|node| reader.text(node));
    let cpu = fields.optional("cpu").and_then(|node| {
        let mut fields = reader.map(node, "cpu");
        let first = fields.required(reader, "first");
        let rest = fields.required(reader, "rest");
        fields.done(reader);
        let first = reader
            .list(first?)
            .iter()
            .filter_map(|item| whole(reader, Some(item)))
            .collect();
        Some((first, whole(reader, rest)?))
    });
    let memory = fields.optional("memory").and_then(|node| {
        let mut fields = reader.map(node, "memory");
        let base = whole(reader, fields.optional("baseMiB"));
        let per_pod = whole(reader, fields.optional("perPodMiB"));
        let tiers = fields.optional("tiers");
        fields.done(reader);
        match tiers {
            Some(tiers) => {
                let tiers = reader.list(tiers);
                Some(MemoryRule::Tiers(
                    tiers.iter().filter_map(|node| memory_tier(reader, node)).collect(),
                ))
            }
            None => Some(MemoryRule::PerPod {
                base_mib: base?,
                per_pod_mib: per_pod?,
            }),
        }
    });
    let system_cpu = whole(reader, fields.optional("systemCpuMilli")).unwrap_or(0);
    let system_memory = whole(reader, fields.optional("systemMemoryMiB")).unwrap_or(0);
    let ephemeral = whole(reader, fields.optional("ephemeralGiB")).unwrap_or(0);
    fields.optional("source").map(|node| reader.text(node));
    fields.done(reader);
    Some(SizingRow {
        name: name?.value,
        summary: summary?.value,
        cpu,
        memory,
        system_cpu_milli: system_cpu,
        system_memory_mib: system_memory,
        ephemeral_gib: ephemeral,
    })
}

fn memory_tier(reader: &mut Reader<'_>, node: &Node) -> Option<(Option<u64>, u64)> {
    let mut fields = reader.map(node, "a memory tier");
    let up_to = whole(reader, fields.optional("upToGiB"));
    let percent = fields.required(reader, "percent");
    fields.done(reader);
    Some((up_to, whole(reader, percent)?))
}

fn tier(reader: &mut Reader<'_>, node: &Node) -> Option<DiskTier> {
    let mut fields = reader.map(node, "a disk tier");
    let up_to_gib = whole(reader, fields.optional("upToGiB"));
    let high = fields.required(reader, "imageGcHighPercent");
    let low = fields.required(reader, "imageGcLowPercent");
    let log = fields.required(reader, "logMaxMiB");
    fields.done(reader);
    Some(DiskTier {
        up_to_gib,
        image_gc_high: whole(reader, high)?,
        image_gc_low: whole(reader, low)?,
        log_max_mib: whole(reader, log)?,
    })
}

fn pull(reader: &mut Reader<'_>, node: &Node) -> Option<(Option<u64>, u64)> {
    let mut fields = reader.map(node, "a pull row");
    let up_to = whole(reader, fields.optional("upToVcpus"));
    let pulls = fields.required(reader, "pulls");
    fields.done(reader);
    Some((up_to, whole(reader, pulls)?))
}

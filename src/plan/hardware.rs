//! The machine: labels of the instance type, corrected by the user, counted with caution.

use std::sync::Arc;

use super::Desk;
use crate::base::{Finding, Located, MemoryMib, Origin};
use crate::catalog::SizingTable;

/// What the node is sized for.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) vcpus: u64,
    pub(super) memory: MemoryMib,
    pub(super) disk_gib: u64,
    pub(super) gpus: u64,
    pub(super) table: Arc<SizingTable>,
}

pub(super) fn decide(desk: &mut Desk<'_>) -> Option<Machine> {
    let kind = desk.instance_type;
    let row = || Origin::InstanceType(format!("{} ({})", kind.full_name(), kind.place));
    let stated = |value: &Option<Located<u64>>| {
        value
            .as_ref()
            .map(|value| (value.value, Origin::Spec(value.place.clone())))
    };
    let table = match desk.catalog.sizing() {
        Ok(table) => table,
        Err(report) => {
            desk.report.extend(report);
            return None;
        }
    };
    let hardware = &desk.spec.hardware;
    let book = &mut desk.book;
    book.set("hardware.provider", &kind.provider, row());
    book.set("hardware.arch", kind.arch.as_str(), row());
    let vcpus = book
        .choose("hardware.vcpus", (kind.vcpus, row()), [stated(&hardware.vcpus)])
        .0;
    let label = book
        .choose(
            "hardware.memoryLabelGiB",
            (kind.memory_gib, row()),
            [stated(&hardware.memory_gib)],
        )
        .0;
    let percent = table.memory_of_label_percent;
    let rule = format!("{percent} % of the label ({})", table.place);
    let memory = book.set(
        "hardware.memoryMiB",
        label * 1024 * percent / 100,
        Origin::Default(rule),
    );
    let disk_label = match (kind.disk_gib, &hardware.disk_gib) {
        (Some(disk), stated_disk) => {
            book.choose("hardware.diskLabelGiB", (disk, row()), [stated(stated_disk)])
                .0
        }
        (None, Some(disk)) => book.set("hardware.diskLabelGiB", disk.value, Origin::Spec(disk.place.clone())),
        (None, None) => {
            let message = format!(
                "the root disk of {} is chosen at launch, its size is not known here",
                kind.full_name()
            );
            let finding = Finding::error("plan/disk", message, &desk.spec.instance_type.place);
            desk.report.push(finding.hint("state `hardware: { diskGiB: … }`"));
            return None;
        }
    };
    let percent = table.disk_of_label_percent;
    let rule = format!("{percent} % of the label ({})", table.place);
    let disk_gib = book.set("hardware.diskGiB", disk_label * percent / 100, Origin::Default(rule));
    let gpus = book.set("hardware.gpus", kind.gpu.as_ref().map_or(0, |gpu| gpu.count), row());
    book.set(
        "hardware.gpuModel",
        kind.gpu.as_ref().map_or("none", |gpu| gpu.model.as_str()),
        row(),
    );
    book.set("hardware.nvswitch", kind.nvswitch, row());
    book.set("hardware.efa", kind.efa, row());
    let image = desk.image;
    let origin = || Origin::Image(format!("{} ({})", image.name, image.place));
    book.set("os.id", &image.os_id, origin());
    book.set("os.version", &image.os_version, origin());
    book.set("os.cgroup", image.cgroup, origin());
    book.set("os.systemd", &image.systemd, origin());
    book.set("os.netplan", &image.netplan, origin());
    book.set("os.resolvConf", &image.resolv_conf, origin());
    Some(Machine {
        vcpus,
        memory: MemoryMib(memory),
        disk_gib,
        gpus,
        table,
    })
}

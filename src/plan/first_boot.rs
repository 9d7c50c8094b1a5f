//! What the first-boot script is told: what the machine must be, and what to switch on and off.

use super::gpu::GpuPlan;
use super::network::NetworkPlan;
use super::{ContainerdPlan, Desk};
use crate::base::Origin;

pub(super) fn decide(desk: &mut Desk<'_>, network: &NetworkPlan, gpu: &GpuPlan, containerd: &ContainerdPlan) {
    let image = desk.image;
    let refresh = desk
        .book
        .get("credentials.refresh")
        .is_some_and(|refresh| refresh.value() == true);
    let watches_key = desk
        .book
        .get("credentials.strategy")
        .is_some_and(|word| word.value() == "assumeRole");
    let rule = |text: &str| Origin::Default(text.to_owned());
    let disable: Vec<&str> = image.disable_units.iter().map(|(unit, _)| unit.as_str()).collect();
    let origin = Origin::Image(format!("{} ({})", image.name, image.place));
    desk.book.set("firstBoot.disableUnits", disable.join(" "), origin);
    let mut enable = Vec::new();
    if refresh {
        enable.push("nodebake-credentials.timer");
        if watches_key {
            enable.push("nodebake-credentials.path");
        }
    }
    if desk.spec.artifacts.imports().next().is_some() {
        enable.push("nodebake-images.service");
    }
    enable.extend(["containerd.service", "kubelet.service"]);
    desk.book.set(
        "firstBoot.enableUnits",
        enable.join(" "),
        rule("the units of this node"),
    );
    let mut units = Vec::new();
    if gpu.nvidia {
        units.extend(["nvidia-persistenced.service", "nodebake-nvidia.service"]);
    }
    if gpu.fabric_manager {
        units.push("nvidia-fabricmanager.service");
    }
    desk.book.set(
        "firstBoot.gpuUnits",
        units.join(" "),
        rule("what GPUs need before the kubelet starts"),
    );
    desk.book
        .set("firstBoot.networkBackend", network.backend, rule("network.backend"));
    desk.book
        .set("firstBoot.interface", &network.interface, rule("network.interface"));
    desk.book
        .set("firstBoot.cniFile", network.cni_file, rule("network.cniFile"));
    let netplan = if network.backend == "netplan" { "0.107" } else { "" };
    desk.book.set(
        "firstBoot.minNetplan",
        netplan,
        rule("the first netplan with dummy-devices, if it is used"),
    );
    let min_containerd = if containerd.pinned {
        ""
    } else {
        containerd.version.as_str()
    };
    desk.book.set(
        "firstBoot.minContainerd",
        min_containerd,
        rule("the image's own containerd, if it is used"),
    );
    desk.book.set(
        "firstBoot.os",
        format!("{}-{}", image.os_id, image.os_version),
        rule("the image's system"),
    );
}

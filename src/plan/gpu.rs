//! GPUs: whether containers get them, and which units they need.

use super::Desk;
use crate::base::{Finding, Origin};
use crate::catalog::Presence;

/// What other decisions need to know.
#[derive(Debug)]
pub(super) struct GpuPlan {
    /// Whether NVIDIA's runtime is configured.
    pub(super) nvidia: bool,
    /// Whether the machine runs the NVSwitch fabric.
    pub(super) fabric_manager: bool,
}

pub(super) fn decide(desk: &mut Desk<'_>) -> GpuPlan {
    let (image, kind) = (desk.image, desk.instance_type);
    let present = kind.gpu.is_some();
    let toolkit = image.nvidia_container_toolkit != Presence::No && image.nvidia_driver != Presence::No;
    let nvidia = present && toolkit;
    let why = match (present, toolkit) {
        (false, _) => "the machine has no GPU".to_owned(),
        (true, false) => format!("image {} has no NVIDIA driver or container toolkit", image.name),
        (true, true) => format!("image {} brings NVIDIA's driver and container toolkit", image.name),
    };
    desk.book.set("gpu.nvidia", nvidia, Origin::Image(why));
    if present && !toolkit {
        let message = format!(
            "{} has GPUs, image {} has no NVIDIA driver: pods will not see them",
            kind.name, image.name
        );
        let finding = Finding::warning("plan/no-nvidia", message, &desk.spec.image.place);
        desk.report
            .push(finding.hint("take lambda-stack-… or gpu-base-…, or run the GPU operator with its driver"));
    }
    let fabric_manager = nvidia && kind.nvswitch;
    let why = if kind.nvswitch {
        "all GPUs of an NVSwitch board: without it CUDA does not start"
    } else {
        "no NVSwitch in the machine"
    };
    desk.book
        .set("gpu.fabricManager", fabric_manager, Origin::Default(why.into()));
    GpuPlan { nvidia, fabric_manager }
}

//! The container runtime: whose, which version, which configuration schema.

use super::Desk;
use super::gpu::GpuPlan;
use crate::base::{Finding, KubeMinor, Origin, Place, Report, Version};
use crate::catalog::Artifact;
use crate::spec::ContainerdSource;

/// A pause image that needs no credentials: containerd pulls it itself, without the kubelet's credential provider.
const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";

/// What was decided about containerd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerdPlan {
    /// Whether nodebake brings it.
    pub pinned: bool,
    /// Its version, or the lowest the image may have.
    pub version: Version,
    /// Version of the configuration schema.
    pub schema: u64,
}

pub(super) fn decide(desk: &mut Desk<'_>, minor: KubeMinor, gpu: &GpuPlan) -> Option<ContainerdPlan> {
    match choose(desk, minor) {
        Ok(plan) => {
            record(desk, &plan, gpu);
            Some(plan)
        }
        Err(report) => {
            desk.report.extend(report);
            None
        }
    }
}

fn choose(desk: &mut Desk<'_>, minor: KubeMinor) -> Result<ContainerdPlan, Report> {
    let table = desk.catalog.containerd_table()?;
    let image = desk.image;
    let stated = desk.role.containerd.source.as_ref();
    let place: Place = stated.map_or(&desk.spec.image.place, |source| &source.place).clone();
    let own = image.containerd.as_ref().filter(|version| table.fits(version, minor));
    let why = match (&image.containerd, own) {
        (_, Some(version)) => format!(
            "image {} has containerd {version} or later, which fits Kubernetes {minor}",
            image.name
        ),
        (Some(version), None) => {
            format!(
                "image {} may have containerd {version}, too old for Kubernetes {minor}",
                image.name
            )
        }
        (None, None) => format!("image {} is not known to have a containerd", image.name),
    };
    let base = (
        if own.is_some() { "image" } else { "pinned" },
        Origin::Image(why.clone()),
    );
    let above = stated.map(|source| {
        let word = if source.value == ContainerdSource::Image {
            "image"
        } else {
            "pinned"
        };
        (word, Origin::Spec(source.place.clone()))
    });
    let (source, _) = desk.book.choose("containerd.source", base, [above]);
    let (version, origin) = if source == "image" {
        let Some(version) = own else {
            return Err(Finding::error("plan/containerd", why, &place)
                .hint("leave `source` out: a pinned one is brought")
                .into());
        };
        (
            version.clone(),
            Origin::Image(format!("the floor of image {}", image.name)),
        )
    } else {
        let pin = pinned(desk, minor, &place, |version| table.fits(version, minor))?;
        (pin.version, Origin::Default(format!("pinned for Kubernetes {minor}")))
    };
    let Some(schema) = table.schema(&version) else {
        return Err(Finding::error(
            "plan/containerd",
            format!("no schema is known for containerd {version}"),
            &place,
        )
        .into());
    };
    desk.book.set("containerd.version", &version, origin);
    let rule = format!("the schema containerd {version} reads");
    desk.book.set("containerd.schema", schema, Origin::Default(rule));
    Ok(ContainerdPlan {
        pinned: source == "pinned",
        version,
        schema,
    })
}

/// The image's own pin if it fits, else the newest that does.
fn pinned(
    desk: &Desk<'_>,
    minor: KubeMinor,
    place: &Place,
    fits: impl Fn(&Version) -> bool,
) -> Result<Artifact, Report> {
    let arch = desk.instance_type.arch;
    let versions = desk.catalog.pinned_versions("containerd", arch)?;
    let fitting = || versions.iter().filter(|version| fits(version));
    let named = desk
        .image
        .artifact_version("containerd")
        .and_then(|version| version.parse::<Version>().ok());
    let best = fitting()
        .find(|version| Some(*version) == named.as_ref())
        .or_else(|| fitting().max());
    let pin = match best {
        Some(version) => desk.catalog.artifact("containerd", version, arch)?,
        None => None,
    };
    pin.ok_or_else(|| {
        let message = format!("no containerd is pinned that fits Kubernetes {minor}");
        Finding::error("plan/containerd", message, place)
            .hint("add one to images/artifacts.csv of your catalog folder")
            .into()
    })
}

fn record(desk: &mut Desk<'_>, plan: &ContainerdPlan, gpu: &GpuPlan) {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is not general over lifetimes"
    )]
    let from_profile = desk.profile_default("containerd.pauseImage", |reader, node| reader.text(node));
    let from_profile = from_profile.map(|(image, origin)| (image.value, origin));
    let stated = desk.role.containerd.pause_image.as_ref();
    let stated = stated.map(|image| (image.value.clone(), Origin::Spec(image.place.clone())));
    let base = (
        PAUSE_IMAGE.to_owned(),
        Origin::Default("public: containerd pulls it without credentials".into()),
    );
    desk.book.choose("containerd.pauseImage", base, [from_profile, stated]);
    let old = plan.version.major() < 2;
    let bin_dirs = plan.version.major() > 2 || (plan.version.major() == 2 && plan.version.minor() >= 1);
    let rule = |text: &str| Origin::Default(text.to_owned());
    desk.book.set(
        "containerd.hasBinDirs",
        bin_dirs,
        rule("cni.bin_dirs exists from 2.1 on, bin_dir is deprecated there"),
    );
    // 1.6 has no CDI; on 2.x it is on by itself, and the key is to go.
    let cdi = gpu.nvidia && old && plan.version.minor() >= 7;
    desk.book.set(
        "containerd.enableCdi",
        cdi,
        rule("CDI is off by default on 1.7 and on by default from 2.0"),
    );
    let path = if plan.pinned {
        "/usr/local/bin/containerd"
    } else {
        "/usr/bin/containerd"
    };
    desk.book.set(
        "containerd.path",
        path,
        rule("a pinned containerd does not touch the packaged one"),
    );
    desk.book.set(
        "containerd.ctr",
        path.replace("/containerd", "/ctr"),
        rule("containerd's own tool is beside it"),
    );
    desk.book.set(
        "containerd.noFileLimit",
        old,
        rule("LimitNOFILE=infinity was dropped with 2.0"),
    );
}

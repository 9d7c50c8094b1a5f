//! Floor 2: the plan. Every default and every number is decided here, with its origin; what templates see is the book
//! of these decisions and nothing else.

mod artifacts;
mod book;
mod cloud_config;
mod cluster;
mod containerd;
mod credentials;
mod first_boot;
mod gpu;
mod hardware;
mod identity;
mod kubelet;
mod launch;
mod network;
mod sizing;

pub use artifacts::PlannedArtifact;
pub use book::{Book, Decision};
pub use containerd::ContainerdPlan;
pub use kubelet::may_label_itself;
pub use sizing::{Reservation, reserve};

use std::sync::Arc;

use crate::base::{Finding, Origin, Place, Report, Severity, Version};
use crate::catalog::{Catalog, Image, InstanceType, Profile, Provider};
use crate::facts::ClusterFacts;
use crate::spec::NodeSpec;

/// Everything decided about one node.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the user wrote.
    pub spec: NodeSpec,
    /// The profile.
    pub profile: Arc<Profile>,
    /// The image.
    pub image: Arc<Image>,
    /// The hardware.
    pub instance_type: Arc<InstanceType>,
    /// The cloud.
    pub provider: Arc<Provider>,
    /// The cluster.
    pub facts: ClusterFacts,
    /// The kubelet's exact version.
    pub kubelet_version: Version,
    /// The container runtime.
    pub containerd: ContainerdPlan,
    /// What the machine downloads.
    pub artifacts: Vec<PlannedArtifact>,
    /// Every value with its origin.
    pub book: Book,
}

/// What the deciding functions share.
struct Desk<'p> {
    spec: &'p NodeSpec,
    catalog: &'p Catalog,
    profile: &'p Profile,
    image: &'p Image,
    instance_type: &'p InstanceType,
    facts: &'p ClusterFacts,
    book: Book,
    report: Report,
}

impl Desk<'_> {
    fn error(&mut self, id: &'static str, message: impl Into<String>, place: &Place) -> &mut Self {
        self.report.push(Finding::error(id, message, place));
        self
    }

    /// A default of the profile read by `read`, with its origin.
    fn profile_default<T>(
        &mut self,
        path: &str,
        read: impl FnOnce(&mut crate::syntax::yaml::Reader<'_>, &crate::syntax::yaml::Node) -> Option<T>,
    ) -> Option<(T, Origin)> {
        let node = self.profile.default(path)?;
        let value = read(
            &mut crate::syntax::yaml::Reader {
                report: &mut self.report,
            },
            node,
        )?;
        Some((value, Origin::Profile(node.place.clone())))
    }
}

/// Paths of the plan for which a profile may set a default.
const PROFILE_DEFAULTS: [&str; 6] = [
    "credentials.durationSeconds",
    "network.interface",
    "network.pods",
    "sizing.maxPods",
    "sizing.rule",
    "containerd.pauseImage",
];

impl Plan {
    /// Decides everything about the node `spec` describes. All mistakes are reported together. A plan comes back beside
    /// errors if every value could be decided all the same, so that later floors can add what they find.
    pub fn resolve(spec: NodeSpec, catalog: &Catalog, facts: ClusterFacts) -> (Option<Self>, Report) {
        // Names first: without the rows they name there is nothing to decide about.
        let mut report = Report::new();
        let mut take = |failed: Report| report.extend(failed);
        let profile = catalog.profile(&spec.profile).map_err(&mut take).ok();
        let image = catalog.image(&spec.image).map_err(&mut take).ok();
        let instance_type = catalog.instance_type(&spec.instance_type).map_err(&mut take).ok();
        let provider = instance_type
            .as_ref()
            .and_then(|kind| catalog.provider(&kind.provider).map_err(&mut take).ok());
        let (Some(profile), Some(image), Some(instance_type), Some(provider)) =
            (profile, image, instance_type, provider)
        else {
            return (None, report);
        };
        let mut desk = Desk {
            spec: &spec,
            catalog,
            profile: &profile,
            image: &image,
            instance_type: &instance_type,
            facts: &facts,
            book: Book::default(),
            report,
        };
        desk.meta();
        desk.fitting_rows(&provider);
        launch::decide(&mut desk, &provider);
        cloud_config::decide(&mut desk);
        cluster::decide(&mut desk);
        let hardware = hardware::decide(&mut desk);
        let name = identity::decide(&mut desk);
        let kubelet_version = kubelet::version(&mut desk);
        let network = network::decide(&mut desk);
        credentials::decide(&mut desk, name.as_ref());
        let gpu = gpu::decide(&mut desk);
        let decided = match (&hardware, &kubelet_version, &name) {
            (Some(hardware), Some(version), Some(name)) => {
                sizing::decide(&mut desk, hardware);
                kubelet::decide(&mut desk, version, name);
                let containerd = containerd::decide(&mut desk, version.kube_minor(), &gpu);
                containerd.map(|containerd| {
                    let artifacts = artifacts::decide(&mut desk, version, &containerd);
                    first_boot::decide(&mut desk, &network, &gpu, &containerd);
                    (containerd, artifacts)
                })
            }
            _ => None,
        };
        let Desk { book, report, .. } = desk;
        let plan = match (decided, kubelet_version) {
            (Some((containerd, artifacts)), Some(kubelet_version)) => Some(Self {
                spec,
                profile,
                image,
                instance_type,
                provider,
                facts,
                kubelet_version,
                containerd,
                artifacts,
                book,
            }),
            _ => None,
        };
        (plan, report)
    }
}

impl Desk<'_> {
    fn meta(&mut self) {
        let spec = self.spec;
        self.book
            .set("meta.name", &spec.name.value, Origin::Spec(spec.name.place.clone()));
        self.book.set(
            "meta.profile",
            &spec.profile.value,
            Origin::Spec(spec.profile.place.clone()),
        );
        self.book
            .set("meta.image", &spec.image.value, Origin::Spec(spec.image.place.clone()));
        self.book.set(
            "meta.instanceType",
            &spec.instance_type.value,
            Origin::Spec(spec.instance_type.place.clone()),
        );
        for (key, _) in &self.profile.defaults {
            if !PROFILE_DEFAULTS.contains(&key.value.as_str()) {
                let message = format!("no plan value `{}` takes a profile's default", key.value);
                let finding = Finding::error("catalog/profile-default", message, &key.place);
                self.report
                    .push(finding.hint(format!("there are {}", PROFILE_DEFAULTS.join(", "))));
            }
        }
    }

    /// Whether image, instance type and provider belong together.
    fn fitting_rows(&mut self, provider: &Provider) {
        let (image, kind, spec) = (self.image, self.instance_type, self.spec);
        if !image.arch.contains(&kind.arch) {
            let arch: Vec<&str> = image.arch.iter().map(|arch| arch.as_str()).collect();
            let message = format!(
                "{} is {}, image {} exists for {}",
                kind.name,
                kind.arch.as_str(),
                image.name,
                arch.join(", ")
            );
            self.report.push(
                Finding::error("plan/image-arch", message, &spec.image.place)
                    .note(&spec.instance_type.place, "the instance type"),
            );
        }
        if !image.providers.contains(&provider.name) {
            let message = format!("provider {} does not offer image {}", provider.name, image.name);
            self.report.push(
                Finding::error("plan/image-provider", message, &spec.image.place)
                    .note(&spec.instance_type.place, "the instance type")
                    .hint(format!("{} is offered by {}", image.name, image.providers.join(", "))),
            );
        }
        if !kind.verified {
            let message = format!(
                "the numbers of {} are not recorded from the provider: {}",
                kind.name, kind.source
            );
            self.report.push(
                Finding::new(Severity::Warning, "plan/unverified-type", message)
                    .at(spec.instance_type.place.clone())
                    .hint("state `hardware`; the machine is measured at first boot in any case"),
            );
        }
    }
}

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
mod network;
mod proxy;
mod reach;
mod sizing;

pub use artifacts::PlannedArtifact;
pub use book::{Book, Decision};
pub use containerd::ContainerdPlan;
pub use kubelet::may_label_itself;
pub use proxy::{CLUSTER_TAG, TAG as PROXY_TAG};
pub use sizing::{Reservation, reserve};

use std::sync::Arc;

use crate::base::{Finding, KubeMinor, Origin, Place, Report, Severity, Version};
use crate::catalog::{Catalog, Image, InstanceType, Machine, Profile, Provider};
use crate::facts::ClusterFacts;
use crate::spec::{KubeletSpec, NodeSpec, ProxySpec, Role};

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
    /// What only a node has; `None` for a proxy.
    pub node: Option<NodePlan>,
    /// What the machine downloads.
    pub artifacts: Vec<PlannedArtifact>,
    /// Every value with its origin.
    pub book: Book,
}

/// What is decided about a machine with a kubelet, and about no other.
#[derive(Debug, Clone)]
pub struct NodePlan {
    /// The kubelet's exact version.
    pub kubelet_version: Version,
    /// The container runtime.
    pub containerd: ContainerdPlan,
}

/// The rows a machine's names stand for.
struct Rows {
    profile: Arc<Profile>,
    image: Arc<Image>,
    instance_type: Arc<InstanceType>,
    provider: Arc<Provider>,
}

impl Plan {
    /// The Kubernetes minor of the machine's kubelet, or of the cluster where it has none.
    pub fn minor(&self) -> KubeMinor {
        self.node
            .as_ref()
            .map_or(self.facts.minor.value, |node| node.kubelet_version.kube_minor())
    }

    /// Whether its containerd is of the 1.x series.
    pub fn has_old_containerd(&self) -> bool {
        self.node
            .as_ref()
            .is_some_and(|node| node.containerd.version.major() < 2)
    }
}

/// What the deciding functions share. `R` is what only machines of this kind have.
struct Desk<'p, R = KubeletSpec> {
    spec: &'p NodeSpec,
    role: &'p R,
    catalog: &'p Catalog,
    profile: &'p Profile,
    image: &'p Image,
    instance_type: &'p InstanceType,
    facts: &'p ClusterFacts,
    book: Book,
    report: Report,
}

impl<R> Desk<'_, R> {
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
        let planned = match spec.role {
            Role::Node(_) => Machine::Node,
            Role::Proxy(_) => Machine::Proxy,
        };
        if profile.machine != planned {
            let word = |machine| if machine == Machine::Node { "nodes" } else { "proxies" };
            let message = format!(
                "profile {} is for {}, this document is about {}",
                profile.name,
                word(profile.machine),
                word(planned)
            );
            let finding = Finding::error("plan/profile-machine", message, &spec.profile.place);
            report.push(finding.hint("`kind: Proxy` goes with satellite-proxy, Node and Fleet with the others"));
            return (None, report);
        }
        let rows = Rows {
            profile,
            image,
            instance_type,
            provider,
        };
        let (decided, book, report) = match &spec.role {
            Role::Node(node) => decide_node(&spec, node, catalog, &rows, &facts, report),
            Role::Proxy(proxy) => decide_proxy(&spec, proxy, catalog, &rows, &facts, report),
        };
        let plan = decided.map(|(node, artifacts)| Self {
            spec,
            profile: rows.profile,
            image: rows.image,
            instance_type: rows.instance_type,
            provider: rows.provider,
            facts,
            node,
            artifacts,
            book,
        });
        (plan, report)
    }
}

/// What was decided, if all of it could be; the book; and what was found.
type Decided = (Option<(Option<NodePlan>, Vec<PlannedArtifact>)>, Book, Report);

impl Rows {
    /// A desk for a machine of these rows, with what is decided alike for every kind.
    fn desk<'p, R>(
        &'p self,
        spec: &'p NodeSpec,
        role: &'p R,
        catalog: &'p Catalog,
        facts: &'p ClusterFacts,
        report: Report,
    ) -> Desk<'p, R> {
        let mut desk = Desk {
            spec,
            role,
            catalog,
            profile: &self.profile,
            image: &self.image,
            instance_type: &self.instance_type,
            facts,
            book: Book::default(),
            report,
        };
        desk.meta();
        desk.fitting_rows(&self.provider);
        cloud_config::decide(&mut desk);
        cluster::decide(&mut desk);
        desk
    }
}

fn decide_node(
    spec: &NodeSpec,
    node: &KubeletSpec,
    catalog: &Catalog,
    rows: &Rows,
    facts: &ClusterFacts,
    report: Report,
) -> Decided {
    let mut desk = rows.desk(spec, node, catalog, facts, report);
    let hardware = hardware::decide(&mut desk);
    let name = identity::decide(&mut desk);
    reach::decide(&mut desk);
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
    let decided = match (decided, kubelet_version) {
        (Some((containerd, artifacts)), Some(kubelet_version)) => {
            let node = NodePlan {
                kubelet_version,
                containerd,
            };
            Some((Some(node), artifacts))
        }
        _ => None,
    };
    (decided, book, report)
}

fn decide_proxy(
    spec: &NodeSpec,
    proxy: &ProxySpec,
    catalog: &Catalog,
    rows: &Rows,
    facts: &ClusterFacts,
    report: Report,
) -> Decided {
    let mut desk = rows.desk(spec, proxy, catalog, facts, report);
    proxy::decide(&mut desk);
    let artifacts = artifacts::own_alone(&mut desk);
    let Desk { book, report, .. } = desk;
    (Some((None, artifacts)), book, report)
}

impl<R> Desk<'_, R> {
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

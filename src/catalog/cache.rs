//! What was read once is kept: a fleet of a thousand nodes reads each table and template once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{
    Arch, Artifact, Catalog, CloudConfigKey, ContainerdTable, Covers, FeatureGate, FeatureGates, Field, Flag, Image,
    InstanceType, KubeletFlags, KubeletSchema, NetplanTable, Profile, Provider, SizingTable, Template,
};
use crate::base::{Finding, Located, Place, Report, Severity, Version};

/// One table, read when it is first asked for.
struct Once<T>(OnceLock<Result<Arc<T>, Report>>);

impl<T> Once<T> {
    fn get(&self, read: impl FnOnce() -> Result<T, Report>) -> Result<Arc<T>, Report> {
        self.0.get_or_init(|| read().map(Arc::new)).clone()
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

/// Entries by name. What cannot be read is not kept: its findings carry the place that asked.
struct Named<T>(Mutex<BTreeMap<String, Arc<T>>>);

impl<T> Named<T> {
    fn get(&self, name: &str, read: impl FnOnce() -> Result<T, Report>) -> Result<Arc<T>, Report> {
        // A reader that panicked has inserted nothing half.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(name) {
            return Ok(Arc::clone(known));
        }
        // Read without the lock: two threads may read the same, and get the same.
        let value = Arc::new(read()?);
        lock().insert(name.to_owned(), Arc::clone(&value));
        Ok(value)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

/// Everything that is kept.
#[derive(Default)]
pub(super) struct Cache {
    sizing: Once<SizingTable>,
    containerd: Once<ContainerdTable>,
    kubelet_schema: Once<KubeletSchema>,
    kubelet_flags: Once<KubeletFlags>,
    feature_gates: Once<FeatureGates>,
    cloud_config_keys: Once<Vec<CloudConfigKey>>,
    netplan: Once<NetplanTable>,
    kubelet_covers: Once<Covers>,
    kubelet_field: Named<Option<Field>>,
    feature_gate: Named<Option<FeatureGate>>,
    kubelet_flag: Named<Option<Flag>>,
    install: Once<Vec<(String, String, String)>>,
    profiles: Named<Profile>,
    images: Named<Image>,
    providers: Named<Provider>,
    instance_types: Named<InstanceType>,
    templates: Named<Template>,
    pinned_versions: Named<Vec<Version>>,
    artifacts: Named<Option<Artifact>>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Cache")
    }
}

impl Catalog {
    /// The sizing table.
    pub fn sizing(&self) -> Result<Arc<SizingTable>, Report> {
        self.cache.sizing.get(|| self.read_sizing())
    }

    /// The containerd table.
    pub fn containerd_table(&self) -> Result<Arc<ContainerdTable>, Report> {
        self.cache.containerd.get(|| self.read_containerd_table())
    }

    /// The keys of `KubeletConfiguration`.
    pub fn kubelet_schema(&self) -> Result<Arc<KubeletSchema>, Report> {
        self.cache.kubelet_schema.get(|| self.read_kubelet_schema())
    }

    /// The kubelet's flags.
    pub fn kubelet_flags(&self) -> Result<Arc<KubeletFlags>, Report> {
        self.cache.kubelet_flags.get(|| self.read_kubelet_flags())
    }

    /// The feature gates.
    pub fn feature_gates(&self) -> Result<Arc<FeatureGates>, Report> {
        self.cache.feature_gates.get(|| self.read_feature_gates())
    }

    /// Which minors the keys of `KubeletConfiguration` cover.
    pub fn kubelet_covers(&self) -> Result<Arc<Covers>, Report> {
        self.cache.kubelet_covers.get(|| self.read_kubelet_covers())
    }

    /// The top-level key `name` of `KubeletConfiguration`, if some kubelet knows it.
    pub fn kubelet_field(&self, name: &str) -> Result<Arc<Option<Field>>, Report> {
        self.cache.kubelet_field.get(name, || self.read_kubelet_field(name))
    }

    /// The feature gate `name`, if some kubelet knows it.
    pub fn feature_gate(&self, name: &str) -> Result<Arc<Option<FeatureGate>>, Report> {
        self.cache.feature_gate.get(name, || self.read_feature_gate(name))
    }

    /// The kubelet's flag `name`, if some kubelet knows it.
    pub fn kubelet_flag(&self, name: &str) -> Result<Arc<Option<Flag>>, Report> {
        self.cache.kubelet_flag.get(name, || self.read_kubelet_flag(name))
    }

    /// The top-level keys of a cloud-config document.
    pub fn cloud_config_keys(&self) -> Result<Arc<Vec<CloudConfigKey>>, Report> {
        self.cache.cloud_config_keys.get(|| self.read_cloud_config_keys())
    }

    /// What each netplan reads.
    pub fn netplan_table(&self) -> Result<Arc<NetplanTable>, Report> {
        self.cache.netplan.get(|| self.read_netplan_table())
    }

    /// How `component` is installed: the action (`file`, `untar0`, `untar1`), and where it goes.
    pub fn install_rule(&self, component: &str) -> Result<(String, String), Report> {
        let rules = self.cache.install.get(|| self.read_install_rules())?;
        let rule = rules.iter().find(|(name, ..)| name == component);
        rule.map(|(_, action, dest)| (action.clone(), dest.clone()))
            .ok_or_else(|| {
                let message = format!("profiles/kubernetes/artifacts.yaml does not say where {component} goes");
                Finding::new(Severity::Error, "catalog/artifact", message).into()
            })
    }

    /// The versions of `component` that are pinned for `arch`, in the order of the table.
    pub fn pinned_versions(&self, component: &str, arch: Arch) -> Result<Arc<Vec<Version>>, Report> {
        let name = format!("{component}/{}", arch.as_str());
        let read = || self.read_pinned_versions(component, arch);
        self.cache.pinned_versions.get(&name, read)
    }

    /// The pin of exactly this version.
    pub fn artifact(&self, component: &str, version: &Version, arch: Arch) -> Result<Option<Artifact>, Report> {
        let name = format!("{component}/{version}/{}", arch.as_str());
        let read = || self.read_artifact(component, version, arch);
        Ok(self.cache.artifacts.get(&name, read)?.as_ref().clone())
    }

    /// The profile `name`.
    pub fn profile(&self, name: &Located<String>) -> Result<Arc<Profile>, Report> {
        self.cache.profiles.get(&name.value, || self.read_profile(name))
    }

    /// The image `name`.
    pub fn image(&self, name: &Located<String>) -> Result<Arc<Image>, Report> {
        self.cache.images.get(&name.value, || self.read_image(name))
    }

    /// The provider `name`.
    pub fn provider(&self, name: &str) -> Result<Arc<Provider>, Report> {
        self.cache.providers.get(name, || self.read_provider(name))
    }

    /// The instance type `provider/name`.
    pub fn instance_type(&self, name: &Located<String>) -> Result<Arc<InstanceType>, Report> {
        self.cache
            .instance_types
            .get(&name.value, || self.read_instance_type(name))
    }

    /// The template `component/name`.
    pub fn template(&self, name: &str, place: Option<&Place>) -> Result<Arc<Template>, Report> {
        self.cache.templates.get(name, || self.read_template(name, place))
    }
}

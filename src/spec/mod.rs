//! Floor 1: what the user wrote in `node.yaml`, validated for form. Knows nothing of catalog or cluster: whether an
//! image exists or an address fits is decided by `plan`.

mod artifacts;
mod credentials;
mod fleet;
mod identity;
mod init;
mod kubelet;
mod node;
mod proxy;

pub use artifacts::{ArtifactFile, Artifacts, Whence};
pub use credentials::{AssumeRole, Credentials, RolesAnywhere, Ssm, User};
pub use fleet::{Document, read};
pub use identity::{Identity, Mapping};
pub use init::{CLUSTER_YAML, NODE_YAML};
pub use kubelet::{Effect, Kubelet, Taint};
pub use node::{
    Containerd, ContainerdSource, Hardware, KubeletSpec, Network, NetworkBackend, NodeSpec, PodNetwork, Role, Sizing,
    SizingRule, UserFile,
};
pub use proxy::{Form, Launch, ProxySpec, Satellite, is_aws_id};

//! Floor 1: what the user wrote in `node.yaml`, validated for form. Knows nothing of catalog or cluster: whether an
//! image exists or an address fits is decided by `plan`.

mod artifacts;
mod credentials;
mod fleet;
mod identity;
mod init;
mod kubelet;
mod node;

pub use artifacts::{ArtifactFile, Artifacts, Whence};
pub use credentials::{Agent, AssumeRole, Credentials, RolesAnywhere, Ssm, User};
pub use fleet::{Document, read};
pub use identity::{Identity, Mapping};
pub use init::{CLUSTER_YAML, NODE_YAML};
pub use kubelet::{Effect, Kubelet, Taint};
pub use node::{
    Containerd, ContainerdSource, Hardware, Network, NetworkBackend, NodeSpec, PodNetwork, Sizing, SizingRule, UserFile,
};

//! What `nodebake init` writes. The files bake as they are; a test holds them to it.

/// A commented `node.yaml`.
pub const NODE_YAML: &str = include_str!("../../examples/init/node.yaml");

/// A commented `cluster.yaml`, with a certificate authority that belongs to nobody.
pub const CLUSTER_YAML: &str = include_str!("../../examples/init/cluster.yaml");

//! nodebake turns one reviewed `node.yaml` into everything a GPU machine outside AWS needs to become a Ready node of an
//! EKS cluster, and bakes it into cloud-init user-data.
//!
//! ```text
//! node.yaml ──► spec ───────┐
//! profiles/ images/ ─► catalog ─┼─► plan ──► render ──► FileTree ──► verify ──► Verified ──► bake ──► Artifact
//! cluster.yaml ────► facts ─┘   every       all files      checks, with      user-data
//!                               default     or none        place and hint
//! ```
//!
//! Data flows one way. Everything from [`spec`] to [`bake`] is pure: the same inputs give the same bytes, without disk,
//! clock, network, environment or randomness. [`pipeline`] joins the floors; [`cli`] alone knows [`edge`].

pub mod bake;
pub mod base;
pub mod catalog;
pub mod cli;
pub mod cloud;
pub mod deliver;
pub mod edge;
pub mod facts;
pub mod pipeline;
pub mod plan;
pub mod plugin;
pub mod render;
pub mod review;
pub mod spec;
pub mod syntax;
pub mod tree;
pub mod verify;

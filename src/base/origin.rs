//! Where a value of the plan comes from.

use std::fmt;

use super::Place;

/// The layer that decided a value, weakest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A rule of nodebake; the text names it.
    Default(String),
    /// The image's row in the catalog.
    Image(String),
    /// The instance type's row in the catalog.
    InstanceType(String),
    /// The profile, at a place of its file.
    Profile(Place),
    /// The cluster's facts, at a place of their file.
    Facts(Place),
    /// What the user wrote in node.yaml.
    Spec(Place),
}

impl Origin {
    /// One word for the layer.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Default(_) => "default",
            Self::Image(_) => "image",
            Self::InstanceType(_) => "instance-type",
            Self::Profile(_) => "profile",
            Self::Facts(_) => "facts",
            Self::Spec(_) => "node.yaml",
        }
    }

    /// The place in a file, for the layers that have one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Profile(place) | Self::Facts(place) | Self::Spec(place) => Some(place),
            Self::Default(_) | Self::Image(_) | Self::InstanceType(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(rule) => write!(out, "default: {rule}"),
            Self::Image(row) => write!(out, "image {row}"),
            Self::InstanceType(row) => write!(out, "instance type {row}"),
            Self::Profile(place) => write!(out, "profile {place}"),
            Self::Facts(place) => write!(out, "facts {place}"),
            Self::Spec(place) => write!(out, "{place}"),
        }
    }
}

//! The catalog, the user's own folder too.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "catalog/unknown",
        Error,
        "A name is in the catalog",
        "Names are matched exactly; made-up instance types are common.",
    ),
    rule(
        "catalog/folder",
        Error,
        "The catalog folder can be read",
        "Without it another catalog would be used than was asked for.",
    ),
    rule(
        "catalog/file",
        Error,
        "Files of a catalog folder have a meaning",
        "A misplaced file would be ignored in silence.",
    ),
    rule(
        "catalog/value",
        Error,
        "Values of the catalog have their form",
        "A table with a mistake sizes every node wrongly.",
    ),
    rule(
        "catalog/impact",
        Error,
        "A row of profiles/impact.csv is a path, a key, a word, an impact and a reason",
        "A row that is left out would tell reviewers that a change needs nothing.",
    ),
    rule(
        "catalog/template",
        Error,
        "A template has its front matter",
        "It says where the file goes.",
    ),
    rule(
        "catalog/artifact",
        Error,
        "Artifact pins are whole",
        "A pin without a hash is no pin.",
    ),
    rule(
        "catalog/sizing",
        Error,
        "The sizing table covers the machine",
        "There would be no number to take.",
    ),
    rule(
        "catalog/profile-default",
        Error,
        "A profile sets defaults that exist",
        "Another one would be ignored in silence.",
    ),
];

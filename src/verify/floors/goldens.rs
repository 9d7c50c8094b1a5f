//! The rules of a review: what is told of a folder of goldens. They have no function here; `review` holds them.

use super::rule;
use crate::base::Severity::{Error, Warning};
use crate::verify::Check;

/// The rules.
pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "golden/differs",
        Error,
        "A golden is what its node renders now",
        "Whoever reviews a folder that is not rendered anew reviews another machine than the one that boots.",
    ),
    rule(
        "golden/node",
        Error,
        "Every node has its folder, and every folder its node",
        "A folder without a node shows a machine that nobody makes.",
    ),
    rule(
        "golden/edited",
        Error,
        "No golden is edited by hand",
        "The MANIFEST pins what was rendered: a golden with another digest shows what no machine gets.",
    ),
    rule(
        "golden/conflict",
        Error,
        "No golden has marks of a merge conflict",
        "Both sides of a merge changed it; what holds is what is rendered of the merged inputs.",
    ),
    rule(
        "golden/foreign",
        Error,
        "A folder of goldens holds nothing else",
        "A file among the planes would be taken for a part of the node.",
    ),
    rule(
        "golden/strange",
        Error,
        "Goldens are files of text",
        "A link, a device, a binary or a very large file cannot be reviewed as a diff.",
    ),
    rule(
        "golden/secret",
        Error,
        "No golden holds a secret",
        "Goldens stay in the repository, and in its history: a key in one of them is public and has to be replaced.",
    ),
    rule(
        "golden/wider-mode",
        Warning,
        "No mode gets wider unnoticed",
        "A diff of texts does not show modes, and a file that others may read is read by others.",
    ),
    rule(
        "golden/new-name",
        Error,
        "No node gets another name unnoticed",
        "Under another name the machine registers as another node: the old one stays in the cluster, with its pods, until it is deleted.",
    ),
    rule(
        "golden/maker",
        Warning,
        "Goldens are made by the nodebake that checks them",
        "Another version, or another catalog built into it, decides and writes otherwise.",
    ),
];

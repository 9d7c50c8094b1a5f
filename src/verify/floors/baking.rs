//! Rendering and baking.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "render/template",
        Error,
        "Templates render",
        "An undefined value or one that cannot be quoted stops here, not on the machine.",
    ),
    rule(
        "render/path",
        Error,
        "A rendered path is clean and absolute",
        "It would land elsewhere.",
    ),
    rule(
        "render/collision",
        Error,
        "Every path belongs to one file",
        "One of the two would be lost.",
    ),
    rule(
        "render/containerd",
        Error,
        "The user's containerd tables can be merged",
        "The schema's version follows containerd's; tables of another version would be ignored.",
    ),
    rule(
        "bake/budget",
        Error,
        "The document fits the provider",
        "The API refuses a larger one, or cuts it.",
    ),
    rule(
        "bake/reread",
        Error,
        "The document comes back as it went in",
        "A second parser reads what was written; a difference is a defect of nodebake.",
    ),
    rule(
        "bake/seed",
        Error,
        "The seed image takes its files",
        "Its size is reckoned from them; a file that does not fit is a defect of nodebake.",
    ),
    rule(
        "bake/bundle",
        Error,
        "A bundle has every file once, and every artifact's bytes",
        "Two files at one path, or an artifact that the cache does not have, would be found out on the closed site.",
    ),
    rule(
        "bake/bundle-differs",
        Error,
        "A document that fetches a bundle fetches what was just checked",
        "The machine would install what the bundle was baked of, which nobody has reviewed with this document.",
    ),
    rule(
        "bake/local-artifact",
        Error,
        "What the machine is to download is on the web",
        "User-data and a seed image carry text; a file beside node.yaml travels in a bundle.",
    ),
    rule(
        "lock/syntax",
        Error,
        "artifacts.lock is as `fetch` wrote it",
        "A lock that is damaged holds nobody to anything.",
    ),
    rule(
        "lock/conflict",
        Error,
        "artifacts.lock has no marks of a merge conflict",
        "Both sides of a merge changed it; which of the two holds is for `fetch` to say.",
    ),
    rule(
        "lock/differs",
        Error,
        "What is wanted is what is locked",
        "Whoever holds to a lock gets the programs that were reviewed, and no others.",
    ),
    rule(
        "bake/proxy-bundle",
        Error,
        "A bundle is of nodes",
        "Its installer makes a node of the machine: it checks for a kubelet and starts one.",
    ),
];

//! systemd's files, ours and the user's: their keys, what they refer to, and in which order they let the machine start.

mod keys;
mod reading;
mod specifiers;

pub(super) use reading::UnitFile;

use super::Check;
use crate::base::Severity;

/// The checks of this folder.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "systemd/unknown-section",
        severity: Severity::Error,
        summary: "Every section belongs into its type of unit",
        reason: "systemd logs an unknown section and ignores all that stands in it (systemd.syntax(7)); sections of one's own begin with X-.",
        run: Some(keys::sections),
    },
    Check {
        id: "systemd/unknown-key",
        severity: Severity::Error,
        summary: "systemd knows every key in the section it stands in",
        reason: "systemd logs an unknown key and goes on without it (systemd.syntax(7)): the setting is not in force. The table is `systemd --dump-configuration-items` of 247, 252 and 257.",
        run: Some(keys::unknown),
    },
    Check {
        id: "systemd/newer-key",
        severity: Severity::Error,
        summary: "The image's systemd is new enough for every key",
        reason: "A key that came later is an unknown key to the image's systemd, which ignores it (the manual pages say in which version each was added).",
        run: Some(keys::newer),
    },
    Check {
        id: "systemd/specifier",
        severity: Severity::Warning,
        summary: "A % means what it is meant to",
        reason: "systemd replaces % and a letter, such as %H by the host's name, before the program sees it; one it does not know it leaves as it is, until a later version gives it a meaning (systemd.unit(5)).",
        run: Some(specifiers::specifiers),
    },
];

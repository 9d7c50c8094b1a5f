//! systemd's files, ours and the user's: their keys, what they refer to, and in which order they let the machine start.

mod keys;
mod machine;
mod ordering;
mod reading;
mod references;
mod service;
mod specifiers;
mod starting;

pub use ordering::{After, Reason, start_order};
pub(super) use reading::{Lines, UnitFile};

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
    Check {
        id: "systemd/missing-unit",
        severity: Severity::Error,
        summary: "A unit that another one cannot do without is there",
        reason: "A required unit that nobody has makes the start fail, a target nobody has starts nothing, a timer whose service is missing is refused (systemd.unit(5)).",
        run: Some(references::needed),
    },
    Check {
        id: "systemd/void-reference",
        severity: Severity::Warning,
        summary: "What a unit names beside itself is there",
        reason: "Wants=, After= and Before= of a unit that nobody has are ignored without a word (systemd.unit(5)): the order somebody relies on is not there, and a drop-in adds to nothing.",
        run: Some(references::void),
    },
    Check {
        id: "systemd/ordering-cycle",
        severity: Severity::Error,
        summary: "There is an order to start all units in",
        reason: "systemd breaks a cycle by leaving out one of its units, not always the same: nodes lost their user-data so (awslabs/amazon-eks-ami#2269 and #2703, aws-samples/amazon-eks-ami-rhel#20).",
        run: Some(ordering::cycles),
    },
    Check {
        id: "systemd/refused-service",
        severity: Severity::Error,
        summary: "systemd accepts every service",
        reason: "A service without a command, with two of them, or a oneshot that is always restarted is refused as a whole when it is loaded (service_verify in systemd's src/core/service.c).",
        run: Some(service::refused),
    },
    Check {
        id: "systemd/missing-program",
        severity: Severity::Error,
        summary: "A command's program is among the machine's files and can be run",
        reason: "A service whose program is missing or not executable ends with 203/EXEC (systemd.exec(5)); what nodebake or the user brings is known before boot.",
        run: Some(service::programs),
    },
    Check {
        id: "systemd/no-install",
        severity: Severity::Error,
        summary: "A unit that first boot enables can be enabled",
        reason: "`systemctl enable` of a unit without [Install] does nothing but say so (systemctl(1)): the machine is a node until it is rebooted.",
        run: Some(starting::without_install),
    },
    Check {
        id: "systemd/never-started",
        severity: Severity::Warning,
        summary: "Something starts every unit",
        reason: "First boot enables nodebake's own units alone: another one's [Install] says where it would be hooked in, and nobody hooks it in.",
        run: Some(starting::never_started),
    },
    Check {
        id: "systemd/ignored-file",
        severity: Severity::Error,
        summary: "Every file in systemd's folders is read",
        reason: "systemd takes files for units by their endings and drop-ins by .conf (systemd.unit(5), systemd.network(5)); all else in these folders is passed over in silence.",
        run: Some(starting::ignored_files),
    },
];

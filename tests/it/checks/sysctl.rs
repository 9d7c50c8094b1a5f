//! Cases of `src/verify/sysctl.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, edit, findings, spec_case, tree_case};
use crate::support::told;

/// A node.yaml with a file of settings.
macro_rules! settings {
    ($id:literal, $what:literal, $text:literal) => {
        spec_case(
            $id,
            $what,
            concat!(
                "  files:\n    - { path: /etc/sysctl.d/10-x.conf, mode: \"0644\", type: sysctl, content: \"",
                $text,
                "\" }\n"
            ),
        )
    };
}

pub const CASES: &[Case] = &[
    settings!(
        "sysctl/misspelled",
        "two letters are swapped",
        "vm.max_map_cuont = 262144\\n"
    ),
    settings!(
        "sysctl/misspelled",
        "per interface",
        "net.ipv4.conf.all.rp_filters = 2\\n"
    ),
    settings!("sysctl/unknown", "nobody has it", "net.ipv4.go_faster = 1\\n"),
    settings!(
        "sysctl/unknown",
        "the kernel lost it in 4.12",
        "net.ipv4.tcp_tw_recycle = 1\\n"
    ),
    settings!(
        "sysctl/module",
        "connection tracking is not loaded",
        "net.netfilter.nf_conntrack_max = 1048576\\n"
    ),
    tree_case("sysctl/module", "the bridge's module is forgotten", |tree| {
        edit(tree, Node, "/etc/modules-load.d/nodebake.conf", "br_netfilter\n", "");
    }),
    settings!("sysctl/value", "a unit", "vm.min_free_kbytes = 64M\\n"),
    settings!("sysctl/value", "too many numbers", "vm.swappiness = 1 2\\n"),
    settings!("sysctl/value", "a word", "net.ipv4.conf.default.rp_filter = loose\\n"),
];

/// What looks wrong and is not.
#[test]
fn these_are_right() {
    for text in [
        "net/ipv4/conf/eth0.100/rp_filter = 2\\nnet.ipv4.tcp_rmem = 4096 87380 16777216\\n",
        "-net.netfilter.nf_conntrack_max = 1048576\\n-net.ipv4.go_faster = 1\\n",
        "net.core.default_qdisc = fq\\nnet.ipv4.tcp_congestion_control = bbr\\nkernel.core_pattern = core\\n",
        "net.ipv6.conf.lo.disable_ipv6 = 1\\nnet.ipv4.ip_local_port_range = 1024 65000\\nkernel.sysrq = 0x1\\n",
    ] {
        let more = format!(
            "  files:\n    - {{ path: /etc/sysctl.d/10-x.conf, mode: \"0644\", type: sysctl, content: \"{text}\" }}\n"
        );
        let report = findings(&spec_case("", "nothing is broken", ""), &more, |_| {});
        let wrong = report
            .sorted()
            .into_iter()
            .any(|finding| finding.id.starts_with("sysctl/"));
        assert!(!wrong, "{text}: {}", told(&report));
    }
}

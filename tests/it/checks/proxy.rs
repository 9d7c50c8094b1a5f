//! Cases of `src/verify/proxy.rs`.

use nodebake::catalog::Plane::Node;
use nodebake::tree::FileTree;

use super::{Case, edit};

const ADDRESSES: &str = "/etc/systemd/system/nodebake-proxy-addresses.service";
const NFTABLES: &str = "ec2/t4g.small";
const HAPROXY: &str = "ec2/t3.small";
const SERVE: &str = "ec2/c7gn.medium";

const fn case(id: &'static str, what: &'static str, kind: &'static str, change: fn(&mut FileTree)) -> Case {
    Case {
        id,
        what,
        node: ("satellite-proxy", "ubuntu-24-04", kind, "1.35"),
        more: "",
        change,
    }
}

pub const CASES: &[Case] = &[
    case("proxy/table", "a satellite leads to the other one", NFTABLES, |tree| {
        edit(tree, Node, "/etc/nodebake/proxy.nft", "129.213.90.17", "129.213.90.18");
    }),
    case("proxy/table", "a satellite is left out", NFTABLES, |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/proxy.nft",
            "      10.0.2.234 : 129.213.90.18,\n",
            "",
        );
    }),
    case(
        "proxy/table",
        "somebody else's address is in the map",
        NFTABLES,
        |tree| {
            edit(tree, Node, "/etc/nodebake/proxy.nft", "10.0.2.234 :", "10.0.2.235 :");
        },
    ),
    case("proxy/table", "a server of HAProxy's is another one", HAPROXY, |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/haproxy.cfg",
            "129.213.90.17:",
            "129.213.90.19:",
        );
    }),
    case("proxy/table", "HAProxy listens elsewhere", HAPROXY, |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/haproxy.cfg",
            "bind 10.0.2.233",
            "bind 10.0.2.232",
        );
    }),
    case("proxy/table", "a route leads elsewhere", SERVE, |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/passthrough.yaml",
            "129.213.90.18:",
            "129.213.90.19:",
        );
    }),
    case("proxy/table", "the file is gone", SERVE, |tree| {
        edit(tree, Node, "/etc/nodebake/passthrough.yaml", "to: ", "too: ");
    }),
    case("proxy/address", "an address is left out", NFTABLES, |tree| {
        edit(tree, Node, ADDRESSES, "10.0.2.234/32", "10.0.2.233/32");
    }),
    case("proxy/address", "a reload gives another address", HAPROXY, |tree| {
        edit(
            tree,
            Node,
            ADDRESSES,
            "ExecReload=/sbin/ip -4 address replace 10.0.2.233/32",
            "ExecReload=/sbin/ip -4 address replace 10.0.2.239/32",
        );
    }),
];

//! The proxy: who it passes connections on to, and how.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::json;

use super::Desk;
use crate::base::{Finding, Origin, Place, Sha256};
use crate::spec::{Form, ProxySpec, Satellite};

/// Where kubelets listen.
const KUBELET_PORT: u16 = 10_250;

/// Connections of a userspace form, where nothing else is said: 16 for each of 256 satellites. A stream holds two
/// sockets, so that it is well within the files a unit may open.
const CONNECTIONS: u64 = 4096;

/// What first boot starts, in this order.
const UNITS: [&str; 2] = ["nodebake-proxy-addresses.service", "nodebake-proxy.service"];

/// The tag by which a proxy's instance, security group and address are found again; its value is the proxy's name.
pub const TAG: &str = "nodebake/proxy";

/// The tag that names its cluster.
pub const CLUSTER_TAG: &str = "nodebake/cluster";

/// A satellite as the templates see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'s> {
    name: &'s str,
    address: Ipv4Addr,
    public_address: Ipv4Addr,
}

pub(super) fn decide(desk: &mut Desk<'_, ProxySpec>) {
    let (spec, proxy, image, kind) = (desk.spec, desk.role, desk.image, desk.instance_type);
    let origin = |place: &Place| Origin::Spec(place.clone());
    let rule = |text: &str| Origin::Default(text.to_owned());

    let stated = proxy.form.as_ref().map(|form| (form.value, origin(&form.place)));
    let form = stated.as_ref().map_or(Form::Nftables, |(form, _)| *form);
    let stated = stated.map(|(form, origin)| (form.word(), origin));
    let why = rule("the kernel has no idle timer of its own, and streams outlive a reload");
    desk.book.choose("proxy.form", (Form::Nftables.word(), why), [stated]);
    let own = &proxy.address;
    desk.book
        .set("proxy.address", own.value.to_string(), origin(&own.place));
    let port = rule("the kubelet's; what scrapes nodes assumes it");
    desk.book.set("proxy.port", KUBELET_PORT, port);
    let most = proxy.max_connections.as_ref();
    desk.book.choose(
        "proxy.maxConnections",
        (CONNECTIONS, rule("16 for each of 256 satellites")),
        [most.map(|most| (most.value, origin(&most.place)))],
    );
    let rows: Vec<Row<'_>> = proxy
        .satellites
        .iter()
        .map(|satellite| Row {
            name: &satellite.name.value,
            address: satellite.address.value,
            public_address: satellite.public_address.value,
        })
        .collect();
    desk.book.set("proxy.satellites", &rows, origin(&own.place));

    networks(desk);
    addresses(desk);
    room(desk);
    program(desk, form);
    launch(desk);

    let row = Origin::InstanceType(format!("{} ({})", kind.full_name(), kind.place));
    desk.book.set("hardware.arch", kind.arch.as_str(), row);
    let from = || Origin::Image(format!("{} ({})", image.name, image.place));
    let system = format!("{}-{}", image.os_id, image.os_version);
    desk.book.set("firstBoot.os", system, from());
    let rule = "the units of a proxy";
    desk.book
        .set("firstBoot.enableUnits", UNITS.join(" "), Origin::Default(rule.into()));
    for (key, value) in &spec.hardware.stated() {
        let message = format!("a proxy is not sized: `{key}` says nothing");
        desk.error("plan/proxy-hardware", message, value);
    }
}

/// The networks that connections may come from.
fn networks(desk: &mut Desk<'_, ProxySpec>) {
    let cidrs = &desk.facts.vpc_cidrs;
    let list: Vec<String> = cidrs.iter().map(|cidr| cidr.value.to_string()).collect();
    match cidrs.first() {
        Some(first) => {
            desk.book.set("proxy.vpc", list, Origin::Facts(first.place.clone()));
        }
        None => {
            desk.book
                .set("proxy.vpc", list, Origin::Default("the facts name none".into()));
            let message = "the facts do not name the VPC's networks, to which the proxy limits who may connect";
            let finding = Finding::error("plan/proxy-vpc", message, &desk.spec.cluster.place);
            desk.report.push(finding.hint("add `vpcCidrs` to the cluster's facts"));
        }
    }
}

/// Each address is one machine's, in the VPC on this side and on the internet on the other.
fn addresses(desk: &mut Desk<'_, ProxySpec>) {
    let (proxy, facts) = (desk.role, desk.facts);
    let own = std::iter::once(&proxy.address);
    let all: Vec<_> = own.chain(proxy.satellites.iter().map(|one| &one.address)).collect();
    for (at, address) in all.iter().enumerate() {
        let networks = &facts.vpc_cidrs;
        if !networks.is_empty() && !networks.iter().any(|network| network.value.contains(address.value)) {
            let list: Vec<String> = networks.iter().map(|network| network.value.to_string()).collect();
            let message = format!(
                "{} lies in none of the VPC's networks ({}): nothing in it reaches the proxy there",
                address.value,
                list.join(", ")
            );
            desk.error("plan/proxy-address", message, &address.place);
        }
        if let Some(first) = all[..at].iter().find(|other| other.value == address.value) {
            let message = format!("{} is taken: two machines never share an address", address.value);
            let finding = Finding::error("plan/proxy-shared", message, &address.place);
            desk.report.push(finding.note(&first.place, "the first one"));
        }
    }
    for (at, satellite) in proxy.satellites.iter().enumerate() {
        let others = &proxy.satellites[..at];
        if let Some(first) = others.iter().find(|other| other.name.value == satellite.name.value) {
            let message = format!("a second satellite is called `{}`", satellite.name.value);
            let finding = Finding::error("plan/proxy-shared", message, &satellite.name.place);
            desk.report.push(finding.note(&first.name.place, "the first one"));
        }
        let public = &satellite.public_address;
        let same = others.iter().find(|other| other.public_address.value == public.value);
        if let Some(first) = same {
            let message = format!("{} is two satellites' public address", public.value);
            let finding = Finding::error("plan/proxy-shared", message, &public.place);
            desk.report.push(
                finding
                    .note(&first.public_address.place, "the first one")
                    .hint("both would answer as one machine, and only one has port 10250 there"),
            );
        }
        if let Some(why) = not_public(satellite) {
            let message = format!("{} is {why}: the proxy does not reach a satellite there", public.value);
            let finding = Finding::error("plan/proxy-public", message, &public.place);
            let hint = "give its address on the internet; `private: true` is for a VPN or a peering";
            desk.report.push(finding.hint(hint));
        }
    }
}

/// What keeps a satellite's public address from being one (IANA IPv4 special-purpose address registry).
fn not_public(satellite: &Satellite) -> Option<&'static str> {
    let address = satellite.public_address.value;
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Some("this machine itself")
    } else if address.is_unspecified() || a == 0 || a >= 240 {
        Some("no machine's address")
    } else if address.is_multicast() {
        Some("a multicast group")
    } else if address.is_link_local() {
        Some("link-local")
    } else if satellite.private {
        None
    } else if address.is_private() {
        Some("a private address (RFC 1918)")
    } else if a == 100 && b & 0xc0 == 64 {
        Some("an address of a carrier's NAT (RFC 6598)")
    } else {
        None
    }
}

/// Every satellite takes one address of the proxy's interface.
fn room(desk: &mut Desk<'_, ProxySpec>) {
    let (kind, proxy) = (desk.instance_type, desk.role);
    let wanted = proxy.satellites.len() as u64 + 1;
    let Some(most) = kind.addresses_per_interface else {
        let message = format!(
            "how many addresses an interface of {} takes is not known here",
            kind.full_name()
        );
        let finding = Finding::warning("plan/proxy-room-unchecked", message, &desk.spec.instance_type.place);
        desk.report
            .push(finding.hint("add `addressesPerInterface` to its row in your catalog folder"));
        return;
    };
    if wanted > most {
        let message = format!(
            "{} satellites and the proxy itself need {wanted} addresses, an interface of {} takes {most}",
            proxy.satellites.len(),
            kind.full_name()
        );
        let finding = Finding::error("plan/proxy-room", message, &desk.spec.instance_type.place);
        desk.report.push(finding.hint("take a larger type, or a second proxy"));
    }
}

/// Where the program of a form comes from.
fn program(desk: &mut Desk<'_, ProxySpec>, form: Form) {
    const BINARY: &str = "/usr/local/bin/nodebake";
    let brought = desk
        .spec
        .artifacts
        .files
        .iter()
        .any(|file| file.path.value.as_str() == BINARY);
    if form == Form::Serve && !brought {
        let place = desk.role.form.as_ref().map_or(&desk.spec.place, |form| &form.place);
        let message = format!("nothing brings {BINARY}, which this form runs");
        let finding = Finding::error("plan/proxy-program", message, place);
        desk.report.push(finding.hint(format!(
            "add it to `artifacts.files`, with an https URL, its sha256 and `path: {BINARY}`"
        )));
    }
    let rule = |text: &str| Origin::Default(text.to_owned());
    let (program, package, disable) = match form {
        Form::Nftables => ("/usr/sbin/nft", "nftables", ""),
        Form::Haproxy => ("/usr/sbin/haproxy", "haproxy", "haproxy.service"),
        Form::Serve => (BINARY, "", ""),
    };
    desk.book.set("proxy.program", program, rule("of the form"));
    desk.book.set(
        "proxy.package",
        package,
        rule("installed only where the program is missing"),
    );
    desk.book.set(
        "proxy.disableUnit",
        disable,
        rule("the package's own unit, which ours replaces"),
    );
}

/// Identifiers of the AWS account; what is not said is empty, and no file is made of it.
fn launch(desk: &mut Desk<'_, ProxySpec>) {
    let launch = &desk.role.launch;
    let origin = |place: &Place| Origin::Spec(place.clone());
    let said = [
        ("launch.subnet", &launch.subnet),
        ("launch.securityGroup", &launch.security_group),
        ("launch.ami", &launch.ami),
    ];
    for (path, id) in said {
        let stated = id
            .as_ref()
            .map(|id| (id.value.as_str(), Origin::Spec(id.place.clone())));
        let unsaid = Origin::Default("said at the launch".into());
        desk.book.choose(path, ("", unsaid), [stated]);
    }
    let group = desk.facts.cluster_group.as_ref();
    let stated = group.map(|id| (id.value.as_str(), Origin::Facts(id.place.clone())));
    let unsaid = Origin::Default("the facts do not name it".into());
    desk.book.choose("cluster.securityGroup", ("", unsaid), [stated]);
    let kind = desk.instance_type;
    let row = Origin::InstanceType(format!("{} ({})", kind.full_name(), kind.place));
    desk.book.set("launch.instanceType", &kind.name, row);
    let name = &desk.spec.name;
    let tags = json!([
        { "Key": "Name", "Value": name.value },
        { "Key": TAG, "Value": name.value },
        { "Key": CLUSTER_TAG, "Value": desk.facts.name.value },
    ]);
    desk.book.set("launch.tags", tags, origin(&name.place));
    // The same launch has the same token, so that one that is sent twice is carried out once.
    let mut seed = format!(
        "{} {} {} {}",
        desk.facts.name.value, name.value, kind.name, desk.role.address.value
    );
    for (_, id) in said {
        seed += &format!(" {}", id.as_ref().map_or("", |id| &id.value));
    }
    for satellite in &desk.role.satellites {
        seed += &format!(" {}", satellite.address.value);
    }
    let digest = Sha256::of(seed.as_bytes()).to_string();
    let rule = "a hash of what is launched: a request that is sent twice is carried out once";
    desk.book.set(
        "launch.clientToken",
        format!("nodebake-{}", &digest[..32]),
        Origin::Default(rule.into()),
    );
}

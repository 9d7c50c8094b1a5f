//! The proxy's own files, read again: what passes connections on says what the plan says, whichever form it has.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity};
use crate::catalog::Plane;
use crate::spec::{Form, ProxySpec};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "proxy/table",
        severity: Severity::Error,
        summary: "What passes connections on leads every satellite's address to its public one, and nothing else",
        reason: "The API server authenticates a node by its certificate alone: a wrong entry is a node that never answers, or another one's logs.",
        run: Some(table),
    },
    Check {
        id: "proxy/address",
        severity: Severity::Error,
        summary: "The proxy gives itself every satellite's address in the VPC, and nothing else",
        reason: "The kernel drops what comes for an address no interface has; and an address that is another machine's is cut off from the proxy.",
        run: Some(addresses),
    },
];

const ADDRESSES: &str = "/etc/systemd/system/nodebake-proxy-addresses.service";

/// The file of a form.
fn file(form: Form) -> &'static str {
    match form {
        Form::Nftables => "/etc/nodebake/proxy.nft",
        Form::Haproxy => "/etc/nodebake/haproxy.cfg",
        Form::Serve => "/etc/nodebake/passthrough.yaml",
    }
}

fn proxy<'s>(subject: &'s Subject<'_>) -> Option<&'s ProxySpec> {
    subject.plan.spec.proxy()
}

fn table(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(proxy) = proxy(subject) else {
        return Vec::new();
    };
    let path = file(proxy.form.as_ref().map_or(Form::Nftables, |form| form.value));
    let Some(entry) = subject.tree.get(Plane::Node, path) else {
        let message = format!("there is no {path}, which passes connections on");
        return vec![Finding::error("proxy/table", message, &subject.plan.profile.place)];
    };
    let mut written: BTreeMap<Ipv4Addr, (Ipv4Addr, Place)> = pairs(entry);
    let mut findings = Vec::new();
    for satellite in &proxy.satellites {
        let (address, public) = (satellite.address.value, satellite.public_address.value);
        match written.remove(&address) {
            Some((to, _)) if to == public => {}
            Some((to, place)) => {
                let message = format!("{address} leads to {to}, {} is at {public}", satellite.name.value);
                findings.push(Finding::error("proxy/table", message, &place));
            }
            None => {
                let message = format!("{address} of {} leads nowhere", satellite.name.value);
                findings.push(Finding::error("proxy/table", message, &entry.origin));
            }
        }
    }
    for (address, (_, place)) in written {
        let message = format!("{address} is no satellite's");
        findings.push(Finding::error("proxy/table", message, &place));
    }
    findings
}

/// From where to where, in any of the three forms: an address, and the next one with a `:` between them, or the address
/// of a `listen` or `bind` and that of the `to` or `server` below it.
fn pairs(entry: &Entry) -> BTreeMap<Ipv4Addr, (Ipv4Addr, Place)> {
    let source = entry.source();
    let mut found = BTreeMap::new();
    let mut from = None;
    for (at, line) in entry.text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = |word: &str| {
            let word = word.trim_matches(['"', '\'', ',']);
            word.split(':').next().and_then(|host| host.parse::<Ipv4Addr>().ok())
        };
        let pair = match words[..] {
            [one, ":", other] => address(one).zip(address(other)),
            ["bind" | "listen:", one] => {
                from = address(one);
                None
            }
            ["to:", other] | ["server", _, other] => from.take().zip(address(other)),
            _ => None,
        };
        if let Some((one, other)) = pair {
            found.insert(one, (other, Place::line_of(&source, at + 1)));
        }
    }
    found
}

fn addresses(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(proxy) = proxy(subject) else {
        return Vec::new();
    };
    let Some(entry) = subject.tree.get(Plane::Node, ADDRESSES) else {
        let message = format!("there is no {ADDRESSES}");
        return vec![Finding::error("proxy/address", message, &subject.plan.profile.place)];
    };
    let source = entry.source();
    let mut findings = Vec::new();
    for key in ["ExecStart=", "ExecReload="] {
        let mut wanted: Vec<Ipv4Addr> = proxy.satellites.iter().map(|one| one.address.value).collect();
        for (at, line) in entry.text.lines().enumerate() {
            let Some(command) = line.strip_prefix(key) else {
                continue;
            };
            let words = command.split_whitespace();
            let stated = words.filter_map(|word| word.strip_suffix("/32")?.parse::<Ipv4Addr>().ok());
            for address in stated {
                match wanted.iter().position(|one| *one == address) {
                    Some(at) => {
                        wanted.remove(at);
                    }
                    None => {
                        let message = format!("{address} is no satellite's, or stands there twice");
                        let place = Place::line_of(&source, at + 1);
                        findings.push(Finding::error("proxy/address", message, &place));
                    }
                }
            }
        }
        for address in wanted {
            let message = format!("no {key} gives this machine {address}");
            findings.push(Finding::error("proxy/address", message, &entry.origin));
        }
    }
    findings
}

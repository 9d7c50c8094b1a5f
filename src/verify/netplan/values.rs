//! The values of netplan files: versions, renderers, names, addresses.

use std::net::IpAddr;

use super::{DEFAULT_ROUTES, devices, files};
use crate::base::{Finding, Place, Version};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// Values that netplan refuses.
pub(super) fn forms(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "netplan/value";
    let mut findings = Vec::new();
    let mut wrong = |message: String, place: &Place| findings.push(Finding::error(ID, message, place));
    for (entry, node) in files(subject) {
        let Some(network) = node.get("network") else {
            wrong(format!("{} has no `network`", entry.path), &node.place);
            continue;
        };
        if let Some(version) = network.get("version").filter(|node| node.text() != Some("2")) {
            wrong("netplan reads version 2 only".into(), &version.place);
        }
    }
    for (at, word, kind) in spoken_renderers(subject) {
        let hardware = word == "sriov" && kind == "vlans";
        if !hardware && !matches!(word, "networkd" | "NetworkManager") {
            wrong(format!("`{word}` is no renderer: networkd or NetworkManager"), at);
        }
    }
    let floor = &subject.plan.image.netplan;
    let knows_default = DEFAULT_ROUTES.parse::<Version>().is_ok_and(|since| since <= *floor);
    for device in devices(subject) {
        let made_here = !matches!(device.kind, "ethernets" | "wifis" | "modems" | "nm-devices");
        if made_here && (device.id.len() > 15 || device.id.contains(['/', ':', ' '])) {
            wrong(
                format!("`{}` is no name of an interface: at most 15 characters", device.id),
                device.place,
            );
        }
        for key in ["dhcp4", "dhcp6", "optional", "accept-ra", "critical"] {
            if let Some(flag) = device.node.get(key).filter(|node| !is_boolean(node)) {
                wrong(format!("`{key}` is true or false"), &flag.place);
            }
        }
        let addresses = device.node.get("addresses").map(Node::items).unwrap_or_default();
        for item in addresses {
            // An item with options is a map of one address.
            let said = item.text().or_else(|| Some(&*item.entries().first()?.key));
            if let Some(why) = said.and_then(wrong_address) {
                let said = said.unwrap_or_default();
                wrong(format!("`{said}` {why}"), &item.place);
            }
        }
        if let Some(mac) = device.node.get("macaddress") {
            let text = mac.text().unwrap_or_default();
            if !is_mac(text) && !matches!(text, "permanent" | "random" | "stable" | "stable-ssid" | "preserve") {
                wrong(format!("`{text}` is no MAC address"), &mac.place);
            }
        }
        for route in device.node.get("routes").map(Node::items).unwrap_or_default() {
            match route.get("to") {
                None => wrong("a route needs `to`".into(), &route.place),
                Some(to) if to.text() == Some("default") && !knows_default => {
                    let message = format!(
                        "`default` came with netplan {DEFAULT_ROUTES}, image {} may have {floor}: write 0.0.0.0/0",
                        subject.plan.image.name
                    );
                    wrong(message, &to.place);
                }
                Some(_) => {}
            }
        }
    }
    findings
}

/// What libyaml's readers of netplan take for a boolean.
fn is_boolean(node: &Node) -> bool {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    let text = node.text().unwrap_or_default();
    node.text().is_some() && WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn wrong_address(text: &str) -> Option<&'static str> {
    let Some((address, prefix)) = text.split_once('/') else {
        return Some("has no prefix, such as /32");
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Some("is no address");
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let good = prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most);
    (!good).then_some("has no prefix of its family")
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    let is_byte = |byte: &&str| byte.len() == 2 && byte.chars().all(|c| c.is_ascii_hexdigit());
    matches!(bytes.len(), 6 | 20) && bytes.iter().all(is_byte)
}

/// Every renderer that is named: where, what, and for which type of device.
fn spoken_renderers<'s>(subject: &'s Subject<'_>) -> Vec<(&'s Place, &'s str, &'s str)> {
    let mut all = Vec::new();
    for (_, node) in files(subject) {
        let renderer = node.get("network").and_then(|network| network.get("renderer"));
        all.extend(renderer.map(|node| (&node.place, node.text().unwrap_or_default(), "")));
    }
    for device in devices(subject) {
        let renderer = device.node.get("renderer");
        all.extend(renderer.map(|node| (&node.place, node.text().unwrap_or_default(), device.kind)));
    }
    all
}

/// Interfaces that are handed to `NetworkManager`.
pub(super) fn renderers(subject: &Subject<'_>) -> Vec<Finding> {
    let others = spoken_renderers(subject)
        .into_iter()
        .filter(|(_, word, _)| *word == "NetworkManager");
    others
        .map(|(place, ..)| {
            let message = "NetworkManager is not what runs on a server image";
            Finding::warning("netplan/renderer", message, place).hint("leave `renderer` out: networkd is the default")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_macs() {
        for good in ["10.0.0.1/32", "fd00::1/128", "0.0.0.0/0"] {
            assert_eq!(wrong_address(good), None, "{good}");
        }
        for bad in [
            "10.0.0.1",
            "10.0.0.1/33",
            "10.0.0/24",
            "x/1",
            "fd00::1/129",
            "10.0.0.1/",
        ] {
            assert!(wrong_address(bad).is_some(), "{bad}");
        }
        assert!(is_mac("02:00:0a:00:02:e9") && !is_mac("02:00:00") && !is_mac("02-00-0a-00-02-e9"));
    }
}

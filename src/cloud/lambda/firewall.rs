//! Firewall rules: the proxy's way to the kubelet, and nobody else's. A ruleset is replaced as a whole, so it is read,
//! changed, and written only if it is still as it was read.

use std::net::Ipv4Addr;

use super::{FirewallRule, GLOBAL, Lambda, Protocol, Ruleset};
use crate::cloud::{Act, Kind, Plan, Trouble};

/// Where the kubelet listens.
pub const KUBELET_PORT: u16 = 10250;

/// More rules may keep instances from launching, says Lambda's documentation of October 2024.
const MOST_RULES: usize = 20;

/// How our rules begin their description.
const OURS: &str = "nodebake:";

/// How often a write is said.
const TRIES: u32 = 3;

/// A change of a ruleset, against what it was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The ruleset.
    pub id: String,
    /// What it was read as.
    before: Vec<FirewallRule>,
    /// What it is to be.
    after: Vec<FirewallRule>,
    /// What a reader needs to say yes.
    pub plan: Plan,
}

impl Edit {
    /// The proxies that are let in by it and were not before.
    pub fn added(&self) -> Vec<Ipv4Addr> {
        let new = self.after.iter().filter(|rule| !self.before.contains(rule));
        new.filter_map(|rule| rule.source.strip_suffix("/32")?.parse().ok())
            .collect()
    }
}

/// Reads the address of a proxy: one public IPv4 address, with or without `/32`. A network is refused: 10250 is the way
/// to everything on the node.
pub fn proxy_address(text: &str) -> Result<Ipv4Addr, String> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    let parsed: Ipv4Addr = address
        .parse()
        .map_err(|_| format!("`{text}` is no IPv4 address: say the proxy's public one, such as 198.51.100.7"))?;
    if prefix != "32" {
        return Err(format!(
            "`{text}` is a network: whoever reaches {KUBELET_PORT} reaches the kubelet, so say one address, {address}/32"
        ));
    }
    let is_carrier = parsed.octets()[0] == 100 && parsed.octets()[1] & 0xc0 == 64;
    if parsed.is_private() || parsed.is_loopback() || parsed.is_link_local() || is_carrier {
        return Err(format!(
            "{parsed} is a private address: Lambda sees the proxy's public one"
        ));
    }
    if parsed.is_unspecified() || parsed.is_multicast() || parsed.is_broadcast() || parsed.octets()[0] == 0 {
        return Err(format!("{parsed} is no machine's address"));
    }
    Ok(parsed)
}

/// The rule that lets a proxy in.
pub fn kubelet_rule(proxy: Ipv4Addr) -> FirewallRule {
    FirewallRule {
        protocol: Protocol::Tcp,
        ports: Some((KUBELET_PORT, KUBELET_PORT)),
        source: format!("{proxy}/32"),
        description: format!("{OURS} the proxy's way to the kubelet"),
    }
}

/// A rule in words.
pub fn told(rule: &FirewallRule) -> String {
    let ports = match rule.ports {
        None => String::new(),
        Some((first, last)) if first == last => format!(" {first}"),
        Some((first, last)) => format!(" {first}-{last}"),
    };
    format!(
        "{}{ports} from {}: {}",
        rule.protocol.as_str(),
        rule.source,
        rule.description
    )
}

/// Whether a rule is one of ours.
pub fn is_ours(rule: &FirewallRule) -> bool {
    rule.description.starts_with(OURS)
}

/// An address without a prefix means itself alone.
fn source(rule: &FirewallRule) -> String {
    if rule.source.contains('/') {
        rule.source.clone()
    } else {
        format!("{}/32", rule.source)
    }
}

fn lets_in_the_same(one: &FirewallRule, other: &FirewallRule) -> bool {
    one.protocol == other.protocol && one.ports == other.ports && source(one) == source(other)
}

fn what(ruleset: &Ruleset) -> String {
    if ruleset.id == GLOBAL {
        "the account's firewall rules".into()
    } else {
        let place = ruleset.region.as_ref().map(|region| format!(" in {}", region.name));
        format!("firewall ruleset {}{}", ruleset.name, place.unwrap_or_default())
    }
}

/// Lets proxies in. Every other rule stays as it is.
pub fn allow(ruleset: &Ruleset, proxies: &[Ipv4Addr]) -> Result<Edit, Trouble> {
    let mut after = ruleset.rules.clone();
    let mut plan = Plan::default();
    for rule in proxies.iter().map(|proxy| kubelet_rule(*proxy)) {
        match after.iter().find(|own| lets_in_the_same(own, &rule)) {
            Some(own) => plan.step(Act::Keep, format!("in {}: {}", what(ruleset), told(own)), []),
            None => {
                plan.step(
                    Act::Create,
                    format!("in {}: {}", what(ruleset), told(&rule)),
                    notes(ruleset),
                );
                after.push(rule);
            }
        }
    }
    if after.len() > MOST_RULES && after.len() > ruleset.rules.len() {
        let message = format!(
            "{} would hold {} rules; Lambda takes {MOST_RULES}",
            what(ruleset),
            after.len()
        );
        return Err(Trouble::new(Kind::Refused, message)
            .hint("take some away: `nodebake firewall revoke`, or Lambda's console"));
    }
    Ok(edit(ruleset, after, plan))
}

/// Takes the way of proxies away, where nodebake gave it. A rule of somebody else stays, and is told.
pub fn revoke(ruleset: &Ruleset, proxies: &[Ipv4Addr]) -> Edit {
    let wanted: Vec<FirewallRule> = proxies.iter().map(|proxy| kubelet_rule(*proxy)).collect();
    let is_wanted = |rule: &FirewallRule| wanted.iter().any(|wanted| lets_in_the_same(rule, wanted));
    let mut plan = Plan::default();
    for rule in ruleset.rules.iter().filter(|rule| is_wanted(rule)) {
        let line = format!("in {}: {}", what(ruleset), told(rule));
        if is_ours(rule) {
            plan.step(Act::Delete, line, []);
        } else {
            plan.step(Act::Keep, line, ["nodebake did not make it".to_owned()]);
        }
    }
    let left = ruleset.rules.iter().filter(|rule| !(is_wanted(rule) && is_ours(rule)));
    edit(ruleset, left.cloned().collect(), plan)
}

fn notes(ruleset: &Ruleset) -> Vec<String> {
    let mut notes = vec![format!("{} other rules stay as they are", ruleset.rules.len())];
    if ruleset.id == GLOBAL {
        notes.push("holds for all instances but those in us-south-1, where Lambda has no firewall".to_owned());
    }
    notes
}

fn edit(ruleset: &Ruleset, after: Vec<FirewallRule>, plan: Plan) -> Edit {
    Edit {
        id: ruleset.id.clone(),
        before: ruleset.rules.clone(),
        after,
        plan,
    }
}

/// Whether two lists hold the same rules, in any order.
fn same(one: &[FirewallRule], other: &[FirewallRule]) -> bool {
    let sorted = |rules: &[FirewallRule]| {
        let mut rules: Vec<FirewallRule> = rules.to_vec();
        for rule in &mut rules {
            rule.source = source(rule);
        }
        rules.sort();
        rules
    };
    sorted(one) == sorted(other)
}

/// Writes a change, if the ruleset is still what the change was made from, and reads it back. The API has no lock: what
/// somebody writes between our look and our write would be lost, so the look comes right before it.
pub fn apply(api: &dyn Lambda, edit: &Edit) -> Result<(), Trouble> {
    let mut tried = 0;
    loop {
        tried += 1;
        let now = api.ruleset(&edit.id)?.rules;
        if same(&now, &edit.after) {
            return Ok(());
        }
        if !same(&now, &edit.before) {
            return Err(Trouble::new(
                Kind::Refused,
                "somebody changed the rules meanwhile, and nothing was written",
            )
            .hint("say it again: the plan is made anew"));
        }
        match api.set_rules(&edit.id, &edit.after) {
            Ok(_) => break,
            // Whether it was written shows the next look.
            Err(trouble) if matches!(trouble.kind, Kind::Unknown | Kind::Malformed) && tried < TRIES => {}
            Err(trouble) => return Err(trouble),
        }
    }
    if same(&api.ruleset(&edit.id)?.rules, &edit.after) {
        return Ok(());
    }
    Err(Trouble::new(
        Kind::Unknown,
        "the rules were written, and read otherwise a moment later",
    )
    .hint("somebody else writes them too: look with `nodebake firewall list`"))
}

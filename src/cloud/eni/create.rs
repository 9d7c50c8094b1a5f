//! Making the interface of a node, and attaching it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::delete::gone;
use super::find::{by_tag, holder, once_by_tag};
use super::network::count_free;
use super::wait::wait;
use super::{CLUSTER_TAG, Desk, NODE_TAG, Network, VpcSubnet, Want};
use crate::base::Sha256;
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Act, Instance, Interface, Kind, NewInterface, Plan, Trouble};

/// So many tokens are tried: one is used up by each interface of this node that was deleted a short while ago.
const ROUNDS: u32 = 5;

/// What is going to be done for a node.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What is shown before the yes.
    pub plan: Plan,
    /// The interface, if it is there.
    pub there: Option<Interface>,
    want: Want,
    network: Network,
    subnet: Option<VpcSubnet>,
}

/// Looks at what is there, and plans what is missing. Nothing is changed.
pub fn decide(desk: &Desk<'_>, want: Want, mut network: Network) -> Result<Decided, Trouble> {
    let there = by_tag(desk, &want.node, Some(&want.cluster))?;
    let instance = match &want.attach {
        Some(id) => Some(usable(desk.ask(|| desk.ec2.instance(id))?, &network)?),
        None => None,
    };
    let mut plan = Plan::default();
    let mut subnet = None;
    if let Some(one) = &there {
        fits(&want, &network, one)?;
        plan.step(Act::Keep, format!("network interface {}", one.id), told_of(one));
    } else {
        if want.subnet.is_none() && want.address.is_none() {
            count_free(desk, &mut network)?;
        }
        let chosen = choose(&want, &network, instance.as_ref())?;
        if let Some(address) = want.address {
            is_free(desk, address, chosen, &network)?;
        }
        plan.step(
            Act::Create,
            format!("network interface for node {} of cluster {}", want.node, want.cluster),
            details(&want, &network, chosen),
        );
        subnet = Some(chosen.clone());
    }
    if let Some(instance) = &instance {
        let zone = there.as_ref().map(|one| one.zone.as_str());
        let zone = zone.or_else(|| subnet.as_ref().and_then(|subnet| subnet.zone.as_deref()));
        same_zone(zone, instance)?;
        let what = format!("attachment to instance {}", instance.id);
        if there.as_ref().is_some_and(|one| is_attached_to(one, &instance.id)) {
            plan.step(Act::Keep, what, []);
        } else {
            plan.step(Act::Create, what, [format!("as its card {}", free_index(instance))]);
        }
    }
    Ok(Decided {
        plan,
        there,
        want,
        network,
        subnet,
    })
}

/// Carries it out; gives the interface as it is then. May be run again whatever ended it.
pub fn carry_out(desk: &Desk<'_>, decided: &Decided) -> Result<Interface, Trouble> {
    let made = match (&decided.there, &decided.subnet) {
        (None, Some(subnet)) => make(desk, decided, subnet)?,
        (Some(one), _) => one.clone(),
        (None, None) => {
            return Err(Trouble::new(
                Kind::Refused,
                "there is neither an interface nor a subnet for one",
            ));
        }
    };
    match &decided.want.attach {
        Some(instance) => attach(desk, &made, instance),
        None if made.attachment.is_some() => Ok(made),
        None => wait(desk, &made.id, "available", |one| one.status == "available"),
    }
}

fn make(desk: &Desk<'_>, decided: &Decided, subnet: &VpcSubnet) -> Result<Interface, Trouble> {
    let (want, network) = (&decided.want, &decided.network);
    let look = || once_by_tag(desk, &want.node, Some(&want.cluster));
    let mut refused = None;
    for round in 0..ROUNDS {
        let new = new_interface(want, network, subnet, round);
        // Looked for before each try: an answer that was lost may have been about an interface that was made.
        let made = LADDER.climb(
            desk.clock,
            || match look()? {
                Some(one) => Ok(one),
                None => desk.ec2.create_interface(&new),
            },
            |trouble| trouble.kind.may_pass(),
            |trouble, pause| (desk.told)(&again(trouble, pause)),
        );
        let made = match made {
            Ok(one) => one,
            Err(trouble) => {
                // It may be about what an earlier call of ours made, which no copy of EC2's knew when we looked.
                desk.clock.sleep(Duration::from_secs(2));
                match desk.ask(look)? {
                    Some(one) => one,
                    None if trouble.is("IdempotentParameterMismatch") => {
                        refused = Some(trouble);
                        continue;
                    }
                    None => return Err(trouble),
                }
            }
        };
        let settled = |one: &Interface| one.status == "available" || one.attachment.is_some();
        match wait(desk, &made.id, "available", settled) {
            Ok(one) => {
                fits(want, network, &one)?;
                return Ok(one);
            }
            Err(trouble) if trouble.kind == Kind::NotFound => {
                (desk.told)(&format!(
                    "{} was deleted a short while ago: making another one",
                    made.id
                ));
                // If it is there after all, it shall not be left over beside the next one.
                gone(desk.ask(|| desk.ec2.delete_interface(&made.id)))?;
                refused = Some(trouble);
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(refused.unwrap_or_else(|| Trouble::new(Kind::Unknown, "no interface could be made")))
}

fn attach(desk: &Desk<'_>, one: &Interface, instance: &str) -> Result<Interface, Trouble> {
    let id = &one.id;
    desk.ask(|| {
        let now = desk.ec2.interface(id)?;
        if is_attached_to(&now, instance) {
            return Ok(());
        }
        elsewhere(&now, instance)?;
        let index = free_index(&desk.ec2.instance(instance)?);
        desk.ec2.attach_interface(id, instance, index).map(drop)
    })?;
    wait(desk, id, &format!("attached to {instance}"), |one| {
        let attachment = one.attachment.as_ref();
        attachment.is_some_and(|at| at.instance.as_deref() == Some(instance) && at.status == "attached")
    })
}

/// The call that makes the same interface however often it is made. `round` counts the ones that were deleted before.
pub fn token(cluster: &str, node: &str, round: u32) -> String {
    let digest = Sha256::of(format!("nodebake eni\0{cluster}\0{node}\0{round}").as_bytes());
    // EC2 takes 64 characters.
    format!("nodebake-{}", &digest.to_string()[..48])
}

fn new_interface(want: &Want, network: &Network, subnet: &VpcSubnet, round: u32) -> NewInterface {
    NewInterface {
        subnet: subnet.id.clone(),
        groups: vec![network.group.clone()],
        address: want.address,
        description: description(want),
        tags: tags(want),
        token: token(&want.cluster, &want.node, round),
    }
}

fn description(want: &Want) -> String {
    format!("nodebake: node {} of cluster {}", want.node, want.cluster)
}

fn tags(want: &Want) -> BTreeMap<String, String> {
    [
        ("Name", &want.node),
        (NODE_TAG, &want.node),
        (CLUSTER_TAG, &want.cluster),
    ]
    .map(|(key, value)| (key.to_owned(), value.clone()))
    .into()
}

/// What a reader needs to say yes.
fn details(want: &Want, network: &Network, subnet: &VpcSubnet) -> Vec<String> {
    let kind = match subnet.private {
        Some(true) => "private",
        Some(false) => "public: it has a route to an internet gateway",
        None => "not known whether private",
    };
    let zone = subnet.zone.as_deref().unwrap_or("zone not known");
    let address = match want.address {
        Some(address) => address.to_string(),
        None => "a free one, which EC2 chooses".into(),
    };
    let mut lines = vec![
        format!("subnet {}: {}, {zone}, {kind}", subnet.id, subnet.cidr),
        format!("security group {}, the cluster's", network.group),
        format!("address {address}"),
        format!("description `{}`", description(want)),
    ];
    lines.extend(tags(want).iter().map(|(key, value)| format!("tag {key}={value}")));
    lines
}

fn told_of(one: &Interface) -> Vec<String> {
    let address = one.address.map_or_else(|| "none".into(), |address| address.to_string());
    vec![format!("address {address}, subnet {}, {}", one.subnet, one.status)]
}

/// The subnet: the one that was named, that the address lies in, or the first private one with room.
fn choose<'n>(want: &Want, network: &'n Network, instance: Option<&Instance>) -> Result<&'n VpcSubnet, Trouble> {
    let refused = |message: String, hint: &str| Err(Trouble::new(Kind::Refused, message).hint(hint));
    let list = || {
        let all = network.subnets.iter();
        let all: Vec<String> = all.map(|subnet| format!("{} {}", subnet.id, subnet.cidr)).collect();
        all.join(", ")
    };
    if let Some(id) = &want.subnet {
        let Some(subnet) = network.subnets.iter().find(|subnet| subnet.id == *id) else {
            let message = format!("VPC {} has no subnet {id}; it has {}", network.vpc, list());
            return refused(message, "an interface for a node lies in the cluster's VPC");
        };
        return match want.address {
            Some(address) if !subnet.cidr.contains(address) => refused(
                format!("{address} does not lie in {id}, which is {}", subnet.cidr),
                "leave `--subnet` out: the address decides",
            ),
            _ => Ok(subnet),
        };
    }
    if let Some(address) = want.address {
        return match network.subnets.iter().find(|subnet| subnet.cidr.contains(address)) {
            Some(subnet) => Ok(subnet),
            None => refused(
                format!("{address} lies in no subnet of VPC {}: {}", network.vpc, list()),
                "take an address of a private subnet for `identity.address`",
            ),
        };
    }
    let zone = instance.map(|instance| instance.zone.as_str());
    let fits = |subnet: &&VpcSubnet| {
        subnet.private == Some(true)
            && subnet.free != Some(0)
            && zone.is_none_or(|zone| subnet.zone.as_deref().is_none_or(|own| own == zone))
    };
    match network.subnets.iter().find(fits) {
        Some(subnet) => Ok(subnet),
        None => refused(
            format!(
                "VPC {} has no private subnet with a free address: {}",
                network.vpc,
                list()
            ),
            "name one with `--subnet`",
        ),
    }
}

/// Whether nobody has the address.
fn is_free(desk: &Desk<'_>, address: Ipv4Addr, subnet: &VpcSubnet, network: &Network) -> Result<(), Trouble> {
    if subnet.cidr.reserved(address) {
        let message = format!(
            "{address} is one of the five addresses that AWS keeps in {}",
            subnet.cidr
        );
        return Err(Trouble::new(Kind::Refused, message).hint("take another one for `identity.address`"));
    }
    let Some(one) = holder(desk, &network.vpc, address)? else {
        return Ok(());
    };
    let whose = match one.tags.get(NODE_TAG) {
        Some(node) => format!("node {node}"),
        None if one.description.is_empty() => "nobody nodebake knows".into(),
        None => format!("`{}`", one.description),
    };
    let message = format!("{address} belongs to {} of {whose}", one.id);
    Err(Trouble::new(Kind::Refused, message)
        .code("InvalidIPAddress.InUse")
        .hint("take a free address for `identity.address`, or delete that interface if nobody needs it"))
}

/// Whether the interface is what is wanted.
fn fits(want: &Want, network: &Network, one: &Interface) -> Result<(), Trouble> {
    let mut wrong = Vec::new();
    if one.vpc != network.vpc {
        wrong.push(format!("VPC {}, not {}", one.vpc, network.vpc));
    }
    if let (Some(wanted), Some(has)) = (want.address, one.address)
        && wanted != has
    {
        wrong.push(format!("address {has}, not {wanted}"));
    }
    if let Some(subnet) = want.subnet.as_ref().filter(|subnet| **subnet != one.subnet) {
        wrong.push(format!("subnet {}, not {subnet}", one.subnet));
    }
    if !one.groups.contains(&network.group) {
        let has = one.groups.join(", ");
        wrong.push(format!("groups {has}, without the cluster's {}", network.group));
    }
    if let Some(instance) = &want.attach {
        elsewhere(one, instance)?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!(
        "node {} has an interface already, {}, which is another one: {}",
        want.node,
        one.id,
        wrong.join("; ")
    );
    let hint = format!(
        "take its values into node.yaml, or `nodebake eni delete {}` and create it anew",
        one.id
    );
    Err(Trouble::new(Kind::Exists, message).hint(hint))
}

/// Refuses an interface that is attached to something other than `instance`.
fn elsewhere(one: &Interface, instance: &str) -> Result<(), Trouble> {
    let Some(at) = &one.attachment else { return Ok(()) };
    if at.instance.as_deref() == Some(instance) {
        return Ok(());
    }
    let other = at.instance.as_deref().unwrap_or("something that is no instance");
    let message = format!("{} is attached to {other}, not to {instance}", one.id);
    Err(Trouble::new(Kind::Exists, message).hint("detach it there first, if nobody needs it there"))
}

fn is_attached_to(one: &Interface, instance: &str) -> bool {
    let attachment = one.attachment.as_ref();
    attachment.is_some_and(|at| at.instance.as_deref() == Some(instance))
}

fn usable(instance: Instance, network: &Network) -> Result<Instance, Trouble> {
    let id = &instance.id;
    if instance.vpc != network.vpc {
        let message = format!(
            "instance {id} is in VPC {}, the cluster in {}",
            instance.vpc, network.vpc
        );
        return Err(Trouble::new(Kind::Refused, message).hint("the proxy is an instance in the cluster's VPC"));
    }
    if matches!(instance.state.as_str(), "pending" | "running" | "stopping" | "stopped") {
        return Ok(instance);
    }
    let message = format!("instance {id} is {}", instance.state);
    Err(Trouble::new(Kind::Refused, message).hint("name one that runs"))
}

fn same_zone(zone: Option<&str>, instance: &Instance) -> Result<(), Trouble> {
    match zone {
        Some(zone) if zone != instance.zone => {
            let message = format!(
                "the interface is in {zone}, instance {} in {}: they cannot be joined",
                instance.id, instance.zone
            );
            let hint = "take an address of a subnet in the instance's zone";
            Err(Trouble::new(Kind::Refused, message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// The first index that is free; 0 is the instance's own.
fn free_index(instance: &Instance) -> u32 {
    (1..=u32::MAX)
        .find(|index| !instance.indexes.contains(index))
        .unwrap_or(1)
}

//! Launching: what is missing is planned, and made in an order in which every step finds what it needs.

use std::net::Ipv4Addr;

use super::look::{self, There};
use super::start::{start, wait};
use super::want::USER_DATA_TAG;
use super::{Ami, AmiChoice, Desk, Group, KeptAddress, Machine, NewGroup, Want};
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Act, Kind, Ladder, Plan, Trouble};

/// How often a group is looked for of which EC2 says that it is there.
const ADMITTED: Ladder = Ladder { tries: 4, ..LADDER };

/// What is going to be done.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What is shown before the yes.
    pub plan: Plan,
    want: Want,
    there: There,
    vpc: String,
    ami: Option<Ami>,
}

/// A proxy that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// Its instance.
    pub instance: String,
    /// Its private address.
    pub private: Ipv4Addr,
    /// Its public address, for the firewalls of satellites.
    pub public: Option<Ipv4Addr>,
    /// Whether that address stays when the machine is replaced.
    pub keeps_address: bool,
}

/// Looks at what is there, and plans what is missing. Nothing is changed.
pub fn decide(desk: &Desk<'_>, want: Want) -> Result<Decided, Trouble> {
    let vpc = desk.ask(|| desk.ec2.vpc_of(&want.subnet))?;
    if let Some(planned) = want.vpc.as_ref().filter(|planned| **planned != vpc) {
        let message = format!("{} is a subnet of {vpc}, the cluster's VPC is {planned}", want.subnet);
        return Err(Trouble::new(Kind::Refused, message).hint("the proxy stands in the cluster's VPC"));
    }
    let there = look::there(desk, &want.name)?;
    let strangers = there.strangers(&want.cluster);
    if !strangers.is_empty() {
        let message = format!(
            "there is a proxy {} that is not of cluster {}: {}",
            want.name,
            want.cluster,
            strangers.join("; ")
        );
        let hint = "give this one another name, `metadata: { name: … }`";
        return Err(Trouble::new(Kind::Refused, message).hint(hint));
    }
    if let Some(machine) = &there.machine {
        fits(&want, machine, there.group.as_ref().map(|group| group.id.as_str()))?;
    }
    let ami = match there.machine {
        Some(_) => None,
        None => Some(ami(desk, &want)?),
    };
    let mut plan = Plan::default();
    plan_group(&mut plan, &want, &there, &vpc)?;
    plan_machine(&mut plan, &want, &there, ami.as_ref());
    plan_address(&mut plan, &want, &there);
    Ok(Decided {
        plan,
        want,
        there,
        vpc,
        ami,
    })
}

/// The AMI, which must fit the instance type.
fn ami(desk: &Desk<'_>, want: &Want) -> Result<Ami, Trouble> {
    let found = match &want.ami {
        AmiChoice::Id(id) => desk.ask(|| desk.ec2.ami(id))?,
        AmiChoice::Newest { owner, pattern } => {
            let all = desk.ask(|| desk.ec2.amis(owner, pattern, want.arch))?;
            // Whoever answers: only what its owner published is taken.
            let own = all.into_iter().filter(|ami| ami.owner == *owner);
            let newest = own.max_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
            newest.ok_or_else(|| {
                let message = format!(
                    "account {owner} publishes no AMI called {pattern} for {} here",
                    want.arch
                );
                Trouble::new(Kind::NotFound, message).hint("say --ami")
            })?
        }
    };
    if found.arch != want.arch {
        let message = format!("{} is for {}, {} is {}", found.id, found.arch, want.kind, want.arch);
        return Err(Trouble::new(Kind::Refused, message));
    }
    Ok(found)
}

/// Refuses an instance that is not what is wanted: it would have to be another one.
pub(super) fn fits(want: &Want, machine: &Machine, group: Option<&str>) -> Result<(), Trouble> {
    let mut differs = Vec::new();
    let mut hold = |what: &str, is: &str, wanted: &str| {
        if is != wanted {
            differs.push(format!("{what} {is}, wanted {wanted}"));
        }
    };
    hold("type", &machine.kind, &want.kind);
    hold("subnet", &machine.subnet, &want.subnet);
    let address = machine.addresses.first().map(ToString::to_string).unwrap_or_default();
    hold("address", &address, &want.address.to_string());
    if let AmiChoice::Id(ami) = &want.ami {
        hold("AMI", &machine.ami, ami);
    }
    // Another group would let others in.
    let groups = machine.groups.join(", ");
    match group {
        Some(group) => hold("security groups", &groups, group),
        None => differs.push(format!(
            "none of its security groups ({groups}) is tagged as this proxy's"
        )),
    }
    if matches!(machine.state.as_str(), "stopping" | "stopped") {
        differs.push(format!("it is {}", machine.state));
    }
    if differs.is_empty() {
        return Ok(());
    }
    let message = format!(
        "proxy {} is {}, and differs: {}",
        want.name,
        machine.id,
        differs.join("; ")
    );
    let hint = format!(
        "`nodebake proxy delete {}`, then launch again; or change the document",
        want.name
    );
    Err(Trouble::new(Kind::Refused, message).hint(hint))
}

fn is_the_rule(want: &Want, (protocol, first, last, from): &(String, Option<u16>, Option<u16>, String)) -> bool {
    protocol == "tcp" && (*first, *last) == (Some(want.port), Some(want.port)) && *from == want.cluster_group
}

fn lets_in(group: &Group, want: &Want) -> bool {
    group.allows.iter().any(|rule| is_the_rule(want, rule))
}

fn plan_group(plan: &mut Plan, want: &Want, there: &There, vpc: &str) -> Result<(), Trouble> {
    let rule = format!("TCP {} from {}, the cluster's group", want.port, want.cluster_group);
    let Some(group) = &there.group else {
        plan.step(
            Act::Create,
            format!("security group {} in {vpc}", want.group_name()),
            [],
        );
        plan.step(Act::Create, "its rule", [rule]);
        return Ok(());
    };
    if group.vpc != vpc {
        let message = format!(
            "security group {} of this proxy is in {}, the subnet in {vpc}",
            group.id, group.vpc
        );
        return Err(Trouble::new(Kind::Refused, message).hint("`nodebake proxy delete` takes it away"));
    }
    plan.step(Act::Keep, format!("security group {}", group.id), []);
    let act = if lets_in(group, want) { Act::Keep } else { Act::Create };
    plan.step(act, "its rule", [rule]);
    let others: Vec<String> = group
        .allows
        .iter()
        .filter(|rule| !is_the_rule(want, rule))
        .map(|(protocol, first, last, from)| {
            let ports = match (first, last) {
                (Some(first), Some(last)) if first == last => first.to_string(),
                (Some(first), Some(last)) => format!("{first}-{last}"),
                _ => "all ports".into(),
            };
            format!("{protocol} {ports} from {from}")
        })
        .collect();
    if !others.is_empty() {
        plan.step(Act::Keep, "rules that somebody added", others);
    }
    Ok(())
}

/// The satellites' addresses that an instance has not.
fn missing(want: &Want, machine: &Machine) -> Vec<Ipv4Addr> {
    let missing = |address: &&Ipv4Addr| !machine.addresses.contains(address);
    want.satellites.iter().filter(missing).copied().collect()
}

fn told(addresses: &[Ipv4Addr]) -> String {
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    words.join(", ")
}

fn plan_machine(plan: &mut Plan, want: &Want, there: &There, ami: Option<&Ami>) {
    if let (None, Some(ami)) = (&there.machine, ami) {
        let details = [
            format!("{} in {}, address {}", want.kind, want.subnet, want.address),
            format!("for satellites: {}", told(&want.satellites)),
            format!("{} ({}, of {})", ami.id, ami.name, ami.owner),
            format!(
                "user-data {} bytes, sha256 {}…; IMDSv2 only, encrypted disk, no role",
                want.user_data.len(),
                want.user_data_mark()
            ),
        ];
        plan.step(Act::Create, format!("instance for proxy {}", want.name), details);
        return;
    }
    let Some(machine) = &there.machine else { return };
    let mut details = Vec::new();
    let mark = machine.tags.get(USER_DATA_TAG);
    if mark.is_some_and(|mark| *mark != want.user_data_mark()) {
        details.push(
            "its user-data is not what would be baked now: copy the rendered files there and reload, or replace it"
                .to_owned(),
        );
    }
    plan.step(
        Act::Keep,
        format!("instance {} ({})", machine.id, machine.state),
        details,
    );
    let missing = missing(want, machine);
    if !missing.is_empty() {
        let what = format!("addresses of {}", machine.interface);
        plan.step(Act::Change, what, [format!("add {}", told(&missing))]);
    }
}

fn plan_address(plan: &mut Plan, want: &Want, there: &There) {
    let address = |kept: &KeptAddress| kept.address.map(|one| one.to_string()).unwrap_or_default();
    match &there.kept {
        Some(kept) => {
            plan.step(Act::Keep, format!("public address {}, which stays", address(kept)), []);
            let holder = there.machine.as_ref().map(|machine| &machine.id);
            if holder.is_none() || kept.instance.as_ref() != holder {
                plan.step(Act::Change, "its instance", ["the proxy's".to_owned()]);
            }
        }
        None if want.keeps_address => {
            plan.step(Act::Create, "a public address that stays (Elastic IP)", []);
            plan.step(Act::Create, "its association", ["with the proxy's instance".to_owned()]);
        }
        None => {}
    }
}

/// Carries it out; gives the proxy as it is then. May be run again whatever ended it.
pub fn carry_out(desk: &Desk<'_>, decided: &Decided) -> Result<Launched, Trouble> {
    let (want, there) = (&decided.want, &decided.there);
    let group = match &there.group {
        Some(group) => group.id.clone(),
        None => make_group(desk, decided)?,
    };
    if !there.group.as_ref().is_some_and(|group| lets_in(group, want)) {
        let allowed = settle(desk, || desk.ec2.allow(&group, &want.cluster_group, want.port));
        // There already, or made by a call whose answer was lost.
        if let Err(trouble) = allowed
            && trouble.kind != Kind::Exists
        {
            return Err(trouble);
        }
    }
    // Before the instance: what can be refused for want of room shall be refused before something runs and costs.
    let kept = match &there.kept {
        Some(kept) => Some(kept.clone()),
        None if want.keeps_address => Some(keep_address(desk, want)?),
        None => None,
    };
    let machine = match (&there.machine, &decided.ami) {
        (Some(machine), _) => wait(desk, want, machine.clone())?,
        (None, Some(ami)) => start(desk, want, &there.ended, ami, &group)?,
        (None, None) => {
            return Err(Trouble::new(
                Kind::Refused,
                "there is neither an instance nor an AMI for one",
            ));
        }
    };
    let missing = missing(want, &machine);
    if !missing.is_empty() {
        desk.ask(|| desk.ec2.assign(&machine.interface, &missing))?;
    }
    if let Some(kept) = &kept
        && kept.instance.as_ref() != Some(&machine.id)
    {
        settle(desk, || desk.ec2.associate(&kept.id, &machine.id))?;
    }
    Ok(Launched {
        instance: machine.id,
        private: want.address,
        public: kept.as_ref().and_then(|kept| kept.address).or(machine.public),
        keeps_address: kept.is_some(),
    })
}

/// Asks patiently, and again where what was made a moment ago is not known yet.
fn settle<T>(desk: &Desk<'_>, call: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
    LADDER.climb(
        desk.clock,
        call,
        |trouble| trouble.kind.may_pass() || trouble.kind == Kind::NotFound,
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    )
}

/// Makes something that EC2 itself would make twice: before each try it is looked for, because an answer that was lost
/// may have been about one that was made.
fn once<T>(
    desk: &Desk<'_>,
    mut look: impl FnMut() -> Result<Option<T>, Trouble>,
    mut make: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut tried = false;
    LADDER.climb(
        desk.clock,
        || {
            // The first look was the plan's.
            if tried && let Some(one) = look()? {
                return Ok(one);
            }
            tried = true;
            make()
        },
        |trouble| trouble.kind.may_pass(),
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    )
}

fn make_group(desk: &Desk<'_>, decided: &Decided) -> Result<String, Trouble> {
    let want = &decided.want;
    let new = NewGroup {
        name: want.group_name(),
        vpc: decided.vpc.clone(),
        description: format!(
            "Connections of cluster {} to satellites, made by nodebake",
            want.cluster
        ),
        tags: want.tags(),
    };
    let look = || Ok(look::group(desk, &want.name)?.map(|group| group.id));
    let made = once(desk, look, || desk.ec2.create_group(&new));
    let Err(trouble) = made else { return made };
    if trouble.kind != Kind::Exists {
        return Err(trouble);
    }
    // It was not there when the plan was made. Ours, if it has our tag, of which a copy of EC2's may not know yet.
    let look = || look().and_then(|found| found.ok_or_else(|| trouble.clone()));
    let found = ADMITTED.climb(
        desk.clock,
        look,
        |trouble| trouble.kind.may_pass() || trouble.kind == Kind::Exists,
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    );
    found.map_err(|trouble| match trouble.kind {
        Kind::Exists => trouble.hint(format!(
            "{} has a group called {} without our tag: rename or delete it",
            decided.vpc, new.name
        )),
        _ => trouble,
    })
}

fn keep_address(desk: &Desk<'_>, want: &Want) -> Result<KeptAddress, Trouble> {
    once(
        desk,
        || look::kept(desk, &want.name),
        || desk.ec2.allocate(&want.tags()),
    )
    .map_err(|trouble| {
        if trouble.is("AddressLimitExceeded") {
            trouble.hint("release one, or ask AWS to raise the quota `EC2-VPC Elastic IPs`")
        } else {
            trouble
        }
    })
}

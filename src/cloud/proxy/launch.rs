//! Launching: what is missing is planned, and made in an order in which every step finds what it needs.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::look::{self, There};
use super::want::USER_DATA_TAG;
use super::{Ami, AmiChoice, Desk, Group, KeptAddress, Machine, NewGroup, NewMachine, Want};
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Act, Kind, Plan, Trouble};

/// How often, and how far apart, an instance is looked at until it runs: five minutes.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(5);

/// For so many looks an instance may be unknown after it was started: EC2's answers come from copies that learn of it a
/// little later.
const UNKNOWN: u32 = 12;

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
    if let Some(machine) = &there.machine {
        fits(&want, machine)?;
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
fn fits(want: &Want, machine: &Machine) -> Result<(), Trouble> {
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

fn lets_in(group: &Group, want: &Want) -> bool {
    let rule = (
        "tcp".to_owned(),
        Some(want.port),
        Some(want.port),
        want.cluster_group.clone(),
    );
    group.allows.contains(&rule)
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
        .filter(|(_, _, _, from)| *from != want.cluster_group)
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
        (Some(machine), _) => machine.clone(),
        (None, Some(ami)) => start(desk, want, there, ami, &group)?,
        (None, None) => {
            return Err(Trouble::new(
                Kind::Refused,
                "there is neither an instance nor an AMI for one",
            ));
        }
    };
    let machine = wait(desk, want, machine)?;
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
    // It was not there when the plan was made. Ours, if it has our tag.
    let found = look::group(desk, &want.name)?;
    found.map(|group| group.id).ok_or_else(|| {
        trouble.hint(format!(
            "{} has a group called {} without our tag: rename or delete it",
            decided.vpc, new.name
        ))
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

fn start(desk: &Desk<'_>, want: &Want, there: &There, ami: &Ami, group: &str) -> Result<Machine, Trouble> {
    let mut tags = want.tags();
    tags.insert(USER_DATA_TAG.to_owned(), want.user_data_mark());
    let own = std::iter::once(want.address);
    let new = NewMachine {
        ami: ami.id.clone(),
        root: ami.root.clone(),
        kind: want.kind.clone(),
        subnet: want.subnet.clone(),
        group: group.to_owned(),
        addresses: own.chain(want.satellites.iter().copied()).collect(),
        // Without one the first boot has no network to install from; a kept one comes when the instance runs.
        with_public: true,
        user_data: want.user_data.clone(),
        tags,
        token: want.token(&ami.id, group, &there.ended),
    };
    let look = || Ok(look::machine(desk, &want.name)?.0);
    let started = LADDER.climb(
        desk.clock,
        || match look()? {
            Some(machine) => Ok(machine),
            None => desk.ec2.run(&new),
        },
        // The group that was made a moment ago may not be known to every copy yet.
        |trouble| trouble.kind.may_pass() || trouble.is("InvalidGroup.NotFound"),
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    );
    started.map_err(|trouble| advise(trouble, want))
}

/// What mends a refused launch.
fn advise(trouble: Trouble, want: &Want) -> Trouble {
    let hint = match trouble.code.as_deref().unwrap_or_default() {
        "InsufficientInstanceCapacity" | "Unsupported" => format!(
            "the zone of {} has no {} left, or none at all: name a subnet of another zone, or take another type",
            want.subnet, want.kind
        ),
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => {
            "the account runs as many instances as it may here: ask AWS to raise the quota".into()
        }
        "IdempotentParameterMismatch" => {
            "a launch of this proxy with other values was asked for a moment ago: `nodebake proxy list` shows what came of it".into()
        }
        "InvalidIPAddress.InUse" | "InvalidParameterValue" if trouble.message.contains("address") => {
            "another interface has one of the addresses: `nodebake eni list` shows interfaces; delete it, or take a free address".into()
        }
        _ => return trouble,
    };
    trouble.hint(hint)
}

/// Waits until the instance runs.
fn wait(desk: &Desk<'_>, want: &Want, started: Machine) -> Result<Machine, Trouble> {
    let (mut machine, mut unknown) = (started, 0);
    for _ in 0..LOOKS {
        match machine.state.as_str() {
            "running" => return Ok(machine),
            "pending" => {}
            state => {
                let message = format!("{} is {state}: it did not come up", machine.id);
                return Err(Trouble::new(Kind::Refused, message)
                    .hint("its system log in the EC2 console says why; then run the same command again"));
            }
        }
        (desk.told)(&format!("waiting until {} runs: {}", machine.id, machine.state));
        desk.clock.sleep(PAUSE);
        let all = desk.ask(|| desk.ec2.machines(crate::plan::PROXY_TAG, Some(&want.name)))?;
        match all.into_iter().find(|one| one.id == machine.id) {
            Some(one) => machine = one,
            None if unknown < UNKNOWN => unknown += 1,
            None => {
                let message = format!("EC2 does not know {}, which it started", machine.id);
                return Err(Trouble::new(Kind::NotFound, message).hint("run the same command again"));
            }
        }
    }
    let message = format!(
        "{} does not run after five minutes: it is {}",
        machine.id, machine.state
    );
    Err(Trouble::new(Kind::Unknown, message).hint("run the same command again: it goes on with this instance"))
}

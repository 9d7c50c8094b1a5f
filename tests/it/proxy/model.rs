//! A small EC2: what it holds, what it refuses, and how it fails when told to.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use nodebake::cloud::proxy::{Ami, AmiChoice, Group, Instances, KeptAddress, Machine, NewGroup, NewMachine, Want};
use nodebake::cloud::{Clock, Kind, Trouble};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Throttled,
    /// Not carried out.
    Broken,
    /// Carried out, and the answer lost.
    Lost,
    Malformed,
    /// What was made a moment ago is not known yet.
    NotYet,
    /// The token is that of an instance that ended.
    UsedUp,
}

impl Fault {
    pub fn trouble(self) -> Trouble {
        match self {
            Self::Throttled => Trouble::new(Kind::Throttled(None), "slowly").code("RequestLimitExceeded"),
            Self::Broken => Trouble::new(Kind::Unknown, "oh dear").code("InternalError"),
            Self::Lost => Trouble::new(Kind::Unknown, "no answer in time"),
            Self::Malformed => Trouble::new(Kind::Malformed, "this is no answer"),
            Self::NotYet => Trouble::new(Kind::NotFound, "no such group").code("InvalidGroup.NotFound"),
            Self::UsedUp => Trouble::new(Kind::Refused, "it ended").code("IdempotentInstanceTerminated"),
        }
    }
}

/// What EC2 makes of the token of an instance that ended so long ago that it is listed no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// This code.
    Refused(&'static str),
    /// The instance, ended.
    Ended,
    /// The instance as it began; nobody knows it afterwards.
    Unknown,
}

#[derive(Default)]
pub struct Held {
    pub groups: Vec<Group>,
    pub machines: Vec<(String, Machine)>,
    pub kept: Vec<KeptAddress>,
    /// Looks that a started machine stays pending for, and an ending one shutting-down.
    pub slow: u32,
    looks: u32,
    next: u32,
    /// Looks at groups that find none, whatever there is.
    pub unseen: u32,
    /// Instances that ended are not listed, and this becomes of their tokens.
    pub dead: Option<Dead>,
    pub faults: VecDeque<(&'static str, Fault)>,
    /// Every call that came, by its name.
    pub calls: Vec<&'static str>,
}

#[derive(Default)]
pub struct Model(pub RefCell<Held>);

pub fn want() -> Want {
    Want {
        name: "gate".into(),
        cluster: "gh62".into(),
        cluster_group: "sg-0f1e2d3c4b5a69788".into(),
        port: 10_250,
        vpc: Some("vpc-0c1d2e3f405162738".into()),
        subnet: "subnet-0a1b2c3d4e5f60718".into(),
        kind: "t4g.small".into(),
        arch: "arm64",
        ami: AmiChoice::Newest {
            owner: "099720109477".into(),
            pattern: "ubuntu-noble-*".into(),
        },
        address: Ipv4Addr::new(10, 0, 2, 10),
        satellites: vec![Ipv4Addr::new(10, 0, 2, 233)],
        user_data: b"#cloud-config\n".to_vec(),
        keeps_address: true,
    }
}

impl Held {
    fn id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}-{:017x}", self.next)
    }
}

/// What EC2 refuses.
fn refused<T>(code: &str, kind: Kind) -> Result<T, Trouble> {
    Err(Trouble::new(kind, format!("refused: {code}")).code(code))
}

fn has(tags: &BTreeMap<String, String>, tag: &str, value: Option<&str>) -> bool {
    tags.get(tag).is_some_and(|is| value.is_none_or(|value| is == value))
}

impl Model {
    /// Fails the next calls of these names.
    pub fn failing(faults: &[(&'static str, Fault)]) -> Self {
        let model = Self::default();
        model.0.borrow_mut().faults.extend(faults);
        model
    }

    /// Carries a call out, unless it is to fail.
    fn call<T>(&self, name: &'static str, act: impl FnOnce(&mut Held) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut held = self.0.borrow_mut();
        held.calls.push(name);
        let fault = match held.faults.front() {
            Some((of, fault)) if *of == name => Some(*fault),
            _ => None,
        };
        let Some(fault) = fault else { return act(&mut held) };
        held.faults.pop_front();
        if fault == Fault::Lost {
            act(&mut held)?;
        }
        Err(fault.trouble())
    }

    /// How often a call came.
    pub fn count(&self, name: &str) -> usize {
        self.0.borrow().calls.iter().filter(|call| **call == name).count()
    }

    /// How many of each there are that have not ended.
    pub fn left(&self) -> (usize, usize, usize) {
        let held = self.0.borrow();
        let machines = held.machines.iter().filter(|(_, machine)| !machine.is_over()).count();
        (held.groups.len(), machines, held.kept.len())
    }
}

impl Instances for Model {
    fn ami(&self, id: &str) -> Result<Ami, Trouble> {
        let mut found = self.amis("099720109477", "", "arm64")?.remove(0);
        id.clone_into(&mut found.id);
        Ok(found)
    }

    fn amis(&self, owner: &str, _: &str, arch: &str) -> Result<Vec<Ami>, Trouble> {
        let ami = |number: u32, owner: &str| Ami {
            id: format!("ami-{number:017x}"),
            name: format!("ubuntu-noble-{number}"),
            owner: owner.to_owned(),
            created: format!("2026-{number:02}-01T00:00:00.000Z"),
            arch: arch.to_owned(),
            root: "/dev/sda1".into(),
        };
        // The last one is a stranger's, who gave it the same name.
        self.call("amis", |_| {
            Ok(vec![ami(9, owner), ami(10, owner), ami(2, owner), ami(11, "666")])
        })
    }

    fn vpc_of(&self, _: &str) -> Result<String, Trouble> {
        self.call("vpc_of", |_| Ok("vpc-0c1d2e3f405162738".into()))
    }

    fn groups(&self, tag: &str, value: Option<&str>) -> Result<Vec<Group>, Trouble> {
        self.call("groups", |held| {
            if held.unseen > 0 {
                held.unseen -= 1;
                return Ok(Vec::new());
            }
            Ok(held
                .groups
                .iter()
                .filter(|one| has(&one.tags, tag, value))
                .cloned()
                .collect())
        })
    }

    fn create_group(&self, new: &NewGroup) -> Result<String, Trouble> {
        self.call("create_group", |held| {
            if held.groups.iter().any(|one| one.name == new.name && one.vpc == new.vpc) {
                return refused("InvalidGroup.Duplicate", Kind::Exists);
            }
            let id = held.id("sg");
            held.groups.push(Group {
                id: id.clone(),
                name: new.name.clone(),
                vpc: new.vpc.clone(),
                tags: new.tags.clone(),
                allows: Vec::new(),
            });
            Ok(id)
        })
    }

    fn allow(&self, group: &str, from: &str, port: u16) -> Result<(), Trouble> {
        self.call("allow", |held| {
            let Some(one) = held.groups.iter_mut().find(|one| one.id == group) else {
                return refused("InvalidGroup.NotFound", Kind::NotFound);
            };
            let rule = ("tcp".to_owned(), Some(port), Some(port), from.to_owned());
            if one.allows.contains(&rule) {
                return refused("InvalidPermission.Duplicate", Kind::Exists);
            }
            one.allows.push(rule);
            Ok(())
        })
    }

    fn delete_group(&self, id: &str) -> Result<(), Trouble> {
        self.call("delete_group", |held| {
            if !held.groups.iter().any(|one| one.id == id) {
                return refused("InvalidGroup.NotFound", Kind::NotFound);
            }
            let uses = |machine: &Machine| machine.state != "terminated" && machine.groups.iter().any(|one| one == id);
            if held.machines.iter().any(|(_, machine)| uses(machine)) {
                return refused("DependencyViolation", Kind::Refused);
            }
            held.groups.retain(|one| one.id != id);
            Ok(())
        })
    }

    fn machines(&self, tag: &str, value: Option<&str>) -> Result<Vec<Machine>, Trouble> {
        self.call("machines", |held| {
            held.looks += 1;
            if held.looks > held.slow {
                for (_, machine) in &mut held.machines {
                    match machine.state.as_str() {
                        "pending" => machine.state = "running".into(),
                        "shutting-down" => machine.state = "terminated".into(),
                        _ => {}
                    }
                }
            }
            let dead = held.dead.is_some();
            let listed = |one: &&Machine| !dead || one.state != "terminated";
            let machines = held.machines.iter().map(|(_, machine)| machine).filter(listed);
            Ok(machines.filter(|one| has(&one.tags, tag, value)).cloned().collect())
        })
    }

    fn run(&self, new: &NewMachine) -> Result<Machine, Trouble> {
        self.call("run", |held| {
            if let Some((_, machine)) = held.machines.iter().find(|(token, _)| *token == new.token) {
                return match held.dead {
                    Some(Dead::Refused(code)) if machine.is_over() => refused(code, Kind::Refused),
                    Some(Dead::Unknown) if machine.is_over() => Ok(Machine {
                        state: "pending".into(),
                        ..machine.clone()
                    }),
                    _ => Ok(machine.clone()),
                };
            }
            if !held.groups.iter().any(|one| one.id == new.group) {
                return refused("InvalidGroup.NotFound", Kind::NotFound);
            }
            let taken = |machine: &Machine| {
                machine.state != "terminated" && machine.addresses.iter().any(|one| new.addresses.contains(one))
            };
            if held.machines.iter().any(|(_, machine)| taken(machine)) {
                return refused("InvalidIPAddress.InUse", Kind::Refused);
            }
            let machine = Machine {
                id: held.id("i"),
                state: if held.slow > 0 { "pending" } else { "running" }.into(),
                kind: new.kind.clone(),
                ami: new.ami.clone(),
                subnet: new.subnet.clone(),
                interface: held.id("eni"),
                addresses: new.addresses.clone(),
                public: Some(Ipv4Addr::new(3, 3, 3, 3)),
                groups: vec![new.group.clone()],
                tags: new.tags.clone(),
                launched: format!("2026-01-01T00:00:{:02}Z", held.next),
            };
            held.looks = 0;
            held.machines.push((new.token.clone(), machine.clone()));
            Ok(machine)
        })
    }

    fn assign(&self, interface: &str, addresses: &[Ipv4Addr]) -> Result<(), Trouble> {
        self.call("assign", |held| {
            for (_, machine) in held.machines.iter_mut().filter(|(_, one)| one.interface == interface) {
                machine.addresses.extend(addresses);
            }
            Ok(())
        })
    }

    fn terminate(&self, id: &str) -> Result<(), Trouble> {
        self.call("terminate", |held| {
            let slow = held.slow > 0;
            held.looks = 0;
            let Some((_, machine)) = held.machines.iter_mut().find(|(_, one)| one.id == id) else {
                return refused("InvalidInstanceID.NotFound", Kind::NotFound);
            };
            machine.state = if slow { "shutting-down" } else { "terminated" }.into();
            machine.groups = if slow { machine.groups.clone() } else { Vec::new() };
            for kept in held.kept.iter_mut().filter(|kept| kept.instance.as_deref() == Some(id)) {
                kept.instance = None;
            }
            Ok(())
        })
    }

    fn kept(&self, tag: &str, value: Option<&str>) -> Result<Vec<KeptAddress>, Trouble> {
        self.call("kept", |held| {
            Ok(held
                .kept
                .iter()
                .filter(|one| has(&one.tags, tag, value))
                .cloned()
                .collect())
        })
    }

    fn allocate(&self, tags: &BTreeMap<String, String>) -> Result<KeptAddress, Trouble> {
        self.call("allocate", |held| {
            let kept = KeptAddress {
                id: held.id("eipalloc"),
                address: Some(Ipv4Addr::new(54, 1, 1, 1)),
                instance: None,
                tags: tags.clone(),
            };
            held.kept.push(kept.clone());
            Ok(kept)
        })
    }

    fn associate(&self, allocation: &str, instance: &str) -> Result<(), Trouble> {
        self.call("associate", |held| {
            let Some(kept) = held.kept.iter_mut().find(|one| one.id == allocation) else {
                return refused("InvalidAllocationID.NotFound", Kind::NotFound);
            };
            kept.instance = Some(instance.to_owned());
            Ok(())
        })
    }

    fn release(&self, allocation: &str) -> Result<(), Trouble> {
        self.call("release", |held| {
            if held
                .kept
                .iter()
                .any(|one| one.id == allocation && one.instance.is_some())
            {
                return refused("InvalidIPAddress.InUse", Kind::Refused);
            }
            held.kept.retain(|one| one.id != allocation);
            Ok(())
        })
    }
}

/// A clock on which nobody waits.
#[derive(Default)]
pub struct Slept(pub RefCell<Duration>);

impl Clock for Slept {
    fn now(&self) -> i64 {
        0
    }

    fn sleep(&self, time: Duration) {
        *self.0.borrow_mut() += time;
    }

    fn dice(&self) -> f64 {
        0.5
    }
}

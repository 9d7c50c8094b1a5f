//! `nodebake up`

use std::net::Ipv4Addr;

use super::UpArgs;
use super::note::Note;
use super::view::View;
use crate::base::{NodeName, Sha256};
use crate::catalog::{Naming, Plane};
use crate::cli::aws::{AwsArgs, with_desk};
use crate::cli::consent::consent;
use crate::cli::facts::eks::changes;
use crate::cli::lambda::launch::bring::{How, Looked, bring_about, look};
use crate::cli::lambda::launch::{Said, chosen, wish};
use crate::cli::lambda::{Connection, cloud, connected};
use crate::cli::next::next;
use crate::cli::{Failure, Outcome, Ui, load};
use crate::cloud::eni::{self, Decided, Want};
use crate::cloud::lambda::firewall::{self, Edit};
use crate::cloud::lambda::{GLOBAL, Lambda, Wish};
use crate::cloud::up::{Files, Launched, Opened, Written};
use crate::cloud::{Act, Interface, Plan};
use crate::edge::aws::Session;
use crate::edge::fs;
use crate::facts::{Change, ClusterFacts};
use crate::pipeline::Built;

pub(super) fn run(ui: &Ui, args: &UpArgs) -> Outcome {
    let loaded = chosen(load::open(ui, &args.node, &args.common)?, args.chosen.as_deref())?;
    let said = Said::region(args.region.as_deref()).map_err(Failure::Usage)?;
    let (baked, findings) = loaded.build(|built| wish(&built, &said).map(|wish| (wish, built)));
    load::settle(ui, &findings, &args.common)?;
    let Some((wish, built)) = baked.and_then(|mut baked| baked.pop()) else {
        return Err(Failure::Findings);
    };
    let wish = wish.map_err(Failure::Usage)?;
    let facts = &built.plan.facts;
    let about = (
        wish.node.as_str(),
        facts.name.value.as_str(),
        facts.region.value.as_str(),
    );
    let note = Note::open(&args.node, args.shared.state.as_deref(), about)?;
    let aws = AwsArgs {
        profile: args.shared.profile.clone(),
        region: None,
    };
    let session = aws.open(Some(facts))?;
    connected(ui, &args.shared.account, |connection| {
        let way = Way {
            ui,
            args,
            built: &built,
            wish: &wish,
            session: &session,
            connection,
        };
        way.go(note)
    })
}

/// What everything is asked with.
struct Way<'w> {
    ui: &'w Ui,
    args: &'w UpArgs,
    built: &'w Built,
    wish: &'w Wish,
    session: &'w Session,
    connection: &'w Connection<'w>,
}

/// What there is, and what is going to be done.
struct Found {
    address: Address,
    files: Vec<File>,
    rules: Option<Edit>,
    machine: Looked,
}

/// The address that gives a satellite its name.
enum Address {
    /// Not a satellite: it has none in the VPC.
    None,
    /// It has, or gets, a network interface of its own.
    Own(Box<Decided>),
    /// It is one of the proxy's, or will be: `nodebake proxy launch` gives it to the proxy. An interface of its own would
    /// keep it from the proxy.
    Proxys(Option<Box<Interface>>),
}

/// A file for `kubectl` or `aws`.
struct File {
    path: String,
    text: String,
    mode: u32,
    is_there: bool,
}

impl Way<'_> {
    fn go(&self, mut note: Note) -> Outcome {
        if self.args.attach.is_some() && !self.is_satellite() {
            let message = format!(
                "--attach: {} is no satellite, and has no network interface",
                self.wish.node
            );
            return Err(Failure::Usage(message));
        }
        let mut parts = vec!["the cluster's facts", "a look at what there is"];
        parts.extend(self.has_own_interface().then_some("network interface"));
        parts.push("files for kubectl and aws");
        parts.extend((!self.args.proxy.is_empty()).then_some("firewall"));
        parts.push("machine");
        let mut view = View::new(self.ui, parts);
        view.begin();
        self.hold_to_the_cluster(&view)?;
        view.begin();
        let found = self.look(&note)?;
        let plan = found.plan(&note);
        if !plan.is_done() && !consent(self.ui, &plan, self.args.shared.yes)? {
            return Ok(());
        }
        if plan.is_done() {
            self.ui.talk(plan.to_string().trim_end());
        }
        let machine = self.carry_out(found, &mut note, &mut view)?;
        self.ui.talk("");
        let folder = note.folder.display().to_string();
        let is_let_in = !self.args.proxy.is_empty();
        self.ui
            .data(next(self.built, machine, Some(&folder), is_let_in).as_bytes())?;
        Ok(())
    }

    /// Whether cluster.yaml says what the cluster says. It is a reviewed file: it is not written here.
    fn hold_to_the_cluster(&self, view: &View<'_>) -> Outcome {
        let facts = &self.built.plan.facts;
        let changes = changes(self.ui, self.session, facts)?;
        // EKS moves its platform on by itself, and colleagues add subnets: a node needs neither.
        if !changes.iter().any(Change::concerns_nodes) {
            for change in &changes {
                self.ui.talk(&format!("  {change}"));
            }
            view.done(&format!("cluster.yaml is as the cluster {}", facts.name.value));
            return Ok(());
        }
        let file = &facts.name.place.source.name;
        self.ui.talk(&format!("error: {file} is not as the cluster is"));
        for change in &changes {
            self.ui.talk(&format!("  {change}"));
        }
        self.ui.talk(&format!(
            "  hint: `nodebake facts eks {} --region {} -o {file}` takes it over; review it, then come back",
            facts.name.value, facts.region.value
        ));
        Err(Failure::Findings)
    }

    fn look(&self, note: &Note) -> Result<Found, Failure> {
        let address = self.look_for_address()?;
        let rules = if self.args.proxy.is_empty() {
            None
        } else {
            let ruleset = self.connection.api.ruleset(GLOBAL).map_err(cloud)?;
            Some(firewall::allow(&ruleset, &self.args.proxy).map_err(cloud)?)
        };
        let machine = look(self.ui, self.connection, self.wish, HOW)?;
        Ok(Found {
            address,
            files: self.files(note),
            rules,
            machine,
        })
    }

    fn look_for_address(&self) -> Result<Address, Failure> {
        if !self.is_satellite() {
            return Ok(Address::None);
        }
        let facts = &self.built.plan.facts;
        let eks = self.session.eks();
        with_desk(self.session, |desk| {
            let network = eni::network(desk, &eks, facts)?;
            if self.has_own_interface() {
                return Ok(Address::Own(Box::new(eni::decide(desk, self.want(), network)?)));
            }
            let own = eni::by_tag(desk, &self.wish.node, Some(&facts.name.value))?;
            match (own, self.address()) {
                (Some(_), _) => Ok(Address::Own(Box::new(eni::decide(desk, self.want(), network)?))),
                (None, Some(address)) => {
                    let holder = eni::holder(desk, &network.vpc, address)?;
                    Ok(Address::Proxys(holder.map(Box::new)))
                }
                (None, None) => Ok(Address::None),
            }
        })
    }

    /// Whether the node is to have an interface of its own: one that gives it its name beside the proxy's address, or one
    /// that is attached to the proxy.
    fn has_own_interface(&self) -> bool {
        let node = self.built.plan.spec.node();
        self.is_satellite()
            && (self.args.attach.is_some() || node.is_some_and(|node| node.identity.eni_address.is_some()))
    }

    fn want(&self) -> Want {
        let facts = &self.built.plan.facts;
        Want {
            cluster: facts.name.value.clone(),
            node: self.wish.node.clone(),
            address: self.address(),
            subnet: None,
            attach: self.args.attach.clone(),
        }
    }

    fn is_satellite(&self) -> bool {
        self.built.plan.profile.naming == Naming::Satellite
    }

    fn address(&self) -> Option<Ipv4Addr> {
        let node = self.built.plan.spec.node();
        let address = node.and_then(|node| node.identity.in_vpc());
        address.map(|address| address.value)
    }

    fn files(&self, note: &Note) -> Vec<File> {
        let tree = self.built.verified.tree();
        let entries = tree.plane(Plane::Cluster).chain(tree.plane(Plane::Aws));
        entries
            .map(|entry| {
                let path = entry.tree_path();
                let there = fs::read_bytes(&note.folder.join(&path));
                File {
                    is_there: there.is_ok_and(|bytes| bytes == entry.text.as_bytes()),
                    path,
                    text: entry.text.clone(),
                    mode: entry.mode.bits(),
                }
            })
            .collect()
    }

    /// The files to take away some day: those that are written now, and those that an earlier run wrote.
    fn noted(files: &[File], before: Option<Files>) -> Vec<Written> {
        let mut noted: Vec<Written> = files
            .iter()
            .filter(|file| !file.is_there)
            .map(|file| Written {
                path: file.path.clone(),
                sha256: Sha256::of(file.text.as_bytes()).to_string(),
            })
            .collect();
        let mut earlier = before.map_or_else(Vec::new, |before| before.written);
        earlier.retain(|old| noted.iter().all(|new| new.path != old.path));
        noted.extend(earlier);
        noted.sort_by(|one, other| one.path.cmp(&other.path));
        noted
    }

    /// Does it, part by part; what was done is written down after each. The public address of the machine, in the end.
    fn carry_out(&self, found: Found, note: &mut Note, view: &mut View<'_>) -> Result<Option<Ipv4Addr>, Failure> {
        if let Address::Own(decided) = &found.address {
            view.begin();
            let one = with_desk(self.session, |desk| eni::carry_out(desk, decided))?;
            view.done(&format!("{}, {}", one.id, one.status));
            note.state.interface = Some(one.id);
            note.write()?;
        }
        view.begin();
        // Noted before they are written: what was noted and not written is not there to be taken away.
        note.state.files = Some(Files {
            written: Self::noted(&found.files, note.state.files.take()),
        });
        note.write()?;
        for file in found.files.iter().filter(|file| !file.is_there) {
            fs::write_atomically(&note.folder.join(&file.path), file.text.as_bytes(), file.mode)?;
        }
        view.done(&format!("in {}", note.folder.display()));
        if let Some(edit) = &found.rules {
            view.begin();
            // What was there is not ours to take back. Written down before: what is noted and not given is taken back in
            // vain, which is harmless.
            let mut from = note.state.firewall.take().map_or_else(Vec::new, |opened| opened.from);
            from.extend(edit.added());
            from.sort_unstable();
            from.dedup();
            note.state.firewall = (!from.is_empty()).then(|| Opened {
                ruleset: edit.id.clone(),
                from,
            });
            note.write()?;
            firewall::apply(&self.connection.api, edit).map_err(cloud)?;
            view.done("the proxy is let in");
        }
        view.begin();
        let (region, there) = match &found.machine {
            Looked::There(instance) => (instance.region.name.clone(), Some(instance.id.clone())),
            Looked::Launch(choice) => (choice.launch.region.clone(), None),
        };
        note.state.machine = Some(Launched {
            region,
            instance: there,
            address: None,
        });
        note.write()?;
        let Some(instance) = bring_about(self.ui, self.connection, self.wish, found.machine, HOW)? else {
            return Err(Failure::Findings);
        };
        if let Some(machine) = &mut note.state.machine {
            machine.instance = Some(instance.id.clone());
            machine.address.clone_from(&instance.ip);
        }
        note.write()?;
        view.done(&format!("{} is active", instance.id));
        Ok(instance.ip.and_then(|ip| ip.parse().ok()))
    }
}

/// One yes is asked for all, before; so no part asks again.
const HOW: How = How {
    wait_capacity: None,
    yes: true,
    watch: true,
};

impl Found {
    fn plan(&self, note: &Note) -> Plan {
        let mut plan = Plan::default();
        let mut add = |part: Plan| plan.steps.extend(part.steps);
        match &self.address {
            Address::Own(decided) => add(decided.plan.clone()),
            Address::Proxys(Some(holder)) => add(held(holder)),
            Address::Proxys(None) | Address::None => {}
        }
        let mut files = Plan::default();
        let missing: Vec<String> = self
            .files
            .iter()
            .filter(|file| !file.is_there)
            .map(|file| file.path.clone())
            .collect();
        let act = if missing.is_empty() { Act::Keep } else { Act::Create };
        files.step(act, format!("files in {}", note.folder.display()), missing);
        add(files);
        if let Some(edit) = &self.rules {
            add(edit.plan.clone());
        }
        add(self.machine.plan());
        plan
    }
}

/// An address that somebody has.
fn held(holder: &Interface) -> Plan {
    let mut plan = Plan::default();
    let attachment = holder.attachment.as_ref().and_then(|at| at.instance.as_deref());
    let whose = attachment.map_or_else(|| "nobody".to_owned(), |id| format!("instance {id}"));
    let what = format!("the node's address on {} of {whose}", holder.id);
    plan.step(
        Act::Keep,
        what,
        Some(holder.description.clone()).filter(|text| !text.is_empty()),
    );
    plan
}

/// The name of the Node object, as far as node.yaml alone says it.
pub(super) fn node_name(spec: &crate::spec::NodeSpec, facts: &ClusterFacts) -> Option<String> {
    let identity = &spec.node()?.identity;
    if let Some(name) = &identity.node_name {
        return Some(name.value.to_string());
    }
    let address = identity.in_vpc()?;
    let name = NodeName::of_address(address.value, &facts.region.value);
    name.ok().map(|name| name.to_string())
}

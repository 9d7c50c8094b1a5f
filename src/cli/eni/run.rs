//! What `nodebake eni` does.

use std::path::Path;

use super::{CreateArgs, DeleteArgs, GetArgs, ListArgs, show};
use crate::base::{NodeName, Report};
use crate::catalog::Naming;
use crate::cli::aws::{AwsArgs, FactsArgs, Waiting, read_facts};
use crate::cli::consent::consent;
use crate::cli::{Failure, Outcome, Ui, load, report};
use crate::cloud::eni::{self, Desk, Want, Whose};
use crate::cloud::{Interface, Kind, Trouble};
use crate::edge::aws::Session;
use crate::edge::clock::System;
use crate::edge::fs;
use crate::facts::ClusterFacts;
use crate::spec::{self, NodeSpec};

pub(super) fn create(ui: &Ui, args: &CreateArgs) -> Outcome {
    let (spec, facts) = node(ui, args)?;
    let region = &facts.region.value;
    if let Some(other) = args.aws.region.as_ref().filter(|other| *other != region) {
        let message = format!("cluster {} is in {region}, not in {other}", facts.name.value);
        return Err(Failure::Usage(message));
    }
    let stated = spec.node().and_then(|node| node.identity.in_vpc());
    let stated = stated.map(|address| address.value);
    let want = Want {
        cluster: facts.name.value.clone(),
        node: spec.name.value.clone(),
        address: args.address.or(stated),
        subnet: args.subnet.clone(),
        attach: args.attach.clone(),
    };
    let session = args.aws.open(Some(&facts))?;
    let decided = with_desk(&session, |desk| {
        let network = eni::network(desk, &session.eks(), &facts)?;
        eni::decide(desk, want, network)
    })?;
    if decided.plan.is_done() {
        // Nothing is changed any more; what an earlier run began may still be on its way, and is waited for.
        ui.talk(decided.plan.to_string().trim_end());
    } else if !consent(ui, &decided.plan, args.yes)? {
        return Ok(());
    }
    let one = with_desk(&session, |desk| eni::carry_out(desk, &decided))?;
    show::one(ui, &one, region, args.json)?;
    advise(ui, &spec, &one, region);
    Ok(())
}

/// What node.yaml is to say.
fn advise(ui: &Ui, spec: &NodeSpec, one: &Interface, region: &str) {
    let Some(address) = one.address else { return };
    if let Ok(name) = NodeName::of_address(address, region) {
        ui.talk(&format!("node {} is {name} to the cluster", spec.name.value));
    }
    let stated = spec.node().and_then(|node| node.identity.in_vpc());
    if stated.is_none_or(|stated| stated.value != address) {
        ui.talk(&format!("in node.yaml: `identity: {{ address: {address} }}`"));
    }
}

pub(super) fn list(ui: &Ui, args: &ListArgs) -> Outcome {
    let facts = args.facts.read(ui)?;
    let known = facts.as_ref().and_then(|facts| facts.vpc.as_ref());
    let vpc = args.vpc.clone().or_else(|| known.map(|vpc| vpc.value.clone()));
    if args.all && vpc.is_none() {
        let message = "all of which VPC? Say --vpc, or --facts with a cluster.yaml that has `vpcId`";
        return Err(Failure::Usage(message.into()));
    }
    let session = args.aws.open(facts.as_ref())?;
    let found = with_desk(&session, |desk| eni::all(desk, vpc.as_deref(), args.all))?;
    show::all(ui, &found, session.region(), args.json)
}

pub(super) fn get(ui: &Ui, args: &GetArgs) -> Outcome {
    let (whose, session) = whose(ui, &args.whose, &args.facts, &args.aws)?;
    match with_desk(&session, |desk| eni::find(desk, &whose))? {
        Some(found) => show::one(ui, &found, session.region(), args.json),
        None => {
            let message = format!("there is no network interface of {whose} in {}", session.region());
            let trouble = Trouble::new(Kind::NotFound, message);
            Err(Failure::Cloud(
                trouble.hint("`nodebake eni list` shows which there are"),
            ))
        }
    }
}

pub(super) fn delete(ui: &Ui, args: &DeleteArgs) -> Outcome {
    let (whose, session) = whose(ui, &args.whose, &args.facts, &args.aws)?;
    let removal = with_desk(&session, |desk| eni::removal(desk, &whose))?;
    if removal.there.is_none() {
        ui.talk(&format!("there is no network interface of {whose}: nothing to do"));
        return Ok(());
    }
    if consent(ui, &removal.plan, args.yes)? {
        with_desk(&session, |desk| eni::remove(desk, &removal))?;
        ui.talk("deleted");
    }
    Ok(())
}

/// Asks EC2, and says what is waited for.
fn with_desk<T>(session: &Session, ask: impl FnOnce(&Desk<'_>) -> Result<T, Trouble>) -> Result<T, Failure> {
    let (ec2, waiting) = (session.ec2(), Waiting::new());
    let told = |line: &str| waiting.told(line);
    ask(&Desk {
        ec2: &ec2,
        clock: &System,
        told: &told,
    })
    .map_err(Failure::Cloud)
}

/// The node that is to get an interface, and its cluster.
fn node(ui: &Ui, args: &CreateArgs) -> Result<(NodeSpec, ClusterFacts), Failure> {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let names: Vec<String> = loaded.nodes.iter().map(|(spec, _)| spec.name.value.clone()).collect();
    let chosen = match &args.name {
        None if names.len() > 1 => {
            let message = format!("which node? Say --name with one of {}", names.join(", "));
            return Err(Failure::Usage(message));
        }
        None => loaded.nodes.into_iter().next(),
        Some(name) => loaded.nodes.into_iter().find(|(spec, _)| spec.name.value == *name),
    };
    let Some((spec, facts)) = chosen else {
        let message = format!("there is no such node; there are {}", names.join(", "));
        return Err(Failure::Usage(message));
    };
    let profile = loaded.catalog.profile(&spec.profile).map_err(|failed| {
        report::print(ui, &failed, args.common.short);
        Failure::Findings
    })?;
    if profile.naming != Naming::Satellite {
        let message = format!(
            "{} is of profile {}, whose nodes have no ENI: they are reached by private routing",
            spec.name.value, profile.name
        );
        return Err(Failure::Usage(message));
    }
    Ok((spec, facts))
}

/// Whose interface is meant, and a session in the region of its cluster.
fn whose(ui: &Ui, word: &str, facts: &FactsArgs, aws: &AwsArgs) -> Result<(Whose, Session), Failure> {
    let path = Path::new(word);
    let is_file = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    if !is_file {
        let facts = facts.read(ui)?;
        let cluster = facts.as_ref().map(|facts| facts.name.value.clone());
        let whose = if word.starts_with("eni-") {
            Whose::Id(word.to_owned())
        } else {
            Whose::Node(word.to_owned(), cluster)
        };
        return Ok((whose, aws.open(facts.as_ref())?));
    }
    let read = fs::read_source(path).map_err(|finding| Report::from(*finding));
    let document = read.and_then(|source| spec::read(&source)).map_err(|failed| {
        report::print_all(ui, &failed, false);
        Failure::Findings
    })?;
    let names: Vec<&str> = document.nodes.iter().map(|node| node.name.value.as_str()).collect();
    let [node] = document.nodes.as_slice() else {
        let message = format!("which node? Name it in place of {word}: {}", names.join(", "));
        return Err(Failure::Usage(message));
    };
    let beside = path.parent().unwrap_or(Path::new(""));
    let facts = read_facts(ui, &beside.join(&node.cluster.value))?;
    let whose = Whose::Node(node.name.value.clone(), Some(facts.name.value.clone()));
    Ok((whose, aws.open(Some(&facts))?))
}

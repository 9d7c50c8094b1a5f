//! What is planned, in which order it is made, and what becomes of it when calls fail.

use nodebake::cloud::proxy::{AmiChoice, Desk, Launched, carry_out, decide, decide_delete, delete, leftovers, list};
use nodebake::cloud::{Act, Kind, Trouble};

use super::model::{Dead, Fault, Model, Slept, want};

fn with<T>(model: &Model, act: impl FnOnce(&Desk<'_>) -> T) -> T {
    let clock = Slept::default();
    act(&Desk {
        ec2: model,
        clock: &clock,
        told: &|_| {},
    })
}

fn launch(model: &Model) -> Result<Launched, Trouble> {
    with(model, |desk| carry_out(desk, &decide(desk, want())?))
}

fn remove(model: &Model) -> Result<(), Trouble> {
    with(model, |desk| delete(desk, &leftovers(desk, "gate")?, false))
}

fn plan(model: &Model) -> String {
    with(model, |desk| decide(desk, want()).unwrap().plan.to_string())
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/cloud");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn plans_say_all_and_become_nothing_to_do() {
    let model = Model::default();
    let before = plan(&model);
    assert!(
        model
            .0
            .borrow()
            .calls
            .iter()
            .all(|call| ["amis", "vpc_of", "groups", "machines", "kept"].contains(call))
    );
    launch(&model).unwrap();
    let after = with(&model, |desk| decide(desk, want()).unwrap().plan);
    assert!(after.is_done(), "{after}");
    let gone = with(&model, |desk| {
        let left = leftovers(desk, "gate").unwrap();
        format!(
            "{}\nwith --keep-address:\n{}",
            decide_delete(&left, false),
            decide_delete(&left, true)
        )
    });
    golden(
        "proxy-plans",
        &format!("launch:\n{before}\nagain:\n{after}\ndelete:\n{gone}"),
    );
}

#[test]
fn a_launch_makes_one_of_each_and_a_second_one_nothing() {
    let model = Model::default();
    model.0.borrow_mut().slow = 3;
    let first = launch(&model).unwrap();
    assert_eq!(first.public.unwrap().to_string(), "54.1.1.1");
    assert_eq!(launch(&model).unwrap(), first);
    assert_eq!(model.left(), (1, 1, 1));
    let held = model.0.borrow();
    let (token, machine) = &held.machines[0];
    assert!(token.len() <= 64);
    // The newest of its owner: neither the highest number in text order nor a stranger's.
    assert_eq!(machine.ami, format!("ami-{:017x}", 10));
    assert_eq!(machine.groups, [held.groups[0].id.as_str()]);
    assert_eq!(
        held.groups[0].allows,
        [("tcp".into(), Some(10_250), Some(10_250), "sg-0f1e2d3c4b5a69788".into())]
    );
    drop(held);
    remove(&model).unwrap();
    assert_eq!(model.left(), (0, 0, 0));
    remove(&model).unwrap();
    assert!(with(&model, |desk| list(desk).unwrap()).is_empty());
}

/// EC2 answers the token of an ended instance with that instance: the next launch has another one.
#[test]
fn what_was_deleted_can_be_launched_again() {
    let model = Model::default();
    let first = launch(&model).unwrap();
    remove(&model).unwrap();
    let second = launch(&model).unwrap();
    assert_ne!(first.instance, second.instance);
    assert_eq!(model.left(), (1, 1, 1));
}

/// Each call of a launch and of a delete, with each fault: what passes is outlasted, and there is one of each.
#[test]
fn every_call_outlasts_what_passes() {
    let launching = [
        "vpc_of",
        "machines",
        "groups",
        "kept",
        "amis",
        "create_group",
        "allow",
        "allocate",
        "run",
        "associate",
    ];
    for call in launching {
        for fault in [Fault::Throttled, Fault::Broken, Fault::Lost] {
            // A lost answer is about something that was made: it is found, and not asked for again.
            let times = if fault == Fault::Lost { 1 } else { 2 };
            let model = Model::failing(&vec![(call, fault); times]);
            let launched = launch(&model).unwrap_or_else(|trouble| panic!("{call} {fault:?}: {trouble}"));
            assert_eq!(model.left(), (1, 1, 1), "{call} {fault:?}");
            assert_eq!(launch(&model).unwrap(), launched, "{call} {fault:?}");
            assert!(model.0.borrow().faults.is_empty(), "{call} was not asked");
        }
        let model = Model::failing(&[(call, Fault::Malformed)]);
        assert_eq!(launch(&model).unwrap_err().kind, Kind::Malformed, "{call}");
        launch(&model).unwrap_or_else(|trouble| panic!("after {call}: {trouble}"));
        assert_eq!(model.left(), (1, 1, 1), "{call}");
    }
    for call in ["terminate", "release", "delete_group"] {
        for fault in [Fault::Throttled, Fault::Broken, Fault::Lost] {
            let model = Model::default();
            model.0.borrow_mut().slow = 2;
            launch(&model).unwrap();
            model.0.borrow_mut().faults.extend([(call, fault), (call, fault)]);
            remove(&model).unwrap_or_else(|trouble| panic!("{call} {fault:?}: {trouble}"));
            assert_eq!(model.left(), (0, 0, 0), "{call} {fault:?}");
        }
    }
}

/// Copies of EC2's that have not heard of a new group yet.
#[test]
fn what_was_just_made_may_be_unknown_for_a_while() {
    let model = Model::failing(&[("allow", Fault::NotYet), ("run", Fault::NotYet), ("run", Fault::NotYet)]);
    launch(&model).unwrap();
    assert_eq!((model.left(), model.count("run")), ((1, 1, 1), 3));
}

#[test]
fn a_new_satellite_gets_its_address_and_somebody_elses_rule_stays() {
    let model = Model::default();
    launch(&model).unwrap();
    let foreign = ("tcp".to_owned(), Some(22), Some(22), "192.0.2.0/24".to_owned());
    model.0.borrow_mut().groups[0].allows.push(foreign.clone());
    let mut more = want();
    more.satellites.push([10, 0, 2, 240].into());
    let plan = with(&model, |desk| {
        let decided = decide(desk, more.clone()).unwrap();
        carry_out(desk, &decided).unwrap();
        decided.plan
    });
    assert!(plan.to_string().contains("add 10.0.2.240"), "{plan}");
    assert!(plan.to_string().contains("tcp 22 from 192.0.2.0/24"), "{plan}");
    let held = model.0.borrow();
    assert!(held.machines[0].1.addresses.contains(&[10, 0, 2, 240].into()));
    assert!(held.groups[0].allows.contains(&foreign));
}

#[test]
fn what_cannot_be_changed_is_refused_before_anything_is_done() {
    let model = Model::default();
    launch(&model).unwrap();
    let calls = model.0.borrow().calls.len();
    let refuse = |change: fn(&mut nodebake::cloud::proxy::Want)| {
        let mut other = want();
        change(&mut other);
        with(&model, |desk| decide(desk, other)).unwrap_err().to_string()
    };
    let told = refuse(|want| want.kind = "t4g.large".into());
    assert!(
        told.contains("type t4g.small, wanted t4g.large") && told.contains("proxy delete gate"),
        "{told}"
    );
    let told = refuse(|want| want.address = [10, 0, 2, 11].into());
    assert!(told.contains("address 10.0.2.10, wanted 10.0.2.11"), "{told}");
    let told = refuse(|want| want.vpc = Some("vpc-1".into()));
    assert!(told.contains("the cluster's VPC is vpc-1"), "{told}");
    model.0.borrow_mut().machines[0].1.state = "stopped".into();
    let told = refuse(|_| {});
    assert!(told.contains("it is stopped"), "{told}");
    let changing = [
        "create_group",
        "allow",
        "allocate",
        "run",
        "assign",
        "associate",
        "terminate",
    ];
    let held = model.0.borrow();
    assert!(held.calls[calls..].iter().all(|call| !changing.contains(call)));
}

#[test]
fn two_of_a_name_are_nobodys_to_choose_between() {
    let model = Model::default();
    launch(&model).unwrap();
    let mut twin = model.0.borrow().machines[0].clone();
    twin.1.id = "i-2".into();
    model.0.borrow_mut().machines.push(twin);
    let told = launch(&model).unwrap_err().to_string();
    assert!(told.contains("2 instances are tagged nodebake/proxy=gate"), "{told}");
    assert!(remove(&model).is_err());
}

#[test]
fn an_ami_of_another_architecture_is_refused() {
    let mut other = want();
    other.arch = "x86_64";
    other.ami = AmiChoice::Id("ami-00000000000000009".into());
    let told = with(&Model::default(), |desk| decide(desk, other))
        .unwrap_err()
        .to_string();
    assert!(told.contains("is for arm64, t4g.small is x86_64"), "{told}");
}

#[test]
fn a_machine_that_ends_while_it_is_awaited_is_told() {
    let model = Model::default();
    model.0.borrow_mut().slow = 1000;
    let told = launch(&model).unwrap_err();
    assert_eq!(told.kind, Kind::Unknown);
    assert!(told.to_string().contains("does not run after five minutes"), "{told}");
    model.0.borrow_mut().machines[0].1.state = "stopped".into();
    assert!(launch(&model).is_err());
    assert_eq!(model.left().1, 1);
}

/// The address outlives the machine when it shall.
#[test]
fn a_kept_address_is_the_next_ones() {
    let model = Model::default();
    let first = launch(&model).unwrap();
    with(&model, |desk| delete(desk, &leftovers(desk, "gate").unwrap(), true)).unwrap();
    assert_eq!(model.left(), (0, 0, 1));
    let listed = with(&model, |desk| list(desk).unwrap());
    assert_eq!((listed.len(), listed[0].public()), (1, first.public));
    let mut next = want();
    next.keeps_address = false;
    let plan = with(&model, |desk| {
        let decided = decide(desk, next).unwrap();
        carry_out(desk, &decided).unwrap();
        decided.plan
    });
    assert!(
        plan.steps
            .iter()
            .any(|step| step.act == Act::Keep && step.what.contains("54.1.1.1")),
        "{plan}"
    );
    assert_eq!(launch(&model).unwrap().public, first.public);
    assert_eq!(model.left(), (1, 1, 1));
}

/// EC2 lists an instance for about an hour after it ended, and remembers its token for a day.
#[test]
fn what_was_deleted_hours_ago_can_be_launched_again() {
    for dead in [
        Dead::Refused("IdempotentInstanceTerminated"),
        Dead::Refused("IdempotentParameterMismatch"),
        Dead::Ended,
        Dead::Unknown,
    ] {
        let model = Model::default();
        model.0.borrow_mut().dead = Some(dead);
        let mut before = Vec::new();
        for _ in 0..3 {
            let launched = launch(&model).unwrap_or_else(|trouble| panic!("{dead:?}: {trouble}"));
            assert!(!before.contains(&launched.instance), "{dead:?}");
            assert_eq!(model.left(), (1, 1, 1), "{dead:?}");
            assert_eq!(launch(&model).unwrap(), launched, "{dead:?}");
            before.push(launched.instance);
            remove(&model).unwrap();
        }
        // Tokens are not tried for ever.
        let calls = model.count("run");
        model.0.borrow_mut().faults.extend(vec![("run", Fault::UsedUp); 20]);
        assert!(launch(&model).unwrap_err().is("IdempotentInstanceTerminated"));
        assert_eq!(model.count("run") - calls, 5);
    }
}

/// A group that EC2 says is there, and that its copies find a little later.
#[test]
fn a_group_that_is_there_is_looked_for_until_it_is_found() {
    let model = Model::default();
    let first = launch(&model).unwrap();
    model.0.borrow_mut().machines.clear();
    model.0.borrow_mut().unseen = 3;
    let again = launch(&model).unwrap();
    assert_ne!(again.instance, first.instance);
    assert_eq!((model.left(), model.count("create_group")), ((1, 1, 1), 2));
    // Somebody else's of that name.
    let model = Model::default();
    launch(&model).unwrap();
    model.0.borrow_mut().machines.clear();
    model.0.borrow_mut().groups[0].tags.clear();
    let told = launch(&model).unwrap_err();
    assert!(told.is("InvalidGroup.Duplicate"), "{told}");
    assert!(told.to_string().contains("without our tag"), "{told}");
}

#[test]
fn other_security_groups_are_refused() {
    let model = Model::default();
    launch(&model).unwrap();
    let own = model.0.borrow().groups[0].id.clone();
    let refuse = |groups: &[&str]| {
        model.0.borrow_mut().machines[0].1.groups = groups.iter().map(|id| (*id).to_owned()).collect();
        launch(&model).unwrap_err().to_string()
    };
    let told = refuse(&[&own, "sg-9"]);
    let words = format!("security groups {own}, sg-9, wanted {own}");
    assert!(told.contains(&words), "{told}");
    let told = refuse(&["sg-9"]);
    assert!(told.contains(&format!("security groups sg-9, wanted {own}")), "{told}");
    model.0.borrow_mut().groups.clear();
    let told = refuse(&[&own]);
    assert!(told.contains(&format!("({own}) is tagged as this proxy's")), "{told}");
    assert_eq!(model.count("create_group"), 1);
}

#[test]
fn further_rules_for_the_clusters_group_are_shown() {
    let model = Model::default();
    launch(&model).unwrap();
    let rule = |protocol: &str, port| (protocol.to_owned(), port, port, want().cluster_group);
    let more = [rule("tcp", Some(22)), rule("-1", None)];
    model.0.borrow_mut().groups[0].allows.extend(more);
    let told = plan(&model);
    for words in [
        "tcp 22 from sg-0f1e2d3c4b5a69788",
        "-1 all ports from sg-0f1e2d3c4b5a69788",
    ] {
        assert!(told.contains(words), "{told}");
    }
    assert!(!told.contains("tcp 10250 from"), "{told}");
}

/// Two clusters of an account cannot share a name: neither takes what is the other's.
#[test]
fn what_is_another_clusters_is_not_touched() {
    for which in 0..3 {
        let model = Model::default();
        launch(&model).unwrap();
        {
            let held = &mut *model.0.borrow_mut();
            let tags = match which {
                0 => &mut held.machines[0].1.tags,
                1 => &mut held.groups[0].tags,
                _ => &mut held.kept[0].tags,
            };
            assert_eq!(tags.insert("nodebake/cluster".into(), "other".into()).unwrap(), "gh62");
        }
        let told = launch(&model).unwrap_err();
        assert_eq!(told.kind, Kind::Refused);
        assert_eq!(told.to_string().matches("is of cluster other").count(), 1, "{told}");
        let gone = with(&model, |desk| decide_delete(&leftovers(desk, "gate").unwrap(), false)).to_string();
        assert_eq!(gone.matches("of cluster other").count(), 1, "{gone}");
        assert_eq!(gone.matches("of cluster gh62").count(), 2, "{gone}");
    }
}

//! `nodebake eni`

use serde_json::Value;

use super::golden;
use super::world::{Aws, Eni, GROUP, OTHER_ZONE, PRIVATE, PROXY, PUBLIC, ec2_error};
use crate::standin::Reply;

/// A node of a cluster, whose facts were fetched.
pub fn with_node(identity: &str) -> Aws {
    let aws = Aws::new();
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    assert_eq!(code, 0, "{words}");
    let yaml = crate::support::node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    aws.home
        .write("node.yaml", yaml.replace("identity: { address: 10.0.2.233 }", identity));
    aws.world().log.clear();
    aws
}

pub const ADDRESS: &str = "identity: { address: 10.0.2.233 }";

/// Shown first, made once, found again, listed, shown, deleted.
#[test]
fn one_life() {
    let aws = with_node(ADDRESS);
    let (code, data, words) = aws.run(&["eni", "create", "node.yaml"]);
    assert_eq!((code, data.as_str(), aws.world().enis.len()), (2, "", 0), "{words}");
    golden("eni-create-plan", &words);

    let (code, data, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert_eq!(code, 0, "{words}");
    golden("eni-created", &format!("{data}--\n{words}"));
    {
        let world = aws.world();
        let [eni] = world.enis.as_slice() else {
            panic!("{:?}", world.enis)
        };
        assert_eq!((eni.address.as_str(), eni.subnet.as_str()), ("10.0.2.233", PRIVATE));
        assert_eq!(eni.groups, [GROUP]);
        assert_eq!(eni.tags["nodebake/node"], "node-17");
        assert_eq!(eni.tags["nodebake/cluster"], "gh62");
    }
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml"]);
    assert_eq!((code, aws.world().made), (0, 1), "{words}");
    assert!(
        words.contains("= keep network interface eni-00000000000000001"),
        "{words}"
    );

    let foreign = Eni {
        id: "eni-00000000000000009".into(),
        subnet: PRIVATE.into(),
        address: "10.0.2.9".into(),
        description: "ELB app/x".into(),
        ..Eni::default()
    };
    aws.world().enis.push(foreign);
    let (_, table, _) = aws.run(&["eni", "list"]);
    let (_, all, _) = aws.run(&["eni", "list", "--all"]);
    golden("eni-list", &format!("{table}--\n{all}"));
    let (_, json, _) = aws.run(&["eni", "list", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["nodeName"], "fargate-ip-10-0-2-233.us-east-1.compute.internal");
    assert_eq!(json.as_array().unwrap().len(), 1);
    for whose in ["node-17", "node.yaml", "eni-00000000000000001"] {
        let (code, text, words) = aws.run(&["eni", "get", whose]);
        assert_eq!(code, 0, "{words}");
        assert!(
            text.contains("fargate-ip-10-0-2-233.us-east-1.compute.internal"),
            "{text}"
        );
    }
    let (code, _, words) = aws.run(&["eni", "get", "node-18"]);
    assert!(
        code == 4 && words.contains("no network interface of node node-18 of cluster gh62"),
        "{words}"
    );

    let (code, _, words) = aws.run(&["eni", "delete", "node.yaml"]);
    assert_eq!((code, aws.world().enis.len()), (2, 2));
    golden("eni-delete-plan", &words);
    let (code, _, words) = aws.run(&["eni", "delete", "node-17", "--yes"]);
    assert_eq!((code, aws.world().enis.len()), (0, 1), "{words}");
    let (code, _, words) = aws.run(&["eni", "delete", "node-17", "--yes"]);
    assert!(code == 0 && words.contains("nothing to do"), "{words}");
    // Nobody else's is deleted.
    let (code, _, words) = aws.run(&["eni", "delete", "eni-00000000000000009", "--yes"]);
    assert!(code == 4 && words.contains("nodebake did not make it"), "{words}");
    assert_eq!(aws.world().enis.len(), 1);
}

/// EC2's copies learn of an interface late; what was deleted a moment ago has used up its token.
#[test]
fn late_copies_and_used_tokens() {
    let aws = with_node(ADDRESS);
    aws.world().shy = 3;
    aws.world().pending = 2;
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert_eq!((code, aws.world().made), (0, 1), "{words}");
    aws.run(&["eni", "delete", "node-17", "--yes"]);
    assert_eq!(aws.world().enis.len(), 0);
    // Other values with the used token are refused by EC2: another token is taken, after a look.
    aws.world().shy = 0;
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--address", "10.0.2.7"]);
    assert_eq!((code, aws.counts()), (0, (2, 1)), "{words}");
    assert!(
        words.contains("in node.yaml: `identity: { address: 10.0.2.7 }`"),
        "{words}"
    );
}

/// Attached to the proxy, whose cards it finds room beside; detached before it is deleted.
#[test]
fn attached_and_detached() {
    let aws = with_node(ADDRESS);
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert_eq!(code, 0, "{words}");
    let attach = ["eni", "create", "node.yaml", "--yes", "--attach", PROXY];
    let (code, data, words) = aws.run(&attach);
    assert_eq!(code, 0, "{words}");
    assert!(
        data.contains(PROXY) && words.contains("+ create attachment to instance"),
        "{words}"
    );
    assert_eq!(aws.world().enis[0].attached, Some((Some(PROXY.into()), 1, 0)));
    aws.world().log.clear();
    let (code, _, _) = aws.run(&attach);
    assert_eq!(code, 0);
    assert!(!aws.world().log.contains(&"AttachNetworkInterface".to_owned()));

    let (code, _, words) = aws.run(&["eni", "delete", "node.yaml", "--yes"]);
    assert_eq!((code, aws.world().enis.len()), (0, 0), "{words}");
    let log = aws.world().log.join(" ");
    let order = ["DetachNetworkInterface", "DeleteNetworkInterface"].map(|action| log.find(action).unwrap());
    assert!(order[0] < order[1], "{log}");
}

/// Without an address EC2 chooses one, in a private subnet, in the proxy's zone.
#[test]
fn where_it_goes() {
    for (args, subnet) in [
        (&[][..], PRIVATE),
        (&["--attach", PROXY], PRIVATE),
        (&["--subnet", OTHER_ZONE], OTHER_ZONE),
        (&["--subnet", PUBLIC], PUBLIC),
        (&["--address", "10.0.40.4"], OTHER_ZONE),
    ] {
        let aws = with_node("identity: {}");
        let (code, data, words) = aws.run(&[&["eni", "create", "node.yaml", "--yes", "--json"], args].concat());
        assert_eq!(code, 0, "{args:?}: {words}");
        let json: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(json["subnet"], subnet, "{args:?}");
        assert!(words.contains("in node.yaml: `identity: { address: "), "{words}");
    }
}

/// No file can tell how many addresses are free: that is asked, where it decides anything.
#[test]
fn a_full_subnet_is_passed_over() {
    let aws = with_node("identity: {}");
    aws.world().full = vec![PRIVATE];
    let create = ["eni", "create", "node.yaml", "--yes", "--json"];
    let (code, data, words) = aws.run(&create);
    assert_eq!(code, 0, "{words}");
    let json: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(json["subnet"], OTHER_ZONE);
    let asked = |aws: &Aws| aws.world().log.contains(&"DescribeSubnets".to_owned());
    assert!(asked(&aws));

    let aws = with_node("identity: {}");
    aws.world().full = vec![PRIVATE, OTHER_ZONE];
    let (code, _, words) = aws.run(&create);
    assert_eq!((code, aws.world().made), (4, 0), "{words}");
    assert!(words.contains("no private subnet with a free address"), "{words}");

    for said in [["--subnet", PRIVATE], ["--address", "10.0.2.7"]] {
        let aws = with_node("identity: {}");
        let (code, _, words) = aws.run(&[&create[..], &said].concat());
        assert!(code == 0 && !asked(&aws), "{said:?}: {words}");
    }
}

/// Facts that name no network: it is looked up.
#[test]
fn a_network_that_is_looked_up() {
    let aws = with_node(ADDRESS);
    let path = aws.home.path().join("cluster.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let is_network = |line: &&str| {
        ["vpcId", "clusterSecurityGroupId", "subnets:", "- { id: subnet"]
            .iter()
            .any(|word| line.trim_start().starts_with(word))
    };
    let plain: String = text
        .lines()
        .filter(|line| !is_network(line))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&path, plain).unwrap();
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert_eq!((code, aws.world().enis.len()), (0, 1), "{words}");
    for action in ["DescribeCluster", "DescribeSubnets", "DescribeRouteTables"] {
        assert!(aws.world().log.contains(&action.to_owned()), "{action}");
    }
}

/// What is refused before anything is made, each with its reason.
#[test]
fn refused_beforehand() {
    let aws = with_node(ADDRESS);
    let taken = Eni {
        id: "eni-00000000000000008".into(),
        subnet: PRIVATE.into(),
        address: "10.0.2.8".into(),
        description: "somebody".into(),
        ..Eni::default()
    };
    aws.world().enis.push(taken);
    for (args, expected) in [
        (
            &["--address", "10.0.2.8"][..],
            "10.0.2.8 belongs to eni-00000000000000008 of `somebody`",
        ),
        (&["--address", "10.0.0.3"], "one of the five addresses that AWS keeps"),
        (
            &["--address", "10.0.31.255"],
            "one of the five addresses that AWS keeps",
        ),
        (&["--address", "10.0.200.1"], "lies in no subnet of VPC"),
        (&["--subnet", OTHER_ZONE], "10.0.2.233 does not lie in subnet-0bbbb"),
        (&["--subnet", "subnet-0eeeeeeeeeeeeeeee"], "has no subnet subnet-0eeee"),
        (&["--attach", "i-0eeeeeeeeeeeeeeee"], "InvalidInstanceID.NotFound"),
        (&["--address", "10.0.40.4", "--attach", PROXY], "they cannot be joined"),
    ] {
        let (code, data, words) = aws.run(&[&["eni", "create", "node.yaml", "--yes"], args].concat());
        assert_eq!((code, data.as_str(), aws.world().made), (4, "", 0), "{args:?}: {words}");
        assert!(
            words.contains(expected) && words.contains("hint: "),
            "{args:?}: {words}"
        );
    }
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--region", "eu-west-1"]);
    assert!(
        code == 2 && words.contains("is in us-east-1, not in eu-west-1"),
        "{words}"
    );
}

/// What EC2 refuses, each with what mends it. Nothing is left behind.
#[test]
fn refused_by_ec2() {
    let aws = with_node(ADDRESS);
    for (code, hint) in [
        ("InvalidSubnetID.NotFound", "is `--region` right"),
        (
            "InvalidGroup.NotFound",
            "`nodebake facts eks` fetches the cluster's again",
        ),
        ("InvalidIPAddress.InUse", "another interface has the address"),
        ("InsufficientFreeAddressesInSubnet", "name another one with `--subnet`"),
        ("NetworkInterfaceLimitExceeded", "raise the quota"),
        ("UnauthorizedOperation", "the permission ec2:CreateNetworkInterface"),
    ] {
        let reply = ec2_error(if code.starts_with("Un") { 403 } else { 400 }, code, "refused");
        aws.world().faults.push_back(("CreateNetworkInterface", reply, false));
        let (ended, data, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
        assert_eq!((ended, data.as_str()), (4, ""), "{code}: {words}");
        assert!(
            words.contains(&format!("[{code}]")) && words.contains(hint),
            "{code}: {words}"
        );
    }
    assert_eq!(aws.world().made, 0);
    for _ in 0..5 {
        let reply = ec2_error(400, "IdempotentParameterMismatch", "mismatch");
        aws.world().faults.push_back(("CreateNetworkInterface", reply, false));
    }
    let (ended, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert!(
        ended == 4 && words.contains("made a moment ago with other values"),
        "{words}"
    );
    for (action, code, hint) in [
        (
            "AttachNetworkInterface",
            "AttachmentLimitExceeded",
            "takes no further interface",
        ),
        (
            "AttachNetworkInterface",
            "UnauthorizedOperation",
            "ec2:AttachNetworkInterface",
        ),
        ("DescribeInstances", "InvalidInstanceID.NotFound", "no such instance"),
    ] {
        aws.world()
            .faults
            .push_back((action, ec2_error(400, code, "refused"), false));
        let (ended, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--attach", PROXY]);
        assert!(ended == 4 && words.contains(hint), "{code}: {words}");
    }
    assert!(aws.world().made <= 1);
}

/// Throttled, 5xx and lost answers are tried again, whatever became of the call; malformed ones are not.
#[test]
fn the_ladder_of_each_call() {
    for action in [
        "DescribeNetworkInterfaces",
        "DescribeInstances",
        "CreateNetworkInterface",
        "AttachNetworkInterface",
    ] {
        for carried_out in [false, true] {
            let aws = with_node(ADDRESS);
            aws.world().faults.extend([
                (action, ec2_error(503, "RequestLimitExceeded", "slow down"), false),
                (action, ec2_error(500, "InternalError", "oops"), carried_out),
            ]);
            if carried_out {
                aws.world().faults.push_back((action, Reply::lost(), true));
            }
            let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--attach", PROXY]);
            assert_eq!(code, 0, "{action}: {words}");
            assert_eq!(aws.counts(), (1, 1), "{action}");
        }
        let aws = with_node(ADDRESS);
        let malformed = Reply::new(200, "text/xml", "<html>a captive portal");
        aws.world().faults.push_back((action, malformed, false));
        let (code, data, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--attach", PROXY]);
        assert_eq!((code, data.as_str()), (4, ""), "{action}: {words}");
        assert!(words.contains("is not what AWS describes"), "{action}: {words}");
    }
    for action in [
        "DescribeNetworkInterfaces",
        "DetachNetworkInterface",
        "DeleteNetworkInterface",
    ] {
        let aws = with_node(ADDRESS);
        aws.run(&["eni", "create", "node.yaml", "--yes", "--attach", PROXY]);
        aws.world().faults.extend([
            (action, ec2_error(503, "RequestLimitExceeded", "slow down"), false),
            (action, ec2_error(500, "InternalError", "oops"), true),
            (action, Reply::lost(), true),
        ]);
        let (code, _, words) = aws.run(&["eni", "delete", "node-17", "--yes"]);
        assert_eq!((code, aws.world().enis.len()), (0, 0), "{action}: {words}");
    }
}

/// Two interfaces of one node are refused, with both ids; nobody guesses.
#[test]
fn two_of_them() {
    let aws = with_node(ADDRESS);
    aws.run(&["eni", "create", "node.yaml", "--yes"]);
    let mut twin = aws.world().enis[0].clone();
    twin.id = "eni-00000000000000007".into();
    twin.address = "10.0.2.7".into();
    aws.world().enis.push(twin);
    for args in [
        &["eni", "create", "node.yaml", "--yes"][..],
        &["eni", "delete", "node-17", "--yes"],
        &["eni", "get", "node.yaml"],
    ] {
        let (code, _, words) = aws.run(args);
        assert_eq!((code, aws.world().enis.len()), (4, 2), "{words}");
        for id in ["eni-00000000000000001", "eni-00000000000000007"] {
            assert!(words.contains(id), "{words}");
        }
    }
    let (code, _, words) = aws.run(&["eni", "delete", "eni-00000000000000007", "--yes"]);
    assert_eq!((code, aws.world().enis.len()), (0, 1), "{words}");
}

/// An interface that is there, but is another one, or belongs to something else.
#[test]
fn another_one_is_there() {
    let aws = with_node(ADDRESS);
    aws.run(&["eni", "create", "node.yaml", "--yes"]);
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--address", "10.0.2.7"]);
    assert!(
        code == 4 && words.contains("address 10.0.2.233, not 10.0.2.7"),
        "{words}"
    );
    for (attached, expected) in [
        ((Some("i-0dddddddddddddddd".to_owned()), 1, 0), "is attached to i-0dddd"),
        ((None, 1, 0), "is attached to something that is no instance"),
    ] {
        aws.world().enis[0].attached = Some(attached);
        let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes", "--attach", PROXY]);
        assert!(code == 4 && words.contains(expected), "{words}");
    }
    let (code, _, words) = aws.run(&["eni", "delete", "node-17", "--yes"]);
    assert!(
        code == 4 && words.contains("is attached to something that is no instance"),
        "{words}"
    );
    aws.world().enis[0].attached = Some((Some(PROXY.into()), 0, 0));
    let (code, _, words) = aws.run(&["eni", "delete", "node-17", "--yes"]);
    assert!(code == 4 && words.contains("cannot be detached"), "{words}");
    aws.world().enis[0].attached = None;
    aws.world().enis[0].groups = vec!["sg-0eeeeeeeeeeeeeeee".into()];
    let (code, _, words) = aws.run(&["eni", "create", "node.yaml", "--yes"]);
    assert!(code == 4 && words.contains("without the cluster's"), "{words}");
}

/// Hybrid nodes have no interface; a fleet needs to be told which node.
#[test]
fn which_node() {
    let aws = with_node(ADDRESS);
    let hybrid = crate::support::node_yaml("hybrid", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    aws.home.write("hybrid.yaml", hybrid);
    let (code, _, words) = aws.run(&["eni", "create", "hybrid.yaml", "--yes"]);
    assert!(code == 2 && words.contains("have no ENI"), "{words}");
    let fleet = "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: { name: fleet }\nspec:\n  defaults:\n    profile: satellite\n    \
                 image: lambda-stack-22-04\n    instanceType: lambda/gpu_1x_a10\n    cluster: cluster.yaml\n    credentials:\n      \
                 assumeRole:\n        roleArn: arn:aws:iam::111122223333:role/satellite\n        sourceProfile: node-user\n        \
                 principalArn: arn:aws:iam::111122223333:user/node-user\n  nodes:\n    - { name: a, identity: { address: 10.0.2.10 } }\n    \
                 - { name: b, identity: { address: 10.0.2.11 } }\n";
    aws.home.write("fleet.yaml", fleet);
    let (code, _, words) = aws.run(&["eni", "create", "fleet.yaml", "--yes"]);
    assert!(code == 2 && words.contains("one of a, b"), "{words}");
    let (code, _, words) = aws.run(&["eni", "create", "fleet.yaml", "--yes", "--name", "b"]);
    assert_eq!(code, 0, "{words}");
    assert_eq!(aws.world().enis[0].address, "10.0.2.11");
}

/// EC2 gives interfaces in pages; all of them are read.
#[test]
fn every_page_is_read() {
    let aws = with_node(ADDRESS);
    let eni = |n: u8| Eni {
        id: format!("eni-0000000000000000{n}"),
        subnet: PRIVATE.into(),
        address: format!("10.0.2.{n}"),
        ..Eni::default()
    };
    aws.world().enis.extend((1..=5).map(eni));
    aws.world().page = Some(2);
    let (code, json, words) = aws.run(&["eni", "list", "--all", "--json"]);
    assert_eq!(code, 0, "{words}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 5, "{json}");
    let asked = aws
        .world()
        .log
        .iter()
        .filter(|action| *action == "DescribeNetworkInterfaces")
        .count();
    assert_eq!(asked, 3);
}

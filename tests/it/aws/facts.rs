//! `nodebake facts eks`

use nodebake::base::Source;
use nodebake::facts;
use serde_json::{Value, json};

use super::golden;
use super::world::{Aws, cluster, eks_error};
use crate::standin::Reply;

/// Changes one value of the stand-in's cluster.
fn set(aws: &Aws, pointer: &str, value: Value) {
    let mut world = aws.world();
    let cluster = world.clusters.get_mut("gh62").unwrap();
    *cluster.pointer_mut(pointer).unwrap() = value;
}

#[test]
fn the_file_is_a_golden_and_reads_back() {
    let aws = Aws::new();
    let (code, text, words) = aws.run(&["facts", "eks", "gh62"]);
    assert_eq!((code, words.as_str()), (0, ""));
    golden("facts-eks", &text);
    let facts = facts::read(&Source::new("cluster.yaml", text)).unwrap_or_else(|report| panic!("{report:?}"));
    assert_eq!(facts.ca_pem.value, super::ca());
    assert!(!facts.endpoint.value.as_str().ends_with('/'));
    assert_eq!(facts.subnets.len(), 3);
    let (_, json, _) = aws.run(&["facts", "eks", "gh62", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["spec"]["endpointAccess"]["publicAccessCidrs"],
        json!(["0.0.0.0/0"])
    );
}

#[test]
fn a_node_is_baked_with_what_was_fetched() {
    let aws = Aws::new();
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    assert_eq!((code, words.contains("wrote cluster.yaml")), (0, true), "{words}");
    let yaml = crate::support::node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    aws.home.write("node.yaml", yaml);
    let (code, _, words) = aws.run(&["check", "node.yaml"]);
    assert_eq!(code, 0, "{words}");
}

/// A second certificate is a rotation, shown by its fingerprint, and both are written after a yes, never before.
#[test]
fn a_rotation_is_shown_and_never_taken_in_silence() {
    let aws = Aws::new();
    aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    let path = aws.home.path().join("cluster.yaml");
    let before = std::fs::read_to_string(&path).unwrap();
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("nothing changed"), "{words}");

    let both = format!("{}{}", super::ca(), super::pem("examples/satellite/cluster.yaml"));
    set(&aws, "/certificateAuthority/data", json!(super::base64(&both)));
    set(&aws, "/version", json!("1.36"));
    set(&aws, "/resourcesVpcConfig/publicAccessCidrs", json!(["203.0.113.0/24"]));
    // Nobody can be asked here, and nothing is written.
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    assert_eq!(code, 2, "{words}");
    golden("facts-changed", &words);
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml", "--check"]);
    assert_eq!(code, 1, "{words}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);

    let (code, json, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml", "--yes", "--json"]);
    assert_eq!(code, 0, "{words}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["written"], json!(true));
    assert_eq!(json["changes"].as_array().unwrap().len(), 4, "{json}");
    let after = std::fs::read_to_string(&path).unwrap();
    let facts = facts::read(&Source::new("cluster.yaml", after)).unwrap();
    assert_eq!(facts.ca.len(), 2);
    assert_eq!(facts.ca_pem.value, both);

    // The old one goes.
    set(
        &aws,
        "/certificateAuthority/data",
        json!(super::base64(&super::pem("examples/satellite/cluster.yaml"))),
    );
    let (_, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml", "--check"]);
    assert!(words.contains("certificateAuthority: - CN=kubernetes"), "{words}");
    assert!(words.contains("a rotation has ended"), "{words}");
}

/// Comments, order and spelling are no change; a file that cannot be read is not replaced.
#[test]
fn files_are_compared_by_meaning() {
    let aws = Aws::new();
    aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    let path = aws.home.path().join("cluster.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let own = text
        .replace("spec:\n", "spec: # mine\n")
        .replace("region: us-east-1", "region: 'us-east-1'");
    assert_ne!(own, text);
    std::fs::write(&path, &own).unwrap();
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml", "--yes"]);
    assert!(code == 0 && words.contains("nothing changed"), "{words}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), own);

    let broken = text.replace("region: us-east-1", "region: nowhere");
    std::fs::write(&path, &broken).unwrap();
    let (code, _, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml", "--yes"]);
    assert!(
        code == 1 && words.contains("facts/region") && words.contains("cannot be compared"),
        "{words}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
}

/// What EKS leaves out, and what nodebake refuses.
#[test]
fn odd_clusters() {
    let aws = Aws::new();
    aws.world()
        .clusters
        .get_mut("gh62")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("accessConfig");
    let (code, text, _) = aws.run(&["facts", "eks", "gh62"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("authenticationMode: CONFIG_MAP") && text.contains("names no authentication mode"),
        "{text}"
    );

    set(
        &aws,
        "/resourcesVpcConfig/publicAccessCidrs",
        json!(["::/0", "198.51.100.0/24"]),
    );
    let (_, text, _) = aws.run(&["facts", "eks", "gh62"]);
    assert!(
        text.contains("publicAccessCidrs: [198.51.100.0/24]") && text.contains("IPv6 networks too: ::/0"),
        "{text}"
    );

    for (pointer, value, code, expected) in [
        (
            "/kubernetesNetworkConfig/ipFamily",
            json!("ipv6"),
            4,
            "IPv6 addresses only",
        ),
        ("/status", json!("CREATING"), 4, "is CREATING, not ACTIVE"),
        ("/status", json!("FAILED"), 4, "is FAILED, not ACTIVE"),
        ("/certificateAuthority/data", json!("AAAA"), 4, "without a CA in PEM"),
        ("/arn", json!("arn:aws:iam::1:role/x"), 4, "without an ARN"),
        (
            "/resourcesVpcConfig/publicAccessCidrs",
            json!(["::/0"]),
            4,
            "takes IPv6 connections only",
        ),
        ("/version", json!("one"), 1, "facts/version"),
        (
            "/resourcesVpcConfig/clusterSecurityGroupId",
            json!("sg-x"),
            1,
            "facts/id",
        ),
        ("/platformVersion", json!("twelve"), 1, "facts/platform"),
    ] {
        aws.world().clusters.insert("gh62".into(), cluster("gh62"));
        set(&aws, pointer, value);
        let (ended, text, words) = aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
        assert_eq!((ended, text.as_str()), (code, ""), "{pointer}: {words}");
        assert!(words.contains(expected), "{pointer}: {words}");
        assert!(!aws.home.path().join("cluster.yaml").exists());
    }
}

/// Not found, throttled, 5xx, malformed, success: what passes is tried again, what does not is told.
#[test]
fn the_ladder() {
    let aws = Aws::new();
    let (code, _, words) = aws.run(&["facts", "eks", "gh26"]);
    assert_eq!(code, 4);
    assert!(
        words.contains("no EKS cluster `gh26` in us-east-1") && words.contains("did you mean `gh62`?"),
        "{words}"
    );
    aws.world()
        .faults
        .extend([("ListClusters", eks_error(403, "AccessDeniedException", "no"), false)]);
    let (_, _, words) = aws.run(&["facts", "eks", "gh26"]);
    assert!(words.contains("eks:ListClusters"), "{words}");

    aws.world().log.clear();
    aws.world().faults.extend([
        (
            "DescribeCluster",
            eks_error(429, "TooManyRequestsException", "slow"),
            false,
        ),
        (
            "DescribeCluster",
            eks_error(503, "ServiceUnavailableException", "later"),
            false,
        ),
        (
            "DescribeSubnets",
            Reply::new(502, "text/html", "<html>bad gateway</html>"),
            false,
        ),
        ("DescribeVpcs", Reply::lost(), false),
    ]);
    let (code, text, words) = aws.run(&["facts", "eks", "gh62"]);
    assert_eq!(code, 0, "{words}");
    assert!(text.contains("kind: Cluster"));
    let asked = |action: &str| aws.world().log.iter().filter(|asked| *asked == action).count();
    assert_eq!(
        (
            asked("DescribeCluster"),
            asked("DescribeSubnets"),
            asked("DescribeVpcs")
        ),
        (3, 2, 2)
    );

    aws.world().log.clear();
    for reply in [
        Reply::new(200, "application/json", "{\"cluster\": [1"),
        Reply::new(200, "text/html", "<html>login</html>"),
        Reply::new(200, "application/json", "{}"),
    ] {
        aws.world().faults.push_back(("DescribeCluster", reply, false));
        let (code, text, words) = aws.run(&["facts", "eks", "gh62"]);
        assert_eq!((code, text.as_str()), (4, ""), "{words}");
    }
    assert_eq!(asked("DescribeCluster"), 3, "what is malformed is not asked again");
}

/// A denial says which permission is missing, for each call.
#[test]
fn denials_name_the_permission() {
    let aws = Aws::new();
    for (action, permission, reply) in [
        (
            "DescribeCluster",
            "eks:DescribeCluster",
            eks_error(403, "AccessDeniedException", "User is not authorized"),
        ),
        (
            "DescribeVpcs",
            "ec2:DescribeVpcs",
            super::world::ec2_error(403, "UnauthorizedOperation", "no"),
        ),
        (
            "DescribeSubnets",
            "ec2:DescribeSubnets",
            super::world::ec2_error(403, "UnauthorizedOperation", "no"),
        ),
        (
            "DescribeRouteTables",
            "ec2:DescribeRouteTables",
            super::world::ec2_error(403, "UnauthorizedOperation", "no"),
        ),
    ] {
        aws.world().faults.push_back((action, reply, false));
        let (code, _, words) = aws.run(&["facts", "eks", "gh62"]);
        assert_eq!(code, 4, "{words}");
        assert!(
            words.contains(&format!("needs the permission {permission}:")),
            "{words}"
        );
    }
    aws.world()
        .faults
        .push_back(("DescribeCluster", eks_error(403, "ExpiredTokenException", "old"), false));
    let (_, _, words) = aws.run(&["facts", "eks", "gh62"]);
    assert!(words.contains("aws sso login"), "{words}");
}

/// The policies are goldens: of a cluster whose network is known, and of one that is only named.
#[test]
fn policies() {
    let aws = Aws::new();
    let named = [
        "--cluster",
        "gh62",
        "--region",
        "cn-north-1",
        "--account",
        "111122223333",
    ];
    let (code, text, words) = aws.run(&[&["facts", "policy", "facts"][..], &named].concat());
    assert_eq!(code, 0, "{words}");
    golden("policy-facts", &text);
    aws.run(&["facts", "eks", "gh62", "-o", "cluster.yaml"]);
    for command in ["eni", "eni-read", "proxy"] {
        let (code, text, words) = aws.run(&["facts", "policy", command]);
        assert_eq!(code, 0, "{words}");
        golden(&format!("policy-{command}"), &text);
    }
    let (code, _, words) = aws.run(&["facts", "policy", "facts", "--cluster", "gh62"]);
    assert_eq!(code, 2, "{words}");
}

/// Every permission a call needs stands in a policy, and no policy has one that no call needs.
#[test]
fn policies_have_what_the_calls_need() {
    let mut needed = std::collections::BTreeSet::from(["ec2:CreateTags".to_owned()]);
    let mut proxys = needed.clone();
    for file in [
        "src/edge/aws/ec2.rs",
        "src/edge/aws/eks.rs",
        "src/edge/aws/instances.rs",
    ] {
        let text = std::fs::read_to_string(crate::support::root().join(file)).unwrap();
        let words = text
            .split('"')
            .filter(|word| word.starts_with("ec2:") || word.starts_with("eks:"));
        let words: Vec<String> = words.map(str::to_owned).collect();
        if file.ends_with("instances.rs") {
            proxys.extend(words.clone());
        }
        needed.extend(words);
    }
    let scope = nodebake::cloud::policy::Scope {
        partition: "aws".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
        cluster: "gh62".into(),
        subnets: Vec::new(),
        vpc: None,
        group: None,
    };
    let actions = |command: &str, scope: &nodebake::cloud::policy::Scope| {
        let mut granted = std::collections::BTreeSet::new();
        let policy = nodebake::cloud::policy::policy(command, scope).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            match &statement["Action"] {
                Value::Array(actions) => granted.extend(actions.iter().map(|one| one.as_str().unwrap().to_owned())),
                action => granted.extend(action.as_str().map(str::to_owned)),
            }
        }
        granted
    };
    let commands = nodebake::cloud::policy::COMMANDS;
    let granted = commands.iter().flat_map(|command| actions(command, &scope)).collect();
    assert_eq!(needed, granted);
    assert_eq!(proxys, actions("proxy", &scope));

    // EKS is asked for whatever cluster.yaml leaves out.
    let asks_eks = |vpc: Option<&str>, group: Option<&str>| {
        let scope = nodebake::cloud::policy::Scope {
            vpc: vpc.map(str::to_owned),
            group: group.map(str::to_owned),
            ..scope.clone()
        };
        actions("eni", &scope).contains("eks:DescribeCluster")
    };
    let (vpc, group) = (Some(super::world::VPC), Some(super::world::GROUP));
    assert!(asks_eks(None, group) && asks_eks(vpc, None) && !asks_eks(vpc, group));
}

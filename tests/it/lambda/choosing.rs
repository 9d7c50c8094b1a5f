//! What is chosen of a wish, without a network.

use nodebake::cloud::Kind;
use nodebake::cloud::lambda::{
    Architecture, Choice, Filesystem, Image, ImageChoice, InstanceOffer, InstanceType, Region, Ruleset, SshKey, Stock,
    Where, Wish, choose, wire,
};
use serde_json::json;

use super::schema::wrong;

fn region(name: &str) -> Region {
    Region {
        name: name.into(),
        description: "somewhere".into(),
    }
}

fn offer(name: &str, what: &str, gpus: u64, cents: u64, regions: &[&str]) -> InstanceOffer {
    InstanceOffer {
        kind: InstanceType {
            name: name.into(),
            description: what.into(),
            gpu_description: what.into(),
            cents_per_hour: cents,
            vcpus: 30,
            memory_gib: 200,
            storage_gib: 1400,
            gpus,
            architecture: Some(Architecture::X86_64),
        },
        regions: regions.iter().map(|name| region(name)).collect(),
    }
}

fn image(family: &str, version: &str, architecture: Architecture, place: &str) -> Image {
    Image {
        id: format!("{version}-{place}"),
        name: family.into(),
        family: family.into(),
        version: version.into(),
        architecture,
        created: "2026-08-20T10:00:00Z".into(),
        region: region(place),
    }
}

fn key(name: &str) -> SshKey {
    SshKey {
        id: name.into(),
        name: name.into(),
        public_key: "ssh-ed25519 AAAA".into(),
    }
}

fn wish() -> Wish {
    Wish {
        cluster: "gh62".into(),
        node: "node-17".into(),
        instance_type: "gpu_1x_a10".into(),
        architecture: Architecture::X86_64,
        family: "stack".into(),
        region: Where::Region("us-west-1".into()),
        ssh_key: None,
        name: None,
        file_systems: Vec::new(),
        rulesets: Vec::new(),
        tags: vec![("team".into(), "ml".into())],
        user_data: "#cloud-config\n".into(),
        catalog_cents: Some(129),
    }
}

fn stock() -> Stock {
    let x86 = Architecture::X86_64;
    Stock {
        regions: ["us-east-1", "us-south-1", "us-west-1"].map(region).to_vec(),
        offers: vec![
            offer("gpu_1x_a10", "1x A10 (24 GB PCIe)", 1, 129, &["us-east-1", "us-west-1"]),
            offer("gpu_1x_a6000", "1x A6000 (48 GB)", 1, 109, &["us-south-1"]),
            offer("gpu_1x_rtx6000", "1x RTX 6000 (24 GB)", 1, 69, &["us-west-1"]),
            offer(
                "gpu_8x_v100",
                "8x Tesla V100 (16 GB)",
                8,
                632,
                &["us-west-1", "us-south-1"],
            ),
            offer("gpu_8x_h100", "8x H100 (80 GB SXM5)", 8, 3192, &["us-west-1"]),
            offer("cpu_4x", "4 vCPUs", 0, 20, &["us-west-1"]),
        ],
        images: vec![
            image("stack", "22.4.9-9999", x86, "us-west-1"),
            image("stack", "22.4.10-3", x86, "us-west-1"),
            image("stack", "22.4.10-3", x86, "us-east-1"),
            image("stack", "99.0.0-1", Architecture::Arm64, "us-west-1"),
            image("other", "99.0.0-1", x86, "us-west-1"),
        ],
        ssh_keys: vec![key("mine")],
        file_systems: vec![Filesystem {
            id: "fs1".into(),
            name: "data".into(),
            mount_point: "/lambda/nfs/data".into(),
            region: region("us-east-1"),
        }],
        rulesets: vec![Ruleset {
            id: "r1".into(),
            name: "nodes".into(),
            region: Some(region("us-west-1")),
            rules: Vec::new(),
            instances: Vec::new(),
        }],
    }
}

fn good(wish: &Wish, stock: &Stock) -> Choice {
    choose(wish, stock).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

/// Every trouble: its kind, and all its words.
fn bad(wish: &Wish, stock: &Stock) -> Vec<(Kind, String)> {
    let troubles = choose(wish, stock).unwrap_err();
    troubles
        .iter()
        .map(|trouble| (trouble.kind, trouble.to_string()))
        .collect()
}

#[test]
fn the_newest_image_of_family_region_and_architecture_is_pinned_by_id() {
    let choice = good(&wish(), &stock());
    assert_eq!(choice.launch.image, ImageChoice::Id("22.4.10-3-us-west-1".into()));
    let plan = choice.plan.to_string();
    for word in [
        "+ create instance gpu_1x_a10 for node node-17",
        "for $1.29 an hour",
        "image stack 22.4.10-3 (x86_64, 22.4.10-3-us-west-1)",
        "SSH key mine",
        "host name node-17",
        "team=ml nodebake-node=node-17 nodebake-cluster=gh62 nodebake-launch=",
    ] {
        assert!(plan.contains(word), "{word}:\n{plan}");
    }
    assert!(
        !plan.contains("#cloud-config") && !plan.contains("price has changed"),
        "{plan}"
    );
    let body = wire::launch(&choice.launch);
    assert_eq!(wrong(&json!("LaunchRequest"), &body), Vec::<String>::new());
    assert_eq!(body["user_data"], "#cloud-config\n");
}

#[test]
fn the_launch_has_one_stable_name_and_each_other_launch_another() {
    let name = |wish: &Wish| good(wish, &stock()).launch.tags.last().unwrap().clone();
    let first = name(&wish());
    assert_eq!(first.0, "nodebake-launch");
    assert_eq!(first, name(&wish()));
    let mut others = [wish(), wish(), wish()];
    others[0].node = "node-18".into();
    others[1].user_data.push('x');
    others[2].region = Where::Region("us-east-1".into());
    for other in &others {
        assert_ne!(first, name(other), "{other:?}");
    }
}

#[test]
fn a_name_that_is_no_host_name_is_left_out() {
    for (node, expected) in [
        ("node-17", Some("node-17")),
        ("a.b", None),
        ("17", Some("17")),
        (&"a".repeat(63) as &str, Some("a".repeat(63)).as_deref()),
        (&"a".repeat(64) as &str, None),
    ] {
        let mut wish = wish();
        wish.node = node.into();
        let choice = good(&wish, &stock());
        assert_eq!(choice.launch.hostname.as_deref(), expected, "{node}");
        assert_eq!(
            wrong(&json!("LaunchRequest"), &wire::launch(&choice.launch)),
            Vec::<String>::new()
        );
    }
}

#[test]
fn any_region_takes_the_first_that_has_everything() {
    let (mut wish, mut stock) = (wish(), stock());
    wish.region = Where::Any;
    assert_eq!(good(&wish, &stock).launch.region, "us-east-1");
    wish.rulesets = vec!["nodes".into()];
    let choice = good(&wish, &stock);
    assert_eq!(
        (choice.launch.region.as_str(), choice.launch.rulesets.as_slice()),
        ("us-west-1", &["r1".to_owned()][..])
    );
    wish.file_systems = vec!["data".into()];
    let told = bad(&wish, &stock);
    assert_eq!(told[0].0, Kind::Exhausted);
    assert!(
        told[0].1.contains("us-west-1: filesystem data is in us-east-1"),
        "{told:?}"
    );
    wish.file_systems.clear();
    stock.images.retain(|image| image.region.name == "us-east-1");
    let told = bad(&wish, &stock);
    assert!(told[0].1.contains("it has no image stack for x86_64"), "{told:?}");
}

#[test]
fn no_capacity_is_told_with_what_there_is_instead() {
    let (mut wish, mut stock) = (wish(), stock());
    stock.offers[0].regions.remove(1);
    let told = bad(&wish, &stock);
    assert_eq!((told.len(), told[0].0), (1, Kind::Exhausted));
    let words = &told[0].1;
    assert!(words.contains("no gpu_1x_a10 left in us-west-1"), "{words}");
    assert!(words.contains("us-east-1 has it: --region"), "{words}");
    // As many GPUs with as much memory, here, the cheapest first: no V100 with 16 GB, no A6000 in another region.
    assert!(
        words.contains("gpu_1x_rtx6000 at $0.69 an hour, gpu_8x_h100 at $31.92 an hour"),
        "{words}"
    );
    assert!(
        !words.contains("v100") && !words.contains("a6000") && !words.contains("cpu_4x"),
        "{words}"
    );
    assert!(
        words.contains("[instance-operations/launch/insufficient-capacity]"),
        "{words}"
    );
    wish.region = Where::Any;
    stock.offers[0].regions.clear();
    let words = &bad(&wish, &stock)[0].1;
    assert!(words.contains("gpu_1x_a6000 at $1.09 an hour in us-south-1"), "{words}");
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let (mut wish, mut stock) = (wish(), stock());
    wish.instance_type = "gpu_1x_a1O".into();
    wish.ssh_key = Some("mien".into());
    wish.region = Where::Region("us-west-l".into());
    wish.file_systems = vec!["date".into()];
    wish.rulesets = vec!["node".into()];
    let told = bad(&wish, &stock);
    let all = told
        .iter()
        .map(|(_, words)| words.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    for word in [
        "no instance type `gpu_1x_a1O`",
        "did you mean `gpu_1x_a10`?",
        "no SSH key `mien`",
        "did you mean `mine`?",
        "no filesystem `date`",
        "no firewall ruleset `node`",
        "no region `us-west-l`",
        "did you mean `us-west-1`?",
    ] {
        assert!(all.contains(word), "{word}:\n{all}");
    }
    let mut wish = self::wish();
    stock.ssh_keys.push(key("other"));
    assert!(
        bad(&wish, &stock)[0]
            .1
            .contains("--ssh-key or launch.sshKey: mine, other")
    );
    stock.ssh_keys.clear();
    assert!(bad(&wish, &stock)[0].1.contains("nodebake ssh-keys add"));
    stock.ssh_keys.push(key("mine"));
    wish.architecture = Architecture::Arm64;
    let told = bad(&wish, &stock);
    assert!(
        told[0]
            .1
            .contains("gpu_1x_a10 is a machine of x86_64, and node-17 was baked for arm64"),
        "{told:?}"
    );
    wish.architecture = Architecture::X86_64;
    wish.family = "none".into();
    let told = bad(&wish, &stock);
    assert!(
        told[0].1.contains("no image of the family none") && told[0].1.contains("other, stack"),
        "{told:?}"
    );
    wish.family = "stack".into();
    wish.file_systems = vec!["data".into()];
    let told = bad(&wish, &stock);
    assert_eq!(told[0].0, Kind::Refused);
    assert!(told[0].1.contains("filesystem data is in us-east-1"), "{told:?}");
}

#[test]
fn a_price_that_changed_is_told() {
    let mut wish = wish();
    wish.catalog_cents = Some(99);
    assert!(
        good(&wish, &stock())
            .plan
            .to_string()
            .contains("the catalog knows it for $0.99")
    );
}

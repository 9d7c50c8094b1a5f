//! The same EC2 behind its Query API: what the program sends, and what it makes of XML.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard};

use nodebake::cloud::proxy::{Ami, Group, Instances, KeptAddress, Machine, NewGroup, NewMachine};
use nodebake::cloud::{Kind, Trouble};

use super::model::{Fault, Model};
use crate::standin::{Ask, Reply, Server};
use crate::support::{TempDir, root, stderr};

/// EC2 on this machine.
pub struct World {
    pub server: Server,
    model: Arc<Mutex<Model>>,
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        let model = Arc::new(Mutex::new(Model::default()));
        let shared = Arc::clone(&model);
        let folder = TempDir::new();
        let cluster = std::fs::read_to_string(root().join("examples/satellite/cluster.yaml")).unwrap();
        folder.write("cluster.yaml", cluster);
        let proxy = std::fs::read_to_string(root().join("examples/proxy/proxy.yaml")).unwrap();
        folder.write("proxy.yaml", proxy.replace("../satellite/cluster.yaml", "cluster.yaml"));
        Self {
            server: Server::new(move |ask| answer(&shared.lock().unwrap(), ask)),
            model,
            folder,
        }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        command(args, &self.server.url, self.folder.path())
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.server.run(&mut self.command(args), None)
    }
}

/// The program, with a made-up key and no other way to AWS than `url`.
pub fn command(args: &[&str], url: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
    command
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("HOME", folder)
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE");
    command
}

/// A form's field, decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The fields of a request.
pub fn fields(ask: &Ask) -> BTreeMap<String, String> {
    ask.text()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), decoded(value)))
        .collect()
}

fn xml(action: &str, body: &str) -> Reply {
    let text = format!(
        "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r-1</requestId>{body}</{action}Response>"
    );
    Reply::new(200, "text/xml;charset=UTF-8", text)
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    let items: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    format!("<tagSet>{items}</tagSet>")
}

fn machine(one: &Machine) -> String {
    let addresses: String = one
        .addresses
        .iter()
        .enumerate()
        .map(|(at, address)| {
            format!(
                "<item><privateIpAddress>{address}</privateIpAddress><primary>{}</primary></item>",
                at == 0
            )
        })
        .collect();
    let groups: String = one
        .groups
        .iter()
        .map(|id| format!("<item><groupId>{id}</groupId></item>"))
        .collect();
    let public = one
        .public
        .map(|address| format!("<ipAddress>{address}</ipAddress>"))
        .unwrap_or_default();
    format!(
        "<item><instanceId>{}</instanceId><imageId>{}</imageId><instanceState><code>16</code><name>{}</name></instanceState>\
         <instanceType>{}</instanceType><launchTime>2026-01-01T00:00:00.000Z</launchTime><subnetId>{}</subnetId>{public}\
         <networkInterfaceSet><item><networkInterfaceId>{}</networkInterfaceId><attachment><deviceIndex>0</deviceIndex>\
         </attachment><privateIpAddressesSet>{addresses}</privateIpAddressesSet></item></networkInterfaceSet><groupSet>{groups}</groupSet>{}</item>",
        one.id,
        one.ami,
        one.state,
        one.kind,
        one.subnet,
        one.interface,
        tags(&one.tags)
    )
}

fn group(one: &Group) -> String {
    let rules: String = one
        .allows
        .iter()
        .map(|(protocol, first, last, from)| {
            format!(
                "<item><ipProtocol>{protocol}</ipProtocol><fromPort>{}</fromPort><toPort>{}</toPort><groups><item>\
                 <groupId>{from}</groupId></item></groups></item>",
                first.unwrap(),
                last.unwrap()
            )
        })
        .collect();
    format!(
        "<item><groupId>{}</groupId><groupName>{}</groupName><vpcId>{}</vpcId><ipPermissions>{rules}</ipPermissions>{}</item>",
        one.id,
        one.name,
        one.vpc,
        tags(&one.tags)
    )
}

fn kept(one: &KeptAddress) -> String {
    let instance = one
        .instance
        .as_ref()
        .map(|id| format!("<instanceId>{id}</instanceId>"))
        .unwrap_or_default();
    format!(
        "<allocationId>{}</allocationId><publicIp>{}</publicIp>{instance}<domain>vpc</domain>{}",
        one.id,
        one.address.unwrap(),
        tags(&one.tags)
    )
}

fn ami(one: &Ami) -> String {
    format!(
        "<item><imageId>{}</imageId><name>{}</name><imageOwnerId>{}</imageOwnerId><creationDate>{}</creationDate>\
         <architecture>{}</architecture><rootDeviceName>{}</rootDeviceName></item>",
        one.id, one.name, one.owner, one.created, one.arch, one.root
    )
}

fn items<T>(set: &str, all: &[T], write: impl Fn(&T) -> String) -> String {
    let items: String = all.iter().map(write).collect();
    format!("<{set}>{items}</{set}>")
}

/// Whether the token of the run is a fault: an answer without a body, or none.
fn refused(trouble: &Trouble) -> Reply {
    let code = trouble.code.clone().unwrap_or_else(|| "InternalError".into());
    let status = match code.as_str() {
        "RequestLimitExceeded" | "InternalError" => 503,
        _ => 400,
    };
    let text = format!(
        "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors>\
         <RequestID>r-2</RequestID></Response>",
        trouble.message
    );
    Reply::new(status, "text/xml;charset=UTF-8", text)
}

/// A page of one, where a size is said. Where none is, all at once, which EC2 refuses accounts that have many.
fn page<T>(all: Vec<T>, fields: &BTreeMap<String, String>) -> Result<(Vec<T>, String), Trouble> {
    let Some(size) = fields.get("MaxResults") else {
        let refused = Trouble::new(Kind::Refused, "too many for one answer").code("OperationNotPermitted");
        return if all.len() > 1 {
            Err(refused)
        } else {
            Ok((all, String::new()))
        };
    };
    assert!((5..=1000).contains(&size.parse::<u32>().unwrap()), "MaxResults {size}");
    let at: usize = fields.get("NextToken").map_or(0, |token| token.parse().unwrap());
    let next = (at + 1 < all.len()).then(|| format!("<nextToken>{}</nextToken>", at + 1));
    Ok((all.into_iter().skip(at).take(1).collect(), next.unwrap_or_default()))
}

/// The tags of the first specification; all have the same.
fn specified(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    (1..99)
        .map(|n| format!("TagSpecification.1.Tag.{n}."))
        .map_while(|tag| Some((fields.get(&format!("{tag}Key"))?, fields.get(&format!("{tag}Value"))?)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn answer(model: &Model, ask: &Ask) -> Reply {
    let fields = fields(ask);
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let action = field("Action");
    // By one tag, with a value or without.
    let (tag, value) = match field("Filter.1.Name").strip_prefix("tag:") {
        Some(tag) => (tag.to_owned(), Some(field("Filter.1.Value.1"))),
        None => (field("Filter.1.Value.1"), None),
    };
    let value = value.as_deref();
    let own = specified(&fields);
    let body = match action.as_str() {
        "DescribeImages" => model
            .amis(
                &field("Owner.1"),
                &field("Filter.1.Value.1"),
                &field("Filter.2.Value.1"),
            )
            .map(|all| items("imagesSet", &all, ami)),
        "DescribeSubnets" => model.vpc_of(&field("SubnetId.1")).map(|vpc| {
            format!(
                "<subnetSet><item><subnetId>{}</subnetId><vpcId>{vpc}</vpcId></item></subnetSet>",
                field("SubnetId.1")
            )
        }),
        "DescribeSecurityGroups" => model
            .groups(&tag, value)
            .and_then(|all| page(all, &fields))
            .map(|(all, next)| items("securityGroupInfo", &all, group) + &next),
        "CreateSecurityGroup" => model
            .create_group(&NewGroup {
                name: field("GroupName"),
                vpc: field("VpcId"),
                description: field("GroupDescription"),
                tags: own,
            })
            .map(|id| format!("<return>true</return><groupId>{id}</groupId>")),
        "AuthorizeSecurityGroupIngress" => {
            assert_eq!(field("IpPermissions.1.IpProtocol"), "tcp");
            assert_eq!(field("IpPermissions.1.FromPort"), field("IpPermissions.1.ToPort"));
            assert!(
                !fields
                    .keys()
                    .any(|key| key.contains("IpRanges") || key.contains("CidrIp")),
                "a network is let in"
            );
            let port = field("IpPermissions.1.FromPort").parse().unwrap();
            let from = field("IpPermissions.1.Groups.1.GroupId");
            model
                .allow(&field("GroupId"), &from, port)
                .map(|()| "<return>true</return>".into())
        }
        "DeleteSecurityGroup" => model
            .delete_group(&field("GroupId"))
            .map(|()| "<return>true</return>".into()),
        "DescribeInstances" => model
            .machines(&tag, value)
            .and_then(|all| page(all, &fields))
            .map(|(all, next)| {
                let set = items("instancesSet", &all, machine);
                format!("<reservationSet><item>{set}</item></reservationSet>{next}")
            }),
        "RunInstances" => {
            careful(&fields);
            let address = |n: usize| field(&format!("NetworkInterface.1.PrivateIpAddresses.{n}.PrivateIpAddress"));
            let addresses: Vec<Ipv4Addr> = (1..99).map_while(|n| address(n).parse().ok()).collect();
            let new = NewMachine {
                ami: field("ImageId"),
                root: field("BlockDeviceMapping.1.DeviceName"),
                kind: field("InstanceType"),
                subnet: field("NetworkInterface.1.SubnetId"),
                group: field("NetworkInterface.1.SecurityGroupId.1"),
                addresses,
                with_public: true,
                user_data: Vec::new(),
                tags: own,
                token: field("ClientToken"),
            };
            model.run(&new).map(|one| items("instancesSet", &[one], machine))
        }
        "TerminateInstances" => model.terminate(&field("InstanceId.1")).map(|()| String::new()),
        "DescribeAddresses" => {
            let item = |one: &KeptAddress| format!("<item>{}</item>", kept(one));
            model.kept(&tag, value).map(|all| items("addressesSet", &all, item))
        }
        "AllocateAddress" => model.allocate(&own).map(|one| kept(&one)),
        "AssociateAddress" => model
            .associate(&field("AllocationId"), &field("InstanceId"))
            .map(|()| "<return>true</return>".into()),
        "ReleaseAddress" => model
            .release(&field("AllocationId"))
            .map(|()| "<return>true</return>".into()),
        other => panic!("{other} is not asked of EC2 by a proxy"),
    };
    match body {
        Ok(body) => xml(&action, &body),
        Err(trouble) if trouble == Fault::Lost.trouble() => Reply::lost(),
        Err(trouble) => refused(&trouble),
    }
}

/// What every launch has to say.
fn careful(fields: &BTreeMap<String, String>) {
    for (key, value) in [
        ("MetadataOptions.HttpTokens", "required"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.PrivateIpAddresses.1.Primary", "true"),
        ("NetworkInterface.1.PrivateIpAddresses.2.Primary", "false"),
    ] {
        assert_eq!(fields.get(key).map(String::as_str), Some(value), "{key}: {fields:?}");
    }
    for key in ["IamInstanceProfile.Name", "IamInstanceProfile.Arn", "KeyName"] {
        assert!(!fields.contains_key(key), "{key}");
    }
    for kind in ["instance", "volume", "network-interface"] {
        assert!(fields.values().any(|value| value == kind), "{kind} gets no tags");
    }
    let user_data = &fields["UserData"];
    assert!(user_data.len() < 16_384 * 4 / 3);
}

const LAUNCH: [&str; 5] = ["proxy", "launch", "proxy.yaml", "--elastic-ip", "--yes"];

#[test]
fn a_proxy_comes_is_listed_and_goes() {
    let world = World::new();
    let output = world.run(&["proxy", "launch", "proxy.yaml", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(world.model().left(), (0, 0, 0));
    let output = world.run(&["proxy", "launch", "proxy.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(world.model().left(), (0, 0, 0));

    let output = world.run(&LAUNCH);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(output.stdout, b"54.1.1.1/32\n");
    let output = world.run(&["proxy", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed[0]["name"], "gh62-proxy");
    assert_eq!(listed[0]["cluster"], "gh62");
    assert_eq!(listed[0]["addresses"], serde_json::json!(["10.0.2.10", "10.0.2.233"]));
    assert_eq!(listed[0]["publicAddress"], "54.1.1.1");
    let output = world.run(&["proxy", "list"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("gh62-proxy  gh62"));

    let output = world.run(&["proxy", "delete", "gh62-proxy", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(world.model().left(), (0, 0, 0));
    let output = world.run(&["proxy", "delete", "gh62-proxy", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// A fault of each kind in front of the request that costs money: no second instance, and words for what is final.
#[test]
fn the_wire_has_its_troubles() {
    for fault in [Fault::Throttled, Fault::Lost] {
        let world = World::new();
        world.model().0.borrow_mut().faults.push_back(("run", fault));
        let output = world.run(&LAUNCH);
        assert_eq!(output.status.code(), Some(0), "{fault:?}: {}", stderr(&output));
        assert_eq!(world.model().left(), (1, 1, 1), "{fault:?}");
    }
    // Somebody else has the address.
    let world = World::new();
    world.model().0.borrow_mut().machines.push((
        "t".into(),
        Machine {
            id: "i-9".into(),
            state: "running".into(),
            addresses: vec![[10, 0, 2, 233].into()],
            ..Machine::default()
        },
    ));
    let output = world.run(&LAUNCH);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(
        words.contains("InvalidIPAddress.InUse") && words.contains("hint:"),
        "{words}"
    );
    assert!(!words.contains("wJalr"), "{words}");
}

/// EC2 gives lists in pages; all of them are read.
#[test]
fn a_second_page_is_read() {
    let world = World::new();
    assert_eq!(world.run(&LAUNCH).status.code(), Some(0));
    {
        let model = world.model();
        let held = &mut *model.0.borrow_mut();
        let named = |tags: &BTreeMap<String, String>| {
            let mut tags = tags.clone();
            tags.insert("nodebake/proxy".into(), "second".into());
            tags
        };
        let mut machine = held.machines[0].1.clone();
        machine.id = "i-00000000000000099".into();
        machine.tags = named(&machine.tags);
        held.machines.push(("other".into(), machine));
        let mut group = held.groups[0].clone();
        group.id = "sg-00000000000000099".into();
        group.tags = named(&group.tags);
        held.groups.push(group);
    }
    let output = world.run(&["proxy", "list", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["gh62-proxy", "second"]);
}

/// A group of the proxy's name that is not ours: EC2 says so with a code that means that it is there.
#[test]
fn a_group_of_the_name_without_our_tag_is_told() {
    let world = World::new();
    world.model().0.borrow_mut().groups.push(Group {
        id: "sg-00000000000000098".into(),
        name: "nodebake-proxy-gh62-proxy".into(),
        vpc: "vpc-0c1d2e3f405162738".into(),
        ..Group::default()
    });
    let output = world.run(&LAUNCH);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{words}");
    assert!(
        words.contains("InvalidGroup.Duplicate") && words.contains("without our tag"),
        "{words}"
    );
    assert_eq!(world.model().left(), (1, 0, 0));
}

#[test]
fn a_node_is_no_proxy() {
    let world = World::new();
    let node = std::fs::read_to_string(root().join("examples/satellite/node.yaml")).unwrap();
    world.folder.write("node.yaml", node);
    let output = world.run(&["proxy", "launch", "node.yaml", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("describes no proxy"), "{}", stderr(&output));
    let output = world.run(&["proxy", "launch", "proxy.yaml", "--ami", "ubuntu", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(world.server.asked().is_empty());
}

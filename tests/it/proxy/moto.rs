//! moto's server as a judge: another reading of the same API. It takes a group's rule twice and knows no token, which is
//! why the stand-in has those.

use std::process::Output;

use base64::Engine as _;
use serde_json::Value;

use super::wire::command;
use crate::moto::{Moto, moto};
use crate::support::{TempDir, root, stderr};

const CLIENT: &str = r#"
import boto3, json, sys
ec2 = boto3.client("ec2", region_name="us-east-1", endpoint_url=sys.argv[1], aws_access_key_id="x", aws_secret_access_key="y")
"#;

fn python(moto: &Moto, script: &str) -> Value {
    moto.python(&format!("{CLIENT}{script}"))
}

#[test]
fn moto_agrees() {
    let Some(moto) = moto() else { return };
    let ids = python(
        &moto,
        r#"
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="cluster", Description="cluster", VpcId=vpc)["GroupId"]
image = ec2.describe_images(Filters=[dict(Name="name", Values=["ubuntu*"]), dict(Name="architecture", Values=["x86_64"])])["Images"][0]["ImageId"]
print(json.dumps(dict(vpc=vpc, subnet=subnet, group=group, image=image)))
"#,
    );
    let id = |key: &str| ids[key].as_str().unwrap();
    let folder = TempDir::new();
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let cluster = read("examples/satellite/cluster.yaml");
    let cluster = cluster.replace("vpc-0c1d2e3f405162738", id("vpc"));
    folder.write("cluster.yaml", cluster.replace("sg-0f1e2d3c4b5a69788", id("group")));
    let proxy = read("examples/proxy/proxy.yaml")
        .replace("../satellite/", "")
        .replace("t4g.small", "t3.small");
    folder.write("proxy.yaml", proxy.replace("subnet-0a1b2c3d4e5f60718", id("subnet")));
    let run = |args: &[&str]| -> Output { command(args, &moto.url, folder.path()).output().unwrap() };
    let launch = [
        "proxy",
        "launch",
        "proxy.yaml",
        "--elastic-ip",
        "--yes",
        "--json",
        "--ami",
        id("image"),
    ];
    let output = run(&launch);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let first: Value = serde_json::from_slice(&output.stdout).unwrap();
    let output = run(&launch);
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        first,
        "{}",
        stderr(&output)
    );

    let seen = python(
        &moto,
        r#"
one = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
groups = [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"].startswith("nodebake")]
data = ec2.describe_instance_attribute(InstanceId=one[0]["InstanceId"], Attribute="userData")["UserData"]["Value"]
print(json.dumps(dict(instances=one, groups=groups, addresses=ec2.describe_addresses()["Addresses"], data=data), default=str))
"#,
    );
    assert_eq!(seen["instances"].as_array().unwrap().len(), 1);
    let one = &seen["instances"][0];
    assert_eq!(one["PrivateIpAddress"], "10.0.2.10");
    assert_eq!(one["SubnetId"], ids["subnet"]);
    assert_eq!(one["MetadataOptions"]["HttpTokens"], "required");
    let addresses = one["NetworkInterfaces"][0]["PrivateIpAddresses"].as_array().unwrap();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert_eq!(one["NetworkInterfaces"][0]["SourceDestCheck"], true);
    assert_eq!(seen["groups"].as_array().unwrap().len(), 1);
    let rules = seen["groups"][0]["IpPermissions"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["UserIdGroupPairs"][0]["GroupId"], ids["group"]);
    assert_eq!(rules[0]["IpRanges"].as_array().unwrap().len(), 0);
    assert_eq!(seen["addresses"][0]["InstanceId"], one["InstanceId"]);

    // What the machine gets is what is baked.
    let output = run(&["bake", "proxy.yaml", "-o", "user-data"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let baked = std::fs::read(folder.path().join("user-data")).unwrap();
    let data = seen["data"].as_str().unwrap();
    assert_eq!(base64::engine::general_purpose::STANDARD.decode(data).unwrap(), baked);

    let output = run(&["proxy", "delete", "gh62-proxy", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = run(&["proxy", "list", "--json"]);
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        Value::Array(Vec::new())
    );
}

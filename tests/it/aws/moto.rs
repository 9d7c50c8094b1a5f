//! moto's server as a judge: another reading of the same API. It is faithful for interfaces, subnets and instances; it
//! ignores client tokens, gives no names, and its clusters have no CA.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::world::{Aws, told};
use crate::support::{node_yaml, root};

/// The server, ended when it goes out of scope.
struct Moto {
    child: Child,
    url: String,
    tools: PathBuf,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// moto, where `.ci/setup` put it. Without it the test is skipped with a printed reason, and fails where CI=true.
fn moto() -> Option<Moto> {
    let tools = std::env::var("NODEBAKE_TOOLS").unwrap_or_else(|_| "/var/cache/nodebake-tools".into());
    let tools = PathBuf::from(tools).join("moto/bin");
    if !tools.join("moto_server").is_file() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and moto is not in {}",
            tools.display()
        );
        println!("skipped: moto is not in {}", tools.display());
        return None;
    }
    let mut child = Command::new(tools.join("moto_server"))
        .args(["-H", "127.0.0.1", "-p", "0"])
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("Running on ")
                .map(|(_, url)| url.trim().to_owned())
        })
        .unwrap();
    // What it says of each request is read, so that it does not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Moto { child, url, tools })
}

impl Moto {
    /// Makes a VPC with a private and a public subnet, an instance, and a cluster, by boto3; gives their ids.
    fn account(&self) -> Value {
        let script = r#"
import boto3, json, sys
def client(name): return boto3.client(name, region_name="us-east-1", endpoint_url=sys.argv[1], aws_access_key_id="x", aws_secret_access_key="y")
ec2, eks = client("ec2"), client("eks")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
net = lambda cidr: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
private, public = net("10.0.0.0/19"), net("10.0.96.0/19")
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
ec2.associate_route_table(RouteTableId=table, SubnetId=public)
group = ec2.create_security_group(GroupName="cluster", Description="cluster", VpcId=vpc)["GroupId"]
image = ec2.describe_images()["Images"][0]["ImageId"]
proxy = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=private)["Instances"][0]["InstanceId"]
eks.create_cluster(name="gh62", version="1.35", roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={"subnetIds": [private]})
print(json.dumps(dict(vpc=vpc, private=private, public=public, group=group, proxy=proxy)))
"#;
        let output = Command::new(self.tools.join("python"))
            .args(["-c", script, &self.url])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", crate::support::stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(&self, aws: &Aws, args: &[&str]) -> (i32, String, String) {
        told(&aws.command(args).env("AWS_ENDPOINT_URL", &self.url).output().unwrap())
    }
}

#[test]
fn moto_agrees() {
    let Some(moto) = moto() else { return };
    let ids = moto.account();
    let id = |key: &str| ids[key].as_str().unwrap().to_owned();
    let aws = Aws::new();
    let cluster = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    let network = format!("  vpcId: {}\n  clusterSecurityGroupId: {}\n", id("vpc"), id("group"));
    let cluster = cluster.replace("  ipFamily: ipv4\n", &format!("{network}  ipFamily: ipv4\n"));
    aws.home.write("cluster.yaml", cluster);
    let node = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    aws.home.write("node.yaml", &node);

    let create = ["eni", "create", "node.yaml", "--yes", "--json"];
    let (code, data, words) = moto.run(&aws, &create);
    assert_eq!(code, 0, "{words}");
    let made: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(made["address"], "10.0.2.233");
    assert_eq!(made["subnet"], id("private").as_str());
    assert_eq!(made["securityGroups"][0], id("group").as_str());
    // It ignores client tokens: the tag alone keeps it one.
    let (code, again, words) = moto.run(&aws, &create);
    assert_eq!((code, &again), (0, &data), "{words}");
    let proxy = id("proxy");
    let attach = [&create[..], &["--attach", &proxy]].concat();
    let (code, data, words) = moto.run(&aws, &attach);
    assert_eq!(code, 0, "{words}");
    let attached: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&attached["id"], &attached["instance"]),
        (&made["id"], &Value::from(proxy))
    );
    let (_, list, _) = moto.run(&aws, &["eni", "list", "--json"]);
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(list.len(), 1);
    let (_, all, _) = moto.run(&aws, &["eni", "list", "--all", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    assert_eq!(all.len(), 2, "the instance's own card is one too");
    let (code, _, words) = moto.run(&aws, &["eni", "delete", "node.yaml", "--yes"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) = moto.run(&aws, &["eni", "get", "node-17"]);
    assert_eq!(code, 4, "{words}");

    // A free address: the private subnet is found by its routes, though the public one is as good by its name.
    aws.home.write("node.yaml", node.replace("address: 10.0.2.233", ""));
    let (code, data, words) = moto.run(&aws, &create);
    assert_eq!(code, 0, "{words}");
    let made: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(made["subnet"], id("private").as_str());

    // Its clusters have random bytes for a CA, and it names those that are there.
    let (code, _, words) = moto.run(&aws, &["facts", "eks", "gh26"]);
    assert!(code == 4 && words.contains("did you mean `gh62`?"), "{words}");
    let (code, _, words) = moto.run(&aws, &["facts", "eks", "gh62"]);
    assert!(
        code == 4 && words.contains("EKS describes cluster gh62 without"),
        "{words}"
    );
}

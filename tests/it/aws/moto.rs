//! moto's server as a judge: another reading of the same API. It is faithful for interfaces, subnets and instances; it
//! ignores client tokens, gives no names, and its clusters have no CA.

use serde_json::Value;

use super::world::{Aws, told};
use crate::moto::{Moto, moto};
use crate::support::{node_yaml, root};

/// Makes a VPC with a private and a public subnet, an instance, and a cluster, by boto3; gives their ids.
const ACCOUNT: &str = r#"
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

fn run(moto: &Moto, aws: &Aws, args: &[&str]) -> (i32, String, String) {
    told(&aws.command(args).env("AWS_ENDPOINT_URL", &moto.url).output().unwrap())
}

#[test]
fn moto_agrees() {
    let Some(moto) = moto() else { return };
    let ids = moto.python(ACCOUNT);
    let id = |key: &str| ids[key].as_str().unwrap().to_owned();
    let aws = Aws::new();
    let cluster = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    let network = format!("  vpcId: {}\n  clusterSecurityGroupId: {}\n", id("vpc"), id("group"));
    let cluster = cluster.replace("  ipFamily: ipv4\n", &format!("{network}  ipFamily: ipv4\n"));
    aws.home.write("cluster.yaml", cluster);
    let node = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    aws.home.write("node.yaml", &node);

    let create = ["eni", "create", "node.yaml", "--yes", "--json"];
    let (code, data, words) = run(&moto, &aws, &create);
    assert_eq!(code, 0, "{words}");
    let made: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(made["address"], "10.0.2.233");
    assert_eq!(made["subnet"], id("private").as_str());
    assert_eq!(made["securityGroups"][0], id("group").as_str());
    // It ignores client tokens: the tag alone keeps it one.
    let (code, again, words) = run(&moto, &aws, &create);
    assert_eq!((code, &again), (0, &data), "{words}");
    let proxy = id("proxy");
    let attach = [&create[..], &["--attach", &proxy]].concat();
    let (code, data, words) = run(&moto, &aws, &attach);
    assert_eq!(code, 0, "{words}");
    let attached: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&attached["id"], &attached["instance"]),
        (&made["id"], &Value::from(proxy))
    );
    let (_, list, _) = run(&moto, &aws, &["eni", "list", "--json"]);
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(list.len(), 1);
    let (_, all, _) = run(&moto, &aws, &["eni", "list", "--all", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    assert_eq!(all.len(), 2, "the instance's own card is one too");
    let (code, _, words) = run(&moto, &aws, &["eni", "delete", "node.yaml", "--yes"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) = run(&moto, &aws, &["eni", "get", "node-17"]);
    assert_eq!(code, 4, "{words}");

    // A free address: the private subnet is found by its routes, though the public one is as good by its name.
    aws.home.write("node.yaml", node.replace("address: 10.0.2.233", ""));
    let (code, data, words) = run(&moto, &aws, &create);
    assert_eq!(code, 0, "{words}");
    let made: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(made["subnet"], id("private").as_str());

    // Its clusters have random bytes for a CA, and it names those that are there.
    let (code, _, words) = run(&moto, &aws, &["facts", "eks", "gh26"]);
    assert!(code == 4 && words.contains("did you mean `gh62`?"), "{words}");
    let (code, _, words) = run(&moto, &aws, &["facts", "eks", "gh62"]);
    assert!(
        code == 4 && words.contains("EKS describes cluster gh62 without"),
        "{words}"
    );
}

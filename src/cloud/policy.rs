//! The least that a command needs of IAM, as policy documents.
//!
//! Resources are as narrow as the API lets them be (service authorization reference of EKS and EC2): listing and
//! describing take `*` alone, and are held to the region by a condition.

use serde_json::{Value, json};

use super::eni::CLUSTER_TAG;

/// The commands that have a policy.
pub const COMMANDS: [&str; 4] = ["facts", "eni", "eni-read", "proxy"];

/// Which cluster, and where.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `aws`, `aws-cn` …
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The cluster.
    pub cluster: String,
    /// Its subnets that interfaces may be made in. Any, if there are none.
    pub subnets: Vec<String>,
    /// Its VPC. Any, if it is not known.
    pub vpc: Option<String>,
    /// Its security group. Any, if it is not known.
    pub group: Option<String>,
}

impl Scope {
    fn ec2(&self, kind: &str, id: &str) -> String {
        format!(
            "arn:{}:ec2:{}:{}:{kind}/{id}",
            self.partition, self.region, self.account
        )
    }

    fn cluster(&self) -> String {
        format!(
            "arn:{}:eks:{}:{}:cluster/{}",
            self.partition, self.region, self.account, self.cluster
        )
    }
}

/// The policy of a command of [`COMMANDS`].
pub fn policy(command: &str, scope: &Scope) -> Option<Value> {
    let statements = match command {
        "facts" => facts(scope),
        // The cluster is asked for what its facts leave out.
        "eni" if scope.vpc.is_none() || scope.group.is_none() => {
            [eni_read(scope), eni(scope), vec![describe_cluster(scope)]].concat()
        }
        "eni" => [eni_read(scope), eni(scope)].concat(),
        "eni-read" => eni_read(scope),
        "proxy" => proxy(scope),
        _ => return None,
    };
    Some(json!({"Version": "2012-10-17", "Statement": statements}))
}

fn in_region(scope: &Scope) -> Value {
    json!({"StringEquals": {"aws:RequestedRegion": scope.region}})
}

fn describe_cluster(scope: &Scope) -> Value {
    json!({
        "Sid": "DescribeTheCluster",
        "Effect": "Allow",
        "Action": "eks:DescribeCluster",
        "Resource": scope.cluster(),
    })
}

fn facts(scope: &Scope) -> Vec<Value> {
    vec![
        describe_cluster(scope),
        json!({
            "Sid": "DescribeItsNetwork",
            "Effect": "Allow",
            "Action": ["ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
            "Resource": "*",
            "Condition": in_region(scope),
        }),
        json!({
            "Sid": "SayWhichClustersThereAre",
            "Effect": "Allow",
            "Action": "eks:ListClusters",
            "Resource": "*",
            "Condition": in_region(scope),
        }),
    ]
}

fn eni_read(scope: &Scope) -> Vec<Value> {
    vec![json!({
        "Sid": "FindInterfaces",
        "Effect": "Allow",
        "Action": "ec2:DescribeNetworkInterfaces",
        "Resource": "*",
        "Condition": in_region(scope),
    })]
}

fn eni(scope: &Scope) -> Vec<Value> {
    let mut places: Vec<String> = if scope.subnets.is_empty() {
        vec![scope.ec2("subnet", "*")]
    } else {
        scope.subnets.iter().map(|id| scope.ec2("subnet", id)).collect()
    };
    places.push(scope.ec2("security-group", scope.group.as_deref().unwrap_or("*")));
    let interfaces = scope.ec2("network-interface", "*");
    let tagged = json!({"StringEquals": {format!("aws:ResourceTag/{CLUSTER_TAG}"): scope.cluster}});
    vec![
        json!({
            "Sid": "LookAtTheNetwork",
            "Effect": "Allow",
            "Action": ["ec2:DescribeInstances", "ec2:DescribeRouteTables", "ec2:DescribeSubnets"],
            "Resource": "*",
            "Condition": in_region(scope),
        }),
        json!({
            "Sid": "MakeInterfacesOfThisCluster",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkInterface",
            "Resource": interfaces,
            "Condition": {"StringEquals": {format!("aws:RequestTag/{CLUSTER_TAG}"): scope.cluster}},
        }),
        json!({
            "Sid": "WhereTheyGo",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkInterface",
            "Resource": places,
        }),
        json!({
            "Sid": "TagThemWhenTheyAreMade",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": interfaces,
            "Condition": {"StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"}},
        }),
        json!({
            "Sid": "UseAndDeleteThem",
            "Effect": "Allow",
            "Action": ["ec2:AttachNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DetachNetworkInterface"],
            "Resource": interfaces,
            "Condition": tagged,
        }),
        json!({
            "Sid": "WhatTheyAreAttachedTo",
            "Effect": "Allow",
            "Action": ["ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface"],
            "Resource": scope.ec2("instance", "*"),
        }),
    ]
}

/// What the proxy is made of has the cluster's tag from the call that makes it, and nothing else is touched.
fn proxy(scope: &Scope) -> Vec<Value> {
    let any = |kinds: &[&str]| -> Vec<String> { kinds.iter().map(|kind| scope.ec2(kind, "*")).collect() };
    let is_made = json!({"StringEquals": {format!("aws:RequestTag/{CLUSTER_TAG}"): scope.cluster}});
    let is_there = json!({"StringEquals": {format!("aws:ResourceTag/{CLUSTER_TAG}"): scope.cluster}});
    let vpc = scope.ec2("vpc", scope.vpc.as_deref().unwrap_or("*"));
    let made = any(&[
        "elastic-ip",
        "instance",
        "network-interface",
        "security-group",
        "volume",
    ]);
    let allow = |sid: &str, actions: &[&str], resources: Value, condition: Value| json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition});
    vec![
        allow(
            "LookAround",
            &[
                "ec2:DescribeAddresses",
                "ec2:DescribeImages",
                "ec2:DescribeInstances",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
            ],
            json!("*"),
            in_region(scope),
        ),
        allow(
            "MakeWhatIsTagged",
            &["ec2:AllocateAddress", "ec2:CreateSecurityGroup", "ec2:RunInstances"],
            json!(made),
            is_made,
        ),
        json!({
            "Sid": "WhereTheGroupGoes",
            "Effect": "Allow",
            "Action": "ec2:CreateSecurityGroup",
            "Resource": vpc,
        }),
        json!({
            "Sid": "WhatTheInstanceStartsFrom",
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            // Images belong to no account.
            "Resource": format!("arn:{}:ec2:{}::image/*", scope.partition, scope.region),
        }),
        allow(
            "WhereTheInstanceGoes",
            &["ec2:RunInstances"],
            json!(scope.ec2("subnet", "*")),
            json!({"ArnLike": {"ec2:Vpc": vpc}}),
        ),
        allow(
            "WhichGroupTheInstanceGets",
            &["ec2:RunInstances"],
            json!(scope.ec2("security-group", "*")),
            is_there.clone(),
        ),
        allow(
            "TagWhatIsMade",
            &["ec2:CreateTags"],
            json!(made),
            json!({"StringEquals": {"ec2:CreateAction": ["AllocateAddress", "CreateSecurityGroup", "RunInstances"]}}),
        ),
        allow(
            "UseAndDeleteIt",
            &[
                "ec2:AssignPrivateIpAddresses",
                "ec2:AssociateAddress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
                "ec2:ReleaseAddress",
                "ec2:TerminateInstances",
            ],
            json!(any(&["elastic-ip", "instance", "network-interface", "security-group"])),
            is_there,
        ),
    ]
}

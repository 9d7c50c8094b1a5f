//! The facts of a cluster, from what EKS and EC2 answer.

use std::time::Duration;

use base64::Engine as _;

use super::aws::patiently;
use super::eni::{Desk, vpc_subnets};
use super::{Cluster, Eks, Kind, Trouble};
use crate::base::closest;
use crate::facts::Draft;

/// How often a cluster that is being made or changed is looked at, and how long apart: 20 minutes, as EKS' own waiter.
const LOOKS: u32 = 40;
const APART: Duration = Duration::from_secs(30);

/// Asks for everything a `cluster.yaml` has of cluster `name` in `region`. A cluster that is being made or changed is
/// refused, or waited for.
pub fn gather(desk: &Desk<'_>, eks: &dyn Eks, name: &str, region: &str, wait: bool) -> Result<Draft, Trouble> {
    let cluster = settled(desk, eks, name, region, wait)?;
    let mut draft = draft(&cluster)?;
    if let Some(vpc) = &cluster.vpc {
        draft.vpc_cidrs = patiently(desk.clock, desk.told, || desk.ec2.vpc_cidrs(vpc))?;
        let subnets = vpc_subnets(desk.ec2, desk.clock, desk.told, vpc)?.into_iter();
        draft.subnets = subnets
            .map(|subnet| (subnet.id, subnet.zone, subnet.cidr.to_string(), subnet.private))
            .collect();
    }
    Ok(draft)
}

/// The cluster, when it is active.
fn settled(desk: &Desk<'_>, eks: &dyn Eks, name: &str, region: &str, wait: bool) -> Result<Cluster, Trouble> {
    let mut looks = 0;
    loop {
        let cluster = match patiently(desk.clock, desk.told, || eks.describe_cluster(name)) {
            Err(trouble) if trouble.kind == Kind::NotFound => return Err(no_cluster(trouble, eks, name, region)),
            answer => answer?,
        };
        let status = cluster.status.as_str();
        let passes = matches!(status, "CREATING" | "PENDING" | "UPDATING");
        if status == "ACTIVE" {
            return Ok(cluster);
        }
        let message = format!("cluster {name} is {status}, not ACTIVE");
        looks += 1;
        if !passes {
            return Err(Trouble::new(Kind::Refused, message).hint("its facts are worth nothing"));
        }
        if !wait || looks > LOOKS {
            let hint = "its facts may change while it is: try again later, or say --wait";
            return Err(Trouble::new(Kind::Refused, message).hint(hint));
        }
        (desk.told)(&message);
        desk.clock.sleep(APART);
    }
}

/// What there is instead, if that may be asked.
pub(super) fn no_cluster(trouble: Trouble, eks: &dyn Eks, name: &str, region: &str) -> Trouble {
    let message = format!("there is no EKS cluster `{name}` in {region}");
    let told = Trouble { message, ..trouble };
    let elsewhere = "is `--region` right, and the profile's account?";
    match eks.list_clusters() {
        Ok(names) if names.is_empty() => told.hint(format!("this account has no cluster there: {elsewhere}")),
        Ok(names) => match closest(name, names.iter().map(String::as_str)) {
            Some(near) => told.hint(format!("did you mean `{near}`? There are {}", names.join(", "))),
            None => told.hint(format!("there are {}; {elsewhere}", names.join(", "))),
        },
        Err(_) => told.hint(format!(
            "{elsewhere} With the permission eks:ListClusters nodebake could say which there are"
        )),
    }
}

fn draft(cluster: &Cluster) -> Result<Draft, Trouble> {
    let name = &cluster.name;
    let lacks = |what: &str| Trouble::new(Kind::Malformed, format!("EKS describes cluster {name} without {what}"));
    // arn:aws:eks:us-east-1:111122223333:cluster/gh62
    let arn: Vec<&str> = cluster.arn.splitn(6, ':').collect();
    let [_, _, "eks", region, account, _] = arn.as_slice() else {
        return Err(lacks("an ARN that has its region and account"));
    };
    if cluster.ip_family.as_deref() == Some("ipv6") {
        let message = format!("the services of cluster {name} have IPv6 addresses only");
        let hint =
            "EKS takes nodes outside its VPC on IPv4 clusters only, and the family of a cluster cannot be changed";
        return Err(Trouble::new(Kind::Refused, message).code("facts/ipv6").hint(hint));
    }
    let mut remarks = Vec::new();
    if cluster.auth_mode.is_none() {
        remarks.push("EKS names no authentication mode, which is how it says CONFIG_MAP of older clusters.".to_owned());
    }
    let access = access(cluster, &mut remarks)?;
    let endpoint = cluster.endpoint.as_deref().ok_or_else(|| lacks("an endpoint"))?;
    let mut groups = cluster.groups.clone();
    groups.sort();
    Ok(Draft {
        command: format!("nodebake facts eks {name} --region {region}"),
        name: name.clone(),
        region: (*region).to_owned(),
        account: (*account).to_owned(),
        version: cluster.version.clone(),
        platform: cluster.platform_version.clone(),
        auth_mode: cluster.auth_mode.clone().unwrap_or_else(|| "CONFIG_MAP".into()),
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        access,
        service_cidr: cluster.service_cidr.clone().ok_or_else(|| lacks("a service network"))?,
        remote_node_cidrs: cluster.remote_node_cidrs.clone(),
        remote_pod_cidrs: cluster.remote_pod_cidrs.clone(),
        vpc: cluster.vpc.clone(),
        cluster_group: cluster.cluster_group.clone(),
        groups,
        ca_pem: authority(cluster.ca_data.as_deref().ok_or_else(|| lacks("a CA"))?).map_err(|why| lacks(&why))?,
        remarks,
        ..Draft::default()
    })
}

/// Who may ask the endpoint. An answer that names neither internet nor VPC says nothing.
fn access(cluster: &Cluster, remarks: &mut Vec<String>) -> Result<Option<(bool, bool, Vec<String>)>, Trouble> {
    if !cluster.public_access && !cluster.private_access {
        return Ok(None);
    }
    if !cluster.public_access {
        return Ok(Some((false, true, Vec::new())));
    }
    let (six, four): (Vec<String>, Vec<String>) = cluster
        .public_cidrs
        .iter()
        .cloned()
        .partition(|cidr| cidr.contains(':'));
    if !six.is_empty() {
        if four.is_empty() {
            let message = format!("the endpoint of cluster {} takes IPv6 connections only", cluster.name);
            return Err(Trouble::new(Kind::Refused, message).hint("add an IPv4 network to its publicAccessCidrs"));
        }
        remarks.push(format!(
            "The endpoint may be asked from IPv6 networks too: {}.",
            six.join(", ")
        ));
    }
    Ok(Some((true, cluster.private_access, four)))
}

/// The whole bundle, in PEM.
fn authority(data: &str) -> Result<String, String> {
    let compact: String = data.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(compact)
        .map_err(|_| "a CA in base64".to_owned())?;
    match String::from_utf8(bytes) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Ok(pem),
        _ => Err("a CA in PEM".into()),
    }
}

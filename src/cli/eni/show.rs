//! Interfaces as people and programs read them.

use serde::Serialize;

use crate::base::NodeName;
use crate::cli::table::table;
use crate::cli::{Outcome, Ui};
use crate::cloud::Interface;
use crate::cloud::eni::{CLUSTER_TAG, NODE_TAG};

/// An interface as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'i> {
    id: &'i str,
    node: Option<&'i str>,
    cluster: Option<&'i str>,
    description: &'i str,
    status: &'i str,
    address: Option<String>,
    private_dns: Option<&'i str>,
    vpc: &'i str,
    subnet: &'i str,
    zone: &'i str,
    security_groups: &'i [String],
    instance: Option<&'i str>,
    /// The name of the node that is named after its address.
    node_name: Option<String>,
}

fn told<'i>(one: &'i Interface, region: &str) -> Told<'i> {
    let tag = |key: &str| one.tags.get(key).map(String::as_str);
    let name = one
        .address
        .and_then(|address| NodeName::of_address(address, region).ok());
    Told {
        id: &one.id,
        node: tag(NODE_TAG),
        cluster: tag(CLUSTER_TAG),
        description: &one.description,
        status: &one.status,
        address: one.address.map(|address| address.to_string()),
        private_dns: one.private_dns.as_deref(),
        vpc: &one.vpc,
        subnet: &one.subnet,
        zone: &one.zone,
        security_groups: &one.groups,
        instance: one.attachment.as_ref().and_then(|at| at.instance.as_deref()),
        node_name: name.map(|name| name.to_string()),
    }
}

/// One interface, a value on each line.
pub(super) fn one(ui: &Ui, one: &Interface, region: &str, json: bool) -> Outcome {
    let told = told(one, region);
    if json {
        return Ok(ui.json(&told)?);
    }
    let groups = told.security_groups.join(",");
    let rows = [
        ("id", Some(told.id)),
        ("node", told.node),
        ("cluster", told.cluster),
        ("description", Some(told.description)),
        ("status", Some(told.status)),
        ("address", told.address.as_deref()),
        ("private DNS", told.private_dns),
        ("VPC", Some(told.vpc)),
        ("subnet", Some(told.subnet)),
        ("zone", Some(told.zone)),
        ("security groups", Some(&*groups)),
        ("instance", told.instance),
        ("node name", told.node_name.as_deref()),
    ];
    let lines = rows.map(|(name, value)| format!("{name:<17}{}\n", value.unwrap_or("-")));
    ui.data(lines.concat().as_bytes())?;
    Ok(())
}

/// Interfaces as a table.
pub(super) fn all(ui: &Ui, all: &[Interface], region: &str, json: bool) -> Outcome {
    let all: Vec<Told<'_>> = all.iter().map(|one| told(one, region)).collect();
    if json {
        return Ok(ui.json(&all)?);
    }
    let heads = [
        "ENI ID",
        "DESCRIPTION",
        "STATUS",
        "PRIVATE IP",
        "PRIVATE DNS",
        "VPC ID",
        "SUBNET ID",
        "AZ",
        "SGS",
        "NODE",
    ];
    let row = |one: &Told<'_>| {
        [
            Some(one.id),
            Some(one.description).filter(|text| !text.is_empty()),
            Some(one.status),
            one.address.as_deref(),
            one.private_dns,
            Some(one.vpc),
            Some(one.subnet),
            Some(one.zone),
            Some(&*one.security_groups.join(",")),
            one.node,
        ]
        .map(|cell| cell.unwrap_or("-").to_owned())
        .to_vec()
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    ui.data(table(&heads, &rows).as_bytes())?;
    Ok(())
}

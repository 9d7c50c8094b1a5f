//! EC2's networks and interfaces by the SDK.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, ResourceType};

use super::Session;
use crate::cloud::{Attachment, Ec2, Filter, Instance, Interface, Kind, NewInterface, RouteTable, Subnet, Trouble};

/// What is asked for at once, the most that EC2 gives. Where a number is not said, an account that has many gets an error
/// in place of the first page. It is not said where ids are: EC2 refuses both together.
pub(super) const PAGE: i32 = 1000;

/// The same of route tables, of which EC2 gives no more.
const ROUTE_TABLES: i32 = 100;

/// EC2, asked by a session.
#[derive(Debug)]
pub struct Ec2Calls<'s> {
    session: &'s Session,
    client: Client,
}

impl Session {
    /// EC2.
    pub fn ec2(&self) -> Ec2Calls<'_> {
        Ec2Calls {
            session: self,
            client: self.ec2_client(),
        }
    }

    /// The client of the SDK, for further ports.
    pub(super) fn ec2_client(&self) -> Client {
        Client::new(&self.config)
    }
}

impl Ec2 for Ec2Calls<'_> {
    fn vpc_cidrs(&self, vpc: &str) -> Result<Vec<String>, Trouble> {
        let call = self.client.describe_vpcs().vpc_ids(vpc).send();
        let vpcs = self.session.ask("ec2:DescribeVpcs", call)?.vpcs.unwrap_or_default();
        let Some(told) = vpcs.into_iter().next() else {
            return Err(missing("VPC", vpc, "InvalidVpcID.NotFound"));
        };
        let further = told.cidr_block_association_set.unwrap_or_default().into_iter();
        // A network that is being taken away is listed for a while.
        let associated = further.filter(|one| {
            let state = one.cidr_block_state.as_ref().and_then(|state| state.state.as_ref());
            state.is_none_or(|state| matches!(state.as_str(), "associating" | "associated"))
        });
        let mut all: Vec<String> = associated
            .filter_map(|one| one.cidr_block)
            .chain(told.cidr_block)
            .collect();
        all.sort();
        all.dedup();
        Ok(all)
    }

    fn subnets(&self, vpc: &str) -> Result<Vec<Subnet>, Trouble> {
        let pages = self.client.describe_subnets().filters(by_vpc(vpc)).into_paginator();
        let found = pages.page_size(PAGE).items().send().collect::<Result<Vec<_>, _>>();
        let found = self.session.ask("ec2:DescribeSubnets", found)?.into_iter();
        let subnet = |told: types::Subnet| {
            Some(Subnet {
                id: told.subnet_id?,
                zone: told.availability_zone.unwrap_or_default(),
                cidr: told.cidr_block?,
                free: u32::try_from(told.available_ip_address_count.unwrap_or(0)).unwrap_or(0),
            })
        };
        Ok(found.filter_map(subnet).collect())
    }

    fn route_tables(&self, vpc: &str) -> Result<Vec<RouteTable>, Trouble> {
        let pages = self
            .client
            .describe_route_tables()
            .filters(by_vpc(vpc))
            .into_paginator();
        let found = pages
            .page_size(ROUTE_TABLES)
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>();
        let found = self.session.ask("ec2:DescribeRouteTables", found)?;
        Ok(found.into_iter().map(route_table).collect())
    }

    fn interfaces(&self, filters: &[Filter]) -> Result<Vec<Interface>, Trouble> {
        let filters = filters.iter().map(filter).collect();
        let pages = self.client.describe_network_interfaces().set_filters(Some(filters));
        let pages = pages.into_paginator().page_size(PAGE).items();
        let found = pages.send().collect::<Result<Vec<_>, _>>();
        let found = self.session.ask("ec2:DescribeNetworkInterfaces", found)?;
        found.into_iter().map(interface).collect()
    }

    fn interface(&self, id: &str) -> Result<Interface, Trouble> {
        let call = self.client.describe_network_interfaces().network_interface_ids(id);
        let answer = self.session.ask("ec2:DescribeNetworkInterfaces", call.send())?;
        match answer.network_interfaces.unwrap_or_default().into_iter().next() {
            Some(told) => interface(told),
            None => Err(missing("network interface", id, "InvalidNetworkInterfaceID.NotFound")),
        }
    }

    fn create_interface(&self, new: &NewInterface) -> Result<Interface, Trouble> {
        let tag = |(key, value): (&String, &String)| types::Tag::builder().key(key).value(value).build();
        let tags = types::TagSpecification::builder()
            .resource_type(ResourceType::NetworkInterface)
            .set_tags(Some(new.tags.iter().map(tag).collect()))
            .build();
        let call = self
            .client
            .create_network_interface()
            .subnet_id(&new.subnet)
            .set_groups(Some(new.groups.clone()))
            .set_private_ip_address(new.address.map(|address| address.to_string()))
            .description(&new.description)
            .tag_specifications(tags)
            .client_token(&new.token);
        let answer = self.session.ask("ec2:CreateNetworkInterface", call.send())?;
        match answer.network_interface {
            Some(told) => interface(told),
            None => Err(Trouble::new(Kind::Malformed, "EC2 answers without an interface")),
        }
    }

    fn attach_interface(&self, id: &str, instance: &str, index: u32) -> Result<String, Trouble> {
        let call = self
            .client
            .attach_network_interface()
            .network_interface_id(id)
            .instance_id(instance)
            .device_index(i32::try_from(index).unwrap_or(i32::MAX));
        let answer = self.session.ask("ec2:AttachNetworkInterface", call.send())?;
        Ok(answer.attachment_id.unwrap_or_default())
    }

    fn detach_interface(&self, attachment: &str) -> Result<(), Trouble> {
        let call = self.client.detach_network_interface().attachment_id(attachment);
        self.session.ask("ec2:DetachNetworkInterface", call.send()).map(drop)
    }

    fn delete_interface(&self, id: &str) -> Result<(), Trouble> {
        let call = self.client.delete_network_interface().network_interface_id(id);
        self.session.ask("ec2:DeleteNetworkInterface", call.send()).map(drop)
    }

    fn instance(&self, id: &str) -> Result<Instance, Trouble> {
        let call = self.client.describe_instances().instance_ids(id).send();
        let found = self.session.ask("ec2:DescribeInstances", call)?.reservations;
        let mut instances = found
            .unwrap_or_default()
            .into_iter()
            .flat_map(|one| one.instances.unwrap_or_default());
        match instances.next() {
            Some(told) => Ok(instance(told)),
            None => Err(missing("instance", id, "InvalidInstanceID.NotFound")),
        }
    }
}

fn missing(what: &str, id: &str, code: &str) -> Trouble {
    Trouble::new(Kind::NotFound, format!("there is no {what} {id}")).code(code)
}

fn by_vpc(vpc: &str) -> types::Filter {
    types::Filter::builder().name("vpc-id").values(vpc).build()
}

fn filter(wanted: &Filter) -> types::Filter {
    match wanted {
        Filter::Vpc(vpc) => by_vpc(vpc),
        Filter::Address(address) => types::Filter::builder()
            .name("private-ip-address")
            .values(address.to_string())
            .build(),
        Filter::Tag(key, value) => types::Filter::builder()
            .name(format!("tag:{key}"))
            .values(value)
            .build(),
        Filter::TagKey(key) => types::Filter::builder().name("tag-key").values(key).build(),
    }
}

fn route_table(told: types::RouteTable) -> RouteTable {
    let mut table = RouteTable {
        id: told.route_table_id.unwrap_or_default(),
        ..RouteTable::default()
    };
    for one in told.associations.unwrap_or_default() {
        table.main |= one.main == Some(true);
        table.subnets.extend(one.subnet_id);
    }
    let gateways = told
        .routes
        .unwrap_or_default()
        .into_iter()
        .filter_map(|route| route.gateway_id);
    table.to_internet = gateways.into_iter().any(|gateway| gateway.starts_with("igw-"));
    table
}

fn interface(told: types::NetworkInterface) -> Result<Interface, Trouble> {
    let id = told
        .network_interface_id
        .ok_or_else(|| Trouble::new(Kind::Malformed, "EC2 answers with an interface that has no id"))?;
    let address = match told.private_ip_address.as_deref().map(str::parse) {
        None => None,
        Some(Ok(address)) => Some(address),
        Some(Err(_)) => {
            let message = format!("EC2 answers that {id} has an address that is none");
            return Err(Trouble::new(Kind::Malformed, message));
        }
    };
    let tags: BTreeMap<String, String> = told
        .tag_set
        .unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect();
    Ok(Interface {
        id,
        description: told.description.unwrap_or_default(),
        status: told.status.map(|status| status.to_string()).unwrap_or_default(),
        address,
        private_dns: told.private_dns_name.filter(|name| !name.is_empty()),
        vpc: told.vpc_id.unwrap_or_default(),
        subnet: told.subnet_id.unwrap_or_default(),
        zone: told.availability_zone.unwrap_or_default(),
        groups: told
            .groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.group_id)
            .collect(),
        tags,
        attachment: told.attachment.and_then(attachment),
        managed: told.requester_managed == Some(true),
    })
}

/// The attachment. One that has ended is none.
fn attachment(told: types::NetworkInterfaceAttachment) -> Option<Attachment> {
    let status = told.status.map(|status| status.to_string()).unwrap_or_default();
    (status != "detached").then(|| Attachment {
        id: told.attachment_id.unwrap_or_default(),
        instance: told.instance_id,
        index: u32::try_from(told.device_index.unwrap_or(0)).unwrap_or(0),
        status,
    })
}

fn instance(told: types::Instance) -> Instance {
    let cards = told.network_interfaces.unwrap_or_default().into_iter();
    let index = |card: types::InstanceNetworkInterface| card.attachment?.device_index;
    Instance {
        id: told.instance_id.unwrap_or_default(),
        state: told
            .state
            .and_then(|state| state.name)
            .map(|name| name.to_string())
            .unwrap_or_default(),
        vpc: told.vpc_id.unwrap_or_default(),
        zone: told
            .placement
            .and_then(|placement| placement.availability_zone)
            .unwrap_or_default(),
        indexes: cards
            .filter_map(index)
            .filter_map(|index| u32::try_from(index).ok())
            .collect(),
    }
}

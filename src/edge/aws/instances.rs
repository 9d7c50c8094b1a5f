//! The proxy's instance, group and kept address by the SDK.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, ResourceType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Session;
use super::ec2::PAGE;
use crate::cloud::proxy::{Ami, Group, Instances, KeptAddress, Machine, NewGroup, NewMachine};
use crate::cloud::{Kind, Trouble};

/// Gigabytes of the root disk: Canonical's images need less than four.
const DISK_GB: i32 = 8;

/// EC2's instances, asked by a session.
#[derive(Debug)]
pub struct InstanceCalls<'s> {
    session: &'s Session,
    client: Client,
}

impl Session {
    /// EC2's instances.
    pub fn instances(&self) -> InstanceCalls<'_> {
        InstanceCalls {
            session: self,
            client: self.ec2_client(),
        }
    }
}

/// By a tag, whatever its value if none is said.
fn by_tag(tag: &str, value: Option<&str>) -> types::Filter {
    match value {
        Some(value) => types::Filter::builder()
            .name(format!("tag:{tag}"))
            .values(value)
            .build(),
        None => types::Filter::builder().name("tag-key").values(tag).build(),
    }
}

fn tags_of(tags: Option<Vec<types::Tag>>) -> BTreeMap<String, String> {
    let pair = |tag: types::Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.unwrap_or_default().into_iter().filter_map(pair).collect()
}

fn specification(kind: ResourceType, tags: &BTreeMap<String, String>) -> types::TagSpecification {
    let tag = |(key, value): (&String, &String)| types::Tag::builder().key(key).value(value).build();
    types::TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags.iter().map(tag).collect()))
        .build()
}

fn without(what: &str) -> Trouble {
    Trouble::new(Kind::Malformed, format!("EC2 answers without {what}"))
}

impl Instances for InstanceCalls<'_> {
    fn ami(&self, id: &str) -> Result<Ami, Trouble> {
        let call = self.client.describe_images().image_ids(id).send();
        let found = self.session.ask("ec2:DescribeImages", call)?.images.unwrap_or_default();
        let missing =
            || Trouble::new(Kind::NotFound, format!("there is no AMI {id} here")).code("InvalidAMIID.NotFound");
        found.into_iter().next().map(ami).ok_or_else(missing)
    }

    fn amis(&self, owner: &str, pattern: &str, arch: &str) -> Result<Vec<Ami>, Trouble> {
        let by = |name: &str, value: &str| types::Filter::builder().name(name).values(value).build();
        let call = self
            .client
            .describe_images()
            .owners(owner)
            .filters(by("name", pattern))
            .filters(by("architecture", arch))
            .filters(by("state", "available"))
            .send();
        let found = self.session.ask("ec2:DescribeImages", call)?.images;
        Ok(found.unwrap_or_default().into_iter().map(ami).collect())
    }

    fn vpc_of(&self, subnet: &str) -> Result<String, Trouble> {
        let call = self.client.describe_subnets().subnet_ids(subnet).send();
        let found = self
            .session
            .ask("ec2:DescribeSubnets", call)?
            .subnets
            .unwrap_or_default();
        let vpc = found.into_iter().next().and_then(|subnet| subnet.vpc_id);
        vpc.ok_or_else(|| without("the subnet"))
    }

    fn groups(&self, tag: &str, value: Option<&str>) -> Result<Vec<Group>, Trouble> {
        let pages = self.client.describe_security_groups().filters(by_tag(tag, value));
        let found = pages
            .into_paginator()
            .page_size(PAGE)
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>();
        let found = self.session.ask("ec2:DescribeSecurityGroups", found)?;
        Ok(found.into_iter().map(group).collect())
    }

    fn create_group(&self, new: &NewGroup) -> Result<String, Trouble> {
        let call = self
            .client
            .create_security_group()
            .group_name(&new.name)
            .description(&new.description)
            .vpc_id(&new.vpc)
            .tag_specifications(specification(ResourceType::SecurityGroup, &new.tags));
        let answer = self.session.ask("ec2:CreateSecurityGroup", call.send())?;
        answer.group_id.ok_or_else(|| without("the group"))
    }

    fn allow(&self, group: &str, from: &str, port: u16) -> Result<(), Trouble> {
        let pair = types::UserIdGroupPair::builder()
            .group_id(from)
            .description("API server to satellites")
            .build();
        let rule = types::IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(port.into())
            .to_port(port.into())
            .user_id_group_pairs(pair)
            .build();
        let call = self.client.authorize_security_group_ingress().group_id(group);
        let call = call.ip_permissions(rule).send();
        self.session.ask("ec2:AuthorizeSecurityGroupIngress", call).map(drop)
    }

    fn delete_group(&self, id: &str) -> Result<(), Trouble> {
        let call = self.client.delete_security_group().group_id(id).send();
        self.session.ask("ec2:DeleteSecurityGroup", call).map(drop)
    }

    fn machines(&self, tag: &str, value: Option<&str>) -> Result<Vec<Machine>, Trouble> {
        let pages = self.client.describe_instances().filters(by_tag(tag, value));
        let found = pages
            .into_paginator()
            .page_size(PAGE)
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>();
        let found = self.session.ask("ec2:DescribeInstances", found)?;
        found
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default())
            .map(machine)
            .collect()
    }

    fn run(&self, new: &NewMachine) -> Result<Machine, Trouble> {
        let disk = types::EbsBlockDevice::builder()
            .encrypted(true)
            .volume_size(DISK_GB)
            .volume_type(types::VolumeType::Gp3)
            .delete_on_termination(true)
            .build();
        let disk = types::BlockDeviceMapping::builder()
            .device_name(&new.root)
            .ebs(disk)
            .build();
        let metadata = types::InstanceMetadataOptionsRequest::builder()
            .http_endpoint(types::InstanceMetadataEndpointState::Enabled)
            .http_tokens(types::HttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .build();
        let address = |(at, address): (usize, &Ipv4Addr)| {
            types::PrivateIpAddressSpecification::builder()
                .primary(at == 0)
                .private_ip_address(address.to_string())
                .build()
        };
        // The check of source and destination stays on: what leaves has this machine's own address.
        let interface = types::InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&new.subnet)
            .groups(&new.group)
            .set_private_ip_addresses(Some(new.addresses.iter().enumerate().map(address).collect()))
            .associate_public_ip_address(new.with_public)
            .delete_on_termination(true)
            .build();
        let kinds = [
            ResourceType::Instance,
            ResourceType::Volume,
            ResourceType::NetworkInterface,
        ];
        let call = self
            .client
            .run_instances()
            .image_id(&new.ami)
            .instance_type(types::InstanceType::from(new.kind.as_str()))
            .min_count(1)
            .max_count(1)
            .client_token(&new.token)
            .user_data(STANDARD.encode(&new.user_data))
            .metadata_options(metadata)
            .block_device_mappings(disk)
            .network_interfaces(interface)
            .set_tag_specifications(Some(kinds.map(|kind| specification(kind, &new.tags)).into()));
        let answer = self.session.ask("ec2:RunInstances", call.send())?;
        let started = answer.instances.unwrap_or_default().into_iter().next();
        started.map_or_else(|| Err(without("the instance")), machine)
    }

    fn assign(&self, interface: &str, addresses: &[Ipv4Addr]) -> Result<(), Trouble> {
        let call = self
            .client
            .assign_private_ip_addresses()
            .network_interface_id(interface)
            .set_private_ip_addresses(Some(addresses.iter().map(ToString::to_string).collect()));
        self.session.ask("ec2:AssignPrivateIpAddresses", call.send()).map(drop)
    }

    fn terminate(&self, id: &str) -> Result<(), Trouble> {
        let call = self.client.terminate_instances().instance_ids(id).send();
        self.session.ask("ec2:TerminateInstances", call).map(drop)
    }

    fn kept(&self, tag: &str, value: Option<&str>) -> Result<Vec<KeptAddress>, Trouble> {
        let call = self.client.describe_addresses().filters(by_tag(tag, value)).send();
        let found = self.session.ask("ec2:DescribeAddresses", call)?.addresses;
        let kept = |told: types::Address| KeptAddress {
            id: told.allocation_id.unwrap_or_default(),
            address: told.public_ip.and_then(|address| address.parse().ok()),
            instance: told.instance_id.filter(|id| !id.is_empty()),
            tags: tags_of(told.tags),
        };
        Ok(found.unwrap_or_default().into_iter().map(kept).collect())
    }

    fn allocate(&self, tags: &BTreeMap<String, String>) -> Result<KeptAddress, Trouble> {
        let call = self
            .client
            .allocate_address()
            .domain(types::DomainType::Vpc)
            .tag_specifications(specification(ResourceType::ElasticIp, tags));
        let answer = self.session.ask("ec2:AllocateAddress", call.send())?;
        Ok(KeptAddress {
            id: answer.allocation_id.ok_or_else(|| without("the allocation"))?,
            address: answer.public_ip.and_then(|address| address.parse().ok()),
            instance: None,
            tags: tags.clone(),
        })
    }

    fn associate(&self, allocation: &str, instance: &str) -> Result<(), Trouble> {
        let call = self
            .client
            .associate_address()
            .allocation_id(allocation)
            .instance_id(instance)
            .allow_reassociation(true);
        self.session.ask("ec2:AssociateAddress", call.send()).map(drop)
    }

    fn release(&self, allocation: &str) -> Result<(), Trouble> {
        let call = self.client.release_address().allocation_id(allocation).send();
        self.session.ask("ec2:ReleaseAddress", call).map(drop)
    }
}

fn ami(told: types::Image) -> Ami {
    Ami {
        id: told.image_id.unwrap_or_default(),
        name: told.name.unwrap_or_default(),
        owner: told.owner_id.unwrap_or_default(),
        created: told.creation_date.unwrap_or_default(),
        arch: told
            .architecture
            .map(|arch| arch.as_str().to_owned())
            .unwrap_or_default(),
        root: told.root_device_name.unwrap_or_else(|| "/dev/sda1".into()),
    }
}

fn group(told: types::SecurityGroup) -> Group {
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let mut allows = Vec::new();
    for rule in told.ip_permissions.unwrap_or_default() {
        let protocol = rule.ip_protocol.unwrap_or_default();
        let groups = rule.user_id_group_pairs.unwrap_or_default();
        let groups = groups.into_iter().filter_map(|pair| pair.group_id);
        let networks = rule
            .ip_ranges
            .unwrap_or_default()
            .into_iter()
            .filter_map(|range| range.cidr_ip);
        let wide = rule
            .ipv6_ranges
            .unwrap_or_default()
            .into_iter()
            .filter_map(|range| range.cidr_ipv6);
        let lists = rule.prefix_list_ids.unwrap_or_default();
        let lists = lists.into_iter().filter_map(|list| list.prefix_list_id);
        for from in groups.chain(networks).chain(wide).chain(lists) {
            allows.push((protocol.clone(), port(rule.from_port), port(rule.to_port), from));
        }
    }
    Group {
        id: told.group_id.unwrap_or_default(),
        name: told.group_name.unwrap_or_default(),
        vpc: told.vpc_id.unwrap_or_default(),
        tags: tags_of(told.tags),
        allows,
    }
}

fn machine(told: types::Instance) -> Result<Machine, Trouble> {
    let state = told.state.and_then(|state| state.name);
    let interfaces = told.network_interfaces.unwrap_or_default();
    let first = interfaces.into_iter().min_by_key(|interface| {
        let attachment = interface.attachment.as_ref();
        attachment.and_then(|attachment| attachment.device_index).unwrap_or(0)
    });
    let interface = first
        .as_ref()
        .and_then(|interface| interface.network_interface_id.clone());
    // An instance's are its first interface's; an answer may have them at either place.
    let of_interface = first.as_ref().and_then(|interface| interface.groups.clone());
    let of_interface = of_interface.filter(|groups| !groups.is_empty());
    let groups = of_interface.or(told.security_groups).unwrap_or_default();
    let mut groups: Vec<String> = groups.into_iter().filter_map(|group| group.group_id).collect();
    groups.sort();
    groups.dedup();
    let mut addresses: Vec<(bool, Ipv4Addr)> = first
        .and_then(|interface| interface.private_ip_addresses)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|one| Some((one.primary.unwrap_or(false), one.private_ip_address?.parse().ok()?)))
        .collect();
    // An answer about an instance that has just begun may leave the interface out.
    let own = told.private_ip_address.and_then(|address| address.parse().ok());
    if addresses.is_empty() {
        addresses.extend(own.map(|address| (true, address)));
    }
    addresses.sort_by_key(|(primary, _)| !primary);
    Ok(Machine {
        id: told.instance_id.ok_or_else(|| without("the instance's id"))?,
        state: state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        kind: told
            .instance_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        ami: told.image_id.unwrap_or_default(),
        subnet: told.subnet_id.unwrap_or_default(),
        interface: interface.unwrap_or_default(),
        addresses: addresses.into_iter().map(|(_, address)| address).collect(),
        public: told.public_ip_address.and_then(|address| address.parse().ok()),
        groups,
        tags: tags_of(told.tags),
        launched: told.launch_time.map(|time| time.to_string()).unwrap_or_default(),
    })
}

//! What comes back.

use serde_json::Value;

use super::reader::At;
use crate::cloud::lambda::{
    Architecture, Filesystem, FirewallRule, Image, Instance, InstanceOffer, InstanceType, Protocol, Region, Ruleset,
    SshKey, Status,
};
use crate::cloud::{Kind, Trouble};

type Read<T> = Result<T, Trouble>;

/// What an answer that went well carries.
pub fn data(body: &[u8]) -> Read<Value> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut map)) => match map.remove("data") {
            Some(data) => Ok(data),
            None => Err(Trouble::new(
                Kind::Malformed,
                "the answer is not what the API describes: it has no `data`",
            )),
        },
        _ => Err(Trouble::new(
            Kind::Malformed,
            "the answer is not what the API describes: it is no JSON object",
        )),
    }
}

fn texts(at: &At<'_>) -> Read<Vec<String>> {
    at.list(At::text)
}

fn optional_text(at: &At<'_>, key: &str) -> Read<Option<String>> {
    at.optional(key)?.map(|field| field.text()).transpose()
}

/// `GET /regions`
pub fn regions(data: &Value) -> Read<Vec<Region>> {
    let mut all = At::new(data, "data").list(region)?;
    all.sort();
    Ok(all)
}

fn region(at: &At<'_>) -> Read<Region> {
    Ok(Region {
        name: at.field("name")?.text()?,
        description: at.field("description")?.text()?,
    })
}

/// None for one that the API did not have when this was written: it is no reason to understand nothing of an answer.
fn architecture(at: &At<'_>) -> Read<Option<Architecture>> {
    Ok(match at.text()?.as_str() {
        "x86_64" => Some(Architecture::X86_64),
        "arm64" => Some(Architecture::Arm64),
        _ => None,
    })
}

/// `GET /instance-types`: a map, by name.
pub fn instance_types(data: &Value) -> Read<Vec<InstanceOffer>> {
    let mut all = At::new(data, "data").values(|at| {
        let mut regions = at.field("regions_with_capacity_available")?.list(region)?;
        regions.sort();
        Ok(InstanceOffer {
            kind: instance_type(&at.field("instance_type")?)?,
            regions,
        })
    })?;
    all.sort_by(|one, other| one.kind.name.cmp(&other.kind.name));
    Ok(all)
}

fn instance_type(at: &At<'_>) -> Read<InstanceType> {
    let specs = at.field("specs")?;
    Ok(InstanceType {
        name: at.field("name")?.text()?,
        description: at.field("description")?.text()?,
        gpu_description: at.field("gpu_description")?.text()?,
        cents_per_hour: at.field("price_cents_per_hour")?.count()?,
        vcpus: specs.field("vcpus")?.count()?,
        memory_gib: specs.field("memory_gib")?.count()?,
        storage_gib: specs.field("storage_gib")?.count()?,
        gpus: specs.field("gpus")?.count()?,
        architecture: at
            .optional("architecture")?
            .as_ref()
            .map(architecture)
            .transpose()?
            .flatten(),
    })
}

fn status(word: &str) -> Status {
    match word {
        "booting" => Status::Booting,
        "active" => Status::Active,
        "unhealthy" => Status::Unhealthy,
        "terminating" => Status::Terminating,
        "terminated" => Status::Terminated,
        "preempted" => Status::Preempted,
        other => Status::Other(other.to_owned()),
    }
}

/// `GET /instances/{id}`
pub fn instance(data: &Value) -> Read<Instance> {
    read_instance(&At::new(data, "data"))
}

/// `GET /instances`
pub fn instance_list(data: &Value) -> Read<Vec<Instance>> {
    At::new(data, "data").list(read_instance)
}

fn read_instance(at: &At<'_>) -> Read<Instance> {
    let tag = |at: &At<'_>| Ok((at.field("key")?.text()?, at.field("value")?.text()?));
    let id = |at: &At<'_>| at.field("id")?.text();
    Ok(Instance {
        id: identifier(&at.field("id")?)?,
        name: optional_text(at, "name")?,
        ip: optional_text(at, "ip")?,
        private_ip: optional_text(at, "private_ip")?,
        status: status(&at.field("status")?.text()?),
        ssh_keys: texts(&at.field("ssh_key_names")?)?,
        file_systems: texts(&at.field("file_system_names")?)?,
        region: region(&at.field("region")?)?,
        instance_type: instance_type(&at.field("instance_type")?)?,
        hostname: optional_text(at, "hostname")?,
        may_restart: at.field("actions")?.field("restart")?.field("available")?.boolean()?,
        tags: at
            .optional("tags")?
            .map(|tags| tags.list(tag))
            .transpose()?
            .unwrap_or_default(),
        rulesets: at
            .optional("firewall_rulesets")?
            .map(|rulesets| rulesets.list(id))
            .transpose()?
            .unwrap_or_default(),
    })
}

/// An id: it becomes part of a path, so it must be one name.
fn identifier(at: &At<'_>) -> Read<String> {
    at.word("an id", |id| is_identifier(id).then(|| id.to_owned()))
}

/// Whether a text can be an id of the API: letters, digits, `-` and `_`.
pub(in crate::cloud::lambda) fn is_identifier(text: &str) -> bool {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(tame)
}

/// `POST /instance-operations/launch`: the id of the one instance.
pub fn launched(data: &Value) -> Read<String> {
    let ids = At::new(data, "data").field("instance_ids")?.list(identifier)?;
    match <[String; 1]>::try_from(ids) {
        Ok([id]) => Ok(id),
        Err(ids) => Err(Trouble::new(
            Kind::Malformed,
            format!(
                "one instance was launched, and the answer names {}: {}",
                ids.len(),
                ids.join(", ")
            ),
        )),
    }
}

/// `POST /instance-operations/restart`: the instance must be among those that were.
pub fn restarted(data: &Value, id: &str) -> Read<()> {
    named(data, "restarted_instances", id)
}

/// `POST /instance-operations/terminate`
pub fn terminated(data: &Value, id: &str) -> Read<()> {
    named(data, "terminated_instances", id)
}

fn named(data: &Value, key: &str, id: &str) -> Read<()> {
    let ids = At::new(data, "data")
        .field(key)?
        .list(|at| identifier(&at.field("id")?))?;
    if ids.iter().any(|own| own == id) {
        return Ok(());
    }
    Err(Trouble::new(
        Kind::Malformed,
        format!("the answer is not what was asked for: `data.{key}` does not name {id}"),
    ))
}

/// `GET /ssh-keys`
pub fn ssh_keys(data: &Value) -> Read<Vec<SshKey>> {
    At::new(data, "data").list(read_ssh_key)
}

/// `POST /ssh-keys`
pub fn ssh_key(data: &Value) -> Read<SshKey> {
    read_ssh_key(&At::new(data, "data"))
}

fn read_ssh_key(at: &At<'_>) -> Read<SshKey> {
    Ok(SshKey {
        id: identifier(&at.field("id")?)?,
        name: at.field("name")?.text()?,
        public_key: at.field("public_key")?.text()?,
    })
}

/// `GET /images`
pub fn image_list(data: &Value) -> Read<Vec<Image>> {
    let all = At::new(data, "data").list(|at| {
        let Some(architecture) = architecture(&at.field("architecture")?)? else {
            return Ok(None);
        };
        Ok(Some(Image {
            id: identifier(&at.field("id")?)?,
            name: at.field("name")?.text()?,
            family: at.field("family")?.text()?,
            version: at.field("version")?.text()?,
            architecture,
            created: at.field("created_time")?.text()?,
            region: region(&at.field("region")?)?,
        }))
    })?;
    Ok(all.into_iter().flatten().collect())
}

/// `GET /file-systems`
pub fn file_systems(data: &Value) -> Read<Vec<Filesystem>> {
    At::new(data, "data").list(|at| {
        Ok(Filesystem {
            id: identifier(&at.field("id")?)?,
            name: at.field("name")?.text()?,
            mount_point: at.field("mount_point")?.text()?,
            region: region(&at.field("region")?)?,
        })
    })
}

/// `GET /firewall-rulesets`
pub fn rulesets(data: &Value) -> Read<Vec<Ruleset>> {
    At::new(data, "data").list(read_ruleset)
}

/// `GET /firewall-rulesets/{id}`
pub fn ruleset(data: &Value) -> Read<Ruleset> {
    read_ruleset(&At::new(data, "data"))
}

fn read_ruleset(at: &At<'_>) -> Read<Ruleset> {
    let instances = at.optional("instance_ids")?;
    Ok(Ruleset {
        id: identifier(&at.field("id")?)?,
        name: at.field("name")?.text()?,
        region: at.optional("region")?.as_ref().map(region).transpose()?,
        rules: at.field("rules")?.list(rule)?,
        instances: instances.as_ref().map(texts).transpose()?.unwrap_or_default(),
    })
}

fn rule(at: &At<'_>) -> Read<FirewallRule> {
    let protocol = at.field("protocol")?.word("tcp, udp, icmp or all", |word| match word {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "icmp" => Some(Protocol::Icmp),
        "all" => Some(Protocol::All),
        _ => None,
    })?;
    let ports = at.optional("port_range")?.map(|at| {
        let numbers = at.list(At::count)?;
        let port = |at: usize| numbers.get(at).and_then(|number| u16::try_from(*number).ok());
        match (port(0), port(1), numbers.len()) {
            (Some(first), Some(last), 2) => Ok((first, last)),
            _ => at.word("two ports", |_| None),
        }
    });
    Ok(FirewallRule {
        protocol,
        ports: ports.transpose()?,
        source: at.field("source_network")?.text()?,
        description: at.field("description")?.text()?,
    })
}

//! From what is wished to one launch: what must exist is looked for before anything is asked for, and all that is missing
//! is told at once.

use super::image::newest;
use super::offers::{alternatives, dollars};
use super::{
    Architecture, CLUSTER_TAG, Filesystem, Image, ImageChoice, InstanceOffer, LAUNCH_TAG, Launch, NODE_TAG, Region,
    Ruleset, SshKey,
};
use crate::base::{Sha256, closest};
use crate::cloud::{Act, Kind, Plan, Trouble};

/// Where to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// In this region.
    Region(String),
    /// In whichever has capacity and everything else.
    Any,
}

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The node's name.
    pub node: String,
    /// Its cluster.
    pub cluster: String,
    /// `gpu_1x_a10`
    pub instance_type: String,
    /// What was baked for.
    pub architecture: Architecture,
    /// The image family.
    pub family: String,
    /// Where.
    pub region: Where,
    /// The SSH key; without one the only one of the account.
    pub ssh_key: Option<String>,
    /// For people; without one the node's name.
    pub name: Option<String>,
    /// Filesystems, by name.
    pub file_systems: Vec<String>,
    /// Rulesets, by id or name.
    pub rulesets: Vec<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// What cloud-init reads.
    pub user_data: String,
    /// The price an hour that the catalog has, in US cents.
    pub catalog_cents: Option<u64>,
}

/// What the account and the cloud have. What nobody wishes for need not be asked for.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// Regions.
    pub regions: Vec<Region>,
    /// Instance types with capacity.
    pub offers: Vec<InstanceOffer>,
    /// Images.
    pub images: Vec<Image>,
    /// SSH keys.
    pub ssh_keys: Vec<SshKey>,
    /// Filesystems.
    pub file_systems: Vec<Filesystem>,
    /// Rulesets.
    pub rulesets: Vec<Ruleset>,
}

/// A launch, and what it is to be told as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The launch.
    pub launch: Launch,
    /// What a reader needs to say yes.
    pub plan: Plan,
}

/// Settles everything. The image is named by id: what the plan shows is what is launched, whatever the family moves on
/// to meanwhile. Every trouble is told; one of [`Kind::Exhausted`] alone may pass with time.
pub fn choose(wish: &Wish, stock: &Stock) -> Result<Choice, Vec<Trouble>> {
    let mut wrong = Vec::new();
    let offer = keep(&mut wrong, offer(wish, stock));
    let ssh_key = keep(&mut wrong, ssh_key(wish, stock));
    let file_systems = keep(&mut wrong, file_systems(wish, stock));
    let rulesets = keep(&mut wrong, rulesets(wish, stock));
    if let Where::Region(name) = &wish.region {
        keep(&mut wrong, known_region(name, stock));
    }
    let (Some(offer), Some(file_systems), Some(rulesets)) = (offer, file_systems, rulesets) else {
        return Err(wrong);
    };
    let bound = Bound { file_systems, rulesets };
    let region = keep(&mut wrong, region(wish, stock, offer, &bound));
    let image = region.and_then(|region| keep(&mut wrong, image(wish, stock, region)));
    match (region, image, ssh_key) {
        (Some(region), Some(image), Some(key)) if wrong.is_empty() => {
            Ok(settled(wish, offer, region, image, key, &bound))
        }
        _ => Err(wrong),
    }
}

/// What ties an instance to a region.
struct Bound<'s> {
    file_systems: Vec<&'s Filesystem>,
    rulesets: Vec<&'s Ruleset>,
}

impl Bound<'_> {
    /// What is elsewhere.
    fn elsewhere(&self, region: &str) -> Vec<String> {
        let file_systems = self.file_systems.iter().filter(|one| one.region.name != region);
        let own = |ruleset: &&&Ruleset| ruleset.region.as_ref().is_some_and(|own| own.name != region);
        let rulesets = self.rulesets.iter().filter(own);
        file_systems
            .map(|one| format!("filesystem {} is in {}", one.name, one.region.name))
            .chain(rulesets.map(|one| {
                let place = one.region.as_ref().map_or("", |own| own.name.as_str());
                format!("firewall ruleset {} is in {place}", one.name)
            }))
            .collect()
    }
}

fn keep<T>(wrong: &mut Vec<Trouble>, found: Result<T, Trouble>) -> Option<T> {
    found.map_err(|trouble| wrong.push(trouble)).ok()
}

/// Something is not there that was named; what is near.
fn missing<'k>(what: &str, name: &str, known: impl IntoIterator<Item = &'k str>) -> Trouble {
    let known: Vec<&str> = known.into_iter().collect();
    let trouble = Trouble::new(Kind::NotFound, format!("there is no {what} `{name}`"));
    match closest(name, known.iter().copied()) {
        Some(near) => trouble.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => trouble.hint(format!("the account has no {what}")),
        None => trouble.hint(format!("there are {}", known.join(", "))),
    }
}

fn offer<'s>(wish: &Wish, stock: &'s Stock) -> Result<&'s InstanceOffer, Trouble> {
    let names = stock.offers.iter().map(|offer| offer.kind.name.as_str());
    let offer = stock.offers.iter().find(|offer| offer.kind.name == wish.instance_type);
    let offer = offer.ok_or_else(|| missing("instance type", &wish.instance_type, names))?;
    match offer.kind.architecture {
        Some(own) if own != wish.architecture => Err(Trouble::new(
            Kind::Refused,
            format!(
                "{} is a machine of {}, and {} was baked for {}",
                offer.kind.name,
                own.as_str(),
                wish.node,
                wish.architecture.as_str()
            ),
        )
        .hint("the catalog's row of the instance type is wrong: correct its arch by --catalog")),
        _ => Ok(offer),
    }
}

fn ssh_key<'s>(wish: &Wish, stock: &'s Stock) -> Result<&'s SshKey, Trouble> {
    let names = || stock.ssh_keys.iter().map(|key| key.name.as_str());
    match (&wish.ssh_key, stock.ssh_keys.as_slice()) {
        (Some(name), keys) => {
            let key = keys.iter().find(|key| key.name == *name);
            key.ok_or_else(|| missing("SSH key", name, names()))
        }
        (None, [only]) => Ok(only),
        (None, []) => Err(Trouble::new(
            Kind::NotFound,
            "the account has no SSH key, and Lambda launches with one only",
        )
        .hint("nodebake ssh-keys add NAME ~/.ssh/id_ed25519.pub")),
        (None, _) => Err(Trouble::new(
            Kind::Refused,
            "the account has several SSH keys, and Lambda launches with exactly one",
        )
        .hint(format!(
            "name one by --ssh-key or launch.sshKey: {}",
            names().collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn file_systems<'s>(wish: &Wish, stock: &'s Stock) -> Result<Vec<&'s Filesystem>, Trouble> {
    let names = || stock.file_systems.iter().map(|one| one.name.as_str());
    let find = |name: &String| {
        let found = stock.file_systems.iter().find(|one| one.name == *name);
        found.ok_or_else(|| missing("filesystem", name, names()))
    };
    wish.file_systems.iter().map(find).collect()
}

fn rulesets<'s>(wish: &Wish, stock: &'s Stock) -> Result<Vec<&'s Ruleset>, Trouble> {
    let names = || stock.rulesets.iter().map(|one| one.name.as_str());
    let find = |name: &String| {
        let found: Vec<&Ruleset> = stock
            .rulesets
            .iter()
            .filter(|one| one.id == *name || one.name == *name)
            .collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(missing("firewall ruleset", name, names())),
            _ => Err(
                Trouble::new(Kind::Refused, format!("several firewall rulesets are called `{name}`"))
                    .hint("say its id, as `nodebake firewall list` shows it"),
            ),
        }
    };
    wish.rulesets.iter().map(find).collect()
}

fn known_region(name: &str, stock: &Stock) -> Result<(), Trouble> {
    let known = stock.regions.iter().map(|region| region.name.as_str());
    if known.clone().any(|own| own == name) {
        return Ok(());
    }
    Err(missing("region", name, known))
}

/// The region: the one that is wished, or the first that has everything.
fn region<'s>(wish: &Wish, stock: &Stock, offer: &'s InstanceOffer, bound: &Bound<'_>) -> Result<&'s Region, Trouble> {
    match &wish.region {
        Where::Region(name) => {
            let elsewhere = bound.elsewhere(name);
            if !elsewhere.is_empty() {
                let message = format!("the instance would be in {name}: {}", elsewhere.join(", "));
                return Err(Trouble::new(Kind::Refused, message).hint("launch where they are, or leave them out"));
            }
            let found = offer.regions.iter().find(|region| region.name == *name);
            found.ok_or_else(|| exhausted(wish, stock, offer, Some(name)))
        }
        Where::Any => {
            if offer.regions.is_empty() {
                return Err(exhausted(wish, stock, offer, None));
            }
            let fits =
                |region: &&Region| bound.elsewhere(&region.name).is_empty() && image(wish, stock, region).is_ok();
            offer.regions.iter().find(fits).ok_or_else(|| {
                let why = offer.regions.iter().map(|region| {
                    let mut why = bound.elsewhere(&region.name);
                    if image(wish, stock, region).is_err() {
                        why.push(format!(
                            "it has no image {} for {}",
                            wish.family,
                            wish.architecture.as_str()
                        ));
                    }
                    format!("{}: {}", region.name, why.join(", "))
                });
                let why: Vec<String> = why.collect();
                Trouble::new(
                    Kind::Exhausted,
                    format!("no region that has {} has the rest too", offer.kind.name),
                )
                .hint(why.join("; "))
            })
        }
    }
}

/// No capacity, and what there is instead.
fn exhausted(wish: &Wish, stock: &Stock, offer: &InstanceOffer, region: Option<&str>) -> Trouble {
    let place = region.map_or_else(|| "in any region".to_owned(), |region| format!("in {region}"));
    let mut hints = Vec::new();
    if !offer.regions.is_empty() {
        let names: Vec<&str> = offer.regions.iter().map(|region| region.name.as_str()).collect();
        hints.push(format!("{} has it: --region, or --region any", names.join(", ")));
    }
    let others = alternatives(offer, &stock.offers, wish.architecture, region);
    if !others.is_empty() {
        hints.push(format!(
            "of no less there are {} (another spec.instanceType)",
            others.join(", ")
        ));
    }
    hints.push("--wait-capacity waits for it".to_owned());
    Trouble::new(
        Kind::Exhausted,
        format!("Lambda has no {} left {place} now", offer.kind.name),
    )
    .code("instance-operations/launch/insufficient-capacity")
    .hint(hints.join("; "))
}

fn image<'s>(wish: &Wish, stock: &'s Stock, region: &Region) -> Result<&'s Image, Trouble> {
    let here = || stock.images.iter().filter(|image| image.region.name == region.name);
    let fitting = here().filter(|image| image.family == wish.family && image.architecture == wish.architecture);
    newest(fitting).ok_or_else(|| {
        let mut families: Vec<&str> = here()
            .filter(|image| image.architecture == wish.architecture)
            .map(|image| image.family.as_str())
            .collect();
        families.sort_unstable();
        families.dedup();
        let message = format!(
            "{} has no image of the family {} for {}",
            region.name,
            wish.family,
            wish.architecture.as_str()
        );
        let has = if families.is_empty() {
            "none".to_owned()
        } else {
            families.join(", ")
        };
        Trouble::new(Kind::NotFound, message).hint(format!("it has {has}"))
    })
}

fn settled(
    wish: &Wish,
    offer: &InstanceOffer,
    region: &Region,
    image: &Image,
    key: &SshKey,
    bound: &Bound<'_>,
) -> Choice {
    let mut launch = Launch {
        region: region.name.clone(),
        instance_type: offer.kind.name.clone(),
        ssh_key: key.name.clone(),
        image: ImageChoice::Id(image.id.clone()),
        user_data: wish.user_data.clone(),
        name: wish
            .name
            .clone()
            .or_else(|| Some(wish.node.clone()).filter(|name| name.len() <= 64)),
        hostname: hostname(&wish.node),
        file_systems: wish.file_systems.clone(),
        tags: wish.tags.clone(),
        rulesets: bound.rulesets.iter().map(|one| one.id.clone()).collect(),
    };
    launch.tags.push((NODE_TAG.to_owned(), wish.node.clone()));
    launch.tags.push((CLUSTER_TAG.to_owned(), wish.cluster.clone()));
    let id = launch_id(&launch);
    launch.tags.push((LAUNCH_TAG.to_owned(), id));
    let mut plan = Plan::default();
    let price = dollars(offer.kind.cents_per_hour);
    let mut details = vec![
        format!(
            "{}, {} vCPUs, {} GiB",
            offer.kind.description, offer.kind.vcpus, offer.kind.memory_gib
        ),
        format!("in {} ({})", region.name, region.description),
        format!("for {price} an hour, until it is terminated"),
        format!(
            "image {} {} ({}, {})",
            image.family,
            image.version,
            image.architecture.as_str(),
            image.id
        ),
        format!("SSH key {}", key.name),
        format!("user-data of {} bytes", launch.user_data.len()),
    ];
    if let Some(cents) = wish.catalog_cents.filter(|cents| *cents != offer.kind.cents_per_hour) {
        details.push(format!(
            "the catalog knows it for {}: the price has changed",
            dollars(cents)
        ));
    }
    match &launch.hostname {
        Some(name) => details.push(format!("host name {name}")),
        None => details.push(format!(
            "host name by Lambda: {} cannot be one there, which the kubelet does not need",
            wish.node
        )),
    }
    details.extend(
        bound
            .file_systems
            .iter()
            .map(|one| format!("filesystem {} at {}", one.name, one.mount_point)),
    );
    details.extend(
        bound
            .rulesets
            .iter()
            .map(|one| format!("firewall ruleset {} ({})", one.name, one.id)),
    );
    let tags: Vec<String> = launch
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    details.push(format!("tags {}", tags.join(" ")));
    let what = format!("instance {} for node {}", offer.kind.name, wish.node);
    plan.step(Act::Create, what, details);
    Choice { launch, plan }
}

/// A host name as Lambda takes it: no dots, up to 63 characters. Another name is left out, not bent: the kubelet gets
/// its name by a flag.
fn hostname(node: &str) -> Option<String> {
    let tame = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = !node.is_empty() && node.len() <= 63 && !node.starts_with('-') && node.bytes().all(tame);
    good.then(|| node.to_owned())
}

/// A name for this launch alone: two launches with the same one are the same.
fn launch_id(launch: &Launch) -> String {
    let request = super::wire::launch(launch).to_string();
    let digest = Sha256::of(request.as_bytes()).to_string();
    digest.chars().take(32).collect()
}

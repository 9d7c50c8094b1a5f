//! A stand-in for EKS, EC2 and STS: what an account has, and what it answers over HTTP. Names of actions, parameters and
//! elements are those of the services' models; a parameter that an action does not have is refused, as AWS does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::standin::{Ask, Reply, Server};
use crate::support::TempDir;

pub const VPC: &str = "vpc-0a1b2c3d4e5f60718";
pub const PRIVATE: &str = "subnet-0aaaaaaaaaaaaaaaa";
pub const OTHER_ZONE: &str = "subnet-0bbbbbbbbbbbbbbbb";
pub const PUBLIC: &str = "subnet-0cccccccccccccccc";
pub const GROUP: &str = "sg-0123456789abcdef0";
pub const PROXY: &str = "i-0123456789abcdef0";

/// An interface.
#[derive(Clone, Debug, Default)]
pub struct Eni {
    pub id: String,
    pub subnet: String,
    pub address: String,
    pub description: String,
    pub groups: Vec<String>,
    pub tags: BTreeMap<String, String>,
    /// The instance, the index, and for how many looks it is still on the way.
    pub attached: Option<(Option<String>, u32, u32)>,
    /// Detaching, for so many looks.
    pub detaching: u32,
    /// For so many looks nobody knows it yet.
    pub shy: u32,
    /// `pending` for so many looks.
    pub pending: u32,
}

/// What the account has.
#[derive(Default)]
pub struct World {
    pub clusters: BTreeMap<String, Value>,
    pub enis: Vec<Eni>,
    /// Tokens stay known after what they made is deleted.
    pub tokens: BTreeMap<String, (String, String)>,
    pub made: u32,
    /// New interfaces are unknown and pending for so many looks.
    pub shy: u32,
    pub pending: u32,
    /// Subnets that have no free address.
    pub full: Vec<&'static str>,
    /// Interfaces of a page, if there is more than one page. Who does not say how many gets none then.
    pub page: Option<usize>,
    /// Tokens are ignored, as some stand-ins do.
    pub forgetful: bool,
    /// The next answers to an action, whatever it asks; `true` if it is carried out all the same.
    pub faults: VecDeque<(&'static str, Reply, bool)>,
    /// Actions that were carried out or refused, in order.
    pub log: Vec<String>,
    /// The principals that asked, by access key.
    pub keys: BTreeSet<String>,
}

/// The server, with the account behind it.
pub struct Aws {
    pub server: Server,
    pub world: Arc<Mutex<World>>,
    pub home: TempDir,
}

impl Aws {
    pub fn new() -> Self {
        let world = World {
            clusters: [("gh62".to_owned(), cluster("gh62"))].into(),
            ..World::default()
        };
        let world = Arc::new(Mutex::new(world));
        let own = Arc::clone(&world);
        Self {
            server: Server::new(move |ask| own.lock().unwrap().answer(ask)),
            world,
            home: TempDir::new(),
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// How many interfaces were made, and how many are there.
    pub fn counts(&self) -> (u32, usize) {
        let world = self.world();
        (world.made, world.enis.len())
    }

    /// The program, which knows of no other cloud and no other credentials.
    pub fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command
            .args(args)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", &self.server.url);
        command
    }

    /// The program, with a key from the environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(args);
        command
            .env("AWS_ACCESS_KEY_ID", "AKIDFROMENVIRONMENT")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret-of-anybody")
            .env("AWS_REGION", "us-east-1");
        command
    }

    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        told(&self.server.run(&mut self.command(args), None))
    }
}

pub fn told(output: &std::process::Output) -> (i32, String, String) {
    (
        output.status.code().unwrap_or(-1),
        crate::support::stdout(output),
        crate::support::stderr(output),
    )
}

/// A cluster as EKS describes it.
pub fn cluster(name: &str) -> Value {
    json!({
        "name": name,
        "arn": format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}"),
        "createdAt": 1_700_000_000.0,
        "version": "1.35",
        "endpoint": "https://11111111111111111111111111111111.gr7.us-east-1.eks.amazonaws.com/",
        "roleArn": "arn:aws:iam::111122223333:role/cluster",
        "resourcesVpcConfig": {
            "subnetIds": [OTHER_ZONE, PRIVATE],
            "securityGroupIds": ["sg-0fedcba9876543210"],
            "clusterSecurityGroupId": GROUP,
            "vpcId": VPC,
            "endpointPublicAccess": true,
            "endpointPrivateAccess": true,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "status": "ACTIVE",
        "certificateAuthority": {"data": super::base64(&super::ca())},
        "platformVersion": "eks.12",
        "tags": {},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "remoteNetworkConfig": {"remoteNodeNetworks": [{"cidrs": ["10.80.0.0/16"]}]},
        "aKeyOfTheFuture": {"with": ["values"]},
    })
}

/// An error as EC2 tells it.
pub fn ec2_error(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(
        status,
        "text/xml",
        format!(
            "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>req-1</RequestID></Response>"
        ),
    )
}

/// An error as EKS tells it.
pub fn eks_error(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, "application/json", json!({"message": message}).to_string()).header("x-amzn-ErrorType", code)
}

fn refused(code: &str, message: impl Into<String>) -> Reply {
    ec2_error(400, code, &message.into())
}

type Form = BTreeMap<String, String>;

/// The parameters of the actions, after EC2's and STS' models; `N` is a number.
const PARAMETERS: [(&str, &[&str]); 11] = [
    ("DescribeVpcs", &["VpcId.N", "NextToken"]),
    (
        "DescribeSubnets",
        &["Filter.N.Name", "Filter.N.Value.N", "NextToken", "MaxResults"],
    ),
    (
        "DescribeRouteTables",
        &["Filter.N.Name", "Filter.N.Value.N", "NextToken", "MaxResults"],
    ),
    (
        "DescribeNetworkInterfaces",
        &[
            "Filter.N.Name",
            "Filter.N.Value.N",
            "NetworkInterfaceId.N",
            "NextToken",
            "MaxResults",
        ],
    ),
    ("DescribeInstances", &["InstanceId.N", "NextToken"]),
    (
        "CreateNetworkInterface",
        &[
            "SubnetId",
            "SecurityGroupId.N",
            "PrivateIpAddress",
            "Description",
            "ClientToken",
            "TagSpecification.N.ResourceType",
            "TagSpecification.N.Tag.N.Key",
            "TagSpecification.N.Tag.N.Value",
        ],
    ),
    (
        "AttachNetworkInterface",
        &["NetworkInterfaceId", "InstanceId", "DeviceIndex"],
    ),
    ("DetachNetworkInterface", &["AttachmentId"]),
    ("DeleteNetworkInterface", &["NetworkInterfaceId"]),
    (
        "AssumeRole",
        &["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"],
    ),
    ("GetCallerIdentity", &[]),
];

impl World {
    fn answer(&mut self, ask: &Ask) -> Reply {
        let signed = ask.header("authorization");
        let Some((_, rest)) = signed.split_once("Credential=") else {
            return refused("AuthFailure", "not signed");
        };
        self.keys.insert(rest.split('/').next().unwrap_or_default().to_owned());
        let form = form(&ask.text());
        let action = match form.get("Action") {
            Some(action) => action.clone(),
            None if ask.path.starts_with("/clusters/") => "DescribeCluster".into(),
            None => "ListClusters".into(),
        };
        // EKS speaks REST, the others a form that is posted.
        assert_eq!(ask.method, if form.contains_key("Action") { "POST" } else { "GET" });
        self.log.push(action.clone());
        if let Some(at) = self.faults.iter().position(|(of, ..)| *of == action)
            && let Some((_, reply, carried_out)) = self.faults.remove(at)
        {
            if carried_out {
                self.carry_out(&action, ask, &form);
            }
            return reply;
        }
        self.carry_out(&action, ask, &form)
    }

    fn carry_out(&mut self, action: &str, ask: &Ask, form: &Form) -> Reply {
        if action == "DescribeCluster" || action == "ListClusters" {
            return self.eks(ask);
        }
        let Some((_, known)) = PARAMETERS.iter().find(|(name, _)| *name == action) else {
            return refused("InvalidAction", action);
        };
        for key in form.keys().filter(|key| *key != "Action" && *key != "Version") {
            let shape: Vec<&str> = key
                .split('.')
                .map(|part| if part.parse::<u32>().is_ok() { "N" } else { part })
                .collect();
            if !known.contains(&shape.join(".").as_str()) {
                return refused("UnknownParameter", format!("{action} has no {key}"));
            }
        }
        if let Some(size) = form.get("MaxResults") {
            if form.contains_key("NetworkInterfaceId.1") {
                return refused("InvalidParameterCombination", "ids and MaxResults are both said");
            }
            let most = if action == "DescribeRouteTables" { 100 } else { 1000 };
            if !size.parse::<u32>().is_ok_and(|size| (5..=most).contains(&size)) {
                return refused("InvalidParameterValue", format!("MaxResults {size}"));
            }
        }
        let inner = match action {
            "DescribeVpcs" => Self::vpcs(form),
            "DescribeSubnets" => Ok(subnets(form, &self.full)),
            "DescribeRouteTables" => Ok(route_tables()),
            "DescribeNetworkInterfaces" => self.interfaces(form),
            "DescribeInstances" => self.instances(form),
            "CreateNetworkInterface" => self.create(form),
            "AttachNetworkInterface" => self.attach(form),
            "DetachNetworkInterface" => self.detach(form),
            "DeleteNetworkInterface" => self.delete(form),
            "AssumeRole" => return assume(form),
            _ => Ok(String::new()),
        };
        match inner {
            Ok(inner) => Reply::new(
                200,
                "text/xml;charset=UTF-8",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{action}Response \
                     xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>req-1</requestId>{inner}</{action}Response>"
                ),
            ),
            Err(reply) => reply,
        }
    }

    fn eks(&self, ask: &Ask) -> Reply {
        let path = ask.path.split('?').next().unwrap_or_default();
        let value = match path.strip_prefix("/clusters/") {
            Some(name) => match self.clusters.get(name) {
                Some(cluster) => json!({"cluster": cluster}),
                None => {
                    let message = format!("No cluster found for name: {name}.");
                    return eks_error(404, "ResourceNotFoundException", &message);
                }
            },
            None => json!({"clusters": self.clusters.keys().collect::<Vec<_>>(), "nextToken": null}),
        };
        Reply::new(200, "application/json", value.to_string())
    }

    fn vpcs(form: &Form) -> Result<String, Reply> {
        match form.get("VpcId.1") {
            Some(id) if id == VPC => Ok(format!(
                "<vpcSet><item><vpcId>{VPC}</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockAssociationSet>\
                 <item><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockState><state>associated</state></cidrBlockState></item>\
                 <item><cidrBlock>10.9.0.0/16</cidrBlock><cidrBlockState><state>disassociated</state></cidrBlockState></item>\
                 </cidrBlockAssociationSet></item></vpcSet>"
            )),
            id => Err(refused("InvalidVpcID.NotFound", format!("no VPC {id:?}"))),
        }
    }

    fn interfaces(&mut self, form: &Form) -> Result<String, Reply> {
        let wanted = form.get("NetworkInterfaceId.1");
        let filters = filters(form);
        let mut items = Vec::new();
        for eni in &mut self.enis {
            if wanted.is_some_and(|id| *id != eni.id) {
                continue;
            }
            let passes = filters.iter().all(|(name, value)| match name.as_str() {
                "vpc-id" => value == VPC,
                "private-ip-address" => *value == eni.address,
                "tag-key" => eni.tags.contains_key(value),
                name => name
                    .strip_prefix("tag:")
                    .is_some_and(|key| eni.tags.get(key) == Some(value)),
            });
            if !passes {
                continue;
            }
            if eni.shy > 0 {
                eni.shy -= 1;
                continue;
            }
            items.push(format!("<item>{}</item>", xml(eni)));
            // A look later it is further.
            eni.pending = eni.pending.saturating_sub(1);
            if eni.detaching > 0 {
                eni.detaching -= 1;
                if eni.detaching == 0 {
                    eni.attached = None;
                }
            } else if let Some((_, _, looks)) = &mut eni.attached {
                *looks = looks.saturating_sub(1);
            }
        }
        match wanted {
            Some(id) if items.is_empty() => Err(refused(
                "InvalidNetworkInterfaceID.NotFound",
                format!("The networkInterface ID '{id}' does not exist"),
            )),
            _ => self.page(form, &items),
        }
    }

    /// As many interfaces as a page of this world has, and where the next one begins.
    fn page(&self, form: &Form, all: &[String]) -> Result<String, Reply> {
        let size = self.page.unwrap_or(usize::MAX);
        if all.len() > size && !form.contains_key("MaxResults") {
            return Err(refused("OperationNotPermitted", "too many for one answer"));
        }
        let at: usize = form.get("NextToken").map_or(0, |token| token.parse().unwrap());
        let end = at.saturating_add(size).min(all.len());
        let next = (end < all.len()).then(|| format!("<nextToken>{end}</nextToken>"));
        let next = next.unwrap_or_default();
        let items = all[at..end].concat();
        Ok(format!("<networkInterfaceSet>{items}</networkInterfaceSet>{next}"))
    }

    fn instances(&self, form: &Form) -> Result<String, Reply> {
        let id = form.get("InstanceId.1").cloned().unwrap_or_default();
        if id != PROXY {
            return Err(refused("InvalidInstanceID.NotFound", format!("no instance {id}")));
        }
        let indexes = self.enis.iter().filter_map(|eni| match &eni.attached {
            Some((Some(instance), index, _)) if *instance == id => Some(*index),
            _ => None,
        });
        let cards: String = [0]
            .into_iter()
            .chain(indexes)
            .map(|index| format!("<item><attachment><deviceIndex>{index}</deviceIndex></attachment></item>"))
            .collect();
        Ok(format!(
            "<reservationSet><item><instancesSet><item><instanceId>{id}</instanceId><instanceState><code>16</code>\
             <name>running</name></instanceState><vpcId>{VPC}</vpcId><placement><availabilityZone>us-east-1a\
             </availabilityZone></placement><networkInterfaceSet>{cards}</networkInterfaceSet></item></instancesSet></item>\
             </reservationSet>"
        ))
    }

    fn create(&mut self, form: &Form) -> Result<String, Reply> {
        let get = |key: &str| form.get(key).cloned();
        let subnet = get("SubnetId").unwrap_or_default();
        let Some((_, cidr, ..)) = SUBNETS.iter().find(|(id, ..)| *id == subnet) else {
            return Err(refused(
                "InvalidSubnetID.NotFound",
                format!("The subnet ID '{subnet}' does not exist"),
            ));
        };
        let groups: Vec<String> = list(form, "SecurityGroupId");
        if let Some(group) = groups.iter().find(|group| *group != GROUP) {
            return Err(refused(
                "InvalidGroup.NotFound",
                format!("The security group '{group}' does not exist"),
            ));
        }
        let token = get("ClientToken").unwrap_or_default();
        let what = format!("{subnet} {groups:?} {:?}", get("PrivateIpAddress"));
        if !self.forgetful
            && let Some((id, was)) = self.tokens.get(&token)
        {
            if *was != what {
                return Err(refused(
                    "IdempotentParameterMismatch",
                    "the token was used with other values",
                ));
            }
            // What was made with it is answered, whether it is still there or not.
            let gone = Eni {
                id: id.clone(),
                subnet,
                ..Eni::default()
            };
            let eni = self.enis.iter().find(|eni| eni.id == *id).unwrap_or(&gone);
            return Ok(format!("<networkInterface>{}</networkInterface>", xml(eni)));
        }
        let network: nodebake::base::Cidr = cidr.parse().unwrap();
        let taken = |address: &str| self.enis.iter().any(|eni| eni.address == address);
        let address = match get("PrivateIpAddress") {
            Some(address) if taken(&address) => {
                return Err(refused(
                    "InvalidIPAddress.InUse",
                    format!("Address {address} is in use."),
                ));
            }
            Some(address) if !network.contains(address.parse().unwrap()) => {
                return Err(refused(
                    "InvalidParameterValue",
                    "Address does not fall within the subnet's address range",
                ));
            }
            Some(address) => address,
            None => (4..254)
                .map(|at| network.nth(at).unwrap().to_string())
                .find(|address| !taken(address))
                .unwrap(),
        };
        assert_eq!(
            form.get("TagSpecification.1.ResourceType").map(String::as_str),
            Some("network-interface")
        );
        let tags = (1..)
            .map_while(|at| {
                let key = form.get(&format!("TagSpecification.1.Tag.{at}.Key"))?;
                Some((
                    key.clone(),
                    form.get(&format!("TagSpecification.1.Tag.{at}.Value"))?.clone(),
                ))
            })
            .collect();
        self.made += 1;
        let eni = Eni {
            id: format!("eni-{:017x}", self.made),
            subnet,
            address,
            description: get("Description").unwrap_or_default(),
            groups,
            tags,
            shy: self.shy,
            pending: self.pending,
            ..Eni::default()
        };
        self.tokens.insert(token, (eni.id.clone(), what));
        let inner = xml(&eni);
        self.enis.push(eni);
        Ok(format!("<networkInterface>{inner}</networkInterface>"))
    }

    fn attach(&mut self, form: &Form) -> Result<String, Reply> {
        let index: u32 = form["DeviceIndex"].parse().unwrap();
        let busy = self.enis.iter().any(|eni| {
            matches!(&eni.attached, Some((Some(instance), at, _)) if *instance == form["InstanceId"] && *at == index)
        });
        let eni = self.eni(&form["NetworkInterfaceId"])?;
        if eni.attached.is_some() {
            return Err(refused("InvalidNetworkInterface.InUse", "it is in use"));
        }
        if busy || index == 0 {
            return Err(refused(
                "InvalidParameterValue",
                format!("Instance already has an interface attached at device index '{index}'."),
            ));
        }
        eni.attached = Some((Some(form["InstanceId"].clone()), index, 2));
        Ok(format!("<attachmentId>{}</attachmentId>", attachment(&eni.id)))
    }

    fn detach(&mut self, form: &Form) -> Result<String, Reply> {
        let id = form["AttachmentId"].replace("eni-attach-", "eni-");
        let eni = self.eni(&id)?;
        if eni.attached.is_none() {
            return Err(refused("InvalidAttachmentID.NotFound", "no such attachment"));
        }
        eni.detaching = 3;
        Ok("<return>true</return>".into())
    }

    fn delete(&mut self, form: &Form) -> Result<String, Reply> {
        let id = &form["NetworkInterfaceId"];
        if self.eni(id)?.attached.is_some() {
            return Err(refused(
                "InvalidParameterValue",
                format!("Network interface '{id}' is currently in use."),
            ));
        }
        self.enis.retain(|eni| eni.id != *id);
        Ok("<return>true</return>".into())
    }

    fn eni(&mut self, id: &str) -> Result<&mut Eni, Reply> {
        self.enis.iter_mut().find(|eni| eni.id == id).ok_or_else(|| {
            refused(
                "InvalidNetworkInterfaceID.NotFound",
                format!("The networkInterface ID '{id}' does not exist"),
            )
        })
    }
}

/// Id, network, zone, free addresses.
const SUBNETS: [(&str, &str, &str, u32); 3] = [
    (OTHER_ZONE, "10.0.32.0/19", "us-east-1b", 100),
    (PRIVATE, "10.0.0.0/19", "us-east-1a", 100),
    (PUBLIC, "10.0.96.0/19", "us-east-1a", 100),
];

fn subnets(form: &Form, full: &[&str]) -> String {
    let here = filters(form).contains(&("vpc-id".to_owned(), VPC.to_owned()));
    let items: String = SUBNETS
        .iter()
        .filter(|_| here)
        .map(|(id, cidr, zone, free)| {
            let free = if full.contains(id) { &0 } else { free };
            format!(
                "<item><subnetId>{id}</subnetId><vpcId>{VPC}</vpcId><cidrBlock>{cidr}</cidrBlock><availabilityZone>{zone}\
                 </availabilityZone><availableIpAddressCount>{free}</availableIpAddressCount><state>available</state></item>"
            )
        })
        .collect();
    format!("<subnetSet>{items}</subnetSet>")
}

/// The main one leads to a NAT gateway, the public subnet's to the internet.
fn route_tables() -> String {
    format!(
        "<routeTableSet><item><routeTableId>rtb-1</routeTableId><associationSet><item><main>true</main></item></associationSet>\
         <routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>\
         <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId></item></routeSet></item>\
         <item><routeTableId>rtb-2</routeTableId><associationSet><item><main>false</main><subnetId>{PUBLIC}</subnetId></item>\
         </associationSet><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId>\
         </item></routeSet></item></routeTableSet>"
    )
}

fn xml(eni: &Eni) -> String {
    let groups: String = eni
        .groups
        .iter()
        .map(|group| format!("<item><groupId>{group}</groupId><groupName>g</groupName></item>"))
        .collect();
    let tags: String = eni
        .tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let zone = SUBNETS
        .iter()
        .find(|(id, ..)| *id == eni.subnet)
        .map_or("", |(_, _, zone, _)| zone);
    let attached = eni.attached.as_ref().map(|(instance, index, looks)| {
        let status = match (eni.detaching, looks) {
            (0, 0) => "attached",
            (0, _) => "attaching",
            _ => "detaching",
        };
        let instance = instance.as_ref().map(|id| format!("<instanceId>{id}</instanceId>"));
        format!(
            "<attachment><attachmentId>{}</attachmentId>{}<deviceIndex>{index}</deviceIndex><status>{status}</status>\
             </attachment>",
            attachment(&eni.id),
            instance.unwrap_or_default()
        )
    });
    let status = match (&attached, eni.pending) {
        (Some(_), _) => "in-use",
        (None, 0) => "available",
        (None, _) => "pending",
    };
    let dns = eni.address.replace('.', "-");
    format!(
        "<networkInterfaceId>{}</networkInterfaceId><subnetId>{}</subnetId><vpcId>{VPC}</vpcId><availabilityZone>{zone}\
         </availabilityZone><description>{}</description><status>{status}</status><privateIpAddress>{}</privateIpAddress>\
         <privateDnsName>ip-{dns}.ec2.internal</privateDnsName><requesterManaged>false</requesterManaged>\
         <groupSet>{groups}</groupSet><tagSet>{tags}</tagSet>{}",
        eni.id,
        eni.subnet,
        eni.description,
        eni.address,
        attached.unwrap_or_default()
    )
}

fn attachment(eni: &str) -> String {
    eni.replace("eni-", "eni-attach-")
}

fn assume(form: &Form) -> Reply {
    let role = &form["RoleArn"];
    Reply::new(
        200,
        "text/xml",
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>nobody</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>{role}/x</Arn>\
             <AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn list(form: &Form, name: &str) -> Vec<String> {
    (1..)
        .map_while(|at| form.get(&format!("{name}.{at}")).cloned())
        .collect()
}

fn filters(form: &Form) -> Vec<(String, String)> {
    (1..)
        .map_while(|at| {
            let name = form.get(&format!("Filter.{at}.Name"))?;
            Some((name.clone(), form.get(&format!("Filter.{at}.Value.1"))?.clone()))
        })
        .collect()
}

fn form(body: &str) -> Form {
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match first {
            b'%' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

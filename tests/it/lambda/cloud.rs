//! A Lambda that runs on this machine: its accounts, its machines' lives, its limits and its faults.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::schema::{call, wrong};
use crate::standin::{Ask, Reply, Server};

/// The key the account has.
pub const KEY: &str = "secret_nodebake-test_0123456789abcdef.ZYXWVUTSRQPO";

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An answer without the request being carried out: status, code.
    Refused(u16, &'static str),
    /// An answer of a machine between us and Lambda: status, and no JSON.
    Gateway(u16),
    /// Carried out, and the answer is lost.
    LostAfter,
    /// Carried out, and a 5xx is answered.
    BrokenAfter,
    /// Not carried out, and the answer is lost.
    LostBefore,
    /// Answered with something else than the API describes.
    Malformed(&'static str),
    /// Answered with a header and without being carried out.
    Busy(u32),
    /// Carried out as if nothing were wrong.
    None,
}

/// One account.
pub struct Account {
    /// `METHOD /path` to what goes wrong with its next requests.
    pub faults: BTreeMap<String, VecDeque<Fault>>,
    /// What broke the schema.
    pub broken: Vec<String>,
    /// Types to regions with capacity.
    pub capacity: BTreeMap<String, Vec<String>>,
    /// Looks for capacity until there is more: how many, type, region.
    pub restock: Option<(u32, String, String)>,
    /// Whether the capacity the list tells of is gone when it is asked for.
    pub stale_capacity: bool,
    pub instances: Vec<Machine>,
    /// How many times a new instance is looked for before it is found, in the list or by its id.
    pub lag: u32,
    /// How many times an instance is looked at until it is active.
    pub boots_after: u32,
    /// What an instance becomes in place of active.
    pub becomes: &'static str,
    /// How many times a doomed instance is looked at until it is gone.
    pub goes_after: u32,
    pub keys: Vec<Value>,
    pub images: Vec<Value>,
    pub file_systems: Vec<Value>,
    pub rulesets: Vec<Value>,
    pub global: Value,
    /// What somebody else makes of the global rules just before they are read so many times more.
    pub meddle: Option<(u32, Value)>,
    /// Instance types, as the recorded answer has them.
    pub types: BTreeMap<String, Value>,
    next: u32,
    /// How many launches were carried out.
    pub launches: u32,
    pub restarts: u32,
}

pub struct Machine {
    pub about: Value,
    hidden: u32,
    left: u32,
}

/// The types of the recorded answer of 2026-08-20, which has no regions
/// (<https://github.com/inference-book/inference-plane>).
pub fn recorded() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("../../fixtures/lambda/instance-types-2026-08-20.json")).unwrap()
}

pub fn region(name: &str) -> Value {
    json!({"name": name, "description": format!("somewhere in {name}")})
}

pub const REGIONS: [&str; 4] = ["us-east-1", "us-east-3", "us-south-1", "us-west-1"];

fn image(family: &str, version: &str, architecture: &str, region_name: &str) -> Value {
    json!({
        "id": format!("{family}_{version}_{architecture}_{region_name}").replace('.', "_"),
        "created_time": "2026-08-20T10:00:00Z", "updated_time": "2026-08-20T10:00:00Z",
        "name": family, "description": family, "family": family, "version": version,
        "architecture": architecture, "region": region(region_name),
    })
}

impl Account {
    pub fn new() -> Self {
        let mut images = Vec::new();
        for place in REGIONS {
            for version in ["22.4.5-2141", "22.4.10-3", "22.4.9-9999"] {
                images.push(image("lambda-stack-22-04", version, "x86_64", place));
            }
            images.push(image("lambda-stack-24-04", "24.4.4-2141", "x86_64", place));
        }
        images.push(image("lambda-stack-22-04", "22.4.5-2141", "arm64", "us-east-3"));
        let capacity = [
            ("gpu_1x_a10", "us-west-1"),
            ("gpu_1x_a10", "us-east-1"),
            ("gpu_8x_h100_sxm5", "us-south-1"),
        ];
        let mut had: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (kind, place) in capacity {
            had.entry(kind.into()).or_default().push(place.into());
        }
        Self {
            faults: BTreeMap::new(),
            broken: Vec::new(),
            capacity: had,
            restock: None,
            stale_capacity: false,
            instances: Vec::new(),
            lag: 0,
            boots_after: 2,
            becomes: "active",
            goes_after: 1,
            keys: vec![
                json!({"id": "key1", "name": "mine", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICN me"}),
            ],
            images,
            file_systems: vec![json!({
                "id": "fs1", "name": "data", "mount_point": "/lambda/nfs/data", "created": "2026-08-20T10:00:00Z",
                "created_by": {"id": "u1", "email": "me@example.com", "status": "active"}, "is_in_use": false,
                "region": region("us-west-1"),
            })],
            rulesets: vec![json!({
                "id": "ruleset1", "name": "nodes", "region": region("us-west-1"), "rules": [],
                "created": "2026-08-20T10:00:00Z", "instance_ids": [],
            })],
            global: json!({"id": "global", "name": "all", "rules": [
                {"protocol": "tcp", "port_range": [22, 22], "source_network": "0.0.0.0/0", "description": "ssh"},
                {"protocol": "icmp", "source_network": "0.0.0.0/0", "description": "ping"},
            ]}),
            meddle: None,
            types: recorded(),
            next: 0,
            launches: 0,
            restarts: 0,
        }
    }

    /// What goes wrong with the next requests of `call`, in order.
    pub fn fault(&mut self, call: &str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.entry(call.into()).or_default().extend(faults);
    }

    /// Instances that exist and are not going.
    pub fn living(&self) -> Vec<&Value> {
        let dead = ["terminating", "terminated", "preempted"];
        self.instances
            .iter()
            .map(|one| &one.about)
            .filter(|about| !dead.contains(&about["status"].as_str().unwrap()))
            .collect()
    }

    /// An instance of somebody else.
    pub fn foreign(&mut self, name: &str) {
        let about = self.machine(&json!({
            "region_name": "us-west-1", "instance_type_name": "gpu_1x_a10", "ssh_key_names": ["mine"], "name": name,
        }));
        self.instances.push(Machine {
            about,
            hidden: 0,
            left: 0,
        });
    }

    fn machine(&mut self, request: &Value) -> Value {
        self.next += 1;
        let id = format!("{:032x}", self.next);
        let name = request["instance_type_name"].as_str().unwrap();
        let may = json!({"available": true});
        let actions = json!({"migrate": may, "rebuild": may, "restart": may, "cold_reboot": may, "terminate": may});
        let mut about = json!({
            "id": id, "status": "booting", "ssh_key_names": request["ssh_key_names"],
            "file_system_names": request.get("file_system_names").cloned().unwrap_or(json!([])),
            "region": region(request["region_name"].as_str().unwrap()),
            "instance_type": self.types[name]["instance_type"].clone(),
            "actions": actions,
            "jupyter_token": "jupyter-secret", "jupyter_url": "https://jupyter.example/?token=jupyter-secret",
        });
        for key in ["name", "hostname", "tags", "firewall_rulesets"] {
            if let Some(value) = request.get(key) {
                about[key] = value.clone();
            }
        }
        about
    }

    /// The answer to a request whose form is good.
    fn serve(&mut self, ask: &Ask, body: &Value) -> (u16, Value) {
        let path = ask
            .path
            .split('?')
            .next()
            .unwrap()
            .trim_start_matches("/api/v1/")
            .to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (ask.method.as_str(), parts.as_slice()) {
            ("GET", ["regions"]) => data(json!(REGIONS.map(region))),
            ("GET", ["instance-types"]) => data(self.offers()),
            ("GET", ["images"]) => data(json!(self.images)),
            ("GET", ["file-systems"]) => data(json!(self.file_systems)),
            ("GET", ["instances"]) => {
                for one in &mut self.instances {
                    one.hidden = one.hidden.saturating_sub(1);
                }
                let seen = self.instances.iter().filter(|one| one.hidden == 0);
                data(seen.map(|one| one.about.clone()).collect::<Value>())
            }
            ("GET", ["instances", id]) => self.look(id),
            ("POST", ["instance-operations", "launch"]) => self.launch(body),
            ("POST", ["instance-operations", word @ ("restart" | "terminate")]) => self.operate(word, body),
            ("GET", ["ssh-keys"]) => data(json!(self.keys)),
            ("POST", ["ssh-keys"]) => {
                if self.keys.iter().any(|key| key["name"] == body["name"]) {
                    return error(400, "global/invalid-parameters");
                }
                let mut key = body.clone();
                self.next += 1;
                key["id"] = json!(format!("key-{}", self.next));
                self.keys.push(key.clone());
                data(key)
            }
            ("DELETE", ["ssh-keys", id]) => {
                let before = self.keys.len();
                self.keys.retain(|key| key["id"] != *id);
                if self.keys.len() == before {
                    error(404, "global/not-found")
                } else {
                    data(json!({}))
                }
            }
            ("GET", ["firewall-rulesets"]) => data(json!(self.rulesets)),
            ("GET", ["firewall-rulesets", "global"]) => data(self.global.clone()),
            ("PATCH", ["firewall-rulesets", "global"]) => {
                self.global["rules"] = body["rules"].clone();
                data(self.global.clone())
            }
            ("POST", ["firewall-rulesets"]) => {
                self.next += 1;
                let made = json!({
                    "id": format!("ruleset-{}", self.next), "name": body["name"],
                    "region": region(body["region"].as_str().unwrap()), "rules": body["rules"],
                    "created": "2026-08-20T10:00:00Z", "instance_ids": [],
                });
                self.rulesets.push(made.clone());
                data(made)
            }
            (method, ["firewall-rulesets", id]) => {
                let Some(at) = self.rulesets.iter().position(|one| one["id"] == *id) else {
                    return error(404, "global/object-does-not-exist");
                };
                match method {
                    "GET" => data(self.rulesets[at].clone()),
                    "PATCH" => {
                        self.rulesets[at]["rules"] = body["rules"].clone();
                        data(self.rulesets[at].clone())
                    }
                    _ => {
                        self.rulesets.remove(at);
                        data(json!({}))
                    }
                }
            }
            _ => error(404, "global/not-found"),
        }
    }

    fn offers(&mut self) -> Value {
        if let Some((left, kind, place)) = &mut self.restock {
            if *left == 0 {
                self.capacity.entry(kind.clone()).or_default().push(place.clone());
                self.restock = None;
            } else {
                *left -= 1;
            }
        }
        let offers = self.types.clone().into_iter().map(|(name, mut item)| {
            let places = self.capacity.get(&name).cloned().unwrap_or_default();
            item["regions_with_capacity_available"] = places.iter().map(|place| region(place)).collect();
            (name, item)
        });
        Value::Object(offers.collect())
    }

    fn look(&mut self, id: &str) -> (u16, Value) {
        let at = self.instances.iter().position(|one| one.about["id"] == id);
        let Some(at) = at.filter(|at| {
            let one = &mut self.instances[*at];
            one.hidden = one.hidden.saturating_sub(1);
            one.hidden == 0
        }) else {
            return error(404, "global/object-does-not-exist");
        };
        let becomes = self.becomes;
        let one = &mut self.instances[at];
        if one.left > 0 {
            one.left -= 1;
        } else if one.about["status"] == "booting" {
            one.about["status"] = json!(becomes);
            one.about["ip"] = json!("198.51.100.20");
            one.about["private_ip"] = json!("10.19.62.58");
        } else if one.about["status"] == "terminating" {
            self.instances.remove(at);
            return error(404, "global/object-does-not-exist");
        }
        data(one.about.clone())
    }

    fn launch(&mut self, body: &Value) -> (u16, Value) {
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let (kind, place) = (text("instance_type_name"), text("region_name"));
        let own = |list: &[Value], key: &str, value: &Value| list.iter().any(|one| one[key] == *value);
        let image = match (&body["image"]["id"], &body["image"]["family"]) {
            (Value::String(id), _) => self
                .images
                .iter()
                .any(|one| one["id"] == **id && one["region"]["name"] == *place),
            (_, Value::String(family)) => self.images.iter().any(|one| one["family"] == **family),
            _ => true,
        };
        let there = self.types.contains_key(&kind)
            && REGIONS.contains(&place.as_str())
            && own(&self.keys, "name", &body["ssh_key_names"][0])
            && image;
        if !there {
            return error(404, "global/object-does-not-exist");
        }
        for name in body["file_system_names"].as_array().into_iter().flatten() {
            match self.file_systems.iter().find(|one| one["name"] == *name) {
                None => return error(404, "global/object-does-not-exist"),
                Some(one) if one["region"]["name"] != *place => {
                    return error(400, "instance-operations/launch/file-system-in-wrong-region");
                }
                Some(_) => {}
            }
        }
        let has = self.capacity.get(&kind).is_some_and(|places| places.contains(&place));
        if !has || self.stale_capacity {
            return error(400, "instance-operations/launch/insufficient-capacity");
        }
        let about = self.machine(body);
        let id = about["id"].clone();
        self.launches += 1;
        self.instances.push(Machine {
            about,
            hidden: self.lag,
            left: self.boots_after,
        });
        data(json!({"instance_ids": [id]}))
    }

    fn operate(&mut self, word: &str, body: &Value) -> (u16, Value) {
        let ids = body["instance_ids"].as_array().unwrap();
        let mut done = Vec::new();
        for id in ids {
            let Some(one) = self.instances.iter_mut().find(|one| one.about["id"] == *id) else {
                return error(404, "global/object-does-not-exist");
            };
            if word == "terminate" {
                one.about["status"] = json!("terminating");
                one.left = self.goes_after;
            } else {
                self.restarts += 1;
                one.about["status"] = json!("booting");
                one.left = self.boots_after;
            }
            done.push(one.about.clone());
        }
        let key = if word == "terminate" {
            "terminated_instances"
        } else {
            "restarted_instances"
        };
        data(json!({key: done}))
    }
}

fn data(value: impl Into<Value>) -> (u16, Value) {
    (200, json!({"data": value.into()}))
}

fn error(status: u16, code: &str) -> (u16, Value) {
    (
        status,
        json!({"error": {"code": code, "message": format!("test: {code}"), "suggestion": "test"}}),
    )
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, "application/json", body.to_string())
}

/// The stand-in.
pub struct Cloud {
    pub server: Server,
    pub account: Arc<Mutex<Account>>,
}

impl Cloud {
    pub fn new() -> Self {
        let account = Arc::new(Mutex::new(Account::new()));
        let own = Arc::clone(&account);
        Self {
            server: Server::new(move |ask| answer(&mut own.lock().unwrap(), ask)),
            account,
        }
    }

    /// The account, to look at and to change.
    pub fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        work(&mut self.account.lock().unwrap())
    }
}

impl Drop for Cloud {
    /// No request and no answer broke the schema.
    fn drop(&mut self) {
        let broken = self
            .account
            .lock()
            .map(|account| account.broken.clone())
            .unwrap_or_default();
        if !std::thread::panicking() {
            assert_eq!(broken, Vec::<String>::new(), "the schema was broken");
        }
    }
}

fn answer(account: &mut Account, ask: &Ask) -> Reply {
    let line = format!("{} {}", ask.method, ask.path.trim_start_matches("/api/v1/"));
    let Some(call) = call(&ask.method, &ask.path) else {
        account.broken.push(format!("{line}: the API has no such call"));
        let (status, body) = error(404, "global/not-found");
        return reply(status, &body);
    };
    if ask.header("authorization") != format!("Bearer {KEY}") {
        let (status, body) = error(401, "global/invalid-api-key");
        return reply(status, &body);
    }
    if !ask.header("user-agent").starts_with("nodebake/") {
        account.broken.push(format!("{line}: no User-Agent"));
    }
    let body: Value = match (call.get("request"), ask.body.is_empty()) {
        (None, true) => Value::Null,
        (None, false) => {
            account
                .broken
                .push(format!("{line}: a body that the call does not take"));
            Value::Null
        }
        (Some(kind), _) => {
            if !ask.header("content-type").starts_with("application/json") {
                account.broken.push(format!("{line}: not said to be JSON"));
            }
            let body = serde_json::from_slice(&ask.body).unwrap_or(Value::Null);
            let found = wrong(kind, &body);
            if !found.is_empty() {
                account.broken.push(format!("{line}: {}", found.join("; ")));
                let (status, body) = error(400, "global/invalid-parameters");
                return reply(status, &body);
            }
            body
        }
    };
    let place = account.faults.iter_mut().find(|(key, _)| {
        let (method, path) = key.split_once(' ').unwrap();
        method == ask.method
            && self::call(method, &format!("/api/v1/{path}")).is_some_and(|own| std::ptr::eq(own, call))
    });
    let fault = place.and_then(|(_, faults)| faults.pop_front()).unwrap_or(Fault::None);
    if line == "GET firewall-rulesets/global" {
        match account.meddle.take() {
            Some((0, rules)) => account.global["rules"] = rules,
            later => account.meddle = later.map(|(left, rules)| (left - 1, rules)),
        }
    }
    match fault {
        Fault::Refused(status, code) => {
            let (status, body) = error(status, code);
            reply(status, &body)
        }
        Fault::Gateway(status) => Reply::new(status, "text/html", "<html>bad gateway</html>"),
        Fault::Busy(seconds) => {
            let (status, body) = error(429, "global/too-many-requests");
            reply(status, &body).header("Retry-After", &seconds.to_string())
        }
        Fault::Malformed(text) => Reply::new(200, "application/json", text),
        Fault::LostBefore => Reply::lost(),
        Fault::LostAfter | Fault::BrokenAfter | Fault::None => {
            let (status, answer) = account.serve(ask, &body);
            check(account, call, &line, status, &answer);
            match fault {
                Fault::LostAfter => Reply::lost(),
                Fault::BrokenAfter => Reply::new(502, "text/html", "<html>bad gateway</html>"),
                _ => reply(status, &answer),
            }
        }
    }
}

/// Holds our own answers to the schema.
fn check(account: &mut Account, call: &Value, line: &str, status: u16, answer: &Value) {
    let found = if status == 200 {
        let mut found = wrong(&call["answer"], &answer["data"]);
        if answer.as_object().unwrap().len() != 1 {
            found.push("more than data".into());
        }
        found
    } else {
        let mut found = wrong(&json!("Error"), &answer["error"]);
        let codes = &call["errors"][status.to_string()];
        if !codes
            .as_array()
            .is_some_and(|codes| codes.contains(&answer["error"]["code"]))
        {
            found.push(format!("{} is no error of {status}", answer["error"]["code"]));
        }
        found
    };
    if !found.is_empty() {
        account
            .broken
            .push(format!("our answer to {line}: {}", found.join("; ")));
    }
}

//! Every call up Afterburn's ladder: not found, throttled, 5xx, malformed, success.

use nodebake::cloud::lambda::{
    Architecture, FirewallRule, GLOBAL, ImageChoice, LADDER, Lambda, Launch, Pace, Patient, Protocol, Status,
};
use nodebake::cloud::{Kind, Trouble};
use nodebake::edge::lambda::{Api, ApiKey, Endpoint};
use std::time::Duration;

use super::Still;
use super::cloud::{Cloud, Fault, KEY};

const PACE: Pace = Pace {
    request: Duration::from_secs(1),
    launch: Duration::from_secs(12),
};

fn api(cloud: &Cloud, key: &str) -> Api {
    let endpoint = Endpoint::parse(&cloud.server.url).unwrap();
    Api::open(endpoint, ApiKey::parse(key, "the test").unwrap()).unwrap()
}

pub fn launch() -> Launch {
    Launch {
        region: "us-west-1".into(),
        instance_type: "gpu_1x_a10".into(),
        ssh_key: "mine".into(),
        image: ImageChoice::Family("lambda-stack-22-04".into()),
        user_data: "#cloud-config\n".into(),
        name: Some("a".into()),
        hostname: Some("a".into()),
        file_systems: vec!["data".into()],
        tags: vec![
            ("nodebake-node".into(), "a".into()),
            ("nodebake-launch".into(), "1".into()),
        ],
        rulesets: vec!["ruleset1".into()],
    }
}

fn rule() -> FirewallRule {
    FirewallRule {
        protocol: Protocol::Tcp,
        ports: Some((10250, 10250)),
        source: "198.51.100.7/32".into(),
        description: "nodebake: test".into(),
    }
}

type Call = (&'static str, bool, fn(&dyn Lambda) -> Result<(), Trouble>);

/// Every call of the port; whether it may be repeated when nobody knows whether it was carried out.
const CALLS: [Call; 18] = [
    ("GET regions", true, |api| api.regions().map(drop)),
    ("GET instance-types", true, |api| api.instance_types().map(drop)),
    ("GET images", true, |api| api.images().map(drop)),
    ("GET file-systems", true, |api| api.file_systems().map(drop)),
    ("GET instances", true, |api| api.instances().map(drop)),
    ("GET instances/{id}", true, |api| api.instance(FOREIGN).map(drop)),
    ("POST instance-operations/launch", false, |api| {
        api.launch(&launch()).map(drop)
    }),
    ("POST instance-operations/restart", false, |api| api.restart(FOREIGN)),
    ("POST instance-operations/terminate", true, |api| api.terminate(FOREIGN)),
    ("GET ssh-keys", true, |api| api.ssh_keys().map(drop)),
    ("POST ssh-keys", false, |api| {
        api.add_ssh_key("new", "ssh-ed25519 AAAA").map(drop)
    }),
    ("DELETE ssh-keys/{id}", true, |api| api.delete_ssh_key("key1")),
    ("GET firewall-rulesets", true, |api| api.rulesets().map(drop)),
    ("GET firewall-rulesets/{id}", true, |api| {
        api.ruleset("ruleset1").map(drop)
    }),
    ("GET firewall-rulesets/global", true, |api| {
        api.ruleset(GLOBAL).map(drop)
    }),
    ("POST firewall-rulesets", false, |api| {
        api.create_ruleset("new", "us-west-1", &[rule()]).map(drop)
    }),
    ("PATCH firewall-rulesets/{id}", false, |api| {
        api.set_rules("ruleset1", &[rule()]).map(drop)
    }),
    ("DELETE firewall-rulesets/{id}", true, |api| {
        api.delete_ruleset("ruleset1")
    }),
];

const FOREIGN: &str = "00000000000000000000000000000001";

/// Calls a bare API through all its rungs.
#[test]
fn each_answer_is_told_for_what_it_is() {
    for (call, _, ask) in CALLS {
        let cloud = Cloud::new();
        cloud.with(|account| {
            account.foreign("foreign");
            account.fault(
                call,
                [
                    Fault::Refused(404, "global/object-does-not-exist"),
                    Fault::Busy(7),
                    Fault::Refused(429, "global/whatever"),
                    Fault::Gateway(502),
                    Fault::Refused(500, "provider/internal-unavailable"),
                    Fault::Refused(400, "provider/internal-unavailable"),
                    Fault::LostBefore,
                    Fault::Malformed("{\"data\": 7}"),
                    Fault::Malformed("[]"),
                    Fault::Malformed("{\"data\""),
                    Fault::Refused(403, "global/account-inactive"),
                    Fault::Refused(400, "global/something-new"),
                ],
            );
        });
        let api = api(&cloud, KEY);
        let deletes = call.starts_with("DELETE");
        let kinds: Vec<Result<(), Kind>> = (0..13).map(|_| ask(&api).map_err(|trouble| trouble.kind)).collect();
        // What a deletion answers is not read.
        let malformed = if deletes { Ok(()) } else { Err(Kind::Malformed) };
        let expected = [
            Err(Kind::NotFound),
            Err(Kind::Throttled(Some(Duration::from_secs(7)))),
            Err(Kind::Throttled(None)),
            Err(Kind::Unknown),
            Err(Kind::Unknown),
            Err(Kind::Unknown),
            Err(Kind::Unknown),
            malformed,
            Err(Kind::Malformed),
            Err(Kind::Malformed),
            Err(Kind::Denied),
            Err(Kind::Refused),
            Ok(()),
        ];
        assert_eq!(kinds, expected, "{call}");
    }
}

/// The same through the caller that asks again: what may be repeated is, and the rest only where nothing was carried out.
#[test]
fn what_may_be_repeated_is_repeated() {
    for (call, may_repeat, ask) in CALLS {
        let cloud = Cloud::new();
        cloud.with(|account| {
            account.foreign("foreign");
            account.fault(call, [Fault::Busy(7), Fault::Gateway(503), Fault::LostBefore]);
        });
        let (api, clock) = (api(&cloud, KEY), Still::default());
        let patient = Patient::new(&api, &clock, PACE, &|_| {});
        let ended = ask(&patient).map_err(|trouble| trouble.kind);
        let asked = cloud.server.asked().len();
        let slept: Vec<u64> = clock.slept.borrow().iter().map(Duration::as_secs).collect();
        if may_repeat {
            assert_eq!((ended, asked), (Ok(()), 4), "{call}");
            // What the answer asked for, then 4 and 8 seconds, which are longer than the pace.
            assert_eq!(slept, [7, 4, 8], "{call}");
        } else {
            assert_eq!((ended, asked), (Err(Kind::Unknown), 2), "{call}");
            assert_eq!(slept.first(), Some(&7), "{call}");
        }
    }
}

#[test]
fn what_never_passes_is_given_up() {
    for (call, _, ask) in CALLS {
        let cloud = Cloud::new();
        cloud.with(|account| account.fault(call, vec![Fault::Busy(1); 20]));
        let (api, clock) = (api(&cloud, KEY), Still::default());
        let patient = Patient::new(&api, &clock, PACE, &|_| {});
        let kind = ask(&patient).unwrap_err().kind;
        assert_eq!(kind, Kind::Throttled(Some(Duration::from_secs(1))), "{call}");
        assert_eq!(cloud.server.asked().len(), LADDER.tries as usize, "{call}");
    }
}

#[test]
fn nobody_listening_is_unreachable_and_a_wrong_key_is_denied() {
    let cloud = Cloud::new();
    let wrong = api(&cloud, "another-key").instances().unwrap_err();
    assert_eq!(
        (wrong.kind, wrong.code.as_deref()),
        (Kind::Denied, Some("global/invalid-api-key"))
    );
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = Endpoint::parse(&format!("http://{gone}")).unwrap();
    let api = Api::open(endpoint, ApiKey::parse(KEY, "the test").unwrap()).unwrap();
    assert_eq!(api.launch(&launch()).unwrap_err().kind, Kind::Unreachable);
}

/// The path of what is wrong is told, and nothing of what came.
#[test]
fn a_malformed_answer_is_told_by_its_path() {
    let answers = [
        (
            "[{\"name\": \"a\", \"description\": 7}]",
            "`data[0].description` must be text, and is a number",
        ),
        ("[{\"description\": \"secret\"}]", "`data[0].name` is missing"),
        ("{\"secret\": 1}", "`data` must be a list, and is a map"),
        ("[null]", "`data[0]` must be a map, and is null"),
    ];
    for (answer, expected) in answers {
        let cloud = Cloud::new();
        let text: &'static str = Box::leak(format!("{{\"data\": {answer}}}").into_boxed_str());
        cloud.with(|account| account.fault("GET regions", [Fault::Malformed(text)]));
        let trouble = api(&cloud, KEY).regions().unwrap_err();
        assert_eq!(trouble.kind, Kind::Malformed);
        assert!(trouble.message.contains(expected), "{trouble}");
        assert!(!trouble.to_string().contains("secret"), "{trouble}");
    }
}

/// An id that is a path would ask for something else.
#[test]
fn an_id_is_no_path() {
    let cloud = Cloud::new();
    let api = api(&cloud, KEY);
    for bad in ["", "..", "a/b", "../ssh-keys", "a?b", "a%2fb", "a b"] {
        assert_eq!(api.instance(bad).unwrap_err().kind, Kind::NotFound, "{bad}");
        assert_eq!(api.terminate(bad).unwrap_err().kind, Kind::NotFound, "{bad}");
        assert_eq!(api.delete_ssh_key(bad).unwrap_err().kind, Kind::NotFound, "{bad}");
    }
    assert!(cloud.server.asked().is_empty());
}

/// A redirect would take the key elsewhere.
#[test]
fn redirects_are_not_followed() {
    let elsewhere = Cloud::new();
    let target = format!("{}/api/v1/regions", elsewhere.server.url);
    let server = crate::standin::Server::new(move |_| {
        crate::standin::Reply::new(307, "text/plain", "").header("Location", &target)
    });
    let endpoint = Endpoint::parse(&server.url).unwrap();
    let api = Api::open(endpoint, ApiKey::parse(KEY, "the test").unwrap()).unwrap();
    assert_eq!(api.regions().unwrap_err().kind, Kind::Malformed);
    assert!(elsewhere.server.asked().is_empty());
}

/// What comes is read into what it means.
#[test]
fn answers_are_read() {
    let cloud = Cloud::new();
    cloud.with(|account| account.foreign("foreign"));
    let api = api(&cloud, KEY);
    let id = api.launch(&launch()).unwrap();
    let instance = api.instance(&id).unwrap();
    assert_eq!((instance.node(), &instance.status), (Some("a"), &Status::Booting));
    assert_eq!(instance.instance_type.architecture, Some(Architecture::X86_64));
    assert_eq!(
        (instance.file_systems.as_slice(), instance.rulesets.as_slice()),
        (&["data".to_owned()][..], &["ruleset1".to_owned()][..])
    );
    // What opens its Jupyter is not even read.
    assert!(!format!("{instance:?}").contains("jupyter"));
    let offers = api.instance_types().unwrap();
    let a10 = offers.iter().find(|offer| offer.kind.name == "gpu_1x_a10").unwrap();
    assert_eq!(
        (a10.kind.cents_per_hour, a10.kind.memory_gib, a10.regions.len()),
        (129, 200, 2)
    );
    let old = offers.iter().find(|offer| offer.kind.name == "gpu_8x_v100").unwrap();
    assert!(old.regions.is_empty());
    assert_eq!(api.instances().unwrap().len(), 2);
    assert_eq!(api.ruleset(GLOBAL).unwrap().rules.len(), 2);
}

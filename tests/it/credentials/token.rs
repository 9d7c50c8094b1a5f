//! Tokens: the same as the script's and botocore's, made without a network, and every reason why there is none.

use std::process::Stdio;

use nodebake::cloud::{Keys, token};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::*;

/// A machine with nothing in its home.
struct Home {
    home: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { home: TempDir::new() }
    }

    fn put(&self, name: &str, mode: u32, text: &str) -> PathBuf {
        let path = self.home.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn command(&self, more: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command.args(["token", "--cluster", "gh62"]).args(more);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        command
    }

    fn run(&self, more: &[&str], variables: &[(&str, &str)]) -> Output {
        seen(self.command(more, variables).output().unwrap())
    }

    /// The `ExecCredential`.
    fn answer(&self, more: &[&str], variables: &[(&str, &str)]) -> Value {
        let output = self.run(more, variables);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, more: &[&str], variables: &[(&str, &str)], what: &str) {
        let output = self.run(more, variables);
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains(what), "{what:?} not in {}", stderr(&output));
    }
}

/// The URL in a token.
fn url(token: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.strip_prefix("k8s-aws-v1.").unwrap());
    String::from_utf8(bytes.unwrap()).unwrap()
}

/// What tokens are made of: cluster, region, keys and a time.
fn inputs() -> impl Strategy<Value = (String, &'static str, Keys, i64)> {
    let regions = vec![
        "us-east-1",
        "ap-southeast-5",
        "us-gov-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
    ];
    let keys = (
        "A[A-Z0-9]{3,19}",
        "[A-Za-z0-9/+=]{1,60}",
        proptest::option::of("[!-~]{1,400}"),
        proptest::option::of(1_i64..100_000),
    );
    let time = 1_000_000_000_i64..4_000_000_000;
    let cluster = "[0-9A-Za-z][0-9A-Za-z_-]{0,60}";
    (cluster, proptest::sample::select(regions), keys, time).prop_map(
        |(cluster, region, (access, secret, session, life), now)| {
            let keys = Keys {
                access,
                secret,
                session,
                expires: life.map(|life| now + life),
            };
            (cluster, region, keys, now)
        },
    )
}

#[test]
fn the_script_makes_the_same_token() {
    if !have_python() {
        return;
    }
    let node = Node::with_role();
    node.refresher(Form::Script, "", &[]);
    let mut runner = TestRunner::new(Config::with_cases(40));
    let made = runner.run(&inputs(), |(cluster, region, keys, now)| {
        let mut text = format!(
            "[node]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            keys.access, keys.secret
        );
        text.extend(
            keys.session
                .iter()
                .map(|session| format!("aws_session_token = {session}\n")),
        );
        text.extend(
            keys.expires
                .map(|end| format!("x_security_token_expires = {}\n", moment::rfc3339(end))),
        );
        let path = node.put("keys", 0o600, &text);
        let output = Command::new("python3")
            .arg("-I")
            .arg(node.path("aws-credentials"))
            .args(["token", "--cluster", &cluster, "--region", region])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_SHARED_CREDENTIALS_FILE", path)
            .env("NODEBAKE_TEST_NOW", moment::rfc3339(now))
            .output()
            .unwrap();
        prop_assert!(output.status.success(), "{}", stderr(&output));
        let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ours = token::token(&cluster, region, &keys, now).unwrap();
        let ours: Value =
            serde_json::from_str(&token::exec_credential(&ours, token::api_version(None).unwrap())).unwrap();
        prop_assert_eq!(ours, theirs);
        Ok(())
    });
    made.unwrap();
}

/// A Python that has botocore: Debian's, or the first in PATH.
fn botocore() -> Option<&'static str> {
    let has = |python: &&str| {
        let tried = Command::new(python).args(["-c", "import botocore.auth"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = ["/usr/bin/python3", "python3"].into_iter().find(has);
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and botocore is not installed"
        );
        println!("skipped: botocore is not installed");
    }
    found
}

/// botocore's presigner, at a time of our choice; a line of JSON for each line of JSON.
const PRESIGNER: &str = r#"
import datetime, json, sys
import botocore.auth, botocore.awsrequest, botocore.credentials
for line in sys.stdin:
    cluster, region, host, access, secret, session, now = json.loads(line)
    time = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: time.replace(tzinfo=None)
    else:
        class Frozen(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return time.replace(tzinfo=None)
        botocore.auth.datetime.datetime = Frozen
    credentials = botocore.credentials.Credentials(access, secret, session)
    request = botocore.awsrequest.AWSRequest(
        method="GET", url=f"https://{host}/", params={"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    request.headers["x-k8s-aws-id"] = cluster
    botocore.auth.SigV4QueryAuth(credentials, "sts", region, expires=60).add_auth(request)
    print(json.dumps(request.url))
"#;

#[test]
fn botocore_makes_the_same_token() {
    let Some(python) = botocore() else { return };
    let mut lines = String::new();
    let mut ours = Vec::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let (cluster, region, keys, now) = inputs().new_tree(&mut runner).unwrap().current();
        let host = token::endpoint(region).unwrap().replace("https://", "");
        let line = serde_json::json!([cluster, region, host, keys.access, keys.secret, keys.session, now]);
        lines += &format!("{line}\n");
        ours.push(url(token::token(&cluster, region, &keys, now).unwrap().text()));
    }
    let home = Home::new();
    let input = std::fs::File::open(home.put("lines", 0o600, &lines)).unwrap();
    let output = Command::new(python)
        .args(["-c", PRESIGNER])
        .stdin(input)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let theirs: Vec<String> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(theirs.len(), ours.len());
    // The signature covers the sorted parameters; in the URL botocore puts the session before the signature.
    let sorted = |url: &str| {
        let (host, query) = url.split_once('?').unwrap();
        let mut parts: Vec<String> = query.split('&').map(str::to_owned).collect();
        parts.sort();
        (host.to_owned(), parts)
    };
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(sorted(ours), sorted(theirs));
    }
}

/// Everything that a token's URL says, and the token that the same keys give at the time it names.
fn holds(answer: &Value, region: &str, keys: &Keys) {
    let made = answer["status"]["token"].as_str().unwrap();
    let url = url(made);
    let (_, query) = url.split_once("/?").unwrap();
    let date = query
        .split('&')
        .find_map(|part| part.strip_prefix("X-Amz-Date="))
        .unwrap();
    let date = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let date = moment::from_rfc3339(&date).unwrap();
    assert!((now() - date).abs() < 30, "{date}");
    assert_eq!(token::token("gh62", region, keys, date).unwrap().text(), made);
    let end = moment::from_rfc3339(answer["status"]["expirationTimestamp"].as_str().unwrap()).unwrap();
    assert_eq!(end, keys.expires.unwrap_or(i64::MAX).min(date + 840));
}

#[test]
fn keys_come_from_where_the_aws_cli_takes_them() {
    let home = Home::new();
    let key = |access: &str, session: Option<&str>, expires| Keys {
        access: access.into(),
        secret: SECRET.into(),
        session: session.map(Into::into),
        expires,
    };
    let end = now() + 300;
    home.put(
        ".aws/credentials",
        0o600,
        &format!(
            "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = {SECRET}\n{}aws_session_token = T/+=\n",
            keys("session", SECRET, Some(end))
        ),
    );
    home.put(
        ".aws/config",
        0o644,
        "[default]\nregion = eu-west-1\n[profile session]\nregion = cn-north-1\n[profile other]\nregion = us-east-2\n",
    );
    holds(&home.answer(&[], &[]), "eu-west-1", &key("DEFAULT", None, None));
    let session = key(ACCESS, Some("T/+="), Some(end));
    for (more, variables) in [
        (&["--profile", "session"][..], &[][..]),
        (&[], &[("AWS_PROFILE", "session")]),
        (
            &["--profile", "session"],
            &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "S")],
        ),
    ] {
        holds(&home.answer(more, variables), "cn-north-1", &session);
    }
    let environment = [
        ("AWS_ACCESS_KEY_ID", "E"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "T"),
    ];
    holds(&home.answer(&[], &environment), "eu-west-1", &key("E", Some("T"), None));
    let region = [
        environment[0],
        environment[1],
        environment[2],
        ("AWS_REGION", "us-gov-west-1"),
    ];
    holds(&home.answer(&[], &region), "us-gov-west-1", &key("E", Some("T"), None));
    holds(
        &home.answer(&["--region", "us-west-2"], &region),
        "us-west-2",
        &key("E", Some("T"), None),
    );
    let elsewhere = home.put("elsewhere", 0o600, &keys("node", SECRET, None));
    let node = [
        ("AWS_SHARED_CREDENTIALS_FILE", elsewhere.to_str().unwrap()),
        ("AWS_PROFILE", "node"),
    ];
    holds(
        &home.answer(&["--region", "us-east-1"], &node),
        "us-east-1",
        &key(ACCESS, None, None),
    );
}

#[test]
fn the_version_that_was_asked_for_is_told() {
    let home = Home::new();
    home.put(".aws/credentials", 0o600, &keys("default", SECRET, None));
    for version in ["v1", "v1beta1"] {
        let version = format!("client.authentication.k8s.io/{version}");
        let info = format!(r#"{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":false}}}}"#);
        let answer = home.answer(&["--region", "us-east-1"], &[("KUBERNETES_EXEC_INFO", &info)]);
        assert_eq!(
            (&answer["apiVersion"], &answer["kind"]),
            (&Value::from(version), &Value::from("ExecCredential"))
        );
    }
    for (info, what) in [
        (
            r#"{"apiVersion":"client.authentication.k8s.io/v1alpha1"}"#,
            "v1alpha1, which is not known here",
        ),
        ("{", "not a JSON object"),
    ] {
        home.refused(&["--region", "us-east-1"], &[("KUBERNETES_EXEC_INFO", info)], what);
    }
}

#[test]
fn every_reason_is_told_in_words() {
    let home = Home::new();
    let region = ["--region", "us-east-1"];
    home.refused(
        &region,
        &[],
        "no credentials: AWS_ACCESS_KEY_ID is not set, `default` is neither in ",
    );
    home.refused(
        &region,
        &[],
        &format!("{}/.aws/credentials", home.home.path().display()),
    );
    home.refused(
        &region,
        &[("AWS_ACCESS_KEY_ID", "A")],
        "AWS_SECRET_ACCESS_KEY is not set",
    );
    home.put(".aws/credentials", 0o640, &keys("default", SECRET, Some(now() + 60)));
    home.refused(&region, &[], "is open to other users");
    home.refused(&region, &[], "hint: chmod 600 ");
    home.put(".aws/credentials", 0o600, &keys("default", SECRET, Some(now() - 60)));
    home.refused(&region, &[], "the session has expired at 20");
    home.refused(
        &["--profile", "typo", "--region", "us-east-1"],
        &[],
        "the profile `typo` is neither in ",
    );
    home.refused(&region, &[("AWS_PROFILE", "typo")], "the profile `typo` is neither in ");
    home.refused(&[], &[], "no AWS region is known");
    home.put(".aws/credentials", 0o600, &keys("default", SECRET, None));
    home.refused(&["--region", "x.example/"], &[], "is not an AWS region");
    home.put(".aws/credentials", 0o600, "[default]\naws_access_key_id = A\n");
    home.refused(&region, &[], "aws_secret_access_key is missing");
    home.put(
        ".aws/credentials",
        0o600,
        &(keys("default", SECRET, None) + "aws_session_token = " + &"a".repeat(3000)),
    );
    home.refused(&region, &[], "reads 4096 at most");
    let output = Command::new(env!("CARGO_BIN_EXE_nodebake"))
        .args(["token", "--cluster", "a b"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

/// Not even a socket is made: no STS, no metadata service, no name server.
#[test]
fn nobody_is_asked_where_keys_are_at_hand() {
    if !have("strace") {
        return;
    }
    let home = Home::new();
    home.put(".aws/credentials", 0o600, &keys("default", SECRET, None));
    let trace = home.home.path().join("trace");
    for variables in [&[][..], &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "S")]] {
        let own = home.command(&["--region", "us-east-1"], variables);
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-e", "trace=network", "-e", "signal=none", "-o"])
            .arg(&trace);
        command.arg(own.get_program()).args(own.get_args()).env_clear();
        command.envs(
            own.get_envs()
                .filter_map(|(name, value)| value.map(|value| (name, value))),
        );
        command
            .env_remove("AWS_EC2_METADATA_DISABLED")
            .env("PATH", std::env::var_os("PATH").unwrap());
        let output = command.output().unwrap();
        if stderr(&output).contains("ptrace") {
            println!("skipped: this machine lets nobody be traced");
            return;
        }
        assert!(stdout(&output).contains("k8s-aws-v1."), "{}", stderr(&output));
        assert_eq!(std::fs::read_to_string(&trace).unwrap(), "");
    }
}

/// Profiles that point elsewhere are the SDK's: a program, and a role by another profile's key.
#[test]
fn profiles_that_point_elsewhere_are_followed() {
    let home = Home::new();
    let end = now() + 600;
    let program = home.put(
        "program",
        0o755,
        &format!(
            "#!/bin/sh\necho '{{\"Version\":1,\"AccessKeyId\":\"ASIANEW\",\"SecretAccessKey\":\"{NEW_SECRET}\",\
             \"SessionToken\":\"{NEW_TOKEN}\",\"Expiration\":\"{}\"}}'\n",
            moment::rfc3339(end)
        ),
    );
    home.put(
        ".aws/config",
        0o644,
        &format!(
            "[profile program]\ncredential_process = {}\n[profile role]\nrole_arn = {ROLE}\nsource_profile = user\n",
            program.display()
        ),
    );
    home.put(".aws/credentials", 0o600, &keys("user", SECRET, None));
    let made = Keys {
        access: "ASIANEW".into(),
        secret: NEW_SECRET.into(),
        session: Some(NEW_TOKEN.into()),
        expires: Some(end),
    };
    let region = ["--region", "us-east-1"];
    let path = std::env::var("PATH").unwrap();
    let variables = [("AWS_PROFILE", "program"), ("PATH", &path)];
    holds(&home.answer(&region, &variables), "us-east-1", &made);
    let sts = sts(vec![
        at(now(), 200, &session(end)),
        at(now(), 403, &refusal("AccessDenied", "no")),
    ]);
    let variables = [("AWS_PROFILE", "role"), ("AWS_ENDPOINT_URL_STS", sts.url.as_str())];
    holds(&home.answer(&region, &variables), "us-east-1", &made);
    assert_eq!(sts.asked().len(), 1);
    home.refused(&region, &variables, "the profile `role` gave no credentials");
}

/// A machine's own role is asked in the region that was settled, also where a profile says a region and nothing else.
#[test]
fn a_web_identity_is_taken_where_no_profile_has_credentials() {
    let home = Home::new();
    let end = now() + 600;
    let token = home.put("web-token", 0o600, "a.web.token");
    let made = Keys {
        access: "ASIANEW".into(),
        secret: NEW_SECRET.into(),
        session: Some(NEW_TOKEN.into()),
        expires: Some(end),
    };
    let answer = session(end).replace("AssumeRole", "AssumeRoleWithWebIdentity");
    let sts = sts((0..3).map(|_| at(now(), 200, &answer)).collect());
    let variables = [
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", sts.url.as_str()),
    ];
    holds(&home.answer(&["--region", "us-west-2"], &variables), "us-west-2", &made);
    let config = "[default]\nregion = eu-west-1\n[profile other]\nregion = us-east-2\n";
    home.put(".aws/config", 0o644, config);
    holds(&home.answer(&[], &variables), "eu-west-1", &made);
    // Who names a profile does not mean the environment's keys.
    let with_keys = [
        variables[0],
        variables[1],
        variables[2],
        ("AWS_ACCESS_KEY_ID", "E"),
        ("AWS_SECRET_ACCESS_KEY", "S"),
    ];
    holds(&home.answer(&["--profile", "other"], &with_keys), "us-east-2", &made);
    assert_eq!(sts.asked().len(), 3);
}

/// On a node of each strategy: what its kubeconfig says, with the file that is there.
#[test]
fn nodes_of_every_strategy_get_a_token() {
    for (strategy, section, session) in [
        // The agent of Systems Manager writes root's file, and no end.
        (
            "    ssm: { roleArn: arn:aws:iam::111122223333:role/hybrid }\n",
            "default",
            true,
        ),
        (
            "    user: { userArn: arn:aws:iam::111122223333:user/n, profile: mine }\n",
            "mine",
            false,
        ),
    ] {
        let profile = if session { "hybrid" } else { "satellite" };
        let yaml = crate::support::node_yaml(profile, "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
        let (before, _) = yaml.split_once("  credentials:\n").unwrap();
        let before = before.replace("nodeName: gpu-17", "nodeName: mi-0123456789abcdef0");
        let yaml = format!("{before}  credentials:\n{strategy}");
        let built =
            crate::support::build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", crate::support::told(&report)));
        let decided = |path: &str| built.plan.book.get(path).unwrap().value().clone();
        let tree = built.verified.tree();
        let kubeconfig = &tree
            .get(nodebake::catalog::Plane::Node, "/var/lib/kubelet/kubeconfig")
            .unwrap()
            .text;
        assert_eq!(decided("credentials.profile"), section);
        for value in [decided("credentials.file"), decided("credentials.profile")] {
            assert!(
                kubeconfig.contains(&format!("value: {}", value.as_str().unwrap())),
                "{kubeconfig}"
            );
        }
        let home = Home::new();
        let token = if session { "aws_session_token = T\n" } else { "" };
        let file = home.put("file", 0o600, &(keys(section, SECRET, None) + token));
        let variables = [
            ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
            ("AWS_PROFILE", section),
        ];
        let made = Keys {
            access: ACCESS.into(),
            secret: SECRET.into(),
            session: session.then(|| "T".into()),
            expires: None,
        };
        holds(&home.answer(&["--region", "us-east-1"], &variables), "us-east-1", &made);
    }
}

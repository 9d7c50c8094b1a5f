//! Refreshing: what is asked, what is left behind, and what every answer and every mistake leads to. Where it is not
//! said otherwise, the script and the program do the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::*;

const DENIED: &str = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: sts:AssumeRole";

#[test]
fn both_ask_the_same_and_leave_the_same_file() {
    if !have_python() {
        return;
    }
    let end = now() + 14_400;
    let mut bodies = Vec::new();
    for form in FORMS {
        let node = Node::with_role();
        node.old_session(60);
        let sts = sts(vec![at(now(), 200, &session(end))]);
        let output = node.refresh(form, &sts);
        assert!(output.status.success(), "{form:?}: {}", stderr(&output));
        assert_eq!(node.read(), session_file(end), "{form:?}");
        assert_eq!((mode(&node.session()), node.drafts()), (0o600, vec![]), "{form:?}");
        let asked = sts.asked();
        assert_eq!(asked.len(), 1);
        let authorization = asked[0].header("authorization");
        assert!(authorization.contains("Credential=AKIDEXAMPLE/"), "{authorization}");
        assert!(authorization.contains("/us-west-2/sts/aws4_request"), "{authorization}");
        assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/"));
        let body: BTreeSet<String> = asked[0].text().split('&').map(str::to_owned).collect();
        bodies.push(body);
    }
    assert!(
        bodies[0].contains(&format!("RoleSessionName={NAME}")),
        "{:?}",
        bodies[0]
    );
    assert!(bodies[0].contains("DurationSeconds=14400"));
    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn a_first_session_gets_a_folder_closed_to_others() {
    if !have_python() {
        return;
    }
    for form in FORMS {
        let node = Node::with_role();
        let end = now() + 3600;
        let output = node.refresh(form, &sts(vec![at(now(), 200, &session(end))]));
        assert!(output.status.success(), "{form:?}: {}", stderr(&output));
        assert_eq!(mode(node.session().parent().unwrap()), 0o700, "{form:?}");
        assert_eq!(mode(&node.session()), 0o600, "{form:?}");
    }
}

#[test]
fn a_session_of_one_form_is_used_by_the_other() {
    if !have_python() {
        return;
    }
    let node = Node::with_role();
    let end = now() + 14_400;
    assert!(
        node.refresh(Form::Script, &sts(vec![at(now(), 200, &session(end))]))
            .status
            .success()
    );
    let token = Command::new(env!("CARGO_BIN_EXE_nodebake"))
        .args(["token", "--cluster", "gh62", "--region", "us-east-1"])
        .env_clear()
        .env("AWS_SHARED_CREDENTIALS_FILE", node.session())
        .env("AWS_PROFILE", "node")
        .output()
        .unwrap();
    assert!(token.status.success(), "{}", stderr(&token));
    assert!(
        node.refresh(Form::Program, &sts(vec![at(now(), 200, &session(end))]))
            .status
            .success()
    );
    let script = Command::new("python3")
        .arg("-I")
        .arg(node.path("aws-credentials"))
        .args(["token", "--cluster", "gh62", "--region", "us-east-1"])
        .env("NODEBAKE_SESSION_CREDENTIALS", node.session())
        .env("AWS_PROFILE", "node")
        .env_remove("AWS_SHARED_CREDENTIALS_FILE")
        .output()
        .unwrap();
    assert!(script.status.success(), "{}", stderr(&script));
}

/// Denied, throttled, broken, no answer of STS, and then a session.
#[test]
fn the_ladder() {
    if !have_python() {
        return;
    }
    let end = now() + 14_400;
    for form in FORMS {
        let node = Node::with_role();
        let old = node.old_session(5400);
        let kept = |output: &Output, what: &str| {
            assert!(!output.status.success(), "{form:?}");
            assert!(
                stderr(output).contains(what),
                "{form:?}: {what:?} not in {}",
                stderr(output)
            );
            assert!(stderr(output).contains("the old session lives"), "{}", stderr(output));
            assert_eq!(node.read(), old, "{form:?}");
        };
        let denied = sts(vec![at(now(), 403, &refusal("AccessDenied", DENIED))]);
        kept(&node.refresh(form, &denied), "exactly the session name");
        assert_eq!(denied.asked().len(), 1, "{form:?} asks again after a no");
        let page = sts(vec![at(now(), 200, "<html>Welcome</html>")]);
        kept(&node.refresh(form, &page), "");
        assert_eq!(page.asked().len(), 1, "{form:?}");
        let proxy = sts(vec![at(now(), 403, "<html>The proxy says no</html>")]);
        kept(&node.refresh(form, &proxy), "STS answers 403");
        let redirect = sts(vec![at(now(), 307, "").header("Location", "http://127.0.0.1:1/")]);
        kept(&node.refresh(form, &redirect), "STS answers 307");

        let answers = vec![
            at(now(), 400, &refusal("Throttling", "Rate exceeded")),
            at(now(), 503, "<html>busy</html>"),
            Reply::lost(),
            at(now(), 200, &session(end)),
        ];
        let sts = sts(answers);
        let output = node.refresh(form, &sts);
        assert!(output.status.success(), "{form:?}: {}", stderr(&output));
        assert_eq!(sts.asked().len(), 4, "{form:?}");
        assert_eq!(node.read(), session_file(end), "{form:?}");
    }
}

#[test]
fn refusals_are_explained() {
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    let long = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let node = Node::with_role();
    for (status, code, message, what) in [
        (403, "AccessDenied", DENIED, "trust policy"),
        (400, "ValidationError", long, "above the role's own maximum"),
        (400, "ValidationError", chained, "3600 s at most"),
        (403, "ExpiredToken", "over", "bring an IAM user's key"),
        (403, "RegionDisabledException", "not here", "enabled STS in us-west-2"),
        (400, "MalformedPolicyDocument", "bad", "sends no policy"),
        (400, "PackedPolicyTooLarge", "big", "session tags"),
        (403, "InvalidClientTokenId", "invalid", "unknown, inactive or deleted"),
        (403, "SignatureDoesNotMatch", "no match", "the secret key is wrong"),
    ] {
        let sts = sts(vec![at(now(), status, &refusal(code, message))]);
        let output = node.refresh(Form::Program, &sts);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{told}");
        assert!(
            told.contains(what) && told.contains(code),
            "{code}: {what:?} not in {told}"
        );
        assert!(told.contains("there is no old session"), "{told}");
        assert_eq!(sts.asked().len(), 1, "{code} is asked again");
    }
}

#[test]
fn a_key_that_comes_back_is_not_printed() {
    let node = Node::with_role();
    let message = format!("The Canonical String should have been {SECRET} and {NEW_TOKEN}");
    let sts = sts(vec![at(now(), 403, &refusal("SignatureDoesNotMatch", &message))]);
    let told = stderr(&node.refresh(Form::Program, &sts));
    assert!(told.contains("should have been *** and ***"), "{told}");
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let node = Node::with_role();
    let expired = "Signature expired: 20230825T043520Z is now earlier than 20230825T044020Z";
    let sts_off = sts(vec![at(now() + 900, 403, &refusal("SignatureDoesNotMatch", expired))]);
    let told = stderr(&node.refresh(Form::Program, &sts_off));
    assert!(
        told.contains("AWS is -900 s") || told.contains("AWS is -899 s"),
        "{told}"
    );
    assert!(told.contains("mend NTP"), "{told}");
    // A minute or two do no harm yet, and are told all the same.
    let sts_near = sts(vec![at(now() - 120, 200, &session(now() + 3600))]);
    let metrics = node.path("metrics/nodebake.prom");
    let mut command = node.refresher(Form::Program, &sts_near.url, &["--metrics", metrics.to_str().unwrap()]);
    let output = seen(sts_near.run(&mut command, None));
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("this clock minus that of AWS is 12"),
        "{}",
        stderr(&output)
    );
    assert!(
        std::fs::read_to_string(metrics)
            .unwrap()
            .contains("\nnodebake_credentials_clock_skew_seconds 12")
    );
}

#[test]
fn nothing_is_asked_that_sts_would_refuse() {
    for (from, to, what) in [
        ("14400", "899", "is not in 900 to 43200"),
        ("14400", "43201", "is not in 900 to 43200"),
        (
            "role_session_name = f",
            "role_session_name = /",
            "role_session_name is not",
        ),
        (":role/", ":user/", "not the ARN of a role"),
    ] {
        let node = Node::with_role();
        let config = std::fs::read_to_string(node.path("config")).unwrap();
        assert!(config.contains(from));
        node.put("config", 0o644, &config.replace(from, to));
        let sts = sts(vec![]);
        let output = node.refresh(Form::Program, &sts);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
        assert_eq!(sts.asked().len(), 0);
    }
    let node = Node::with_role();
    let key = keys("nodebake-source", SECRET, None) + "aws_session_token = T\n";
    node.put("source", 0o600, &key);
    let sts = sts(vec![]);
    let output = node.refresh(Form::Program, &sts);
    assert!(stderr(&output).contains("more than 3600"), "{}", stderr(&output));
    assert_eq!(sts.asked().len(), 0);
}

#[test]
fn files_that_are_wrong_are_told() {
    if !have_python() {
        return;
    }
    for form in FORMS {
        let node = Node::with_role();
        let told = |what: &str| {
            let output = node.alone(form, &[]);
            assert!(!output.status.success());
            assert!(
                stderr(&output).contains(what),
                "{form:?}: {what:?} not in {}",
                stderr(&output)
            );
        };
        node.put("source", 0o640, &keys("nodebake-source", SECRET, None));
        told("is open to other users; run: chmod 600");
        node.put("source", 0o600, &keys("default", SECRET, None));
        told("no section [nodebake-source]");
        node.put(
            "source",
            0o600,
            &format!("[nodebake-source]\naws_access_key_id = A\n{SECRET}\n"),
        );
        told("config format");
        node.put("source", 0o600, "[nodebake-source]\naws_access_key_id = A\n");
        told("aws_secret_access_key is missing");
        std::fs::remove_file(node.path("source")).unwrap();
        told("No such file");
        node.put("config", 0o644, "[default]\nregion = us-west-2\n");
        told("no section [profile nodebake]");
    }
    let node = Node::with_role();
    node.old_session(60);
    let folder = node.session().parent().unwrap().to_owned();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let old = node.read();
    let output = node.refresh(Form::Program, &sts(vec![at(now(), 200, &session(now() + 3600))]));
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("is writable by other users"),
        "{}",
        stderr(&output)
    );
    assert_eq!(node.read(), old);
}

/// A session whose file is a bare name goes into the current folder.
#[test]
fn a_session_beside_whoever_asks() {
    let node = Node::with_role();
    let end = now() + 3600;
    let sts = sts(vec![at(now(), 200, &session(end))]);
    let mut command = node.refresher(Form::Program, &sts.url, &[]);
    command.env("NODEBAKE_SESSION_CREDENTIALS", "creds");
    command.current_dir(node.home.path());
    let output = seen(sts.run(&mut command, None));
    assert!(output.status.success(), "{}", stderr(&output));
    let path = node.path("creds");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), session_file(end));
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_key_goes_nowhere_in_clear_text() {
    let node = Node::with_role();
    for url in [
        "http://sts.us-west-2.amazonaws.com",
        "http://127.0.0.1@sts.example.com",
        "file:///etc/passwd",
    ] {
        let output = seen(node.refresher(Form::Program, url, &[]).output().unwrap());
        assert!(
            stderr(&output).contains("AWS_ENDPOINT_URL_STS"),
            "{url}: {}",
            stderr(&output)
        );
        assert_eq!(output.status.code(), Some(4), "{url}");
    }
}

#[test]
fn metrics_count_and_the_journal_gets_priorities() {
    let node = Node::with_role();
    let metrics = node.path("metrics/nodebake.prom");
    let more = ["--metrics", metrics.to_str().unwrap()];
    let run = |answers: Vec<Reply>| {
        let sts = sts(answers);
        let log = node.path("journal");
        let file = std::fs::File::create(&log).unwrap();
        let about = file.metadata().unwrap();
        let stream = {
            use std::os::unix::fs::MetadataExt;
            format!("{}:{}", about.dev(), about.ino())
        };
        let mut command = node.refresher(Form::Program, &sts.url, &more);
        let status = command.env("JOURNAL_STREAM", stream).stderr(file).status().unwrap();
        (
            status.code(),
            std::fs::read_to_string(log).unwrap(),
            std::fs::read_to_string(&metrics).unwrap(),
        )
    };
    let no = || at(now(), 403, &refusal("AccessDenied", DENIED));
    let (code, log, text) = run(vec![no()]);
    assert_eq!(code, Some(4));
    assert!(
        log.lines().all(|line| line.starts_with("<2>")),
        "without any session: {log}"
    );
    assert!(
        text.ends_with("nodebake_credentials_failures_total 1\nnodebake_credentials_clock_skew_seconds 0\n")
            || text.contains("failures_total 1\n"),
        "{text}"
    );
    assert!(!text.contains("expiry"), "{text}");
    let end = now() + 14_400;
    let (code, log, text) = run(vec![at(now(), 200, &session(end))]);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.starts_with("<6>session valid until "), "{log}");
    assert!(
        text.contains(&format!("\nnodebake_credentials_expiry_timestamp_seconds {end}\n")),
        "{text}"
    );
    assert!(text.contains("\nnodebake_credentials_failures_total 1\n"), "{text}");
    assert_eq!(mode(&metrics), 0o644);
    let (_, log, text) = run(vec![no()]);
    assert!(
        log.lines().all(|line| line.starts_with("<3>")),
        "with a session left: {log}"
    );
    assert!(text.contains("\nnodebake_credentials_failures_total 2\n"), "{text}");
    assert!(text.contains(&format!("expiry_timestamp_seconds {end}\n")), "{text}");
    // Elsewhere nobody sees numbers.
    let plain = stderr(&node.alone(Form::Program, &["--source", "/none"]));
    assert!(!plain.contains('<'), "{plain}");
}

/// Waits until so many requests came.
fn await_asked(sts: &Server, count: usize) {
    let begin = Instant::now();
    let mut asked = 0;
    while asked < count {
        asked += sts.asked().len();
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{asked} of {count} requests came"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn watching_refreshes_in_time_and_when_the_key_comes() {
    let node = Node::with_role();
    std::fs::remove_file(node.path("source")).unwrap();
    // Sessions of nine seconds, so that a third of their life is soon over.
    let sts = Server::new(|_: &Ask| at(now(), 200, &session(now() + 9)));
    let mut child = node
        .refresher(Form::Program, &sts.url, &["--watch"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Without a key it waits for half a minute, unless the key comes.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(sts.asked().len(), 0);
    node.put("source", 0o600, &keys("nodebake-source", SECRET, None));
    await_asked(&sts, 3);
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(node.read().contains("ASIANEW"));
}

#[test]
fn a_program_gives_the_session_of_roles_anywhere() {
    if !have_python() {
        return;
    }
    // The configuration that a node of this strategy gets, with a helper that answers if it is called as the real one.
    let yaml = crate::support::node_yaml("hybrid", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    let built =
        crate::support::build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", crate::support::told(&report)));
    let tree = built.verified.tree();
    let config = &tree
        .get(nodebake::catalog::Plane::Node, "/etc/nodebake/aws/config")
        .unwrap()
        .text;
    let end = now() + 3600;
    let helper = format!(
        "#!/bin/sh\nset -eu\n[ \"$1\" = credential-process ]\nshift\nwhile [ $# -gt 0 ]; do\n  case $1 in\n    \
         --certificate|--private-key|--trust-anchor-arn|--profile-arn|--role-arn|--session-duration|--region) ;;\n    \
         --role-session-name) [ \"$2\" = gpu-17 ] ;;\n    *) echo \"what is $1\" >&2; exit 2 ;;\n  esac\n  shift 2\ndone\n\
         echo '{{\"Version\":1,\"AccessKeyId\":\"ASIANEW\",\"SecretAccessKey\":\"{NEW_SECRET}\",\"SessionToken\":\"{NEW_TOKEN}\",\"Expiration\":\"{}\"}}'\n",
        moment::rfc3339(end)
    );
    for form in FORMS {
        let node = Node::with_role();
        let path = node.put("aws_signing_helper", 0o755, &helper);
        assert!(config.contains("/usr/local/bin/aws_signing_helper credential-process "));
        let config = config.replace("/usr/local/bin/aws_signing_helper", path.to_str().unwrap());
        node.put("config", 0o644, &config);
        let output = node.alone(form, &[]);
        assert!(output.status.success(), "{form:?}: {}", stderr(&output));
        assert_eq!(node.read(), session_file(end), "{form:?}");
        node.put(
            "aws_signing_helper",
            0o755,
            &format!("#!/bin/sh\necho one >&2\necho 'last {NEW_SECRET}' >&2\nexit 3\n"),
        );
        let output = node.alone(form, &[]);
        assert!(stderr(&output).contains("3: last ***"), "{form:?}: {}", stderr(&output));
        assert_eq!(node.read(), session_file(end), "{form:?}");
        for odd in [
            "{}",
            "[1]",
            "x",
            &format!("{{\"Version\":1,\"SecretAccessKey\":\"{NEW_SECRET}\"}}"),
        ] {
            node.put("aws_signing_helper", 0o755, &format!("#!/bin/sh\necho '{odd}'\n"));
            let output = node.alone(form, &[]);
            assert!(!output.status.success(), "{form:?} takes {odd}");
            assert_eq!(node.read(), session_file(end), "{form:?}");
        }
    }
}

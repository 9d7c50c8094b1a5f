//! Runs the node's credential script against a local stand-in for AWS STS.
//!
//! The script is taken from its template as it is, so these tests check the bytes that reach a
//! node. `NODEBAKE_TEST_PYTHON` names another interpreter than `python3`; without an interpreter
//! the tests are skipped, except under `CI=true`.

// The rules on where the tool may touch the disk, clock or processes are for the tool, not for this.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/credentials/aws-credentials.j2");

const NOW: &str = "2023-08-25T04:45:20Z";
const ACCESS: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "TOKEN/EXAMPLE+1==";
const NEW_SECRET: &str = "nEwSecret/ofTheSession+nEwSecret/ofTheSe";
const NEW_TOKEN: &str = "nEwToken/ofTheSession+nEwToken/ofTheSession+nEwToken==";
const OLD_SECRET: &str = "oLdSecret";
const ROLE: &str = "arn:aws:iam::123456789012:role/nodebake-gh62";
const NAME: &str = "fargate-ip-10-0-14-170.ec2.internal";

fn python() -> Option<String> {
    let python = std::env::var("NODEBAKE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    match Command::new(&python).arg("-V").output() {
        Ok(answer) if answer.status.success() => Some(python),
        _ if std::env::var("CI").as_deref() == Ok("true") => panic!("{python} is missing"),
        _ => {
            println!("skipped: {python} is missing");
            None
        }
    }
}

/// A machine with nothing but the script and its files, all in one directory.
struct Node {
    dir: PathBuf,
    python: String,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Node {
    fn new() -> Option<Node> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let python = python()?;
        let unique = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("nodebake-credentials-{}-{unique}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let template = fs::read_to_string(TEMPLATE).unwrap();
        let script = template.splitn(3, "---\n").nth(2).unwrap();
        assert!(script.starts_with("#!/usr/bin/python3 -I\n"));
        fs::write(dir.join("aws-credentials"), script).unwrap();
        Some(Node { dir, python })
    }

    /// A node that gets its session from STS with a source key.
    fn with_role() -> Option<Node> {
        let node = Node::new()?;
        node.write(
            "config",
            0o644,
            &format!(
                "[profile nodebake]\nregion = us-west-2\nrole_arn = {ROLE}\nsource_profile = nodebake-source\n\
                 role_session_name = {NAME}\nduration_seconds = 14400\n"
            ),
        );
        node.write("source", 0o600, &keys("nodebake-source", SECRET, None));
        Some(node)
    }

    /// A node whose `credential_process` runs this Python text.
    fn with_process(text: &str) -> Option<Node> {
        let node = Node::new()?;
        node.write("process.py", 0o644, text);
        let config = format!(
            "[profile nodebake]\ncredential_process = {} -I '{}'\n",
            node.python,
            node.path("process.py").display()
        );
        node.write("config", 0o644, &config);
        Some(node)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn session(&self) -> PathBuf {
        self.path("run/aws/credentials")
    }

    fn write(&self, name: &str, mode: u32, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn make_session_folder(&self, mode: u32) -> PathBuf {
        let folder = self.session().parent().unwrap().to_path_buf();
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    /// Puts a session file in place that ends 90 minutes after `NOW`, and returns its text.
    fn old_session(&self) -> String {
        let text = keys("node", OLD_SECRET, Some("2023-08-25T06:15:20Z"));
        self.make_session_folder(0o700);
        self.write("run/aws/credentials", 0o600, &text);
        text
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
        let output = Command::new(&self.python)
            .arg("-I")
            .arg(self.path("aws-credentials"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_CONFIG_FILE", self.path("config"))
            .env("NODEBAKE_SOURCE_CREDENTIALS", self.path("source"))
            .env("NODEBAKE_SESSION_CREDENTIALS", self.session())
            .env("NODEBAKE_TEST_NOW", NOW)
            .env("NODEBAKE_TEST_NO_SLEEP", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let answer = Answer::new(output);
        for secret in [SECRET, TOKEN, NEW_SECRET, NEW_TOKEN, OLD_SECRET] {
            assert!(!answer.out.contains(secret), "secret on stdout");
            assert!(!answer.err.contains(secret), "secret on stderr");
        }
        answer
    }

    fn refresh(&self, variables: &[(&str, &str)]) -> Answer {
        self.run(&["refresh"], variables)
    }

    fn refresh_at(&self, sts: &Sts) -> Answer {
        self.refresh(&[("AWS_ENDPOINT_URL_STS", &format!("http://{}", sts.address))])
    }

    fn token(&self, variables: &[(&str, &str)]) -> Answer {
        let arguments = ["token", "--cluster", "gh62", "--region", "us-east-1"];
        self.run(&arguments, variables)
    }

    /// The session file holds the new session, for its owner only, and nothing else is left.
    fn assert_new_session(&self) {
        let session = self.session();
        assert_eq!(
            fs::read_to_string(&session).unwrap(),
            format!(
                "[node]\naws_access_key_id = ASIANEW\naws_secret_access_key = {NEW_SECRET}\n\
                 aws_session_token = {NEW_TOKEN}\nx_security_token_expires = 2023-08-25T08:45:20Z\n"
            )
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&session), 0o600);
        assert_eq!(mode(session.parent().unwrap()), 0o700);
        assert_eq!(fs::read_dir(session.parent().unwrap()).unwrap().count(), 1);
    }
}

impl Answer {
    fn new(output: Output) -> Answer {
        Answer {
            code: output.status.code().expect("ended by a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Exit code 1 and a single line that says `what`.
    fn assert_failed(&self, what: &str) {
        assert_eq!(self.code, 1, "{}", self.err);
        assert_eq!(self.out, "");
        assert!(self.err.starts_with("aws-credentials: "), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.contains(what), "{what:?} not in: {}", self.err);
    }

    fn assert_done(&self) {
        assert_eq!((self.code, self.err.as_str()), (0, ""));
    }

    /// The token in the printed `ExecCredential`.
    fn token(&self) -> &str {
        self.assert_done();
        let (_, rest) = self.out.split_once("\"token\": \"").unwrap();
        rest.split_once('"').unwrap().0
    }
}

fn keys(section: &str, secret: &str, expires: Option<&str>) -> String {
    let end = expires.map_or(String::new(), |e| format!("x_security_token_expires = {e}\n"));
    format!("[{section}]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {secret}\n{end}")
}

/// Answers each request with the next of its answers, and with 500 when there is none left.
struct Sts {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Sts {
    fn new<T: AsRef<str>>(answers: &[T]) -> Sts {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let answers: Vec<String> = answers.iter().map(|a| a.as_ref().to_string()).collect();
        let thread = std::thread::spawn(move || {
            let mut requests = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                if stopped.load(Ordering::SeqCst) {
                    return requests;
                }
                requests.push(read_request(&mut stream));
                let missing = http(500, "");
                let answer = answers.get(requests.len() - 1).unwrap_or(&missing);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Sts { address, stop, thread }
    }

    /// Ends the stand-in; the requests it got.
    fn requests(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).unwrap();
        self.thread.join().unwrap()
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        match stream.read(&mut part).unwrap() {
            0 => return text.into_owned(),
            count => bytes.extend_from_slice(&part[..count]),
        }
    }
}

fn http(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Test\r\nDate: Fri, 25 Aug 2023 04:45:20 GMT\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn session_xml() -> String {
    http(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <AssumeRoleResult>\n\
             <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/x/y</Arn></AssumedRoleUser>\n\
             <Credentials>\n<AccessKeyId>ASIANEW</AccessKeyId>\n<SecretAccessKey>{NEW_SECRET}</SecretAccessKey>\n\
             <SessionToken>{NEW_TOKEN}</SessionToken>\n<Expiration>2023-08-25T08:45:20Z</Expiration>\n\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn refusal(status: u16, code: &str, message: &str) -> String {
    http(
        status,
        &format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  \
             <RequestId>1</RequestId>\n</ErrorResponse>"
        ),
    )
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    request
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .unwrap_or_else(|| panic!("no header {name}"))
        .1
}

/// The AWS signature of a received request, computed apart from the script's own code.
fn signature_of(python: &str, request: &str) -> String {
    let helper = r#"
import hashlib, hmac, sys
secret = sys.argv[1]
head, body = sys.stdin.buffer.read().split(b"\r\n\r\n", 1)
first, *rest = head.decode().split("\r\n")
method, path, _ = first.split(" ")
got = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in rest)}
fields = dict(p.strip().split("=", 1) for p in got["authorization"].split(" ", 1)[1].split(","))
day, region, service, end = fields["Credential"].split("/")[1:]
canonical = method + "\n" + path + "\n\n"
for name in fields["SignedHeaders"].split(";"):
    canonical += name + ":" + got[name] + "\n"
canonical += "\n" + fields["SignedHeaders"] + "\n" + hashlib.sha256(body).hexdigest()
mac = lambda key, text: hmac.new(key, text.encode(), hashlib.sha256).digest()
key = mac(mac(mac(mac(("AWS4" + secret).encode(), day), region), service), end)
print(mac(key, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/%s\n%s" % (
    got["x-amz-date"], day, region, service, end,
    hashlib.sha256(canonical.encode()).hexdigest())).hex())
"#;
    let mut child = Command::new(python)
        .args(["-c", helper, SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

fn from_base64url(text: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes() {
        let value = alphabet.iter().position(|&a| a == letter).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff).try_into().unwrap());
        }
    }
    String::from_utf8(bytes).unwrap()
}

// ---- token -------------------------------------------------------------------------------------

#[test]
fn token_without_session_token_matches_the_known_answer() {
    let Some(node) = Node::new() else { return };
    node.write("keys", 0o600, &keys("node", SECRET, None));
    let path = node.path("keys");
    let answer = node.token(&[("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap())]);
    let token = answer.token();
    assert_eq!(token.len(), 481);
    let url = from_base64url(token.strip_prefix("k8s-aws-v1.").unwrap());
    assert_eq!(
        url,
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20230825%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20230825T044520Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
         &X-Amz-Signature=8b591c8452b7d28842830c5af5296d92fde66321b2e8b2b587537a85e503aef5"
    );
    assert!(answer.out.contains(r#""expirationTimestamp": "2023-08-25T04:59:20Z""#));
    assert!(answer.out.contains(r#""kind": "ExecCredential""#));
    assert!(
        answer
            .out
            .contains(r#""apiVersion": "client.authentication.k8s.io/v1""#)
    );
}

#[test]
fn token_with_session_token_matches_the_known_answer() {
    let Some(node) = Node::new() else { return };
    let text = keys("other", SECRET, Some("2023-08-25T08:45:20Z"));
    node.write("keys", 0o600, &format!("{text}aws_session_token = {TOKEN}\n"));
    let path = node.path("keys");
    let answer = node.token(&[
        ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap()),
        ("AWS_PROFILE", "other"),
        ("NODEBAKE_TEST_NOW", "20230825T044520Z"),
    ]);
    let token = answer.token();
    assert_eq!(token.len(), 543);
    let url = from_base64url(token.strip_prefix("k8s-aws-v1.").unwrap());
    assert!(url.contains("&X-Amz-Security-Token=TOKEN%2FEXAMPLE%2B1%3D%3D&"));
    assert!(url.ends_with("&X-Amz-Signature=57b3dc60e9442e6e101ef3a9447116071b198c23b90149286aeacd40f0488cad"));
}

#[test]
fn token_says_the_api_version_it_was_asked_for() {
    let Some(node) = Node::new() else { return };
    node.old_session();
    for version in ["v1", "v1beta1"] {
        let version = format!("client.authentication.k8s.io/{version}");
        let info = format!(r#"{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":false}}}}"#);
        let answer = node.token(&[("KUBERNETES_EXEC_INFO", &info)]);
        answer.assert_done();
        assert!(answer.out.contains(&format!(r#""apiVersion": "{version}""#)));
    }
    for bad in ["{", "[]", "7"] {
        let answer = node.token(&[("KUBERNETES_EXEC_INFO", bad)]);
        answer.assert_failed("KUBERNETES_EXEC_INFO");
    }
}

#[test]
fn token_is_refused_after_the_session_and_never_outlives_it() {
    let Some(node) = Node::new() else { return };
    node.old_session();
    let answer = node.token(&[("NODEBAKE_TEST_NOW", "2023-08-25T06:10:20Z")]);
    answer.assert_done();
    assert!(answer.out.contains(r#""expirationTimestamp": "2023-08-25T06:15:20Z""#));
    for end in ["2023-08-25T06:15:20Z", "2023-08-25T09:00:00Z"] {
        let answer = node.token(&[("NODEBAKE_TEST_NOW", end)]);
        answer.assert_failed("has expired at 2023-08-25T06:15:20Z");
    }
}

#[test]
fn token_uses_the_host_of_the_partition() {
    let Some(node) = Node::new() else { return };
    node.old_session();
    for (region, host) in [
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ] {
        let answer = node.run(&["token", "--region", region, "--cluster", "gh62"], &[]);
        let url = from_base64url(&answer.token()["k8s-aws-v1.".len()..]);
        assert!(url.starts_with(&format!("https://{host}/?")), "{url}");
    }
    let answer = node.run(&["token", "--region", "x.example/", "--cluster", "gh62"], &[]);
    answer.assert_failed("not an AWS region");
    let answer = node.run(&["token", "--region", "us-east-1", "--cluster", "a\nb"], &[]);
    answer.assert_failed("not an EKS cluster name");
}

#[test]
fn token_explains_a_bad_session_file() {
    let Some(node) = Node::new() else { return };
    node.token(&[]).assert_failed("No such file");
    node.make_session_folder(0o700);
    for (text, what) in [
        (keys("other", SECRET, None), "no section [node]"),
        (format!("aws_secret_access_key = {SECRET}\n"), "config format"),
        (format!("[node]\naws_secret_access_key: {SECRET}\n"), "config format"),
        (
            format!("[node]\naws_secret_access_key = {SECRET}\n"),
            "aws_access_key_id is missing",
        ),
        (keys("node", SECRET, Some("soon")), "'soon' is not an RFC 3339 time"),
    ] {
        node.write("run/aws/credentials", 0o600, &text);
        node.token(&[]).assert_failed(what);
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let Some(node) = Node::new() else { return };
    for arguments in [
        &[][..],
        &["renew"],
        &["refresh", "now"],
        &["token", "--cluster", "gh62"],
        &["token", "--cluster", "gh62", "--cluster", "gh63"],
    ] {
        let answer = node.run(arguments, &[]);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""));
        assert!(answer.err.starts_with("aws-credentials: usage: "));
        assert_eq!(answer.err.lines().count(), 1);
    }
}

// ---- refresh with a source key -----------------------------------------------------------------

#[test]
fn refresh_signs_assume_role_and_writes_the_session() {
    let Some(node) = Node::with_role() else { return };
    let sts = Sts::new(&[session_xml()]);
    let answer = node.refresh_at(&sts);
    answer.assert_done();
    assert_eq!(answer.out, "session valid until 2023-08-25T08:45:20Z\n");
    node.assert_new_session();

    let requests = sts.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert!(request.starts_with("POST / HTTP/1.1\r\n"));
    let body = request.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        format!(
            "Action=AssumeRole&Version=2011-06-15\
             &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnodebake-gh62\
             &RoleSessionName={NAME}&DurationSeconds=14400"
        )
    );
    let authorization = header(request, "authorization");
    let (fields, signature) = authorization.split_once(", Signature=").unwrap();
    assert_eq!(
        fields,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20230825/us-west-2/sts/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date"
    );
    assert_eq!(signature, signature_of(&node.python, request));
    assert!(!request.contains(SECRET));
}

#[test]
fn refresh_signs_a_source_session_token_too() {
    let Some(node) = Node::with_role() else { return };
    let text = keys("nodebake-source", SECRET, None);
    node.write("source", 0o600, &format!("{text}aws_session_token = {TOKEN}\n"));
    let sts = Sts::new(&[session_xml()]);
    node.refresh_at(&sts).assert_done();
    let requests = sts.requests();
    assert_eq!(header(&requests[0], "x-amz-security-token"), TOKEN);
    let authorization = header(&requests[0], "authorization");
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"));
    assert!(authorization.ends_with(&signature_of(&node.python, &requests[0])));
}

#[test]
fn refresh_replaces_an_old_session() {
    let Some(node) = Node::with_role() else { return };
    node.old_session();
    let sts = Sts::new(&[session_xml()]);
    node.refresh_at(&sts).assert_done();
    node.assert_new_session();
}

#[test]
fn refresh_tries_again_after_a_passing_failure() {
    let Some(node) = Node::with_role() else { return };
    let sts = Sts::new(&[
        http(503, "<html>busy</html>"),
        refusal(400, "Throttling", "Rate exceeded"),
        String::new(), // the connection ends without an answer
        session_xml(),
    ]);
    node.refresh_at(&sts).assert_done();
    node.assert_new_session();
    assert_eq!(sts.requests().len(), 4);
}

#[test]
fn refresh_gives_up_after_five_tries() {
    let Some(node) = Node::with_role() else { return };
    let old = node.old_session();
    let sts = Sts::new::<&str>(&[]);
    let answer = node.refresh_at(&sts);
    answer.assert_failed("gave up after 5 tries; the old session lives 90 min more");
    assert_eq!(fs::read_to_string(node.session()).unwrap(), old);
    assert_eq!(sts.requests().len(), 5);

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = node.refresh(&[("AWS_ENDPOINT_URL_STS", &format!("http://{free}"))]);
    answer.assert_failed("cannot reach 127.0.0.1: ");
    assert_eq!(fs::read_to_string(node.session()).unwrap(), old);
}

#[test]
fn refresh_explains_a_refusal_and_keeps_the_old_session() {
    let Some(node) = Node::with_role() else { return };
    let old = node.old_session();
    let denied = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: sts:AssumeRole";
    let too_long = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    for (code, message, what) in [
        (
            "AccessDenied",
            denied,
            format!("trust policy must allow this IAM user and exactly the session name {NAME}"),
        ),
        (
            "ValidationError",
            too_long,
            "duration_seconds 14400 is above the role's MaxSessionDuration".into(),
        ),
        ("ValidationError", chained, "3600 s is the limit".into()),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "unknown, inactive".into(),
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match.",
            "AWS is 0 s".into(),
        ),
        (
            "PackedPolicyTooLarge",
            "Braces {0} and {name} stay.",
            "Braces {0} and {name} stay.".into(),
        ),
    ] {
        let status = if code == "AccessDenied" { 403 } else { 400 };
        let sts = Sts::new(&[refusal(status, code, message)]);
        let answer = node.refresh_at(&sts);
        answer.assert_failed(&what);
        assert!(answer.err.contains(&format!("STS answers {status} {code}: ")));
        assert!(answer.err.ends_with("; the old session lives 90 min more\n"));
        assert_eq!(fs::read_to_string(node.session()).unwrap(), old);
        assert_eq!(sts.requests().len(), 1, "{code} must not be tried again");
    }
}

#[test]
fn refresh_tells_the_clock_skew() {
    let Some(node) = Node::with_role() else { return };
    let message = "Signature expired: 20230825T043520Z is now earlier than 20230825T044020Z";
    for (now, skew) in [("2023-08-25T04:35:20Z", "-600 s"), ("2023-08-25T05:45:20Z", "3600 s")] {
        let sts = Sts::new(&[refusal(403, "SignatureDoesNotMatch", message)]);
        let endpoint = format!("http://{}", sts.address);
        let answer = node.refresh(&[("AWS_ENDPOINT_URL_STS", &endpoint), ("NODEBAKE_TEST_NOW", now)]);
        answer.assert_failed(&format!("this clock minus that of AWS is {skew}"));
        assert!(answer.err.ends_with("; there is no old session\n"));
    }
}

#[test]
fn refresh_refuses_an_answer_that_is_not_from_sts() {
    let Some(node) = Node::with_role() else { return };
    let whole = session_xml();
    let body = whole.split_once("\r\n\r\n").unwrap().1;
    let cut = &body[..body.find(NEW_TOKEN).unwrap() + 20];
    let ended = body.replace("2023-08-25T08", "2023-08-25T03");
    let redirect = "HTTP/1.1 307 Test\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    for (reply, what) in [
        (http(200, "<html>Welcome</html>"), "AccessKeyId is missing"),
        (http(200, cut), "SessionToken is missing"),
        (
            http(200, &body.replace("ASIANEW", "ASIA\nNEW = 1")),
            "AccessKeyId is missing or malformed",
        ),
        (http(200, &ended), "is this clock right?"),
        (
            http(403, "<html>The proxy says no</html>"),
            "STS answers 403 (no STS error)",
        ),
        (redirect.to_string(), "STS answers 307"),
    ] {
        let sts = Sts::new(&[reply]);
        let answer = node.refresh_at(&sts);
        answer.assert_failed(what);
        assert!(!node.session().exists());
        assert_eq!(sts.requests().len(), 1);
    }
}

#[test]
fn refresh_never_prints_a_key_that_comes_back() {
    let Some(node) = Node::with_role() else { return };
    let message = format!("The Canonical String\nshould have been {SECRET} and {NEW_TOKEN}");
    let sts = Sts::new(&[refusal(403, "SignatureDoesNotMatch", &message)]);
    let answer = node.refresh_at(&sts); // Node::run looks for the secrets
    answer.assert_failed("should have been *** and ***");
}

#[test]
fn refresh_refuses_a_source_file_open_to_others() {
    let Some(node) = Node::with_role() else { return };
    for mode in [0o644, 0o640, 0o604] {
        node.write("source", mode, &keys("nodebake-source", SECRET, None));
        node.refresh(&[])
            .assert_failed("is open to other users; run: chmod 600 ");
    }
}

#[test]
fn refresh_explains_missing_files_sections_and_keys() {
    let Some(node) = Node::with_role() else { return };
    for (text, what) in [
        (keys("default", SECRET, None), "no section [nodebake-source]"),
        (
            format!("[nodebake-source]\naws_access_key_id = A\n{SECRET}\n"),
            "config format",
        ),
        (
            "[nodebake-source]\naws_access_key_id = A\n".into(),
            "aws_secret_access_key is missing",
        ),
        (
            keys("nodebake-source", &format!("{SECRET}\n  x"), None),
            "aws_secret_access_key is missing or malformed",
        ),
    ] {
        node.write("source", 0o600, &text);
        node.refresh(&[]).assert_failed(what);
    }
    fs::remove_file(node.path("source")).unwrap();
    node.refresh(&[]).assert_failed("source: No such file or directory");
    node.write("config", 0o644, "[profile nodebake]\nregion = us-west-2\n");
    node.refresh(&[]).assert_failed("role_arn is missing");
    node.write("config", 0o644, "[default]\nregion = us-west-2\n");
    node.refresh(&[]).assert_failed("no section [profile nodebake]");
    fs::remove_file(node.path("config")).unwrap();
    node.refresh(&[]).assert_failed("config: No such file or directory");
}

#[test]
fn refresh_sends_nothing_in_clear_text_to_another_host() {
    let Some(node) = Node::with_role() else { return };
    for endpoint in [
        "http://sts.us-west-2.amazonaws.com",
        "http://127.0.0.1@sts.example.com",
        "http://127.0.0.1.example.com",
        "file:///etc/passwd",
        "ftp://127.0.0.1",
    ] {
        let answer = node.refresh(&[("AWS_ENDPOINT_URL_STS", endpoint)]);
        answer.assert_failed("AWS_ENDPOINT_URL_STS must be https");
    }
}

#[test]
fn refresh_does_not_write_where_others_may() {
    let Some(node) = Node::with_role() else { return };
    let folder = node.make_session_folder(0o777);
    let sts = Sts::new(&[session_xml()]);
    node.refresh_at(&sts).assert_failed("is writable by other users");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn refresh_leaves_no_draft_when_the_session_cannot_be_replaced() {
    let Some(node) = Node::with_role() else { return };
    let folder = node.make_session_folder(0o700);
    fs::create_dir_all(node.session().join("in the way")).unwrap();
    let sts = Sts::new(&[session_xml()]);
    node.refresh_at(&sts).assert_failed("Is a directory");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

// ---- refresh with a credential_process ---------------------------------------------------------

fn process_json(change: &str) -> String {
    format!(
        "import json\nd = {{'Version': 1, 'AccessKeyId': 'ASIANEW', 'SecretAccessKey': '{NEW_SECRET}',\n     \
         'SessionToken': '{NEW_TOKEN}', 'Expiration': '2023-08-25T08:45:20Z'}}\n{change}\nprint(json.dumps(d))\n"
    )
}

#[test]
fn refresh_takes_the_session_of_a_credential_process() {
    let Some(node) = Node::with_process(&process_json("")) else {
        return;
    };
    node.refresh(&[]).assert_done();
    node.assert_new_session();
}

#[test]
fn refresh_reads_the_fractions_and_offsets_of_other_tools() {
    let change = "d['Expiration'] = '2023-08-25T10:45:20.123456+02:00'";
    let Some(node) = Node::with_process(&process_json(change)) else {
        return;
    };
    let answer = node.refresh(&[]);
    answer.assert_done();
    assert_eq!(answer.out, "session valid until 2023-08-25T08:45:20Z\n");
    let path = node.session();
    let later = [
        ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap()),
        ("NODEBAKE_TEST_NOW", "2023-08-25T08:45:20Z"),
    ];
    node.token(&later).assert_failed("has expired at 2023-08-25T08:45:20Z");
}

#[test]
fn refresh_refuses_a_credential_process_that_breaks_the_contract() {
    let version = "did not print JSON with Version 1";
    for (text, what) in [
        (process_json("d['Version'] = 2"), version),
        (process_json("d = [1]"), version),
        (process_json("d = 'x'"), version),
        (format!("print('{{\"SecretAccessKey\": \"{NEW_SECRET}\"')"), version),
        (String::new(), version),
        (process_json("del d['Expiration']"), "Expiration is missing"),
        (process_json("del d['SessionToken']"), "SessionToken is missing"),
        (
            process_json("d['Expiration'] = 'never'"),
            "'never' is not an RFC 3339 time",
        ),
        (
            process_json("d['AccessKeyId'] += '\\n[default]'"),
            "AccessKeyId is missing or malformed",
        ),
        (
            format!(
                "import sys\nprint('{NEW_SECRET}')\nprint('one\\nlast {NEW_SECRET}', file=sys.stderr)\nsys.exit(3)"
            ),
            "credential_process ended with 3: last ***",
        ),
    ] {
        let Some(node) = Node::with_process(&text) else { return };
        let old = node.old_session();
        let answer = node.refresh(&[]);
        answer.assert_failed(what);
        assert!(answer.err.ends_with("; the old session lives 90 min more\n"));
        assert_eq!(fs::read_to_string(node.session()).unwrap(), old);
    }
}

#[test]
fn refresh_explains_a_credential_process_that_does_not_start() {
    let Some(node) = Node::new() else { return };
    let folder = node.dir.display();
    for (command, what) in [
        (format!("{folder}/none --x"), "No such file or directory"),
        (format!("{folder} --x"), "Permission denied"),
        ("/bin/sh -c 'exit".into(), "credential_process"),
    ] {
        node.write(
            "config",
            0o644,
            &format!("[profile nodebake]\ncredential_process = {command}\n"),
        );
        node.refresh(&[]).assert_failed(what);
    }
    // No shell: the word with $ and ; reaches the program as it is.
    node.write(
        "config",
        0o644,
        "[profile nodebake]\ncredential_process = /bin/echo $HOME; exit 7\n",
    );
    node.refresh(&[]).assert_failed("did not print JSON");
}

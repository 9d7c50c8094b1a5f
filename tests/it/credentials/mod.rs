//! Tokens and sessions: the program beside the node's script, before one stand-in for STS.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests reach the disk, processes, the clock and the environment, and say what they skip"
)]

mod agent;
mod kills;
mod refresh;
mod status;
mod token;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use nodebake::cloud::moment;

use crate::standin::{Ask, Reply, Server};
use crate::support::{TempDir, have, root, stderr, stdout};

pub const ACCESS: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub const NEW_SECRET: &str = "nEwSecret/ofTheSession+nEwSecret/ofTheSe";
pub const NEW_TOKEN: &str = "nEwToken/ofTheSession+nEwToken/ofTheSession+nEwToken==";
pub const OLD_SECRET: &str = "oLdSecret/oLdSecret/oLdSecret/oLdSecret/";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/nodebake-gh62";
pub const NAME: &str = "fargate-ip-10-0-14-170.ec2.internal";

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The Python script of the template.
    Script,
    /// The program.
    Program,
}

pub const FORMS: [Form; 2] = [Form::Script, Form::Program];

/// A machine with the files of a node, in a folder of its own.
pub struct Node {
    pub home: TempDir,
}

impl Node {
    /// A node that gets its session by a role.
    pub fn with_role() -> Self {
        let node = Self::with_config(&format!(
            "region = us-west-2\nrole_arn = {ROLE}\nsource_profile = nodebake-source\nrole_session_name = {NAME}\n\
             duration_seconds = 14400\n"
        ));
        node.put("source", 0o600, &keys("nodebake-source", SECRET, None));
        node
    }

    /// A node with these lines in its profile.
    pub fn with_config(lines: &str) -> Self {
        let node = Self { home: TempDir::new() };
        node.put("config", 0o644, &format!("[profile nodebake]\n{lines}"));
        node
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn session(&self) -> PathBuf {
        self.path("run/aws/credentials")
    }

    pub fn read(&self) -> String {
        std::fs::read_to_string(self.session()).unwrap()
    }

    pub fn put(&self, name: &str, mode: u32, text: &str) -> PathBuf {
        let path = self.home.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Puts a session in place that lives `seconds` more, and returns its text.
    pub fn old_session(&self, seconds: i64) -> String {
        let text = keys("node", OLD_SECRET, Some(now() + seconds)) + "aws_session_token = OLD\n";
        self.put("run/aws/credentials", 0o600, &text);
        let folder = self.session().parent().unwrap().to_owned();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        text
    }

    /// The command that refreshes.
    pub fn refresher(&self, form: Form, url: &str, more: &[&str]) -> Command {
        let mut command = match form {
            Form::Script => {
                let template =
                    std::fs::read_to_string(root().join("templates/credentials/aws-credentials.j2")).unwrap();
                let script = template.splitn(3, "---\n").nth(2).unwrap();
                let mut command = Command::new("python3");
                command
                    .arg("-I")
                    .arg(self.put("aws-credentials", 0o755, script))
                    .arg("refresh");
                command
            }
            Form::Program => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
                command.args(["credentials", "refresh"]);
                command
            }
        };
        command
            .args(more)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_CONFIG_FILE", self.path("config"))
            .env("NODEBAKE_SOURCE_CREDENTIALS", self.path("source"))
            .env("NODEBAKE_SESSION_CREDENTIALS", self.session())
            .env("NODEBAKE_TEST_NO_SLEEP", "1")
            .env("AWS_ENDPOINT_URL_STS", url);
        command
    }

    pub fn refresh(&self, form: Form, sts: &Server) -> Output {
        seen(sts.run(&mut self.refresher(form, &sts.url, &[]), None))
    }

    /// The program with other options, and nobody to ask.
    pub fn alone(&self, form: Form, more: &[&str]) -> Output {
        seen(self.refresher(form, "http://127.0.0.1:9", more).output().unwrap())
    }

    /// The names in the session's folder.
    pub fn drafts(&self) -> Vec<String> {
        let folder = self.session().parent().unwrap().to_owned();
        let names = std::fs::read_dir(folder).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name != "credentials")
            .collect()
    }
}

/// What was said, once it is sure that no secret is in it.
pub fn seen(output: Output) -> Output {
    for secret in [SECRET, NEW_SECRET, NEW_TOKEN, OLD_SECRET] {
        assert!(!stdout(&output).contains(secret), "secret on stdout");
        assert!(
            !stderr(&output).contains(secret),
            "secret on stderr: {}",
            stderr(&output)
        );
    }
    output
}

/// Whether the script can be run here.
pub fn have_python() -> bool {
    have("python3")
}

pub fn keys(section: &str, secret: &str, expires: Option<i64>) -> String {
    let end = expires.map_or(String::new(), |end| {
        format!("x_security_token_expires = {}\n", moment::rfc3339(end))
    });
    format!("[{section}]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {secret}\n{end}")
}

/// An answer of STS, at the time `date`.
pub fn at(date: i64, status: u16, body: &str) -> Reply {
    Reply::new(status, "text/xml", body).header("Date", &http_date(date))
}

/// A time as HTTP writes it.
fn http_date(seconds: i64) -> String {
    let output = Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%a, %d %b %Y %H:%M:%S GMT"])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    stdout(&output).trim().to_owned()
}

/// A session that ends at `end`.
pub fn session(end: i64) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <AssumeRoleResult>\n\
         <AssumedRoleUser><AssumedRoleId>AROA:y</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/x/y</Arn></AssumedRoleUser>\n\
         <Credentials>\n<AccessKeyId>ASIANEW</AccessKeyId>\n<SecretAccessKey>{NEW_SECRET}</SecretAccessKey>\n\
         <SessionToken>{NEW_TOKEN}</SessionToken>\n<Expiration>{}</Expiration>\n\
         </Credentials></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>",
        moment::rfc3339(end)
    )
}

/// What the session file is to hold then.
pub fn session_file(end: i64) -> String {
    format!(
        "[node]\naws_access_key_id = ASIANEW\naws_secret_access_key = {NEW_SECRET}\naws_session_token = {NEW_TOKEN}\n\
         x_security_token_expires = {}\n",
        moment::rfc3339(end)
    )
}

pub fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>1</RequestId>\n</ErrorResponse>"
    )
}

/// An STS that gives these answers one after the other, and 500 when there is none left.
pub fn sts(answers: Vec<Reply>) -> Server {
    let mut answers = answers.into_iter();
    Server::new(move |_: &Ask| answers.next().unwrap_or_else(|| at(now(), 500, "")))
}

/// The mode of a file.
pub fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

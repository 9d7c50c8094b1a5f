//! `credentials`: how the node gets AWS credentials. Names and paths only: a secret never enters `node.yaml`.

use crate::base::{AbsPath, Finding, IamArn, Located, Place, Principal};
use crate::syntax::yaml::{Node, Reader};

/// Shortest and longest session STS gives, in seconds (AssumeRole API).
const SESSION_SECONDS: (u64, u64) = (900, 43_200);

/// The strategy, exactly one.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A long-lived IAM user on the node assumes the node's role.
    AssumeRole(AssumeRole),
    /// An X.509 certificate on the node is exchanged for a session by IAM Roles Anywhere.
    RolesAnywhere(RolesAnywhere),
    /// The SSM agent of a hybrid activation writes the credentials.
    Ssm(Ssm),
    /// An IAM user's own keys, without a session.
    User(User),
}

/// `credentials.assumeRole`.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    /// Where the map is.
    pub place: Place,
    /// The node's role.
    pub role_arn: Located<IamArn>,
    /// The section of the key file the operator delivers.
    pub source_profile: Located<String>,
    /// The IAM user behind that key, for the role's trust policy.
    pub principal_arn: Option<Located<IamArn>>,
    /// Lifetime of a session.
    pub duration_seconds: Option<Located<u64>>,
    /// The role's own maximum, if it was raised above the hour it has by default.
    pub max_session_duration: Option<Located<u64>>,
}

/// `credentials.rolesAnywhere`.
#[derive(Debug, Clone)]
pub struct RolesAnywhere {
    /// The node's role.
    pub role_arn: Located<IamArn>,
    /// The Roles Anywhere profile.
    pub profile_arn: Located<String>,
    /// The trust anchor.
    pub trust_anchor_arn: Located<String>,
    /// The certificate on the node.
    pub certificate: Option<Located<AbsPath>>,
    /// Its private key on the node.
    pub private_key: Option<Located<AbsPath>>,
    /// `aws_signing_helper` on the node.
    pub helper: Option<Located<AbsPath>>,
    /// Lifetime of a session.
    pub duration_seconds: Option<Located<u64>>,
}

/// `credentials.ssm`.
#[derive(Debug, Clone)]
pub struct Ssm {
    /// The role of the activation.
    pub role_arn: Located<IamArn>,
}

/// `credentials.user`.
#[derive(Debug, Clone)]
pub struct User {
    /// Where the map is.
    pub place: Place,
    /// The IAM user.
    pub user_arn: Located<IamArn>,
    /// The section of the key file the operator delivers.
    pub profile: Option<Located<String>>,
}

/// What makes tokens and refreshes the session on the node.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// The name among `artifacts.files` of the nodebake that does it; without one a script does.
    pub program: Option<Located<String>>,
    /// Where it writes metrics.
    pub metrics: Option<Located<AbsPath>>,
}

/// The word for the script that needs nothing but Python.
const SCRIPT: &str = "script";

impl Credentials {
    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<(Self, Agent)> {
        let mut fields = reader.map(node, "credentials");
        let program = fields.optional("agent").and_then(|node| reader.text(node));
        let agent = Agent {
            program: program.filter(|name| name.value != SCRIPT),
            metrics: fields
                .optional("metrics")
                .and_then(|node| reader.parsed(node, "spec/path")),
        };
        let assume_role = fields.optional("assumeRole");
        let roles_anywhere = fields.optional("rolesAnywhere");
        let ssm = fields.optional("ssm");
        let user = fields.optional("user");
        fields.done(reader);
        let given = [assume_role, roles_anywhere, ssm, user].iter().flatten().count();
        if given != 1 {
            let message = format!("`credentials` names {given} strategies, it takes exactly one");
            let hint = "assumeRole, rolesAnywhere, ssm or user";
            reader
                .report
                .push(Finding::error("spec/credentials", message, &node.place).hint(hint));
        }
        let all = [
            assume_role
                .and_then(|node| AssumeRole::read(reader, node))
                .map(Self::AssumeRole),
            roles_anywhere
                .and_then(|node| RolesAnywhere::read(reader, node))
                .map(Self::RolesAnywhere),
            ssm.and_then(|node| Ssm::read(reader, node)).map(Self::Ssm),
            user.and_then(|node| User::read(reader, node)).map(Self::User),
        ];
        all.into_iter().flatten().next().map(|strategy| (strategy, agent))
    }
}

fn principal(reader: &mut Reader<'_>, node: &Node, kind: Principal) -> Option<Located<IamArn>> {
    let arn: Located<IamArn> = reader.parsed(node, "spec/arn")?;
    if arn.value.principal() != kind {
        let word = if kind == Principal::Role { "role" } else { "user" };
        reader.report.push(Finding::error(
            "spec/arn",
            format!("`{}` is not the ARN of a {word}", arn.value),
            &arn.place,
        ));
        return None;
    }
    Some(arn)
}

/// A section name of an AWS credentials file.
fn profile_name(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    let tame = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if name.value.is_empty() || !name.value.chars().all(tame) {
        let message = format!("`{}` is not a profile name: letters, digits and +=,.@_-", name.value);
        reader
            .report
            .push(Finding::error("spec/profile-name", message, &name.place));
        return None;
    }
    Some(name)
}

fn seconds(reader: &mut Reader<'_>, node: &Node) -> Option<Located<u64>> {
    reader.integer(node, SESSION_SECONDS.0, SESSION_SECONDS.1)
}

impl AssumeRole {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "assumeRole");
        let role_arn = fields
            .required(reader, "roleArn")
            .and_then(|node| principal(reader, node, Principal::Role));
        let source_profile = fields
            .required(reader, "sourceProfile")
            .and_then(|node| profile_name(reader, node));
        let principal_arn = fields
            .optional("principalArn")
            .and_then(|node| principal(reader, node, Principal::User));
        let duration_seconds = fields
            .optional("durationSeconds")
            .and_then(|node| seconds(reader, node));
        let max_session_duration = fields
            .optional("maxSessionDuration")
            .and_then(|node| seconds(reader, node));
        fields.done(reader);
        Some(Self {
            place: node.place.clone(),
            role_arn: role_arn?,
            source_profile: source_profile?,
            principal_arn,
            duration_seconds,
            max_session_duration,
        })
    }
}

impl RolesAnywhere {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "rolesAnywhere");
        let arn = |reader: &mut Reader<'_>, node: &Node, kind: &str| {
            let arn = reader.text(node)?;
            let parts: Vec<&str> = arn.value.split(':').collect();
            let good = matches!(parts.as_slice(), ["arn", _, "rolesanywhere", region, account, resource]
                if !region.is_empty() && account.len() == 12 && resource.strip_prefix(kind).is_some_and(|id| id.len() > 1));
            let tame = arn
                .value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ":/-".contains(c));
            if !good || !tame {
                let message = format!("`{}` is not arn:aws:rolesanywhere:REGION:ACCOUNT:{kind}/ID", arn.value);
                reader.report.push(Finding::error("spec/arn", message, &arn.place));
                return None;
            }
            Some(arn)
        };
        let role_arn = fields
            .required(reader, "roleArn")
            .and_then(|node| principal(reader, node, Principal::Role));
        let profile_arn = fields
            .required(reader, "profileArn")
            .and_then(|node| arn(reader, node, "profile"));
        let trust_anchor_arn = fields
            .required(reader, "trustAnchorArn")
            .and_then(|node| arn(reader, node, "trust-anchor"));
        let path =
            |reader: &mut Reader<'_>, node: Option<&Node>| node.and_then(|node| reader.parsed(node, "spec/path"));
        let certificate = path(reader, fields.optional("certificate"));
        let private_key = path(reader, fields.optional("privateKey"));
        let helper = path(reader, fields.optional("helper"));
        let duration_seconds = fields
            .optional("durationSeconds")
            .and_then(|node| seconds(reader, node));
        fields.done(reader);
        Some(Self {
            role_arn: role_arn?,
            profile_arn: profile_arn?,
            trust_anchor_arn: trust_anchor_arn?,
            certificate,
            private_key,
            helper,
            duration_seconds,
        })
    }
}

impl Ssm {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "ssm");
        let role_arn = fields
            .required(reader, "roleArn")
            .and_then(|node| principal(reader, node, Principal::Role));
        fields.done(reader);
        Some(Self { role_arn: role_arn? })
    }
}

impl User {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "user");
        let user_arn = fields
            .required(reader, "userArn")
            .and_then(|node| principal(reader, node, Principal::User));
        let profile = fields.optional("profile").and_then(|node| profile_name(reader, node));
        fields.done(reader);
        Some(Self {
            place: node.place.clone(),
            user_arn: user_arn?,
            profile,
        })
    }
}

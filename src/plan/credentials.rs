//! Credentials: which files carry them and how they stay fresh. Paths and names only, never a secret.

use super::Desk;
use crate::base::{Finding, IamArn, Located, NodeName, Origin};
use crate::catalog::Naming;
use crate::spec::{AssumeRole, Credentials, RolesAnywhere, User};

/// A session's lifetime where nobody raised the role's own maximum: IAM's default for a new role, and the cap under role
/// chaining (STS AssumeRole API).
const ROLE_DEFAULT_SECONDS: u64 = 3600;

/// The session that the refresh script writes.
const SESSION_FILE: &str = "/run/nodebake/aws/credentials";
/// The long-lived key the operator delivers after launch.
const SOURCE_FILE: &str = "/etc/nodebake/aws/source-credentials";

pub(super) fn decide(desk: &mut Desk<'_>, name: Option<&NodeName>) {
    match &desk.role.credentials {
        Credentials::AssumeRole(assume) => assume_role(desk, assume),
        Credentials::RolesAnywhere(anywhere) => roles_anywhere(desk, anywhere),
        Credentials::Ssm(ssm) => {
            strategy(desk, "ssm", "/root/.aws/credentials", "default", false);
            role(desk, &ssm.role_arn);
            secret(desk, "", "");
        }
        Credentials::User(user) => own_user(desk, user),
    }
    fits_profile(desk, name);
}

fn assume_role(desk: &mut Desk<'_>, assume: &AssumeRole) {
    strategy(desk, "assumeRole", SESSION_FILE, "node", true);
    role(desk, &assume.role_arn);
    let source = &assume.source_profile;
    desk.book.set(
        "credentials.sourceProfile",
        &source.value,
        Origin::Spec(source.place.clone()),
    );
    principal(desk, assume);
    let duration = duration(desk, assume.duration_seconds.as_ref());
    let limit = assume.max_session_duration.as_ref();
    let most = limit.map_or(ROLE_DEFAULT_SECONDS, |limit| limit.value);
    let origin = limit.map_or(Origin::Default("IAM's default for a role".into()), |limit| {
        Origin::Spec(limit.place.clone())
    });
    desk.book.set("credentials.maxSessionDuration", most, origin);
    if duration > most {
        let place = assume
            .duration_seconds
            .as_ref()
            .map_or(&assume.place, |duration| &duration.place);
        let message =
            format!("a session of {duration} s is longer than the role's maximum of {most} s: STS refuses it");
        let hint =
            "raise it (aws iam update-role --max-session-duration) and state `maxSessionDuration`, or ask for less";
        desk.report
            .push(Finding::error("plan/session-duration", message, place).hint(hint));
    }
    secret(
        desk,
        SOURCE_FILE,
        &format!("the key of the IAM user, section [{}]", source.value),
    );
}

fn roles_anywhere(desk: &mut Desk<'_>, anywhere: &RolesAnywhere) {
    strategy(desk, "rolesAnywhere", SESSION_FILE, "node", true);
    role(desk, &anywhere.role_arn);
    for (key, arn) in [
        ("profileArn", &anywhere.profile_arn),
        ("trustAnchorArn", &anywhere.trust_anchor_arn),
    ] {
        desk.book.set(
            &format!("credentials.{key}"),
            &arn.value,
            Origin::Spec(arn.place.clone()),
        );
    }
    let region = |arn: &Located<String>| arn.value.split(':').nth(3).unwrap_or_default().to_owned();
    if region(&anywhere.profile_arn) != region(&anywhere.trust_anchor_arn) {
        let message = "trust anchor and profile are in different regions";
        desk.report.push(
            Finding::error("plan/roles-anywhere", message, &anywhere.profile_arn.place)
                .note(&anywhere.trust_anchor_arn.place, "the trust anchor"),
        );
    }
    let origin = Origin::Default("the region of the profile".into());
    desk.book
        .set("credentials.anywhereRegion", region(&anywhere.profile_arn), origin);
    let paths = [
        ("certificate", &anywhere.certificate, "/etc/iam/pki/server.pem"),
        ("privateKey", &anywhere.private_key, "/etc/iam/pki/server.key"),
        ("helper", &anywhere.helper, "/usr/local/bin/aws_signing_helper"),
    ];
    let mut key_path = "";
    for (key, given, usual) in paths {
        let given = given
            .as_ref()
            .map(|path| (path.value.as_str(), Origin::Spec(path.place.clone())));
        let base = (usual, Origin::Default("the usual path".into()));
        let (path, _) = desk.book.choose(&format!("credentials.{key}"), base, [given]);
        if key == "privateKey" {
            key_path = path;
        }
    }
    duration(desk, anywhere.duration_seconds.as_ref());
    secret(desk, key_path, "the private key of the node's certificate");
}

fn own_user(desk: &mut Desk<'_>, user: &User) {
    let profile = user.profile.as_ref().map_or("node", |profile| profile.value.as_str());
    strategy(desk, "user", SOURCE_FILE, profile, false);
    let arn = &user.user_arn;
    desk.book.set(
        "credentials.userArn",
        arn.value.as_str(),
        Origin::Spec(arn.place.clone()),
    );
    let message = "a long-lived key lies on the machine and is the node's own identity";
    let hint = "assumeRole limits what a stolen key can do, and lets the trust policy pin the node";
    desk.report
        .push(Finding::warning("plan/user-credentials", message, &user.place).hint(hint));
    secret(
        desk,
        SOURCE_FILE,
        &format!("the key of {}, section [{profile}]", arn.value.name()),
    );
}

fn strategy(desk: &mut Desk<'_>, word: &str, file: &str, profile: &str, refresh: bool) {
    let place = desk.spec.place.clone();
    desk.book.set("credentials.strategy", word, Origin::Spec(place));
    let rule = |what: &str| Origin::Default(format!("{what} of strategy {word}"));
    desk.book.set("credentials.file", file, rule("the file"));
    desk.book.set("credentials.profile", profile, rule("the section"));
    desk.book.set(
        "credentials.refresh",
        refresh,
        rule("whether a timer renews the session"),
    );
}

fn secret(desk: &mut Desk<'_>, path: &str, what: &str) {
    let rule = "what the operator copies to the machine, because no secret is baked";
    desk.book
        .set("credentials.secretFile", path, Origin::Default(rule.into()));
    desk.book
        .set("credentials.secretWhat", what, Origin::Default(rule.into()));
}

fn role(desk: &mut Desk<'_>, arn: &Located<IamArn>) {
    let book = &mut desk.book;
    book.set(
        "credentials.roleArn",
        arn.value.as_str(),
        Origin::Spec(arn.place.clone()),
    );
    book.set(
        "credentials.roleName",
        arn.value.name(),
        Origin::Spec(arn.place.clone()),
    );
    let rule = "without the path: STS leaves it out, and the authenticator compares what STS says";
    book.set(
        "credentials.mappedRoleArn",
        arn.value.without_path(),
        Origin::Default(rule.into()),
    );
    if arn.value.partition() != desk.facts.partition() {
        let message = format!(
            "{} is not in the cluster's partition {}",
            arn.value,
            desk.facts.partition()
        );
        desk.report
            .push(Finding::error("plan/partition", message, &arn.place).note(&desk.facts.region.place, "its region"));
    }
    if arn.value.account() != desk.facts.account.value {
        let message = format!(
            "role {} belongs to another account than the cluster's {}",
            arn.value.name(),
            desk.facts.account.value
        );
        desk.report.push(
            Finding::warning("plan/account", message, &arn.place)
                .note(&desk.facts.account.place, "the cluster's account")
                .hint("aws-auth maps roles of other accounts; access entries for nodes do not"),
        );
    }
}

fn principal(desk: &mut Desk<'_>, assume: &AssumeRole) {
    match &assume.principal_arn {
        Some(arn) => {
            desk.book.set(
                "credentials.principalArn",
                arn.value.as_str(),
                Origin::Spec(arn.place.clone()),
            );
            desk.book.set(
                "credentials.principalName",
                arn.value.name(),
                Origin::Spec(arn.place.clone()),
            );
        }
        None => {
            let message = "without `principalArn` no trust policy is written for the role";
            let finding = Finding::warning("plan/principal", message, &assume.place);
            desk.report
                .push(finding.hint("name the IAM user whose key the node gets"));
            let rule = "node.yaml names no principal";
            desk.book
                .set("credentials.principalArn", "", Origin::Default(rule.into()));
        }
    }
}

fn duration(desk: &mut Desk<'_>, stated: Option<&Located<u64>>) -> u64 {
    let from_profile = desk.profile_default("credentials.durationSeconds", |reader, node| {
        reader.integer(node, 900, 43_200)
    });
    let from_profile = from_profile.map(|(seconds, origin)| (seconds.value, origin));
    let stated = stated.map(|seconds| (seconds.value, Origin::Spec(seconds.place.clone())));
    let base = (ROLE_DEFAULT_SECONDS, Origin::Default("what every role allows".into()));
    let (seconds, _) = desk
        .book
        .choose("credentials.durationSeconds", base, [from_profile, stated]);
    let rule = "a third of the session, so that two refreshes may fail";
    desk.book
        .set("credentials.refreshSeconds", seconds / 3, Origin::Default(rule.into()));
    seconds
}

fn fits_profile(desk: &mut Desk<'_>, name: Option<&NodeName>) {
    let word = match &desk.role.credentials {
        Credentials::AssumeRole(_) => "assumeRole",
        Credentials::RolesAnywhere(_) => "rolesAnywhere",
        Credentials::Ssm(_) => "ssm",
        Credentials::User(_) => "user",
    };
    let place = desk.spec.place.clone();
    match (desk.profile.naming, word) {
        (Naming::Hybrid, "assumeRole" | "user") => {
            let message = format!("EKS hybrid nodes get their credentials by rolesAnywhere or ssm, not by {word}");
            desk.report
                .push(Finding::error("plan/credentials", message, &place).hint("or take the profile satellite"));
        }
        (Naming::Satellite, "ssm") => {
            let message = "with ssm the session is named mi-…, so it cannot be a satellite's";
            desk.report
                .push(Finding::error("plan/credentials", message, &place).hint("take the profile hybrid"));
        }
        _ => {}
    }
    let kind = match word {
        "ssm" => "ssm",
        "rolesAnywhere" => "iam-ra",
        _ => "none",
    };
    desk.book.set(
        "credentials.hybridProvider",
        kind,
        Origin::Default("EKS' word for the strategy".into()),
    );
    if let Some(name) = name {
        desk.book.set(
            "credentials.certificateName",
            name.as_str(),
            Origin::Default("the certificate's CN is the node's name".into()),
        );
    }
}

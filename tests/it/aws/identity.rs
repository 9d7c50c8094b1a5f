//! Who asks: what the AWS CLI understands, nodebake understands.

use std::os::unix::fs::PermissionsExt;

use super::world::{Aws, told};

const ARGS: [&str; 3] = ["facts", "eks", "gh62"];

fn keys(aws: &Aws) -> Vec<String> {
    std::mem::take(&mut aws.world().keys).into_iter().collect()
}

/// Files of the AWS CLI in the home folder.
fn configured(config: &str, credentials: &str) -> Aws {
    let aws = Aws::new();
    aws.home.write(".aws/config", config);
    aws.home.write(".aws/credentials", credentials);
    aws
}

const NODE_USER: &str = "[node-user]\naws_access_key_id = AKIDOFTHEPROFILE\naws_secret_access_key = nobodys\n";

#[test]
fn from_the_environment() {
    let aws = Aws::new();
    let (code, _, words) = aws.run(&ARGS);
    assert_eq!(code, 0, "{words}");
    assert_eq!(keys(&aws), ["AKIDFROMENVIRONMENT"]);
}

#[test]
fn from_a_profile() {
    let aws = configured("[profile node-user]\nregion = us-east-1\n", NODE_USER);
    for command in [aws.bare(&[&ARGS[..], &["--profile", "node-user"]].concat()), {
        let mut command = aws.bare(&ARGS);
        command.env("AWS_PROFILE", "node-user");
        command
    }] {
        let mut command = command;
        let (code, text, words) = told(&aws.server.run(&mut command, None));
        assert_eq!(code, 0, "{words}");
        assert!(text.contains("region: us-east-1"));
        assert_eq!(keys(&aws), ["AKIDOFTHEPROFILE"]);
    }
}

/// A profile that is named goes before the environment's keys, as with the AWS CLI; one that is not there is no reason to
/// take them.
#[test]
fn from_a_profile_whatever_the_environment_has() {
    let aws = configured("[profile node-user]\nregion = us-east-1\n", NODE_USER);
    let (code, _, words) = aws.run(&[&ARGS[..], &["--profile", "node-user"]].concat());
    assert_eq!(code, 0, "{words}");
    assert_eq!(keys(&aws), ["AKIDOFTHEPROFILE"]);
    let (code, _, words) = aws.run(&[&ARGS[..], &["--profile", "typo"]].concat());
    assert!(code == 4 && words.contains("is the profile's name right?"), "{words}");
    assert_eq!(keys(&aws), [""; 0]);
}

/// The role is assumed with the source profile's key, and everything else asked with the role's.
#[test]
fn from_a_role() {
    let config = "[profile role]\nregion = us-east-1\nrole_arn = arn:aws:iam::111122223333:role/operator\n\
                  source_profile = node-user\nrole_session_name = me\n";
    let aws = configured(config, NODE_USER);
    let mut command = aws.bare(&[&ARGS[..], &["--profile", "role"]].concat());
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert_eq!(code, 0, "{words}");
    assert_eq!(keys(&aws), ["AKIDOFTHEPROFILE", "ASIAOFTHEROLE"]);
    assert_eq!(aws.world().log[0], "AssumeRole");
}

#[test]
fn from_a_process() {
    let aws = Aws::new();
    let script =
        "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"AKIDOFTHEPROCESS\", \"SecretAccessKey\": \"x\"}'\n";
    let path = aws.home.write("get", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = |path: &str| format!("[profile p]\nregion = us-east-1\ncredential_process = {path}\n");
    aws.home.write(".aws/config", config(&path.display().to_string()));
    let mut command = aws.bare(&[&ARGS[..], &["--profile", "p"]].concat());
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert_eq!(code, 0, "{words}");
    assert_eq!(keys(&aws), ["AKIDOFTHEPROCESS"]);

    aws.home.write(".aws/config", config("/bin/false"));
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert_eq!(code, 4, "{words}");
    assert!(words.contains("`credential_process` failed"), "{words}");
}

/// A login that is over is told with what renews it, and nobody's secret is shown.
#[test]
fn a_login_that_is_over() {
    let config = "[profile work]\nregion = us-east-1\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = operator\n\
                  [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://d-1.awsapps.com/start\n";
    let aws = configured(config, "");
    let run = || {
        told(
            &aws.server
                .run(&mut aws.bare(&[&ARGS[..], &["--profile", "work"]].concat()), None),
        )
    };
    let (code, _, words) = run();
    assert_eq!(code, 4, "{words}");
    assert!(words.contains("aws sso login --profile work"), "{words}");
    // The cache's file is named after the SHA-1 of the session's name.
    let cached = "{\"accessToken\": \"a-secret-token\", \"expiresAt\": \"2020-01-01T00:00:00Z\", \"region\": \"us-east-1\", \
                  \"startUrl\": \"https://d-1.awsapps.com/start\"}";
    aws.home
        .write(".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json", cached);
    let (code, _, words) = run();
    assert_eq!(code, 4, "{words}");
    assert!(
        words.contains("aws sso login --profile work") && !words.contains("a-secret-token"),
        "{words}"
    );
}

/// The endpoint of a profile is kept, as that of the environment.
#[test]
fn another_endpoint() {
    let aws = Aws::new();
    let config = format!(
        "[profile local]\nregion = us-east-1\nendpoint_url = {}\n",
        aws.server.url
    );
    aws.home.write(".aws/config", config);
    let credentials = NODE_USER.replace("node-user", "local");
    aws.home.write(".aws/credentials", credentials);
    let mut command = aws.bare(&[&ARGS[..], &["--profile", "local"]].concat());
    command.env_remove("AWS_ENDPOINT_URL");
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert_eq!(code, 0, "{words}");
}

#[test]
fn nobody() {
    let aws = Aws::new();
    let mut command = aws.bare(&[&ARGS[..], &["--region", "us-east-1"]].concat());
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert_eq!(code, 4, "{words}");
    assert!(
        words.contains("no AWS credentials") && words.contains("--profile"),
        "{words}"
    );
    let (code, _, words) = told(&aws.server.run(&mut aws.bare(&ARGS), None));
    assert!(code == 4 && words.contains("no AWS region is known"), "{words}");
    let mut command = aws.bare(&[&ARGS[..], &["--region", "us-east-1", "--profile", "typo"]].concat());
    let (code, _, words) = told(&aws.server.run(&mut command, None));
    assert!(code == 4 && words.contains("is the profile's name right?"), "{words}");
    assert!(aws.world().log.is_empty(), "nobody was asked");
}

/// Where nobody listens, nothing was carried out, and that is said.
#[test]
fn nobody_listens() {
    let aws = Aws::new();
    let mut command = aws.command(&ARGS);
    // The discard port, which no test and no system of today opens.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let (code, _, words) = told(&command.output().unwrap());
    assert!(code == 4 && words.contains("is there a network"), "{words}");
}

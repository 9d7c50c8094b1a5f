//! The key is in no output, whatever goes wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::cloud::{Cloud, Fault, KEY};
use super::{LAUNCH, command, folder};
use crate::standin::{Reply, Server};
use crate::support::{TempDir, stderr, stdout};

/// Every command, as it is said.
const COMMANDS: [&[&str]; 9] = [
    &LAUNCH,
    &["instances", "--all", "--json"],
    &["instances", "get", "node-17"],
    &["restart", "node-17", "--yes"],
    &["terminate", "node-17", "--yes"],
    &["instance-types", "--live", "--json"],
    &["ssh-keys", "list"],
    &["firewall", "list"],
    &["firewall", "allow", "--from", "198.51.100.7", "--yes"],
];

/// Half of the key is as bad as all of it.
fn has_key(text: &str) -> bool {
    text.contains(&KEY[..20]) || text.contains(&KEY[20..])
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// A server that says the key back, in whatever way an answer can be wrong.
#[test]
fn a_server_that_says_the_key_back() {
    let error =
        format!(r#"{{"error": {{"code": "x/{KEY}", "message": "Bearer {KEY} is bad", "suggestion": "try {KEY}"}}}}"#);
    let data = format!(r#"{{"data": "{KEY}"}}"#);
    let html = format!("<html>{KEY}</html>");
    let folder = folder("");
    for (status, body) in [
        (400, &error),
        (401, &error),
        (403, &error),
        (404, &error),
        (409, &error),
        (418, &error),
        (200, &data),
        (200, &html),
        (404, &html),
        (302, &html),
    ] {
        let body = body.clone();
        let server =
            Server::new(move |_| Reply::new(status, "application/json", body.clone()).header("Location", "/elsewhere"));
        for args in COMMANDS {
            let cloud = Cloud::new();
            let output = server.run(
                command(&cloud, folder.path(), args).env("NODEBAKE_LAMBDA_ENDPOINT", &server.url),
                None,
            );
            assert_eq!(output.status.code(), Some(4), "{status} {args:?}: {}", stderr(&output));
            let said = stdout(&output) + &stderr(&output);
            assert!(!has_key(&said), "{status} {args:?} says the key: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    for file in files_below(&folder.path().join("state")) {
        assert!(
            !has_key(&String::from_utf8_lossy(&std::fs::read(&file).unwrap())),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_key_comes_from_a_file_that_nobody_else_reads() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    let path = folder.write("key", format!("{KEY}\n"));
    let asked = |mode: u32| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = command(&cloud, folder.path(), &["instances", "--api-key-file", "key"]);
        let output = cloud.server.run(command.env("LAMBDA_API_KEY", "not-the-key"), None);
        let said = stdout(&output) + &stderr(&output);
        assert!(!has_key(&said), "{said}");
        (output.status.code().unwrap(), said)
    };
    assert_eq!(asked(0o600).0, 0);
    for mode in [0o644, 0o660, 0o604] {
        let (code, said) = asked(mode);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn without_a_key_nobody_is_asked() {
    let (cloud, folder) = (Cloud::new(), folder(""));
    for (name, args) in [("LAMBDA_API_KEY", &["instances"][..]), ("LAMBDA_API_KEY", &LAUNCH)] {
        let output = cloud
            .server
            .run(command(&cloud, folder.path(), args).env_remove(name), None);
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert!(stderr(&output).contains("LAMBDA_API_KEY") && stderr(&output).contains("--api-key-file"));
    }
    for bad in ["two words", "line\nbreak", "\u{7f}"] {
        let output = cloud.server.run(
            command(&cloud, folder.path(), &["instances"]).env("LAMBDA_API_KEY", bad),
            None,
        );
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert!(!stderr(&output).contains(bad), "{}", stderr(&output));
    }
    assert!(cloud.server.asked().is_empty());
}

#[test]
fn the_key_goes_over_https_or_stays_here() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    for bad in [
        "http://198.51.100.7",
        "http://user:hunter2@127.0.0.1:1",
        "ftp://x",
        "https://cloud.lambda.ai/api?x",
    ] {
        let output = cloud.server.run(
            &mut command(&cloud, folder.path(), &["instances", "--endpoint", bad]),
            None,
        );
        assert_eq!(output.status.code(), Some(4), "{bad}: {}", stderr(&output));
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
    assert!(cloud.server.asked().is_empty());
}

/// The whole life of an instance, with faults: nothing that is said holds the key.
#[test]
fn nothing_that_is_said_holds_the_key() {
    let folder = folder("");
    for args in COMMANDS {
        let cloud = Cloud::new();
        cloud.with(|account| {
            for call in [
                "GET instances",
                "GET instance-types",
                "GET ssh-keys",
                "GET firewall-rulesets/global",
            ] {
                account.fault(call, [Fault::LostBefore, Fault::Gateway(500), Fault::Busy(1)]);
            }
            account.fault("POST instance-operations/launch", [Fault::LostAfter]);
        });
        let output = cloud.server.run(&mut command(&cloud, folder.path(), args), None);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("again in"), "{args:?}: {said}");
        assert!(!has_key(&said), "{args:?} says the key: {said}");
    }
}

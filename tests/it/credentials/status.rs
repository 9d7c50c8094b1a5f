//! What a node says it has.

use serde_json::Value;

use super::*;

fn status(node: &Node, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
    command.args(["credentials", "status"]).args(more);
    command.env_clear().env("AWS_CONFIG_FILE", node.path("config"));
    seen(
        command
            .env("NODEBAKE_SESSION_CREDENTIALS", node.session())
            .output()
            .unwrap(),
    )
}

#[test]
fn what_there_is_and_until_when() {
    let node = Node::with_role();
    let output = status(&node, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("nothing: reading "), "{}", stdout(&output));
    assert!(
        stdout(&output).contains(&format!("assuming {ROLE} as {NAME}, for 14400 s")),
        "{}",
        stdout(&output)
    );

    node.old_session(5430);
    let output = status(&node, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).starts_with("a session until ") && stdout(&output).contains(", 90 min more, [node] of "),
        "{}",
        stdout(&output)
    );

    node.old_session(-60);
    let output = status(&node, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).starts_with("a session that expired at "),
        "{}",
        stdout(&output)
    );
    let read: Value = serde_json::from_slice(&status(&node, &["--json"]).stdout).unwrap();
    assert_eq!(
        (&read["state"], &read["isSession"]),
        (&Value::from("expired"), &Value::from(true))
    );
    assert!(read["secondsLeft"].as_i64().unwrap() < 0);
    assert_eq!(read["how"]["assumeRole"]["sessionName"], NAME);
}

/// What the agent of Systems Manager writes says no end, and a user's own key has none.
#[test]
fn keys_without_an_end_are_of_use() {
    let node = Node::with_config("credential_process = /opt/helper --private-key /key\n");
    node.put(
        "run/aws/credentials",
        0o600,
        &(keys("default", OLD_SECRET, None) + "aws_session_token = T\n"),
    );
    let output = status(&node, &["--profile", "default"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).starts_with("a session whose end is not told, [default] of "),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).ends_with("got by /opt/helper\n"), "{}", stdout(&output));
    let key = node.put("key", 0o600, &keys("node", OLD_SECRET, None));
    let output = status(&node, &["--session", key.to_str().unwrap()]);
    assert!(
        stdout(&output).starts_with("a key whose end is not told"),
        "{}",
        stdout(&output)
    );
}

//! What every plugin must bear: requests that are good, hostile and slow, made from one good request.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ended, How, Op, Pin, Reply, Request, judge};

/// What a case wants to see.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// The same reply as to the good request.
    Same,
    /// A reply to `describe`.
    Describe,
    /// An error reply, or an exit code other than 0; in time, and without dying.
    Refusal,
}

/// One request and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// What is on stdin.
    pub input: Vec<u8>,
    /// So many bytes at a time, with this pause between them.
    pub pace: Option<(usize, Duration)>,
    /// What must come of it.
    pub expect: Expect,
}

/// How large the large request is.
const LARGE: usize = 4 << 20;

/// How long the slow request takes.
const SLOW: Duration = Duration::from_millis(400);

/// All cases made from a good request.
pub fn cases(good: &Value) -> Vec<Case> {
    let case = |name, expect, input: &Value| Case {
        name,
        input: input.to_string().into_bytes(),
        pace: None,
        expect,
    };
    let raw = |name, input: &[u8]| Case {
        name,
        input: input.to_vec(),
        pace: None,
        expect: Expect::Refusal,
    };
    let with = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    let describe = serde_json::to_value(Request::describe()).unwrap_or_default();
    let mut later = describe.clone();
    later["later"] = json!({"x": [1]});
    let mut versionless = good.clone();
    if let Some(map) = versionless.as_object_mut() {
        map.remove("protocol");
    }
    let text = good.to_string();
    let pieces = 20;
    let mut slow = case("the same request in small pieces", Expect::Same, good);
    slow.pace = Some((text.len().div_ceil(pieces), SLOW / 20));
    let mut pretty = case("the same request over many lines", Expect::Same, good);
    pretty.input = (serde_json::to_string_pretty(good).unwrap_or_default() + "\n\n").into_bytes();
    vec![
        case("describe", Expect::Describe, &describe),
        case("describe with fields of a later version", Expect::Describe, &later),
        case("the same request again", Expect::Same, good),
        pretty,
        slow,
        case(
            "fields of a later version",
            Expect::Same,
            &with("later", json!({"x": null})),
        ),
        case(
            "4 MiB of a field it does not know",
            Expect::Same,
            &with("later", json!("x".repeat(LARGE))),
        ),
        raw("nothing on stdin", b""),
        raw("no JSON on stdin", b"hello\n"),
        raw("no text on stdin", b"\xff\xfe\0\x01"),
        raw("half a request", &text.as_bytes()[..text.len() / 2]),
        raw("a list in place of a request", b"[]"),
        case(
            "version 999 of the protocol",
            Expect::Refusal,
            &with("protocol", json!(999)),
        ),
        case("no version of the protocol", Expect::Refusal, &versionless),
        case("an op it does not know", Expect::Refusal, &with("op", json!("dance"))),
    ]
}

/// Whether `ended` is what `case` wants; `reference` is the reply to the good request. The error says what it is not.
pub fn verdict(pin: &Pin, case: &Case, ended: &Ended, reference: &Reply) -> Result<(), String> {
    let op = if case.expect == Expect::Describe {
        Op::Describe
    } else {
        Op::Run
    };
    let judged = judge(pin, op, ended);
    match (&case.expect, judged) {
        (Expect::Same, Ok(reply)) if reply == *reference => Ok(()),
        (Expect::Same, Ok(_)) => Err("it answered differently".into()),
        (Expect::Describe, Ok(reply)) => {
            let protocols = reply.describe.map(|describe| describe.protocols).unwrap_or_default();
            if protocols.contains(&super::PROTOCOL) {
                Ok(())
            } else {
                Err(format!("it does not speak version {} of the protocol", super::PROTOCOL))
            }
        }
        (Expect::Refusal, Ok(_)) => Err("it answered as if nothing were wrong".into()),
        (Expect::Refusal, Err(trouble)) => match ended.how {
            How::Exited(0) if trouble.id != "plugin/error" => Err(format!(
                "it {}; an error reply or an exit code other than 0 is wanted",
                trouble.message
            )),
            How::Exited(_) if ended.left == 0 => Ok(()),
            _ => Err(format!("it {}", trouble.message)),
        },
        (_, Err(trouble)) => Err(format!("it {}", trouble.message)),
    }
}

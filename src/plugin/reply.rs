//! What a plugin did, judged: a reply that can be used, or one clear finding.

use serde_json::error::Category;

use super::host::Trouble;
use super::{Ended, How, Limits, Op, PROTOCOL, Pin, Reply, Stream};
use crate::base::PluginKind;

/// The reply, if the program ended well and said something that can be used.
pub fn judge(pin: &Pin, op: Op, ended: &Ended) -> Result<Reply, Trouble> {
    let told = |id, message: String| {
        let mut trouble = Trouble::new(id, message);
        if !ended.tail.is_empty() {
            trouble.hint = Some(format!("it said: {}", tame(&ended.tail, 400)));
        }
        trouble
    };
    match &ended.how {
        How::Start(why) => {
            let hint = "the first line of a script must name a program that a plugin can see";
            return Err(Trouble::new("plugin/start", format!("cannot be started: {why}")).hint(hint));
        }
        How::Lost(why) => return Err(told("plugin/failed", format!("was lost: {why}"))),
        How::Deadline(seconds) => {
            let message = format!("was not done after {seconds} s, and was ended");
            return Err(told("plugin/deadline", message));
        }
        How::Flood(Stream::Reply) => {
            let message = format!("wrote more than the {} MiB a reply may have", Limits::REPLY >> 20);
            return Err(told("plugin/flood", message));
        }
        How::Flood(Stream::Log) => {
            let message = format!("wrote more than the {} KiB its log may have", Limits::LOG >> 10);
            return Err(Trouble::new("plugin/flood", message));
        }
        How::Processes(count) => {
            let message = format!("had {count} processes at a time, and was ended");
            return Err(told("plugin/processes", message));
        }
        How::Killed(signal) => return Err(told("plugin/failed", died(*signal))),
        How::Exited(_) => {}
    }
    if ended.left > 0 {
        let message = format!(
            "left {} running, which {} ended",
            processes(ended.left),
            was(ended.left)
        );
        return Err(told("plugin/processes", message));
    }
    let read = read_reply(pin.kind, op, &ended.stdout);
    match (&ended.how, read) {
        // Its own words, wherever they are.
        (_, Err(trouble)) if trouble.id == "plugin/error" => Err(trouble),
        (How::Exited(0), read) => read,
        (How::Exited(code), _) => Err(told("plugin/failed", format!("ended with exit code {code}"))),
        (_, read) => read,
    }
}

fn processes(count: usize) -> String {
    format!("{count} process{}", if count == 1 { "" } else { "es" })
}

fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn died(signal: i32) -> String {
    let why = match signal {
        6 => ": it gave up by itself (SIGABRT)",
        9 => ": something ended it, perhaps for want of memory (SIGKILL)",
        11 => ": it read or wrote where it must not (SIGSEGV)",
        24 => ": it used more CPU time than it may (SIGXCPU)",
        25 => ": it wrote a larger file than it may (SIGXFSZ)",
        31 => ": it did what no plugin may (SIGSYS)",
        _ => "",
    };
    format!("died of signal {signal}{why}")
}

/// The reply in `stdout`, if it is whole, alone, of our version, and what `op` of `kind` has to give.
pub fn read_reply(kind: PluginKind, op: Op, stdout: &[u8]) -> Result<Reply, Trouble> {
    let wrong = |message: String| Err(Trouble::new("plugin/reply", message));
    let text = match std::str::from_utf8(stdout) {
        Ok(text) => text,
        Err(error) => return wrong(format!("its reply is not UTF-8 from byte {} on", error.valid_up_to())),
    };
    if text.trim_ascii().is_empty() {
        return wrong("gave no reply".into());
    }
    // The version first: a reply of another version may look different.
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let value = match stream.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) if error.classify() == Category::Eof => {
            return wrong(format!("gave half a reply: it ends after {} bytes", text.len()));
        }
        Some(Err(error)) => return wrong(format!("its reply is not JSON: {error}")),
        None => return wrong("gave no reply".into()),
    };
    let rest = &text[stream.byte_offset()..];
    if !rest.trim_ascii().is_empty() {
        let shown = tame(rest.trim_ascii(), 40);
        return wrong(format!("wrote to stdout after its reply: `{shown}`"));
    }
    match value.get("protocol").map(serde_json::Value::as_u64) {
        Some(Some(version)) if version == u64::from(PROTOCOL) => {}
        Some(_) => {
            let said = value.get("protocol").map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "answered in version {} of the protocol, not {PROTOCOL}",
                tame(&said, 40)
            );
            return Err(Trouble::new("plugin/protocol", message));
        }
        None => return wrong("its reply has no `protocol`".into()),
    }
    // From the text, not from the tree: a key that is there twice would be lost in it.
    let reply: Reply = match serde_json::from_str(text) {
        Ok(reply) => reply,
        Err(error) => return wrong(format!("its reply cannot be used: {}", tame(&error.to_string(), 200))),
    };
    if let Some(error) = &reply.error {
        let mut trouble = Trouble::new(
            "plugin/error",
            format!("says: {} (code {})", tame(&error.message, Limits::MESSAGE), error.code),
        );
        trouble.hint = error.details.as_deref().map(|details| tame(details, Limits::MESSAGE));
        return Err(trouble);
    }
    whole(kind, op, &reply)?;
    Ok(reply)
}

/// Whether it has what it must have, and nothing that is not its business.
fn whole(kind: PluginKind, op: Op, reply: &Reply) -> Result<(), Trouble> {
    let wrong = |message: String| Err(Trouble::new("plugin/reply", message));
    let sections = [
        ("describe", reply.describe.is_some(), None),
        ("files", reply.files.is_some(), Some(PluginKind::Patch)),
        ("facts", reply.facts.is_some(), Some(PluginKind::Facts)),
        ("artifact", reply.artifact.is_some(), Some(PluginKind::Format)),
        ("delivered", reply.delivered.is_some(), Some(PluginKind::Deliver)),
    ];
    for (name, is_there, of) in sections {
        let wanted = match op {
            Op::Describe => of.is_none(),
            Op::Run => of == Some(kind),
        };
        if is_there && !wanted {
            return wrong(format!(
                "its reply has `{name}`, which is no business of {}",
                business(kind, op)
            ));
        }
        if wanted && !is_there {
            return wrong(format!("its reply has no `{name}`"));
        }
    }
    if op == Op::Run && kind == PluginKind::Check && reply.findings.is_none() {
        return wrong("its reply has no `findings`; an empty list says that nothing was found".into());
    }
    let counts = [
        (
            "findings",
            reply.findings.as_ref().map_or(0, Vec::len),
            Limits::FINDINGS,
        ),
        ("files", reply.files.as_ref().map_or(0, Vec::len), Limits::FILES),
    ];
    for (name, count, most) in counts {
        if count > most {
            let message = format!("its reply has {count} {name}, more than {most}");
            return Err(Trouble::new("plugin/flood", message));
        }
    }
    Ok(())
}

fn business(kind: PluginKind, op: Op) -> &'static str {
    match op {
        Op::Describe => "describe",
        Op::Run => kind.word(),
    }
}

/// Text of a stranger for a message: one line, without what a terminal would obey, at most so many letters.
pub fn tame(text: &str, most: usize) -> String {
    let strange = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut shown: String = text
        .chars()
        .take(most)
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if strange(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.chars().nth(most).is_some() {
        shown.push_str(" …");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_replies_alone() {
        let read = |text: &[u8]| read_reply(PluginKind::Check, Op::Run, text).map_err(|trouble| trouble.message);
        let good = read(b" {\"protocol\":1,\"findings\":[],\"later\":{\"x\":1}}\n\n").unwrap();
        assert_eq!(good.findings, Some(vec![]));
        for (text, message) in [
            (&b""[..], "gave no reply"),
            (b" \n", "gave no reply"),
            (b"{\"protocol\":1,\"findings\":[", "half a reply"),
            (b"{\"protocol\":1,\"findings\":[]}x", "after its reply: `x`"),
            (b"{\"protocol\":1,\"findings\":[]}{}", "after its reply"),
            (b"hello", "not JSON"),
            (b"\xff", "not UTF-8"),
            (b"{\"findings\":[]}", "no `protocol`"),
            (b"{\"protocol\":2,\"findings\":[]}", "version 2"),
            (b"{\"protocol\":\"1\",\"findings\":[]}", "version \"1\""),
            (b"{\"protocol\":1}", "no `findings`"),
            (b"{\"protocol\":1,\"findings\":{}}", "cannot be used"),
            (b"{\"protocol\":1,\"findings\":[],\"findings\":[]}", "duplicate field"),
            (b"{\"protocol\":1,\"findings\":[],\"files\":[]}", "no business of check"),
            (
                b"{\"protocol\":1,\"error\":{\"code\":3,\"message\":\"a\\u001b[31m\"}}",
                "says: a\u{fffd}[31m (code 3)",
            ),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(message), "{found}");
        }
        let deep = format!("{{\"protocol\":1,\"x\":{}", "[".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn strangers_do_not_write_to_the_terminal() {
        assert_eq!(
            tame("a\x1b]0;t\x07\nb\u{202e}c", 100),
            "a\u{fffd}]0;t\u{fffd} b\u{fffd}c"
        );
        assert_eq!(tame("abc", 2), "ab …");
    }
}

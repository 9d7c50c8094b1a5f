//! Lambda's API as a table, `tests/fixtures/lambda/schema.json`, and a judge that holds requests and answers to it. What
//! the table does not name is refused, in both directions.

use std::sync::OnceLock;

use serde_json::Value;

/// The table.
pub fn table() -> &'static Value {
    static TABLE: OnceLock<Value> = OnceLock::new();
    TABLE.get_or_init(|| serde_json::from_str(include_str!("../../fixtures/lambda/schema.json")).unwrap())
}

/// The call that a request is, if the API has it.
pub fn call(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |call: &&Value| {
        let own: Vec<&str> = call["path"].as_str().unwrap().split('/').collect();
        let alike = |(own, part): (&&str, &&str)| own == part || (*own == "{id}" && !part.is_empty());
        call["method"] == method && own.len() == parts.len() && own.iter().zip(&parts).all(alike)
    };
    // The one without a variable part comes first in the table.
    table()["calls"].as_array().unwrap().iter().find(fits)
}

/// What is wrong with a value by its type; empty if nothing is.
pub fn wrong(kind: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    judge(kind, value, "", &mut wrong);
    wrong
}

fn judge(kind: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    let mut no = |why: String| wrong.push(format!("{path}: {why}"));
    if let Some(name) = kind.as_str() {
        match name {
            "text" if !value.is_string() => no(format!("{value} is no text")),
            "int" if !(value.is_i64() || value.is_u64()) => no(format!("{value} is no whole number")),
            "bool" if !value.is_boolean() => no(format!("{value} is no boolean")),
            "text" | "int" | "bool" => {}
            name => {
                let known = &table()["types"][name]["is"];
                assert!(!known.is_null(), "the table has no type {name}");
                judge(known, value, path, wrong);
            }
        }
        return;
    }
    if let Some(rules) = kind.get("text") {
        match value.as_str() {
            Some(text) => text_rules(rules, text).into_iter().for_each(&mut no),
            None => no(format!("{value} is no text")),
        }
    } else if let Some(rules) = kind.get("int") {
        let number = value.as_i64();
        let least = rules["min"].as_i64().unwrap_or(i64::MIN);
        let most = rules["max"].as_i64().unwrap_or(i64::MAX);
        if !number.is_some_and(|number| (least..=most).contains(&number)) {
            no(format!("{value} is no number of {least} to {most}"));
        }
    } else if let Some(item) = kind.get("list") {
        let Some(items) = value.as_array() else {
            return no(format!("{value} is no list"));
        };
        let count = items.len() as u64;
        if count < kind["min"].as_u64().unwrap_or(0) || count > kind["max"].as_u64().unwrap_or(u64::MAX) {
            no(format!("{count} items"));
        }
        for (at, one) in items.iter().enumerate() {
            judge(item, one, &format!("{path}[{at}]"), wrong);
        }
    } else if let Some(item) = kind.get("map") {
        let Some(map) = value.as_object() else {
            return no(format!("{value} is no map"));
        };
        for (key, one) in map {
            judge(item, one, &format!("{path}.{key}"), wrong);
        }
    } else if let Some(kinds) = kind.get("any").and_then(Value::as_array) {
        if !kinds.iter().any(|kind| self::wrong(kind, value).is_empty()) {
            no(format!("{value} is none of what it can be"));
        }
    } else if let Some(known) = kind.get("fields").and_then(Value::as_object) {
        let Some(map) = value.as_object() else {
            return no(format!("{value} is no map"));
        };
        for key in map.keys() {
            if !known.contains_key(key) && !known.contains_key(&format!("{key}?")) {
                no(format!("the field `{key}` is not in the API"));
            }
        }
        if kind["also"] == "ports"
            && (map.get("protocol").is_some_and(|own| own == "icmp")) == map.contains_key("port_range")
        {
            no("port_range belongs to everything but icmp".into());
        }
        for (key, field) in known {
            let name = key.trim_end_matches('?');
            match map.get(name) {
                Some(one) => judge(field, one, &format!("{path}.{name}"), wrong),
                None if key.ends_with('?') => {}
                None => wrong.push(format!("{path}: `{name}` is missing")),
            }
        }
    } else {
        panic!("the table has a type of no kind: {kind}");
    }
}

fn text_rules(rules: &Value, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let count = text.chars().count() as u64;
    if count < rules["min"].as_u64().unwrap_or(0) || count > rules["max"].as_u64().unwrap_or(u64::MAX) {
        wrong.push(format!("{count} characters"));
    }
    if text.len() as u64 > rules["maxBytes"].as_u64().unwrap_or(u64::MAX) {
        wrong.push(format!("{} bytes", text.len()));
    }
    if let Some(words) = rules["oneOf"].as_array()
        && !words.iter().any(|word| word == text)
    {
        wrong.push(format!("`{text}` is no word of the API"));
    }
    if let Some(form) = rules["form"].as_str()
        && !has_form(form, text)
    {
        wrong.push(format!("`{text}` is no {form}"));
    }
    wrong
}

fn has_form(form: &str, text: &str) -> bool {
    let all = |tame: fn(char) -> bool, text: &str| text.chars().all(tame);
    let low = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match form {
        "tag" => {
            let rest = text.strip_prefix(|c: char| c.is_ascii_lowercase()).unwrap_or_default();
            !rest.is_empty() && rest.chars().all(|c| low(c) || c == ':')
        }
        "hostname" => !text.starts_with('-') && text.chars().all(low),
        "mount" => ["/home", "/lambda/nfs", "/data"].iter().any(|top| {
            text.strip_prefix(top)
                .is_some_and(|rest| all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-'), rest))
        }),
        "network" => {
            let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
            address.parse::<std::net::Ipv4Addr>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 32)
        }
        "time" => {
            let shape: String = text
                .chars()
                .take(19)
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            shape == "0000-00-00T00:00:00" && (text.ends_with('Z') || text.contains('+'))
        }
        other => panic!("the table has a form nobody knows: {other}"),
    }
}

#[test]
fn every_type_takes_its_good_examples_and_refuses_its_bad_ones() {
    let types = table()["types"].as_object().unwrap();
    assert!(types.len() > 30, "{}", types.len());
    for (name, about) in types {
        let kind = Value::String(name.clone());
        let examples = |word: &str| about[word].as_array().unwrap().clone();
        assert!(
            !examples("good").is_empty() && !examples("bad").is_empty(),
            "{name} lacks examples"
        );
        for good in examples("good") {
            assert_eq!(wrong(&kind, &good), Vec::<String>::new(), "{name} refuses {good}");
        }
        for bad in examples("bad") {
            assert!(!wrong(&kind, &bad).is_empty(), "{name} takes {bad}");
        }
    }
}

/// Every type is used by a call, and every call's errors have the form of a code.
#[test]
fn the_table_is_whole() {
    let text = table().to_string();
    for name in table()["types"].as_object().unwrap().keys() {
        let uses = text.matches(&format!("\"{name}\"")).count();
        // Once as its own name; `Error` is in every answer that is none.
        assert!(uses > 1 || name == "Error", "{name} is used nowhere");
    }
    for call in table()["calls"].as_array().unwrap() {
        for (status, codes) in call["errors"].as_object().unwrap() {
            assert!(
                status.parse::<u16>().is_ok_and(|status| (400..500).contains(&status)),
                "{call}"
            );
            assert!(
                codes
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|code| code.as_str().unwrap().contains('/')),
                "{call}"
            );
        }
    }
    assert_eq!(
        call("GET", "/api/v1/firewall-rulesets/global").unwrap()["answer"],
        "GlobalRuleset"
    );
    assert_eq!(
        call("GET", "/api/v1/firewall-rulesets/abc").unwrap()["answer"],
        "Ruleset"
    );
    assert!(call("GET", "/api/v1/instances/").is_none() && call("POST", "/api/v1/file-systems").is_none());
}

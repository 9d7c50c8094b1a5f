//! A value comes back from the real reader of its file, or is refused.

use std::cell::RefCell;

use nodebake::base::{Report, Source};
use nodebake::syntax::quote::{quote, systemd_word};
use nodebake::syntax::yaml::{Reader, block_scalar, is_block_safe, parse, scalar, to_json};
use nodebake::syntax::{FileType, ini, sysctl, systemd, toml};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::holds;
use super::readers::{self, Shell, have_python, python};
use super::strategies::{number_like, tame, text, value};
use crate::support::{TempDir, have, told};

/// `text` as it stands in a `filetype` file, unless it is refused.
fn quoted(filetype: FileType, text: &str) -> Option<String> {
    quote(filetype, &Value::String(text.to_owned())).ok()
}

/// The document as nodebake's own reader reads it.
fn own(text: &str) -> Result<Value, String> {
    let node = parse(&Source::new("t", text)).map_err(|report| told(&report))?;
    let mut report = Report::new();
    let value = to_json(&mut Reader { report: &mut report }, &node);
    if report.has_errors() {
        Err(told(&report))
    } else {
        Ok(value)
    }
}

/// Equal, with numbers compared as numbers: a reader of YAML 1.1 has no integers beyond its own.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            // serde_json reads the last digits of a long fraction wrongly.
            let near = |x: f64, y: f64| (x - y).abs() <= 4.0 * f64::EPSILON * x.abs();
            x == y || x.as_f64().zip(y.as_f64()).is_some_and(|(x, y)| near(x, y))
        }
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same(x, y)))
        }
        _ => a == b,
    }
}

#[test]
fn yaml_text_comes_back() {
    let with_python = have_python();
    holds("yaml_text", 3000, text(), |text| {
        let written = quoted(FileType::Yaml, &text).unwrap();
        prop_assert_eq!(&written, &scalar(&text));
        let document = format!("block: {written}\nflow: [{written}, {{inner: {written}}}]\n");
        let meant = json!({ "block": text, "flow": [text, { "inner": text }] });
        prop_assert_eq!(own(&document), Ok(meant.clone()));
        let other: Value = serde_yaml::from_str(&document).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&other, &meant, "serde_yaml, {}", document);
        if with_python {
            prop_assert_eq!(python("yaml", &document), Ok(meant.clone()), "{}", document);
            prop_assert_eq!(python("yaml-bytes", &document), Ok(meant), "{}", document);
        }
        Ok(())
    });
}

#[test]
fn yaml_keys_come_back() {
    let with_python = have_python();
    // YAML ends an implicit key after 1024 characters, quotes and escapes counted.
    let key = text().prop_filter("a short key", |key| key.chars().count() < 100);
    holds("yaml_keys", 1000, key, |key| {
        let written = scalar(&key);
        let document = format!("{written}: 1\n\"#\": {{{written}: 2}}\n");
        prop_assume!(key != "#");
        let meant = json!({ key.as_str(): 1, "#": { key.as_str(): 2 } });
        prop_assert_eq!(own(&document), Ok(meant.clone()));
        if with_python {
            prop_assert_eq!(python("yaml", &document), Ok(meant), "{}", document);
        }
        Ok(())
    });
}

#[test]
fn yaml_values_come_back() {
    let with_python = have_python();
    holds("yaml_values", 1500, value(), |value| {
        let written = quote(FileType::Yaml, &value).unwrap();
        let document = format!("k: {written}\n");
        let meant = json!({ "k": value });
        if with_python {
            let read = python("yaml", &document);
            prop_assert!(
                read.as_ref().is_ok_and(|read| same(read, &meant)),
                "PyYAML reads {:?} in {}",
                read,
                document
            );
        }
        let read: Value = serde_yaml::from_str(&document).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(same(&read, &meant), "serde_yaml reads {} in {}", read, document);
        Ok(())
    });
}

#[test]
fn yaml_blocks_come_back() {
    let with_python = have_python();
    let lines = vec(text(), 0..6).prop_map(|lines| lines.join("\n"));
    let ended = (lines, any::<bool>()).prop_map(|(text, end)| if end { text + "\n" } else { text });
    holds("yaml_blocks", 2000, (ended, 1usize..9), |(text, indent)| {
        if !is_block_safe(&text) {
            return Ok(());
        }
        let document = format!("a: {}b: end\n", block_scalar(&text, indent));
        let meant = json!({ "a": text, "b": "end" });
        prop_assert_eq!(own(&document), Ok(meant.clone()));
        let other: Value = serde_yaml::from_str(&document).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&other, &meant, "serde_yaml, {}", document);
        if with_python {
            prop_assert_eq!(python("yaml", &document), Ok(meant), "{}", document);
        }
        Ok(())
    });
}

/// What nodebake takes from a user's plain scalar is what every reader takes from it.
#[test]
fn plain_scalars_mean_the_same_to_all_or_are_refused() {
    let with_python = have_python();
    holds("plain_scalars", 4000, number_like(), |text| {
        let document = format!("k: {text}\n");
        let Ok(read) = own(&document) else { return Ok(()) };
        if with_python {
            let other = python("yaml", &document);
            // What is no YAML to one of them has no second meaning.
            let is_syntax = |error: &String| error.starts_with("ScannerError") || error.starts_with("ParserError");
            prop_assume!(!other.as_ref().is_err_and(is_syntax));
            prop_assert!(
                other.as_ref().is_ok_and(|other| same(other, &read)),
                "{:?} is {} to nodebake and {:?} to PyYAML",
                text,
                read,
                other
            );
        }
        Ok(())
    });
}

#[test]
fn json_comes_back() {
    let with_python = have_python();
    holds("json", 1000, value(), |value| {
        let document = quote(FileType::Json, &value).unwrap();
        prop_assert!(
            same(&serde_json::from_str::<Value>(&document).unwrap(), &value),
            "{}",
            document
        );
        if with_python {
            let read = python("json", &document);
            prop_assert!(
                read.as_ref().is_ok_and(|read| same(read, &value)),
                "{:?} in {}",
                read,
                document
            );
        }
        Ok(())
    });
}

#[test]
fn toml_comes_back_or_is_refused() {
    let with_python = have_python();
    holds(
        "toml",
        1500,
        prop_oneof![text().prop_map(Value::String), value()],
        |value| {
            let Ok(written) = quote(FileType::Toml, &value) else {
                return Ok(());
            };
            let document = format!("k = {written}\n");
            let read =
                toml::parse(&document).map_err(|error| TestCaseError::fail(format!("{error:?} in {document}")))?;
            let read = serde_json::to_value(&read["k"]).unwrap();
            prop_assert!(same(&read, &value), "toml reads {} in {}", read, document);
            if with_python {
                let read = python("toml", &document);
                prop_assert!(
                    read.as_ref().is_ok_and(|read| same(&read["k"], &value)),
                    "tomllib reads {:?} in {}",
                    read,
                    document
                );
            }
            Ok(())
        },
    );
}

#[test]
fn python_comes_back() {
    if !have_python() {
        return;
    }
    holds("python", 1500, text(), |text| {
        let written = quoted(FileType::Python, &text).unwrap();
        prop_assert_eq!(python("python", &written), Ok(Value::String(text)), "{}", written);
        Ok(())
    });
}

#[test]
fn ini_comes_back_or_is_refused() {
    let with_python = have_python();
    holds("ini", 1500, prop_oneof![text(), tame()], |text| {
        let Some(written) = quoted(FileType::Ini, &text) else {
            return Ok(());
        };
        let document = format!("[profile a]\nk = {written}\nend = 1\n");
        let pairs = ini::parse(&document).map_err(|line| TestCaseError::fail(format!("line {line} of {document}")))?;
        prop_assert_eq!(pairs.len(), 2);
        prop_assert_eq!(&pairs[0].value, &text);
        if with_python {
            let meant = json!({ "profile a": { "k": text, "end": "1" } });
            prop_assert_eq!(python("ini", &document), Ok(meant), "{}", document);
        }
        Ok(())
    });
}

/// A file of one item a line, read as kmod and systemd-modules-load do: comments and blanks go, the rest is kept.
#[test]
fn lines_come_back_or_are_refused() {
    holds("lines", 3000, prop_oneof![text(), tame()], |text| {
        let Some(written) = quoted(FileType::Lines, &text) else {
            return Ok(());
        };
        let document = format!("# c\n{written}\nend\n");
        let read: Vec<&str> = document
            .split('\n')
            .map(|line| line.trim_matches([' ', '\t', '\r']))
            .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
            .collect();
        prop_assert_eq!(read, [text.as_str(), "end"]);
        Ok(())
    });
}

/// No reader of sysctl.d can be driven without writing to the kernel, so the rule of sysctl.d(5) stands in for it.
#[test]
fn sysctl_comes_back_or_is_refused() {
    holds("sysctl", 3000, prop_oneof![text(), tame()], |text| {
        let Some(written) = quoted(FileType::Sysctl, &text) else {
            return Ok(());
        };
        let document = format!("# c\nnet.ipv4.x = {written}\nend=1\n");
        let settings = sysctl::parse(&document).map_err(|line| TestCaseError::fail(format!("line {line}")))?;
        prop_assert_eq!(settings.len(), 2);
        prop_assert_eq!(&settings[0].value, &text);
        let line = document.split('\n').nth(1).unwrap();
        let (_, value) = line.split_once('=').unwrap();
        prop_assert_eq!(value.trim_matches([' ', '\t', '\r']), text);
        Ok(())
    });
}

#[test]
fn shells_read_back_what_they_source() {
    let shells: Vec<RefCell<Shell>> = [("sh", "C"), ("dash", "C.UTF-8"), ("bash", "C"), ("bash", "C.UTF-8")]
        .into_iter()
        .filter(|(shell, _)| have(shell))
        .map(|(shell, locale)| RefCell::new(Shell::start(shell, locale)))
        .collect();
    holds("shells", 400, prop_oneof![text(), tame()], |text| {
        for filetype in [FileType::Env, FileType::Bash] {
            let Some(written) = quoted(filetype, &text) else {
                continue;
            };
            let document = format!("A=1\nX={written}\nB=2\n");
            for shell in &shells {
                let read = shell.borrow_mut().variable(&document);
                prop_assert_eq!(read.as_deref(), Some(text.as_bytes()), "{}", document);
            }
        }
        Ok(())
    });
}

/// What the manager shows of one word of a command line: in double quotes where a shell would need them.
fn shown_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut within = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                within = !within;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            ' ' if !within => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// systemd's last step, done when a process is started: `$$` is a dollar, anything else after a dollar is a variable.
fn without_variables(word: &str) -> Option<String> {
    let rest = word.replace("$$", "\0");
    (!rest.contains('$')).then(|| rest.replace('\0', "$"))
}

/// Draws texts for a reader that takes many at once; the same ones every time, unless a longer run is asked for.
fn drawn(strategy: &impl Strategy<Value = String>, number: usize) -> Vec<String> {
    let longer: Option<usize> = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let mut runner = if longer.is_some() {
        TestRunner::default()
    } else {
        TestRunner::deterministic()
    };
    (0..longer.map_or(number, |cases| number * cases / 256))
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// systemd takes lines of less than a megabyte and units of any number of lines.
const COMMANDS_A_UNIT: usize = 500;

#[test]
fn systemd_words_come_back_or_are_refused() {
    let words: Vec<(String, String)> = drawn(&prop_oneof![text(), tame()], 4000)
        .into_iter()
        .filter_map(|text| systemd_word(&text).ok().map(|written| (text, written)))
        .collect();
    assert!(words.len() > 1000);
    for words in words.chunks(COMMANDS_A_UNIT) {
        let lines: String = words
            .iter()
            .map(|(_, written)| format!("ExecStart=/bin/true {written} end\n"))
            .collect();
        let unit = format!("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n{lines}");
        // Our own reader keeps every line apart.
        assert_eq!(systemd::parse(&unit).unwrap().len(), words.len() + 2);
        let folder = TempDir::new();
        folder.write("probe.service", &unit);
        let Some(dump) = readers::systemd(folder.path(), "probe.service") else {
            return;
        };
        let shown: Vec<Vec<String>> = dump
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("Command Line: /bin/true "))
            .map(shown_words)
            .collect();
        assert_eq!(shown.len(), words.len(), "systemd dropped a line");
        for ((text, written), shown) in words.iter().zip(shown) {
            let read: Option<Vec<String>> = shown.iter().map(|word| without_variables(word)).collect();
            assert_eq!(read, Some(vec![text.clone(), "end".into()]), "{written}");
        }
    }
}

#[test]
fn systemd_values_come_back_or_are_refused() {
    let values: Vec<(String, String)> = drawn(&prop_oneof![text(), tame()], 2000)
        .into_iter()
        .filter_map(|text| quoted(FileType::Systemd, &text).map(|written| (text, written)))
        // An empty value takes back what was assigned before, and the manager shows a name instead.
        .filter(|(text, _)| !text.is_empty())
        .collect();
    assert!(values.len() > 300);
    for values in values.chunks(COMMANDS_A_UNIT) {
        let folder = TempDir::new();
        let mut wants = String::new();
        for (at, (text, written)) in values.iter().enumerate() {
            let unit =
                format!("[Unit]\nDefaultDependencies=no\nDescription={written}\n[Service]\nExecStart=/bin/true\n");
            assert_eq!(systemd::parse(&unit).unwrap()[1].value, written.as_str());
            assert_eq!(&written.replace("%%", "%"), text);
            folder.write(&format!("probe{at}.service"), unit);
            wants.push_str(&format!("Wants=probe{at}.service\n"));
        }
        folder.write("probe.target", format!("[Unit]\nDefaultDependencies=no\n{wants}"));
        let Some(dump) = readers::systemd(folder.path(), "probe.target") else {
            return;
        };
        for (at, (text, written)) in values.iter().enumerate() {
            let (_, rest) = dump
                .split_once(&format!("-> Unit probe{at}.service:\n"))
                .unwrap_or_else(|| panic!("systemd dropped {written:?}"));
            let shown = rest.lines().next().unwrap().trim_start_matches('\t');
            assert_eq!(shown.strip_prefix("Description: "), Some(text.as_str()), "{written:?}");
        }
    }
}

//! Text that was made to be misread.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Number, Value};

/// Words that some reader takes for something else, and pieces that break out of a badly quoted value.
pub const HOSTILE: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "no",
    "No",
    "NO",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "Y",
    "true",
    "True",
    "false",
    "null",
    "Null",
    "NULL",
    "~",
    "nan",
    "NaN",
    ".nan",
    "inf",
    ".inf",
    "-.inf",
    "+.Inf",
    "infinity",
    "None",
    "12:30",
    "190:20:30",
    "1_000",
    "0777",
    "0o17",
    "0x1f",
    "+0xf",
    "-0x1f",
    "0b101",
    "1e3",
    "1E3",
    "1.5e+3",
    "+.5",
    ".5",
    "1.",
    "-0",
    "00",
    "1.30",
    "-1",
    "+1",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "2024-01-01 10:00:00",
    "=",
    "<<",
    "<",
    ">",
    "|",
    "|-",
    "-",
    "- ",
    "--",
    "---",
    "...",
    "?",
    "? ",
    ":",
    ": ",
    "a: b",
    " #",
    "#",
    "#!",
    ";",
    ",",
    "[",
    "]",
    "{",
    "}",
    "[a]",
    "{a: b}",
    "&a",
    "*a",
    "!",
    "!!str",
    "%",
    "%%",
    "%h",
    "%{x}",
    "@",
    "`",
    "`x`",
    "$",
    "$$",
    "$x",
    "${x}",
    "$(x)",
    "$'x'",
    "{{x}}",
    "{% x %}",
    "{#",
    "#}",
    "\\",
    "\\\\",
    "\\n",
    "\\x41",
    "\\u0041",
    "\\'",
    "\\\"",
    "'",
    "''",
    "'''",
    "\"",
    "\"\"",
    "\"\"\"",
    "\"'",
    "*",
    "!x",
    "^",
    "&&",
    "||",
    "a=b",
    "a = b",
    "[Service]",
    "ExecStart=/bin/sh",
    "\nExecStart=/bin/sh\n",
    "kernel.panic=0",
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{9f}",
    "\u{a0}",
    "\u{ad}",
    "\u{1680}",
    "\u{200b}",
    "\u{2028}",
    "\u{2029}",
    "\u{3000}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "ä",
    "日本",
    "🦀",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{10ffff}",
    "e\u{301}",
    "/",
    "/etc/x",
    "..",
    "a",
    "Z",
    "9",
    "_",
    "word",
    "two words",
    "EOF",
    "__END__",
    "None",
    "\\\n",
    "a\\",
    "\u{1c}",
    "\u{1d}",
    "\u{1e}",
    "\u{1f}",
];

/// Any text, and the hostile more often than the rest.
pub fn text() -> BoxedStrategy<String> {
    let word = || select(HOSTILE).prop_map(str::to_owned);
    prop_oneof![
        3 => word(),
        6 => vec(word(), 1..8).prop_map(|words| words.concat()),
        3 => vec(any::<char>(), 0..24).prop_map(|chars| chars.into_iter().collect::<String>()),
        3 => vec(0x20u8..0x7f, 0..40).prop_map(|bytes| bytes.into_iter().map(char::from).collect::<String>()),
        2 => vec(0u32..0x180, 0..16).prop_map(|codes| codes.into_iter().filter_map(char::from_u32).collect::<String>()),
        1 => (word(), 1usize..3000).prop_map(|(word, times)| word.repeat(times)),
    ]
    .boxed()
}

/// Text of one line that could be a name, a path or a flag: what a strict file type takes.
pub fn tame() -> BoxedStrategy<String> {
    let piece = prop_oneof![
        4 => select(&['a', 'Z', '0', '9', '-', '_', '.', '/', ':', '@', '+', ',', '=', '%'][..]),
        1 => select(&[' ', '#', ';', '~', '$', '\'', '"', '(', '!', '*', 'ä', '\u{a0}', '\u{2028}', '🦀'][..]),
    ];
    vec(piece, 0..20)
        .prop_map(|chars| chars.into_iter().collect::<String>())
        .boxed()
}

/// A plain scalar that looks like a number, a date or a word.
pub fn number_like() -> BoxedStrategy<String> {
    let alphabet = b"0123456789+-._:eExXoObBaAfFnNiItTzZ yY~=<";
    prop_oneof![
        select(HOSTILE).prop_map(str::to_owned),
        vec(select(&alphabet[..]), 1..12).prop_map(|bytes| bytes.into_iter().map(char::from).collect::<String>()),
        (
            0u32..3000,
            0u32..14,
            0u32..40,
            select(&["", "T00:00:00Z", "t1:00:00", " 10:00:00", "T10:00:00.5+01:00"][..])
        )
            .prop_map(|(year, month, day, time)| format!("{year:04}-{month:02}-{day:02}{time}")),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<Value> {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    prop_oneof![
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        any::<u64>().prop_map(|number| Value::Number(number.into())),
        (-3i64..4).prop_map(|number| Value::Number(number.into())),
        any::<f64>().prop_map(float),
        (-400i32..400).prop_map(move |tenths| float(10f64.powi(tenths / 10))),
    ]
    .boxed()
}

/// Any JSON value without null.
pub fn value() -> BoxedStrategy<Value> {
    let leaf =
        prop_oneof![4 => text().prop_map(Value::String), 1 => any::<bool>().prop_map(Value::Bool), 2 => number()];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = text().prop_filter("a key of at most 1024 characters as YAML writes it", |key| {
            key.chars().count() < 100
        });
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((key, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

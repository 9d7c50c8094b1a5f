//! Parsers and a browser as judges of the page, and texts that were made to break out of it.

#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::process::Command;

use nodebake::base::Report;
use nodebake::catalog::Catalog;
use nodebake::review::page::{BudgetPart, BudgetView, NodeView, Page, Paths, Texts, html};
use proptest::prelude::*;

use super::parse::{Document, parse};
use super::{fleet, page};
use crate::support::{TempDir, build, have, node_yaml, root, stderr, stdout, told};

/// Debian's own Python: the one that has its packages.
const PYTHON: &str = "/usr/bin/python3";

/// Pieces that end a text, an attribute or a tag where HTML is written carelessly.
const BREAKING: [&str; 18] = [
    "</script><img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</pre>",
    "</title>",
    "</style>",
    "<!--",
    "-->",
    "]]>",
    "\"",
    "'",
    "' onclick='x",
    "\" onfocus=\"x\" autofocus=\"",
    "&lt;",
    "&#x3c;img&#x3e;",
    "<svg/onload=x>",
    "{{ 7 * 7 }}{% raw %}",
    "\u{202e}\u{200b}",
    "\u{2028}\u{ffff}",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(BREAKING.as_slice()).prop_map(str::to_owned),
        1 => "[ -~\u{e4}\u{1f600}\u{feff}]{0,12}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// Tags and the names of their attributes, the only things a text could change by breaking out.
fn skeleton(document: &Document) -> Vec<String> {
    let one = |element: &super::Element| {
        let names: Vec<&str> = element.attributes.iter().map(|(name, _)| name.as_str()).collect();
        format!("{} {}", element.name, names.join(" "))
    };
    document.elements.iter().map(one).collect()
}

/// The page of a node with this content in a file of its own, this name in its title, this path among its parts.
fn page_of(content: &str, title: &str, path: &str) -> Option<String> {
    let content = serde_json::to_string(content).unwrap();
    let files = format!("  files:\n    - {{ path: /etc/own, mode: \"0644\", type: lines, content: {content} }}\n");
    let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", &files);
    // A text that no check lets through never gets to a page.
    let built = build(&yaml, "1.35").ok()?;
    let budget = BudgetView {
        taker: title.into(),
        used: 10,
        max: Some(20),
        gzipped: false,
        parts: vec![BudgetPart {
            path: path.into(),
            bytes: 10,
            encoding: "text",
        }],
    };
    let tree = built.verified.tree();
    let view = NodeView::new(
        &built.plan,
        tree,
        &Catalog::embedded(),
        &Report::new(),
        budget,
        &Texts::default(),
        &Paths::default(),
    );
    Some(html(&Page::new(title, title, false, &[view])).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_text_breaks_out(content in hostile(), title in hostile(), path in hostile()) {
        let Some(page) = page_of(&format!("{content}\n"), &title, &path) else { return Ok(()) };
        let tame = page_of("x\n", "x", "x").unwrap();
        let read = parse(&page);
        prop_assert_eq!(skeleton(&read), skeleton(&parse(&tame)));
        prop_assert!(read.errors.is_empty(), "{:?}", read.errors);
    }
}

#[test]
fn the_worst_text_is_shown_as_it_is() {
    let page = page_of("</script><img src=x onerror=alert(1)>\n", "a", "b").unwrap();
    assert!(!page.contains("<img"));
    assert!(parse(&page).text.contains("</script><img src=x onerror=alert(1)>\n"));
}

/// html5lib builds the tree as browsers do, and refuses what is no valid HTML.
#[test]
fn a_strict_parser_has_nothing_against_it() {
    if !have("python3") {
        return;
    }
    let folder = TempDir::new();
    let output = Command::new(PYTHON).args(["-c", "import html5lib"]).output().unwrap();
    if !output.status.success() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and html5lib is not installed"
        );
        println!("skipped: html5lib is not installed");
        return;
    }
    let example = page(&root().join("examples/fleet"), "fleet.yaml", &[]);
    let hostile = page_of(&BREAKING.concat(), &BREAKING.concat(), &BREAKING.concat());
    let mut files = vec![folder.write("fleet.html", &example)];
    files.extend(hostile.map(|page| folder.write("hostile.html", page)));
    let broken = folder.write("broken.html", example.replacen("</summary>", "</sumary>", 1));
    let script =
        "import html5lib, sys\nhtml5lib.HTMLParser(strict=True).parse(open(sys.argv[1], encoding='utf-8').read())\n";
    let judge = |path: &std::path::Path| Command::new(PYTHON).args(["-c", script]).arg(path).output().unwrap();
    for file in &files {
        let output = judge(file);
        assert!(output.status.success(), "{}: {}", file.display(), stderr(&output));
    }
    assert!(!judge(&broken).status.success(), "it has nothing against anything");
}

/// What the script finds wrong with a page.
fn browsed(html: &str) -> String {
    let folder = TempDir::new();
    let file = folder.write("page.html", html);
    let script = root().join("tests/fixtures/tools/page_browser.py");
    let mut command = Command::new(PYTHON);
    command.arg(script).arg(file);
    // `NODEBAKE_SHOTS=/tmp/shots cargo test --test it -- page` leaves pictures to look at.
    if let Some(shots) = std::env::var_os("NODEBAKE_SHOTS") {
        command.arg(shots);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).trim().to_owned()
}

#[test]
fn a_browser_shows_it_whole_to_everybody() {
    if !have("chromium") {
        return;
    }
    // Old and new, so that the page has everything a page can have.
    let (old, new) = (fleet(2), fleet(3));
    let golden = old.path().join("golden").display().to_string();
    let rendered = crate::support::nodebake(&["render", "fleet.yaml", "-o", &golden], old.path());
    assert!(rendered.status.success(), "{}", stderr(&rendered));
    let yaml = std::fs::read_to_string(new.path().join("fleet.yaml")).unwrap();
    new.write(
        "fleet.yaml",
        yaml.replace(
            "    kubelet:\n      taints:",
            "    sizing: { maxPods: 60 }\n    files:\n      - { path: /etc/own, mode: \"0644\", type: lines, content: \"</script><img src=x onerror=alert(1)>\\n\" }\n    kubelet:\n      taints:",
        ),
    );
    let html = page(new.path(), "fleet.yaml", &["--against", &golden]);
    assert_eq!(browsed(&html), "");
}

#[test]
fn the_browser_sees_what_is_wrong() {
    if !have("chromium") {
        return;
    }
    let good = page(&root().join("examples/satellite"), "node.yaml", &[]);
    let broken = good
        .replacen("<h3>Files</h3>", "<h3>Files</h3><p>A line that nobody broke in time: <span class=\"order\">x</span></p><svg width=\"2000\" height=\"5\"></svg>", 1)
        .replacen("<p class=\"brand\">", "<p class=\"brand\" onclick=\"x()\"><img src=\"https://example.com/x.png\" alt=\"x\"><a href=\"#main\" tabindex=\"-1\">never reached</a>", 1);
    let said = browsed(&broken);
    for expected in ["over the edge", "the browser says", "Tab reaches"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_covering_check_is_whole() {
    // A node that cannot be built would make the property above say nothing.
    let built = build(
        &node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
        "1.35",
    );
    assert!(built.is_ok(), "{}", told(&built.unwrap_err()));
    let some = BREAKING
        .iter()
        .filter(|piece| page_of(&format!("{piece}\n"), "x", "x").is_some());
    assert!(some.count() > 12);
}

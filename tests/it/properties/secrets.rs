//! A secret that somebody puts into node.yaml goes no further: it is refused, and never shown.

use nodebake::syntax::yaml::scalar;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::holds;
use crate::support::{TempDir, node_yaml, nodebake, root, stderr, stdout};

/// The text that holds a secret, and the part that nobody may see.
type Hidden = (String, String);

fn letters(alphabet: &'static str, number: impl Into<proptest::collection::SizeRange>) -> BoxedStrategy<String> {
    let alphabet: Vec<char> = alphabet.chars().collect();
    vec(select(alphabet), number)
        .prop_map(|chars| chars.into_iter().collect::<String>())
        .boxed()
}

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn secret() -> BoxedStrategy<Hidden> {
    let whole = |secret: String| (secret.clone(), secret);
    let key_id = (select(&["AKIA", "ASIA"][..]), letters(UPPER, 16))
        .prop_map(move |(kind, rest)| whole(kind.to_owned() + &rest));
    let name = select(
        &[
            "aws_secret_access_key = ",
            "AWS_SECRET_ACCESS_KEY=",
            "secret_access_key: ",
            "\"SecretAccessKey\": \"",
        ][..],
    );
    let secret_key = (name, letters(BASE64, 40)).prop_map(|(name, key)| (format!("{name}{key}"), key));
    let session = letters(BASE64, 200..400).prop_map(move |rest| whole(format!("IQoJb3JpZ2lu{rest}")));
    let kind = select(&["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "][..]);
    let pem = (kind, vec(letters(BASE64, 64), 2..5), any::<bool>()).prop_map(|(kind, lines, ended)| {
        let end = if ended {
            format!("-----END {kind}PRIVATE KEY-----\n")
        } else {
            String::new()
        };
        let text = format!("-----BEGIN {kind}PRIVATE KEY-----\n{}\n{end}", lines.join("\n"));
        (text, lines.into_iter().next().unwrap())
    });
    prop_oneof![key_id, secret_key, session, pem].boxed()
}

/// How a place in node.yaml is filled: by the written text, and by the whole file.
type Place = (&'static str, fn(&str) -> String);

const SATELLITE: [&str; 3] = ["satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10"];

fn node(more: &str) -> String {
    node_yaml(SATELLITE[0], SATELLITE[1], SATELLITE[2], more)
}

/// Places that take any text, so that it is the check of the rendered files that must stop it.
const OPEN: &[Place] = &[
    ("a file", |text| {
        node(&format!(
            "  files: [{{ path: /etc/x, mode: \"0600\", type: lines, content: {text} }}]\n"
        ))
    }),
    ("raw configuration", |text| {
        node(&format!("  kubelet: {{ config: {{ volumePluginDir: {text} }} }}\n"))
    }),
];

/// Places with a rule of their own.
const STRICT: &[Place] = &[
    ("the name", |text| {
        node("").replace("name: node-17", &format!("name: {text}"))
    }),
    ("the source profile", |text| {
        node("").replace("node-user\n", &format!("{text}\n"))
    }),
    ("the role", |text| {
        node("").replace("arn:aws:iam::111122223333:role/satellite-17", text)
    }),
    ("the image", |text| node("").replace("lambda-stack-22-04", text)),
    ("the cluster's file", |text| node("").replace("cluster.yaml", text)),
    ("the address", |text| node("").replace("10.0.2.233", text)),
    ("a label", |text| {
        node(&format!("  kubelet: {{ labels: {{ a: {text} }} }}\n"))
    }),
    ("a label's key", |text| {
        node(&format!("  kubelet: {{ labels: {{ {text}: a }} }}\n"))
    }),
    ("a taint", |text| {
        node(&format!(
            "  kubelet: {{ taints: [{{ key: a, value: {text}, effect: NoSchedule }}] }}\n"
        ))
    }),
    ("the pause image", |text| {
        node(&format!("  containerd: {{ pauseImage: {text} }}\n"))
    }),
    ("the mirror", |text| {
        node(&format!("  artifacts: {{ mirror: {text} }}\n"))
    }),
    ("a path", |text| {
        node(&format!(
            "  files: [{{ path: {text}, mode: \"0600\", type: lines, content: \"a\\n\" }}]\n"
        ))
    }),
    ("a key nobody knows", |text| node(&format!("  password: {text}\n"))),
    ("a key of raw configuration", |text| {
        node(&format!("  kubelet: {{ config: {{ password: {text} }} }}\n"))
    }),
    ("a number", |text| node(&format!("  sizing: {{ maxPods: {text} }}\n"))),
    ("the whole file", |text| format!("{text}\n")),
    ("beside a mistake", |text| {
        node(&format!(
            "  wrong: 1 # {}\n",
            text.trim_matches('"').replace("\\n", " ")
        ))
    }),
    ("in a broken file", |text| {
        node(&format!("  files: [{{ content: {text}\n"))
    }),
];

fn said(command: &[&str], yaml: &str) -> (Option<i32>, String) {
    let folder = TempDir::new();
    folder.write("node.yaml", yaml);
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    let output = nodebake(command, folder.path());
    (output.status.code(), stdout(&output) + &stderr(&output))
}

const COMMANDS: &[&[&str]] = &[
    &["bake", "node.yaml"],
    &["check", "node.yaml"],
    &["check", "--short", "node.yaml"],
    &["check", "--json", "node.yaml"],
    &["render", "node.yaml", "-o", "out"],
];

fn goes_no_further(name: &str, cases: u32, places: &'static [Place], id: Option<&str>) {
    let written = (secret(), select(&["", "x\n", "\t", "# ", "key "][..]));
    holds(name, cases, (written, select(places), select(COMMANDS)), |case| {
        let (((text, hidden), before), (place, fill), command) = case;
        // Files end in a newline; nothing else may.
        let text = if place == "a file" {
            format!("{before}{text}\n")
        } else {
            format!("{before}{text}")
        };
        let (code, said) = said(command, &fill(&scalar(&text)));
        prop_assert!(!said.contains(&hidden), "{}: {}", place, said);
        prop_assert_eq!(code, Some(1), "{}: {}", place, said);
        if let Some(id) = id {
            prop_assert!(said.contains(id), "{}: {}", place, said);
        }
        Ok(())
    });
}

#[test]
fn the_check_of_the_files_stops_a_secret() {
    goes_no_further("secrets_open", 200, OPEN, Some("secret/in-text"));
}

#[test]
fn a_secret_at_the_wrong_place_is_not_shown() {
    goes_no_further("secrets_strict", 400, STRICT, None);
}

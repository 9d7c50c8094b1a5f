//! `PyYAML`, which cloud-init reads with, and nodebake's own reader find the same values in every YAML and JSON file.

use std::path::PathBuf;
use std::process::Command;

use nodebake::bake::Packer;
use nodebake::bake::user_data;
use nodebake::base::{Report, Source};
use nodebake::syntax::FileType;
use nodebake::syntax::yaml::{Reader, parse, to_json};
use serde_json::Value;

use super::{PYTHON, nodes, refused, run, tool};
use crate::support::{TempDir, have, stdout, told};

/// The one document of each file as `PyYAML` reads it, or what it has against the file.
fn pyyaml(paths: &[PathBuf]) -> Vec<Result<Value, String>> {
    let output = run(Command::new(PYTHON).arg(tool("pyyaml.py")).args(paths));
    assert_eq!(refused(&output), None);
    let read = |line: &str| -> Result<Value, String> {
        let answer: Value = serde_json::from_str(line).unwrap();
        match (
            answer["error"].as_str(),
            answer["documents"].as_array().map(Vec::as_slice),
        ) {
            (None, Some([document])) => Ok(document.clone()),
            (error, _) => Err(error.unwrap_or("not one document").to_owned()),
        }
    };
    stdout(&output).lines().map(read).collect()
}

/// The document as nodebake reads it.
fn own(name: &str, text: &str) -> Value {
    let mut report = Report::new();
    let node = parse(&Source::new(name, text)).unwrap_or_else(|report| panic!("{}", told(&report)));
    let value = to_json(&mut Reader { report: &mut report }, &node);
    assert!(!report.has_errors(), "{}", told(&report));
    value
}

#[test]
fn every_file_means_the_same_to_both_readers() {
    if !have("cloud-init") {
        return;
    }
    let folder = TempDir::new();
    let mut files: Vec<(String, FileType, String)> = Vec::new();
    for node in nodes() {
        for entry in node.built.verified.tree().iter() {
            if matches!(entry.filetype, FileType::Yaml | FileType::Json) {
                let name = format!("{}: {}", node.name, entry.tree_path());
                files.push((name, entry.filetype, entry.text.clone()));
            }
        }
        let artifact = user_data(&node.built.plan, &node.built.verified, &Packer::default()).unwrap();
        if !artifact.gzipped {
            let name = format!("{}: user-data", node.name);
            files.push((name, FileType::Yaml, String::from_utf8(artifact.bytes).unwrap()));
        }
    }
    assert!(files.len() > 5 * nodes().len());
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(number, (_, _, text))| folder.write(&number.to_string(), text))
        .collect();
    let read = pyyaml(&paths);
    assert_eq!(read.len(), files.len());
    for ((name, filetype, text), read) in files.iter().zip(read) {
        assert_eq!(read.as_ref(), Ok(&own(name, text)), "{name}");
        if *filetype == FileType::Json {
            assert_eq!(read.as_ref(), Ok(&serde_json::from_str(text).unwrap()), "{name}");
        }
    }
}

/// The keys of the kubelet's configuration whose type is text stay text, whatever their value looks like.
#[test]
fn text_of_the_kubelet_stays_text() {
    if !have("cloud-init") {
        return;
    }
    let folder = TempDir::new();
    let path = "/etc/kubernetes/kubelet/kubelet-config.yaml";
    let texts: Vec<&str> = nodes()
        .iter()
        .map(|node| super::text(&node.built, path).unwrap())
        .collect();
    let paths: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| folder.write(&number.to_string(), text))
        .collect();
    for (node, read) in nodes().iter().zip(pyyaml(&paths)) {
        let config = read.unwrap();
        for key in [
            "/apiVersion",
            "/address",
            "/authentication/webhook/cacheTTL",
            "/cgroupDriver",
            "/cgroupRoot",
            "/clusterDomain",
            "/clusterDNS/0",
            "/containerRuntimeEndpoint",
            "/containerLogMaxSize",
            "/hairpinMode",
            "/kubeReserved/cpu",
            "/kubeReserved/memory",
            "/kubeReserved/ephemeral-storage",
            "/systemReserved/cpu",
            "/systemReserved/memory",
            "/evictionHard/memory.available",
            "/shutdownGracePeriod",
            "/tlsMinVersion",
        ] {
            assert!(
                config.pointer(key).is_some_and(Value::is_string),
                "{}: {key}: {config}",
                node.name
            );
        }
        for key in [
            "/authentication/anonymous/enabled",
            "/failSwapOn",
            "/protectKernelDefaults",
            "/serverTLSBootstrap",
        ] {
            assert!(
                config.pointer(key).is_some_and(Value::is_boolean),
                "{}: {key}",
                node.name
            );
        }
        for key in ["/port", "/readOnlyPort", "/maxPods", "/imageGCHighThresholdPercent"] {
            assert!(config.pointer(key).is_some_and(Value::is_u64), "{}: {key}", node.name);
        }
    }
}

#[test]
fn the_judge_sees_what_the_readers_disagree_on() {
    if !have("cloud-init") {
        return;
    }
    let folder = TempDir::new();
    let paths = [
        folder.write("twice", "a: 1\nb: 2\na: 3\n"),
        folder.write("time", "a: 12:30\n"),
        folder.write("date", "a: 2026-01-01\n"),
        folder.write("tab", "a:\n\tb: 1\n"),
    ];
    let read = pyyaml(&paths);
    assert!(
        read[0].as_ref().is_err_and(|error| error.contains("stands twice")),
        "{read:?}"
    );
    assert_eq!(read[1], Ok(serde_json::json!({ "a": 750 })));
    assert_eq!(read[2], Ok(serde_json::json!({ "a": { "!": "date" } })));
    assert!(read[3].is_err());
}

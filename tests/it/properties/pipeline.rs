//! From `node.yaml` to user-data: whatever a user writes is told as a finding or arrives where it belongs.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nodebake::bake::Packer;
use nodebake::bake::user_data;
use nodebake::catalog::Plane;
use nodebake::pipeline::Built;
use nodebake::syntax::yaml::scalar;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::holds;
use super::inputs;
use super::readers::{have_python, python};
use super::strategies::{HOSTILE, tame, text};
use crate::support::{build, node_yaml, root, told};

/// A place in node.yaml that takes text: what is added to the spec, and the file and reader that show it in the end.
struct Field {
    name: &'static str,
    more: fn(&str) -> String,
    file: &'static str,
    reader: &'static str,
    /// Where the text stands in what the reader read.
    pointer: &'static str,
}

const KUBELET: &str = "/etc/kubernetes/kubelet/kubelet-config.yaml";
const OVERRIDES: &str = "/etc/kubernetes/kubelet/kubelet-config.d/50-user.conf";

const FIELDS: &[Field] = &[
    Field {
        name: "file",
        more: |text| format!("  files:\n    - {{ path: /etc/x, mode: \"0644\", type: lines, content: {text} }}\n"),
        file: "/etc/x",
        reader: "",
        pointer: "",
    },
    Field {
        name: "file in a block",
        more: |text| {
            format!("  files:\n    - path: /etc/x\n      mode: \"0600\"\n      type: pem\n      content: {text}\n")
        },
        file: "/etc/x",
        reader: "",
        pointer: "",
    },
    Field {
        name: "label",
        more: |text| format!("  kubelet: {{ labels: {{ example.com/x: {text} }} }}\n"),
        file: "/etc/systemd/system/kubelet.service.d/10-node.conf",
        reader: "",
        pointer: "example.com/x=",
    },
    Field {
        name: "label key",
        more: |text| format!("  kubelet: {{ labels: {{ {text}: \"1\" }} }}\n"),
        file: "/etc/systemd/system/kubelet.service.d/10-node.conf",
        reader: "",
        pointer: "",
    },
    Field {
        name: "taint",
        more: |text| format!("  kubelet: {{ taints: [{{ key: a, value: {text}, effect: NoSchedule }}] }}\n"),
        file: KUBELET,
        reader: "yaml",
        pointer: "/registerWithTaints/0/value",
    },
    Field {
        name: "taint key",
        more: |text| format!("  kubelet: {{ taints: [{{ key: {text}, effect: NoExecute }}] }}\n"),
        file: KUBELET,
        reader: "yaml",
        pointer: "/registerWithTaints/0/key",
    },
    Field {
        name: "raw configuration",
        more: |text| format!("  kubelet: {{ config: {{ kubeAPIQPS: 7, volumePluginDir: {text} }} }}\n"),
        file: OVERRIDES,
        reader: "json",
        pointer: "/volumePluginDir",
    },
    Field {
        name: "list in raw configuration",
        more: |text| format!("  kubelet: {{ config: {{ tlsCipherSuites: [{text}] }} }}\n"),
        file: OVERRIDES,
        reader: "yaml",
        pointer: "/tlsCipherSuites/0",
    },
    Field {
        name: "pause image",
        more: |text| format!("  containerd: {{ pauseImage: {text} }}\n"),
        file: "/etc/containerd/config.toml",
        reader: "toml",
        pointer: "/plugins/io.containerd.cri.v1.images/pinned_images/sandbox",
    },
    Field {
        name: "interface",
        more: |text| format!("  network: {{ interface: {text} }}\n"),
        file: "/etc/nodebake/node.env",
        reader: "",
        pointer: "NB_INTERFACE=",
    },
    Field {
        name: "mirror",
        more: |text| format!("  artifacts: {{ mirror: {text} }}\n"),
        file: "",
        reader: "",
        pointer: "",
    },
    Field {
        name: "path",
        more: |text| format!("  files:\n    - {{ path: {text}, mode: \"0644\", type: lines, content: \"x\\n\" }}\n"),
        file: "",
        reader: "",
        pointer: "",
    },
];

/// A text that a field is likely to take, and others.
fn written() -> BoxedStrategy<String> {
    let alphabet = &b"abcXYZ0189-_."[..];
    let word = || vec(select(alphabet), 1..20).prop_map(|bytes| bytes.into_iter().map(char::from).collect::<String>());
    let around = (
        select(&["", "/", "/etc/", "https://", "k8s.io/", "registry.k8s.io/"][..]),
        word(),
        select(HOSTILE),
    )
        .prop_map(|(before, word, after)| format!("{before}{word}{after}"));
    let lines = vec(text(), 0..5).prop_map(|lines| lines.join("\n") + "\n");
    prop_oneof![2 => text(), 1 => tame(), 2 => word(), 1 => around, 2 => lines, 1 => word().prop_map(|w| format!("registry.k8s.io/{w}:1"))]
        .boxed()
}

/// The files of a user-data document, as `PyYAML` and this test unpack them.
fn unpacked(document: &str) -> Result<BTreeMap<String, String>, String> {
    let config = python("yaml-bytes", document)?;
    let mut files = BTreeMap::new();
    for file in config["write_files"].as_array().ok_or("no write_files")? {
        let text = |key: &str| file[key].as_str().map(str::to_owned).ok_or(format!("{key} is no text"));
        let content = match file.get("encoding") {
            None => text("content")?,
            Some(_) => {
                let packed = STANDARD.decode(text("content")?).map_err(|error| error.to_string())?;
                let mut content = String::new();
                let mut reader = flate2::read::GzDecoder::new(packed.as_slice());
                reader.read_to_string(&mut content).map_err(|error| error.to_string())?;
                content
            }
        };
        files.insert(text("path")?, content);
    }
    Ok(files)
}

fn arrives(built: &Built, field: &Field, text: &str) -> Result<(), String> {
    let artifact = match user_data(&built.plan, &built.verified, &Packer::default()) {
        Ok(artifact) => artifact,
        Err(report) => {
            let small = report.sorted().iter().all(|finding| finding.id == "bake/budget");
            return if small { Ok(()) } else { Err(told(&report)) };
        }
    };
    let files = unpacked(&String::from_utf8(artifact.bytes).map_err(|error| error.to_string())?)?;
    // Every file arrives as it was verified, byte by byte.
    for entry in built.verified.tree().plane(Plane::Node) {
        let arrived = files.get(&format!("/var/lib/nodebake/stage{}", entry.path));
        if arrived != Some(&entry.text) {
            return Err(format!("{} arrives as {arrived:?}", entry.path));
        }
    }
    if field.file.is_empty() {
        let all: String = files.values().chain(files.keys()).cloned().collect();
        return if all.contains(text) {
            Ok(())
        } else {
            Err("it is nowhere".into())
        };
    }
    let content = &files[&format!("/var/lib/nodebake/stage{}", field.file)];
    let there = if field.reader.is_empty() {
        if field.name.starts_with("file") {
            content == text
        } else {
            content.contains(&format!("{}{text}", field.pointer))
        }
    } else {
        python(field.reader, content)?.pointer(field.pointer) == Some(&json!(text))
    };
    if there {
        Ok(())
    } else {
        Err(format!("it is not in {}:\n{content}", field.file))
    }
}

#[test]
fn every_text_arrives_or_is_refused() {
    if !have_python() {
        return;
    }
    let field = any::<Index>().prop_map(|at| at.index(FIELDS.len()));
    let baked = std::cell::Cell::new(0);
    holds("arrives", 300, (field, written()), |(at, text)| {
        let field = &FIELDS[at];
        let yaml = node_yaml(
            "satellite",
            "lambda-stack-22-04",
            "lambda/gpu_1x_a10",
            &(field.more)(&scalar(&text)),
        );
        match build(&yaml, "1.35") {
            Ok(built) => {
                baked.set(baked.get() + 1);
                arrives(&built, field, &text).map_err(|why| TestCaseError::fail(format!("{}: {why}", field.name)))
            }
            Err(report) => {
                prop_assert!(report.has_errors());
                let is_fault = |id: &str| id.starts_with("render/template") || id == "bake/reread";
                prop_assert!(
                    !report.sorted().iter().any(|finding| is_fault(finding.id)),
                    "{}: found too late: {}",
                    field.name,
                    told(&report)
                );
                Ok(())
            }
        }
    });
    assert!(baked.get() > 30, "only {} were baked", baked.get());
}

/// Names that are in the document's own comment, in the AWS files and in the node's.
#[test]
fn every_name_arrives_or_is_refused() {
    if !have_python() {
        return;
    }
    let place = select(
        &[
            "name: node-17",
            "sourceProfile: node-user",
            "cluster: cluster.yaml",
            "image: lambda-stack-22-04",
        ][..],
    );
    let name = prop_oneof![
        3 => "[a-z0-9][a-z0-9.-]{0,14}[a-z0-9]",
        1 => "[A-Za-z0-9+=,.@_-]{1,20}",
        1 => text(),
    ];
    holds("names", 80, (place, name), |(place, name)| {
        let key = place.split(':').next().unwrap();
        let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
        let Ok(built) = build(&yaml.replace(place, &format!("{key}: {}", scalar(&name))), "1.35") else {
            return Ok(());
        };
        let artifact = user_data(&built.plan, &built.verified, &Packer::default())
            .map_err(|report| TestCaseError::fail(told(&report)))?;
        let document = String::from_utf8(artifact.bytes).unwrap();
        let files = unpacked(&document).map_err(TestCaseError::fail)?;
        match key {
            "name" => {
                let line = document.lines().nth(1).unwrap();
                prop_assert!(line.starts_with(&format!("# {name} as ")), "{}", line);
            }
            "sourceProfile" => {
                let config = &files["/var/lib/nodebake/stage/etc/nodebake/aws/config"];
                let read = python("ini", config).map_err(TestCaseError::fail)?;
                prop_assert_eq!(&read["profile nodebake"]["source_profile"], &json!(name));
            }
            _ => {}
        }
        Ok(())
    });
}

/// One change of a good file.
#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, String),
    Bytes(Index, Vec<u8>),
    Cut(Index, Index),
    Copy(Index, Index),
    Value(Index, String),
    Key(Index, String),
}

fn edit() -> BoxedStrategy<Edit> {
    let at = any::<Index>;
    prop_oneof![
        (at(), text()).prop_map(|(at, text)| Edit::Insert(at, text)),
        (at(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Edit::Bytes(at, bytes)),
        (at(), at()).prop_map(|(from, to)| Edit::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Edit::Copy(from, to)),
        (at(), prop_oneof![text(), "[0-9]{1,25}", tame()]).prop_map(|(at, text)| Edit::Value(at, text)),
        (at(), text()).prop_map(|(at, text)| Edit::Key(at, text)),
    ]
    .boxed()
}

fn edited(original: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = original.as_bytes().to_vec();
    // A line of the file, as it now is, and its halves.
    let line = |bytes: &[u8], at: &Index| -> (usize, usize, usize) {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(
                bytes
                    .iter()
                    .enumerate()
                    .filter(|(_, b)| **b == b'\n')
                    .map(|(i, _)| i + 1),
            )
            .collect();
        let start = starts[at.index(starts.len())];
        let end = bytes[start..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(bytes.len(), |len| start + len);
        let colon = bytes[start..end]
            .windows(2)
            .position(|pair| pair == b": ")
            .map_or(end, |len| start + len);
        (start, colon, end)
    };
    for edit in edits {
        let len = bytes.len();
        match edit {
            Edit::Insert(at, text) => drop(bytes.splice(at.index(len + 1)..at.index(len + 1), text.bytes())),
            Edit::Bytes(at, new) => {
                let at = at.index(len + 1);
                drop(bytes.splice(at..(at + new.len()).min(len), new.iter().copied()));
            }
            Edit::Cut(from, to) => {
                let (from, to) = (line(&bytes, from), line(&bytes, to));
                drop(bytes.drain(from.0.min(to.0)..from.0.min(to.0).max(from.2.min(to.2))));
            }
            Edit::Copy(from, to) => {
                let (from, to) = (line(&bytes, from), line(&bytes, to));
                let mut copy = bytes[from.0..from.2].to_vec();
                copy.push(b'\n');
                drop(bytes.splice(to.0..to.0, copy));
            }
            Edit::Value(at, text) => {
                let (_, colon, end) = line(&bytes, at);
                drop(bytes.splice(colon..end, format!(": {text}").into_bytes()));
            }
            Edit::Key(at, text) => {
                let (start, colon, _) = line(&bytes, at);
                drop(bytes.splice(start..colon, text.bytes()));
            }
        }
    }
    bytes
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn nothing_in_a_node_yaml_panics() {
    let originals = [
        "examples/init/node.yaml",
        "examples/hybrid/node.yaml",
        "examples/fleet/fleet.yaml",
        "tests/fixtures/errors/wrong-files.yaml",
    ];
    let originals = originals.map(read);
    let which = any::<Index>();
    holds("node_yaml", 1500, (which, vec(edit(), 1..4)), |(which, edits)| {
        inputs::node_yaml(&edited(&originals[which.index(originals.len())], &edits));
        Ok(())
    });
    holds("node_yaml_bytes", 2000, vec(any::<u8>(), 0..200), |bytes| {
        inputs::node_yaml(&bytes);
        inputs::yaml(&bytes);
        Ok(())
    });
}

#[test]
fn nothing_in_a_cluster_yaml_panics() {
    let original = read("examples/init/cluster.yaml");
    holds("cluster_yaml", 800, vec(edit(), 1..4), |edits| {
        inputs::cluster_yaml(&edited(&original, &edits));
        Ok(())
    });
}

#[test]
fn nothing_in_a_catalog_panics() {
    let originals = inputs::CATALOG_FILES.map(read);
    holds("catalog", 800, (any::<Index>(), vec(edit(), 1..3)), |(which, edits)| {
        let which = which.index(originals.len());
        let mut data = vec![u8::try_from(which).unwrap()];
        data.extend(edited(&originals[which], &edits));
        inputs::catalog(&data);
        Ok(())
    });
}

#[test]
fn nothing_in_a_file_or_a_word_panics() {
    holds(
        "files",
        4000,
        vec(text(), 0..6).prop_map(|lines| lines.join("\n")),
        |text| {
            inputs::files(text.as_bytes());
            inputs::yaml(text.as_bytes());
            Ok(())
        },
    );
    let word = prop_oneof![
        "[0-9.]{1,20}(m|k|Ki|Mi|Gi|Pi|P|e3)?",
        "([0-9.]{0,3}(ns|us|ms|s|m|h)){0,3}",
        "arn:aws(-cn)?:iam::[0-9]{12}:(role|user)/[a-z/+=,.@_-]{0,12}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}/[0-9]{1,3}",
        "[0-9]{1,11}(\\.[0-9]{0,11}){0,3}",
        tame(),
    ]
    .boxed();
    holds("words", 6000, word.clone(), |text| {
        inputs::words(text.as_bytes());
        Ok(())
    });
    holds("values", 150, word, |text| {
        inputs::values(text.as_bytes());
        Ok(())
    });
}

/// A valid node as a value: everything optional may be there or not.
fn valid_spec() -> BoxedStrategy<Value> {
    let word = || "[a-z0-9]([a-z0-9._-]{0,10}[a-z0-9])?";
    let labels = proptest::collection::btree_map(word(), word(), 0..4);
    let taints = vec(
        (
            word(),
            word(),
            select(&["NoSchedule", "NoExecute", "PreferNoSchedule"][..]),
        ),
        0..3,
    );
    let files = vec((word(), text(), select(&["0644", "0600", "0755"][..])), 0..3);
    let config = prop_oneof![
        Just(json!(null)),
        Just(json!({ "kubeAPIQPS": 7, "kubeAPIBurst": 9, "nodeStatusMaxImages": 3 })),
        Just(json!({ "imageMinimumGCAge": "3m0s", "featureGates": {} })),
    ];
    let kind = select(&["lambda/gpu_1x_a10", "lambda/gpu_8x_h100_sxm5", "lambda/cpu_4x_general"][..]);
    let sizing = (select(&["eks", "hybrid", "none"][..]), 1u64..200);
    let all = (
        kind,
        proptest::option::of(sizing),
        labels,
        taints,
        files,
        config,
        any::<bool>(),
    );
    all.prop_map(|(kind, sizing, labels, taints, files, config, bridge)| {
        let mut spec = json!({
            "profile": "satellite", "image": "lambda-stack-22-04", "instanceType": kind, "cluster": "cluster.yaml",
            "identity": { "address": "10.0.2.233" },
            "credentials": { "assumeRole": {
                "roleArn": "arn:aws:iam::111122223333:role/satellite-17", "sourceProfile": "node-user",
                "principalArn": "arn:aws:iam::111122223333:user/node-user",
            } },
            "kubelet": { "labels": labels },
        });
        if let Some((rule, pods)) = sizing {
            spec["sizing"] = json!({ "rule": rule, "maxPods": pods });
        }
        let taints: Vec<Value> = taints
            .into_iter()
            .map(|(key, value, effect)| json!({ "key": key, "value": value, "effect": effect }))
            .collect();
        if !taints.is_empty() {
            spec["kubelet"]["taints"] = json!(taints);
        }
        if !config.is_null() {
            spec["kubelet"]["config"] = config;
        }
        let files: Vec<Value> = files
            .into_iter()
            .map(|(name, text, mode)| {
                json!({ "path": format!("/etc/x/{name}"), "mode": mode, "type": "lines", "content": format!("{text}\n") })
            })
            .collect();
        if !files.is_empty() {
            spec["files"] = json!(files);
        }
        if bridge {
            spec["network"] = json!({ "pods": "bridge", "podCidr": "10.244.7.0/24" });
        }
        json!({ "apiVersion": "nodebake/v1", "kind": "Node", "metadata": { "name": "node-17" }, "spec": spec })
    })
    .boxed()
}

/// In blocks, keys in their order.
fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            for (key, value) in map {
                out.push_str(&format!("{pad}{}:", scalar(key)));
                block(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&format!("{pad}-"));
                block(item, indent + 2, out);
            }
        }
        Value::String(text) => out.push_str(&format!(" {}\n", scalar(text))),
        other => out.push_str(&format!(" {other}\n")),
    }
}

/// In braces and brackets, keys backwards, every character of a text by its number.
fn flow(value: &Value) -> String {
    let text = |text: &str| {
        let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
        format!("\"{escaped}\"")
    };
    match value {
        Value::String(all) => text(all),
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .rev()
                .map(|(key, value)| format!("{}: {}", text(key), flow(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(",\n ")),
        other => other.to_string(),
    }
}

#[test]
fn one_spec_bakes_the_same_however_it_is_laid_out() {
    let baked = std::cell::Cell::new(0);
    holds("layouts", 60, valid_spec(), |spec| {
        let mut blocks = String::from("# by hand\n");
        block(&spec, 0, &mut blocks);
        let bake = |yaml: &str| -> Result<_, String> {
            let built = build(yaml, "1.35").map_err(|report| {
                report
                    .sorted()
                    .iter()
                    .map(|finding| format!("{}: {}\n", finding.id, finding.message))
                    .collect::<String>()
            })?;
            let artifact =
                user_data(&built.plan, &built.verified, &Packer::default()).map_err(|report| told(&report))?;
            Ok((built.plan.book.to_context(), artifact.bytes))
        };
        let (first, again, other) = (bake(&blocks), bake(&blocks), bake(&flow(&spec)));
        prop_assert!(first == again, "two runs differ");
        match (first, other) {
            (Ok((plan, bytes)), Ok((other_plan, other_bytes))) => {
                baked.set(baked.get() + 1);
                prop_assert_eq!(plan, other_plan);
                prop_assert_eq!(String::from_utf8(bytes), String::from_utf8(other_bytes));
            }
            (Err(first), Err(other)) => {
                let sorted = |text: &str| {
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                };
                prop_assert_eq!(sorted(&first), sorted(&other));
            }
            (first, other) => {
                let said = |result: Result<_, String>| result.err().unwrap_or("it bakes".into());
                return Err(TestCaseError::fail(format!("{}\n{}", said(first), said(other))));
            }
        }
        Ok(())
    });
    assert!(baked.get() > 10, "only {} were baked", baked.get());
}

/// Inputs that once broke something, and what fuzzing found worth keeping: `tests/fixtures/fuzz/TARGET/*`.
#[test]
fn kept_inputs_hold() {
    for (target, run) in inputs::ALL {
        let Ok(entries) = std::fs::read_dir(root().join("tests/fixtures/fuzz").join(target)) else {
            continue;
        };
        for entry in entries {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
}

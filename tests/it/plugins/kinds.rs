//! What each kind does when all is well.

use super::{QUIET, Site};
use crate::support::{have, stderr, stdout};

/// A program that answers what is asked with `python`, which has the request as `request`.
fn python(body: &str) -> String {
    format!(
        "#!/usr/bin/env python3\nimport json, sys\nrequest = json.load(sys.stdin)\n{body}\nprint(json.dumps(dict(protocol=1, **reply)))\n"
    )
}

#[test]
fn a_check_points_at_the_line_and_what_made_it() {
    if !have("python3") {
        return;
    }
    let program = python(
        "found = [(f, n) for f in request['files'] for n, line in enumerate(f['text'].split('\\n'), 1) if 'maxPods' in line]\nreply = dict(findings=[dict(severity='warning', rule='few', message='only so many pods', hint='more', file=f['plane'] + f['path'], line=n) for f, n in found])",
    );
    let site = Site::new(
        "    - check: pods",
        &[("check", "pods", &program, &["files: [node/etc/kubernetes/**]"])],
    );
    let output = site.run(&["check", "node.yaml"]);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(
        words.contains("warning[check/plugin]: pods/few: only so many pods"),
        "{words}"
    );
    assert!(
        words.contains("--> node/etc/kubernetes/kubelet/kubelet-config.yaml:"),
        "{words}"
    );
    assert!(words.contains("made by this line"), "{words}");
    // The user's policy is for these findings too.
    assert_eq!(site.run(&["check", "node.yaml", "--strict"]).status.code(), Some(1));
    let allowed = site.run(&["check", "node.yaml", "--strict", "--allow", "check/plugin"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
    let json = site.run(&["check", "node.yaml", "--json"]);
    assert!(stdout(&json).contains("\"id\": \"check/plugin\""));
    // What a plugin says while it works is told under its name.
    assert_eq!(
        site.run(&["check", "node.yaml", "--allow", "plugin/reply"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_plugin_sees_what_it_asked_for_and_no_more() {
    if !have("python3") {
        return;
    }
    let program =
        python("print('saw', json.dumps(request, sort_keys=True), file=sys.stderr)\nreply = dict(findings=[])");
    let see = |lines: &[&str], list: &str| {
        let site = Site::new(list, &[("check", "see", &program, lines)]);
        let words = stderr(&site.run(&["check", "node.yaml"]));
        let line = words
            .lines()
            .find(|line| line.starts_with("check/see: saw "))
            .expect(&words);
        serde_json::from_str::<serde_json::Value>(&line["check/see: saw ".len()..]).expect(line)
    };
    let least = see(&[], "    - check: see");
    assert_eq!(
        least,
        serde_json::json!({"protocol": 1, "op": "run", "kind": "check", "name": "see"})
    );
    let more = see(
        &[
            "node: true",
            "plan: [sizing.maxPods, nothing.here]",
            "files: [node/etc/modules-load.d/*]",
        ],
        "    - { check: see, with: { a: [1, \"no\"] } }",
    );
    assert_eq!(more["with"], serde_json::json!({"a": [1, "no"]}));
    assert_eq!(more["node"]["instanceType"], "lambda/gpu_1x_a10");
    assert_eq!(more["plan"], serde_json::json!({"sizing": {"maxPods": 110}}));
    assert_eq!(more["files"].as_array().unwrap().len(), 1);
    assert_eq!(more["files"][0]["path"], "/etc/modules-load.d/nodebake.conf");
    assert_eq!(more["files"][0]["mode"], "0644");
}

#[test]
fn patches_add_change_and_remove_one_after_the_other() {
    if !have("python3") {
        return;
    }
    let first = python(
        "reply = dict(files=[dict(op='add', path='/etc/motd.d/a', mode='0640', type='lines', text='one {{ values.x }}\\n', values=dict(x='two')), dict(op='add', path='/etc/motd.d/b', mode='0644', type='lines', base64='Ygo=')])",
    );
    let second = python(
        "seen = {f['path']: f['text'] for f in request['files']}\nassert seen == {'/etc/motd.d/a': 'one two\\n', '/etc/motd.d/b': 'b\\n'}, seen\nreply = dict(files=[dict(op='change', path='/etc/motd.d/a', text='three\\n'), dict(op='remove', path='/etc/motd.d/b')])",
    );
    let site = Site::new(
        "    - patch: first\n    - patch: second",
        &[
            ("patch", "first", &first, &["writes: [node/etc/motd.d/*]"]),
            (
                "patch",
                "second",
                &second,
                &["files: [node/etc/motd.d/*]", "writes: [node/etc/motd.d/*]"],
            ),
        ],
    );
    let output = site.run(&["render", "node.yaml", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let made = std::fs::read_to_string(site.path().join("out/node/etc/motd.d/a")).unwrap();
    assert_eq!(made, "three\n");
    let manifest = std::fs::read_to_string(site.path().join("out/MANIFEST")).unwrap();
    assert!(
        manifest.contains("0640") && !manifest.contains("motd.d/b"),
        "{manifest}"
    );
    // The other way round the second finds nothing to change.
    site.node("    - patch: second\n    - patch: first");
    assert_eq!(site.run(&["check", "node.yaml"]).status.code(), Some(1));
    // Baking twice gives the same bytes, with plugins asked anew each time.
    site.node("    - patch: first\n    - patch: second");
    for name in ["one.yaml", "two.yaml"] {
        let baked = site.run(&["bake", "node.yaml", "-o", name, "--no-plugin-cache", "--plugin-twice"]);
        assert!(baked.status.success(), "{}", stderr(&baked));
    }
    let read = |name: &str| std::fs::read(site.path().join(name)).unwrap();
    assert!(read("one.yaml") == read("two.yaml"));
}

#[test]
fn facts_fill_what_cluster_yaml_leaves_out() {
    if !have("python3") {
        return;
    }
    let program = python(
        "rows = dict(line.strip().split(',', 1) for line in open(__import__('os').environ['NODEBAKE_BASE'] + '/inventory.csv'))\nreply = dict(facts=dict(cluster=dict(region=rows['region']), hardware=dict(diskGiB=int(rows['disk']))))",
    );
    let site = Site::new(
        "    - facts: inventory",
        &[("facts", "inventory", &program, &["reads: [inventory.csv]"])],
    );
    site.folder.write("inventory.csv", "region,us-east-1\ndisk,900\n");
    let cluster = std::fs::read_to_string(site.path().join("cluster.yaml")).unwrap();
    let without: String = cluster
        .lines()
        .filter(|line| !line.contains("region:"))
        .map(|line| format!("{line}\n"))
        .collect();
    site.folder.write("cluster.yaml", without);
    let output = site.run(&["explain", "node.yaml", "hardware.diskLabelGiB"]);
    assert!(
        stdout(&output).contains("plugin facts/inventory:2:"),
        "{} {}",
        stdout(&output),
        stderr(&output)
    );
    let output = site.run(&["explain", "node.yaml", "cluster.region"]);
    assert!(
        stdout(&output).contains("us-east-1") && stdout(&output).contains("plugin facts/inventory"),
        "{}",
        stdout(&output)
    );
    // A file that changes is read anew: what reads the world is not remembered.
    site.folder.write("inventory.csv", "region,us-west-2\ndisk,900\n");
    let output = site.run(&["explain", "node.yaml", "cluster.region"]);
    assert!(stdout(&output).contains("us-west-2"), "{}", stdout(&output));
    // What node.yaml says goes before.
    let node = std::fs::read_to_string(site.path().join("node.yaml")).unwrap();
    site.folder
        .write("node.yaml", format!("{node}  hardware: {{ diskGiB: 500 }}\n"));
    let output = site.run(&["explain", "node.yaml", "hardware.diskLabelGiB"]);
    assert!(
        stdout(&output).starts_with("hardware.diskLabelGiB = 500"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_format_bakes_and_a_deliver_takes_it_away() {
    if !have("python3") {
        return;
    }
    let format = python(
        "import base64\ntext = ''.join(f['path'] + '\\n' for f in request['files'])\nreply = dict(artifact=dict(ending='lst', base64=base64.b64encode(text.encode()).decode()))",
    );
    let deliver = python(
        "import os, shutil\na = request['artifact']\ntarget = os.environ['NODEBAKE_BASE'] + '/store/' + a['sha256']\nshutil.copyfile(a['path'], target)\nreply = dict(delivered=dict(location=a['format'] + ' ' + str(a['size'])))",
    );
    let site = Site::new(
        "    - format: paths\n    - deliver: store",
        &[
            ("format", "paths", &format, &["files: [node/etc/modules-load.d/*]"]),
            ("deliver", "store", &deliver, &["output: [store]"]),
        ],
    );
    site.folder.write("store/.keep", "");
    let text = "/etc/modules-load.d/nodebake.conf\n";
    let output = site.run(&[
        "bake",
        "node.yaml",
        "--format",
        "plugin/paths",
        "-o",
        "out.lst",
        "--deliver",
        "store",
    ]);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(
        words.contains(&format!("out.lst: deliver/store delivered to paths {}", text.len())),
        "{words}"
    );
    assert_eq!(std::fs::read_to_string(site.path().join("out.lst")).unwrap(), text);
    let sha256 = nodebake::base::Sha256::of(text.as_bytes()).to_string();
    assert_eq!(
        std::fs::read_to_string(site.path().join("store").join(sha256)).unwrap(),
        text
    );
    // Whoever is asked for must be named, and nothing is delivered unasked.
    for args in [
        ["bake", "node.yaml", "--format", "plugin/other", "-o", "x"],
        ["bake", "node.yaml", "--deliver", "other", "-o", "x"],
    ] {
        let output = site.run(&args);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let unasked = site.run(&["bake", "node.yaml", "-o", "x.yaml"]);
    assert!(unasked.status.success() && !stderr(&unasked).contains("delivered"));
    assert!(site.left().is_empty());
}

/// Nodes that look alike to a plugin share a run; a later command has the answer already, and what changes is asked anew.
#[test]
fn nothing_is_asked_twice() {
    if !have("python3") {
        return;
    }
    let count = |words: &str| words.matches("check/count: asked").count();
    let program = python("print('asked', file=sys.stderr)\nreply = dict(findings=[])");
    let site = Site::new(
        "    - check: count",
        &[("check", "count", &program, &["files: [node/etc/modules-load.d/*]"])],
    );
    let node = std::fs::read_to_string(site.path().join("node.yaml")).unwrap();
    let spec = node.split_once("spec:\n").unwrap().1.lines();
    let defaults: String = spec
        .filter(|line| !line.contains("identity:"))
        .map(|line| format!("  {line}\n"))
        .collect();
    let nodes: String = (0..20)
        .map(|n| format!("    - {{ name: n{n}, identity: {{ address: 10.0.3.{} }} }}\n", n + 10))
        .collect();
    let fleet = format!(
        "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: {{ name: f }}\nspec:\n  defaults:\n{defaults}  nodes:\n{nodes}"
    );
    site.folder.write("fleet.yaml", fleet);
    let words = stderr(&site.run(&["check", "fleet.yaml"]));
    assert!(words.contains("20 nodes") && count(&words) == 1, "{words}");
    assert_eq!(count(&stderr(&site.run(&["check", "fleet.yaml"]))), 0);
    assert_eq!(
        count(&stderr(&site.run(&["check", "fleet.yaml", "--no-plugin-cache"]))),
        1
    );
    assert_eq!(count(&stderr(&site.run(&["check", "fleet.yaml", "--plugin-twice"]))), 2);
    // A cache that somebody filled with something else is no answer.
    for entry in walk(&site.path().join("cache/plugins")) {
        std::fs::write(entry, "{\"protocol\":1,\"findings\":[").unwrap();
    }
    assert_eq!(count(&stderr(&site.run(&["check", "fleet.yaml"]))), 1);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A profile brings its plugins, before those of the node.
#[test]
fn a_profile_names_plugins() {
    let site = Site::new(
        "    - check: own",
        &[("check", "own", QUIET, &[]), ("check", "first", QUIET, &[])],
    );
    let profile = std::fs::read_to_string(crate::support::root().join("profiles/satellite.yaml")).unwrap();
    let profile = profile.replace("templates:\n", "plugins:\n  - check: first\ntemplates:\n");
    site.folder.write("mine/profiles/satellite.yaml", profile);
    let output = site
        .command(&["plugin", "list", "node.yaml", "--catalog", "mine", "--json"])
        .output()
        .unwrap();
    let list: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "own"]);
    let checked = site.run(&["check", "node.yaml", "--catalog", "mine"]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}

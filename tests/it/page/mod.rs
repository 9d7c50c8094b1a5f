//! The page of `nodebake report`: its numbers, its order, what stands on it once, its bytes.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

mod judges;
mod parse;

use std::path::Path;

use nodebake::base::Sha256;

use crate::support::{TempDir, node_yaml, nodebake, root, stderr, stdout};
use parse::{Element, outline, parse};

/// A folder with a node.yaml and its cluster.
fn project(more: &str) -> TempDir {
    let folder = TempDir::new();
    let node = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more);
    folder.write("node.yaml", node);
    let cluster = std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap();
    folder.write("cluster.yaml", cluster);
    folder
}

/// The page of a file, with further words.
fn page(folder: &Path, file: &str, more: &[&str]) -> String {
    let mut words = vec!["report", file];
    words.extend(more);
    let output = nodebake(&words, folder);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

/// A fleet of so many nodes; one in seven is larger.
fn fleet(count: usize) -> TempDir {
    let folder = TempDir::new();
    let example = std::fs::read_to_string(root().join("examples/fleet/fleet.yaml")).unwrap();
    let (head, _) = example.split_once("  nodes:\n").unwrap();
    let mut text = format!("{head}  nodes:\n");
    for at in 0..count {
        let (third, fourth) = (at / 250, at % 250 + 4);
        text.push_str(&format!(
            "    - name: node-{at:04}\n      identity: {{ address: 10.0.{third}.{fourth} }}\n"
        ));
        if at % 7 == 3 {
            text.push_str("      instanceType: lambda/gpu_8x_h100_sxm5\n");
        }
    }
    folder.write("fleet.yaml", text);
    let cluster = std::fs::read(root().join("examples/fleet/cluster.yaml")).unwrap();
    folder.write("cluster.yaml", cluster);
    folder
}

/// The words of the boot order, a step each.
fn steps(html: &str) -> Vec<String> {
    let (_, rest) = html.split_once("<ol class=\"steps\">").unwrap();
    let (list, _) = rest.split_once("</ol>").unwrap();
    let steps = list.split("<li>").skip(1);
    steps
        .map(|step| parse(step).text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// An outline without what changes with every letter of a template: sizes, digests, the user-data by file.
fn steady(outline: &str) -> String {
    let (before, rest) = outline.split_once("\nUser-data\n").unwrap();
    let (_, after) = rest.split_once("\nBoot order\n").unwrap();
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let kept = words.iter().enumerate().map(|(at, word)| {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let number = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(',');
            let size = next == "B" || next == "B." || (number && next == "of") || next == "%";
            let digest = at > 0 && words[at - 1] == "sha256";
            if size || digest { "\u{2026}" } else { word }
        });
        kept.collect::<Vec<_>>().join(" ")
    };
    let lines = format!("{before}\nBoot order\n{after}");
    lines.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// `INSTA_UPDATE=always cargo test --test it -- golden` writes it anew.
#[test]
fn golden_outline_of_a_node() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/page");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    let folder = project("");
    insta::assert_snapshot!("node", steady(&outline(&page(folder.path(), "node.yaml", &[]))));
}

#[test]
fn same_bytes_everywhere() {
    let folder = root().join("examples/fleet");
    let first = page(&folder, "fleet.yaml", &[]);
    let absolute = folder.join("fleet.yaml").display().to_string();
    assert_eq!(page(Path::new("/"), &absolute, &[]), first);
    assert_eq!(page(&root(), "examples/fleet/../fleet/fleet.yaml", &[]), first);
    let out = TempDir::new();
    let target = out.path().join("report.html").display().to_string();
    // On one CPU, in another time zone.
    let command = format!(
        "exec taskset -c 0 {} report fleet.yaml -o {target}",
        env!("CARGO_BIN_EXE_nodebake")
    );
    let run = std::process::Command::new("sh")
        .args(["-c", &command])
        .envs([("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR.UTF-8")])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), first);
    assert!(
        !first.contains(&root().display().to_string()),
        "it names this machine's folders"
    );
}

#[test]
fn a_catalog_of_ones_own_is_named_the_same_from_everywhere() {
    let folder = project("");
    let image = std::fs::read_to_string(root().join("images/lambda-stack-22-04.yaml")).unwrap();
    folder.write("mine/images/lambda-stack-22-04.yaml", image);
    let first = page(folder.path(), "node.yaml", &["--catalog", "mine"]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let second = page(Path::new("/"), &path("node.yaml"), &["--catalog", &path("mine")]);
    assert_eq!(second, first);
}

#[test]
fn what_pods_get_is_what_the_kubelet_will_say() {
    let html = outline(&page(project("").path(), "node.yaml", &[]));
    // 30 CPUs less 145m and 100m; 97 % of 200 GiB less 1465, 512 and 993 MiB.
    assert!(html.contains("CPU: 29.755 for pods of 30."), "{html}");
    assert!(html.contains("Memory: 191.0 GiB for pods of 194.0 GiB"), "{html}");
    let own = project(
        "  kubelet:\n    config:\n      maxPods: 42\n      reservedSystemCPUs: \"0-1\"\n      kubeReserved: { memory: 10Gi }\n      systemReserved: { memory: 1Gi }\n      evictionHard: { memory.available: 1Gi, nodefs.available: 10%, imagefs.available: 10%, nodefs.inodesFree: 5%, imagefs.inodesFree: 5% }\n",
    );
    let html = outline(&page(own.path(), "node.yaml", &[]));
    assert!(html.contains("CPU: 28 for pods of 30."), "{html}");
    assert!(html.contains("Memory: 182.0 GiB for pods of 194.0 GiB"), "{html}");
    assert!(html.contains("Pods: 42"), "{html}");
}

#[test]
fn the_boot_order_follows_the_units() {
    let at = |steps: &[String], name: &str| {
        let found = steps.iter().position(|step| step.starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {steps:#?}"))
    };
    let plain = steps(&page(project("").path(), "node.yaml", &[]));
    for (before, after) in [
        ("network-online.target", "cloud-init"),
        ("cloud-init", "first boot"),
        ("first boot", "containerd.service"),
        ("nvidia-persistenced.service", "nodebake-nvidia.service"),
        ("nodebake-nvidia.service", "kubelet.service"),
        ("nodebake-credentials.timer", "nodebake-credentials.service"),
        ("containerd.service", "kubelet.service"),
    ] {
        assert!(at(&plain, before) < at(&plain, after), "{before} {after} {plain:#?}");
    }
    let kubelet = &plain[at(&plain, "kubelet.service")];
    assert!(kubelet.contains("started by first boot"), "{kubelet}");
    assert!(
        kubelet.contains("node/etc/systemd/system/kubelet.service:"),
        "{kubelet}"
    );
    // A unit of the user's, and a drop-in that turns two of ours around what it adds.
    let own = project(
        "  files:\n    - path: /etc/systemd/system/own.service\n      mode: \"0644\"\n      type: systemd\n      content: |\n        [Unit]\n        After=kubelet.service\n        [Service]\n        ExecStart=/bin/true\n        [Install]\n        WantedBy=multi-user.target\n    - path: /etc/systemd/system/containerd.service.d/own.conf\n      mode: \"0644\"\n      type: systemd\n      content: |\n        [Unit]\n        After=nodebake-nvidia.service\n        Wants=own.service\n",
    );
    let own = steps(&page(own.path(), "node.yaml", &[]));
    let unit = &own[at(&own, "own.service")];
    assert!(at(&own, "own.service") > at(&own, "kubelet.service"), "{own:#?}");
    assert!(unit.contains("after kubelet.service"), "{unit}");
    assert!(
        own[at(&own, "containerd.service")].contains("after nodebake-nvidia.service"),
        "{own:#?}"
    );
    // The picture is not a copy: without the line in the template there is no such order.
    let folder = project("");
    let text = std::fs::read_to_string(root().join("templates/kubelet/unit.j2")).unwrap();
    let other = text.replace("After=containerd.service ", "After=");
    assert_ne!(other, text);
    folder.write("mine/templates/kubelet/unit.j2", other);
    let loose = steps(&page(folder.path(), "node.yaml", &["--catalog", "mine"]));
    let kubelet = &loose[at(&loose, "kubelet.service")];
    assert!(!kubelet.contains(", containerd.service"), "{kubelet}");
}

#[test]
fn alike_nodes_share_what_they_share() {
    let few = page(fleet(16).path(), "fleet.yaml", &[]);
    let many = page(fleet(116).path(), "fleet.yaml", &[]);
    assert!(few.len() < 300_000, "{} bytes for 16 nodes", few.len());
    let more = (many.len() - few.len()) / 100;
    assert!(more < 4_000, "{more} bytes for a further node");
    assert_eq!(many.matches("<section class=\"kind\"").count(), 2);
    // The longest file is the same on all nodes, and is there once.
    let script = std::fs::read_to_string(root().join("templates/first-boot/first-boot.j2")).unwrap();
    let line = script
        .lines()
        .rev()
        .find(|line| line.contains("file(s) changed"))
        .unwrap();
    assert_eq!(parse(&many).text.matches(line).count(), 1);
    // What is a node's own is there too.
    for own in ["10.0.0.119", "fargate-ip-10-0-0-119.us-east-1.compute.internal"] {
        assert!(many.contains(own), "{own}");
    }
}

#[test]
fn every_file_is_there_with_its_bytes_and_where_it_comes_from() {
    let folder =
        project("  files:\n    - { path: /etc/motd.d/x, mode: \"0640\", type: lines, content: \"a\\n\\n<b>\\n\" }\n");
    let html = page(folder.path(), "node.yaml", &[]);
    let out = folder.path().join("out").display().to_string();
    assert!(
        nodebake(&["render", "node.yaml", "-o", &out], folder.path())
            .status
            .success()
    );
    let document = parse(&html);
    let mut count = 0;
    for line in std::fs::read_to_string(folder.path().join("out/MANIFEST"))
        .unwrap()
        .lines()
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mode, _, size, digest, path, ..] = words.as_slice() else {
            continue;
        };
        if line.starts_with('#') || !path.contains('/') {
            continue;
        }
        let text = std::fs::read_to_string(folder.path().join("out").join(path)).unwrap();
        assert_eq!(text.len().to_string(), *size);
        let anchor = format!("t-{}", &digest[..12]);
        let file = document.by_id(&anchor).unwrap_or_else(|| panic!("no {path}"));
        assert_eq!(file.pre().unwrap_or_default(), text, "{path}");
        let inside = path.split_once('/').unwrap().1;
        assert!(document.text.contains(&format!("{mode} /{inside}")), "{mode} {path}");
        count += 1;
    }
    assert!(count > 25);
    assert!(document.text.contains("From node.yaml:"), "the user's own file");
    assert!(document.text.contains("From templates/kubelet/config.j2"));
}

#[test]
fn links_lead_somewhere_and_headings_follow_each_other() {
    let folder = root().join("examples/fleet");
    let document = parse(&page(&folder, "fleet.yaml", &[]));
    let mut ids: Vec<&str> = document
        .elements
        .iter()
        .filter_map(|element| element.attribute("id"))
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is there twice");
    let mut links = 0;
    for element in &document.elements {
        let named = ["aria-labelledby"].iter().filter_map(|name| element.attribute(name));
        let named = named.flat_map(str::split_whitespace);
        let target = element
            .attribute("href")
            .map(|link| link.strip_prefix('#').expect("a link leaves the page"));
        for id in named.chain(target) {
            assert!(ids.binary_search(&id).is_ok(), "#{id} is nowhere");
            links += 1;
        }
    }
    assert!(links > 100);
    let levels: Vec<u32> = document.elements.iter().filter_map(Element::heading).collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1));
    for pair in levels.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "{levels:?}");
    }
    for element in document.elements.iter().filter(|element| element.name == "svg") {
        let labelled = element.attribute("role") == Some("img") && element.attribute("aria-labelledby").is_some();
        assert!(labelled || document.is_decoration(element), "{element:?}");
    }
    for landmark in ["header", "nav", "main", "footer"] {
        assert_eq!(
            document
                .elements
                .iter()
                .filter(|element| element.name == landmark)
                .count(),
            1,
            "{landmark}"
        );
    }
}

#[test]
fn findings_are_told_with_place_and_reason() {
    // The two-address form of the example is told as a warning.
    let html = outline(&page(&root().join("examples/satellite"), "node.yaml", &[]));
    assert!(html.contains("warning"), "{html}");
    assert!(html.contains("at node.yaml:"), "{html}");
    assert!(html.contains("Why this matters"), "{html}");
}

#[test]
fn changes_are_shown_on_demand_and_errors_write_nothing() {
    let folder = project("");
    assert!(
        nodebake(&["render", "node.yaml", "-o", "golden"], folder.path())
            .status
            .success()
    );
    let same = page(folder.path(), "node.yaml", &["--against", "golden"]);
    assert!(same.contains("Nothing: the folder holds what is rendered now."));
    let yaml = std::fs::read_to_string(folder.path().join("node.yaml")).unwrap();
    folder.write("node.yaml", format!("{yaml}  sizing: {{ maxPods: 60 }}\n"));
    let html = page(folder.path(), "node.yaml", &["--against", "golden"]);
    let text = outline(&html);
    assert!(
        text.contains("maxPods 110 \u{2192} 60") && text.contains("kubelet restart"),
        "{text}"
    );
    assert!(text.contains("sizing.maxPods: node.yaml:"), "{text}");
    assert!(html.contains("<del>-maxPods: 110\n</del>") && html.contains("<ins>+maxPods: 60\n</ins>"));
    let missing = nodebake(&["report", "node.yaml", "--against", "nowhere"], folder.path());
    assert_eq!(
        (missing.status.code(), stdout(&missing).as_str()),
        (Some(3), ""),
        "{}",
        stderr(&missing)
    );
    folder.write("node.yaml", format!("{yaml}  sizing: {{ maxPodz: 60 }}\n"));
    let wrong = nodebake(&["report", "node.yaml", "-o", "report.html"], folder.path());
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("did you mean `maxPods`?"), "{}", stderr(&wrong));
    assert!(!folder.path().join("report.html").exists());
}

#[test]
fn what_may_run_is_named_by_its_digest() {
    use base64::Engine as _;
    let html = page(project("").path(), "node.yaml", &[]);
    for tag in ["style", "script"] {
        let (_, rest) = html.split_once(&format!("<{tag}>")).unwrap();
        let (text, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        let digest = Sha256::of(text.as_bytes()).to_string();
        let bytes: Vec<u8> = (0..32)
            .map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let wanted = format!(
            "{tag}-src &#39;sha256-{}&#39;",
            base64::engine::general_purpose::STANDARD.encode(bytes)
        );
        let plain = wanted.replace("&#39;", "'");
        assert!(html.contains(&plain), "{plain}");
    }
    assert!(html.contains("default-src 'none'"));
    for outside in ["src=", "@import", "url(", "http-equiv=\"refresh\""] {
        let (head, _) = html.split_once("<body>").unwrap();
        assert!(!head.contains(outside), "{outside}");
    }
}

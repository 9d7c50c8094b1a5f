//! A node whose tokens and session are the program's business, not the script's.

use std::collections::BTreeMap;

use nodebake::catalog::Plane;
use nodebake::pipeline::Built;

use crate::support::{build, node_yaml, told};

/// What a node brings to run the program.
pub const PROGRAM: &str = "  artifacts:\n    files:\n      - { name: agent, source: \"https://example.com/nodebake\", sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /opt/nodebake/nodebake, mode: \"0755\" }\n";

fn built(profile: &str, lines: &str) -> Built {
    let yaml = node_yaml(profile, "lambda-stack-22-04", "lambda/gpu_1x_a10", PROGRAM);
    let yaml = yaml.replace("  credentials:\n", &format!("  credentials:\n{lines}"));
    build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)))
}

fn files(built: &Built) -> BTreeMap<String, String> {
    let tree = built.verified.tree();
    let files = tree.plane(Plane::Node);
    files
        .map(|entry| (entry.path.as_str().to_owned(), entry.text.clone()))
        .collect()
}

const SCRIPT: &str = "/usr/local/lib/nodebake/aws-credentials";
const SERVICE: &str = "/etc/systemd/system/nodebake-credentials.service";
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";

#[test]
fn the_program_takes_the_scripts_place_and_nothing_else_changes() {
    for profile in ["satellite", "hybrid"] {
        let script = files(&built(profile, ""));
        assert_eq!(files(&built(profile, "    agent: script\n")), script);
        let mut program = files(&built(profile, "    agent: agent\n"));
        let mut expected = script.clone();
        assert!(expected.remove(SCRIPT).unwrap().starts_with("#!/usr/bin/python3"));
        for (path, from, to) in [
            (
                SERVICE,
                "ExecStart=/usr/local/lib/nodebake/aws-credentials refresh\n",
                "ExecStart=/opt/nodebake/nodebake credentials refresh\n",
            ),
            (
                KUBECONFIG,
                "command: /usr/local/lib/nodebake/aws-credentials\n",
                "command: /opt/nodebake/nodebake\n",
            ),
        ] {
            let text = expected.get_mut(path).unwrap();
            assert!(text.contains(from), "{path}:\n{text}");
            *text = text.replace(from, to);
        }
        assert_eq!(program, expected, "{profile}");
        let args = program.remove(KUBECONFIG).unwrap();
        assert!(args.contains("args: [token, \"--cluster\", "), "{args}");
    }
}

#[test]
fn metrics_are_written_where_the_unit_may_write() {
    let built = built(
        "satellite",
        "    agent: agent\n    metrics: /var/lib/prom/nodebake.prom\n",
    );
    let service = &files(&built)[SERVICE];
    for line in [
        "ExecStart=/opt/nodebake/nodebake credentials refresh --metrics /var/lib/prom/nodebake.prom\n",
        "\nProtectSystem=strict\nReadWritePaths=-/var/lib/prom\n",
    ] {
        assert!(service.contains(line), "{service}");
    }
    let decision = built.plan.book.get("credentials.program").unwrap();
    assert_eq!(decision.layers.len(), 2, "the script is overruled, and explain says so");
    assert!(
        decision.origin().unwrap().to_string().starts_with("node.yaml:"),
        "{:?}",
        decision.origin()
    );
}

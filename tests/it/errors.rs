//! What a user sees who made mistakes: every file of `tests/fixtures/errors/` with the words it gets, in
//! `snapshots/errors/`. Drop a file there, run with `INSTA_UPDATE=always`, and review what nodebake says.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

use crate::support::{TempDir, nodebake, root, stderr, stdout};

/// An image that exists for amd64 alone, which none of the built-in ones does.
fn amd_only() -> String {
    let text = std::fs::read_to_string(root().join("images/lambda-stack-22-04.yaml")).unwrap();
    text.replace("  - arm64\n", "")
        .replace("name: lambda-stack-22-04", "name: amd-only")
}

#[test]
fn mistakes_get_clear_words() {
    let folder = TempDir::new();
    let cluster = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    folder.write("cluster.yaml", cluster);
    folder.write("catalog/images/amd-only.yaml", amd_only());
    let mut count = 0;
    let mut entries: Vec<_> = std::fs::read_dir(root().join("tests/fixtures/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/errors");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    for path in entries {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        folder.write("node.yaml", std::fs::read(&path).unwrap());
        let output = nodebake(
            &["bake", "node.yaml", "-o", "out.yaml", "--catalog", "catalog"],
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stderr(&output));
        assert!(!folder.path().join("out.yaml").exists(), "{name} wrote something");
        assert_eq!(stdout(&output), "", "{name}");
        let words = stderr(&output);
        assert!(words.contains("error["), "{name}: {words}");
        insta::assert_snapshot!(name, words);
        count += 1;
    }
    assert!(count >= 25, "{count} fixtures");
}

/// Bytes that are no text, each with its own words.
#[test]
fn files_that_are_no_text() {
    let folder = TempDir::new();
    let big = vec![b'a'; 10 << 20];
    for (name, bytes, expected) in [
        ("empty", &b""[..], "spec/empty"),
        ("blank", b" \n\n", "spec/empty"),
        ("comment", b"# nothing\n", "spec/empty"),
        ("bom", b"\xef\xbb\xbfapiVersion: nodebake/v1\n", "spec/byte-order-mark"),
        ("utf16", b"\xff\xfea\0", "spec/not-utf8"),
        ("latin1", b"apiVersion: nodebake/v1\nkind: \xe4\n", "node.yaml:2:7"),
        ("nul", b"kind: Node\n\0", "spec/nul"),
        ("big", &big, "spec/too-large"),
        ("list", b"- a\n", "spec/type"),
        ("scalar", b"x\n", "spec/type"),
        ("bomb", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "spec/anchor"),
        ("deep", "[".repeat(100_000).as_bytes(), "spec/syntax"),
        ("documents", b"a: 1\n---\nb: 1\n", "spec/documents"),
    ] {
        folder.write("node.yaml", bytes);
        let output = nodebake(&["check", "node.yaml"], folder.path());
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {words}");
        assert!(words.contains(expected), "{name}: {words}");
        assert!(!words.contains("panicked"), "{name}: {words}");
    }
}

/// The cluster's facts, one mistake at a time.
#[test]
fn wrong_facts() {
    let folder = TempDir::new();
    let good = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    folder.write(
        "node.yaml",
        crate::support::node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
    );
    folder.write("cluster.yaml", &good);
    let fine = nodebake(&["check", "node.yaml"], folder.path());
    assert_eq!(fine.status.code(), Some(0), "{}", stderr(&fine));
    let begin = good.find("    -----BEGIN").unwrap();
    let with_ca = |ca: &str| format!("{}{ca}\n", &good[..begin]);
    let with = |line: &str| good.replace("  ipFamily: ipv4\n", &format!("  ipFamily: ipv4\n  {line}\n"));
    let table = [
        (good.replace("ipFamily: ipv4", "ipFamily: ipv6"), "facts/ipv6"),
        (
            good.replace("serviceCidr: 172.20.0.0/16", "serviceCidr: fd12::/108"),
            "facts/ipv6",
        ),
        (
            good.replace("serviceCidr: 172.20.0.0/16", "serviceCidr: 172.20.0.0/29"),
            "facts/dns",
        ),
        (
            good.replace("serviceCidr: 172.20.0.0/16", "serviceCidr: 172.20.0.1/16"),
            "facts/cidr",
        ),
        (
            good.replace("account: \"111122223333\"", "account: \"1111\""),
            "facts/account",
        ),
        (good.replace("region: us-east-1", "region: us-east"), "facts/region"),
        (good.replace("endpoint: https", "endpoint: http"), "facts/endpoint"),
        (
            good.replace("kubernetesVersion: \"1.35\"", "kubernetesVersion: \"v1.35\""),
            "facts/version",
        ),
        (
            good.replace("kubernetesVersion: \"1.35\"", "kubernetesVersion: \"1.31\""),
            "plan/artifact",
        ),
        (good.replace("API_AND_CONFIG_MAP", "API"), "plan/mapping"),
        (good.replace("API_AND_CONFIG_MAP", "BOTH"), "spec/value"),
        (
            with("endpointAccess: { public: false, private: false }"),
            "facts/access",
        ),
        (
            with("endpointAccess: { public: false, private: true, publicAccessCidrs: [0.0.0.0/0] }"),
            "facts/access",
        ),
        (with("endpointAccess: { public: true }"), "spec/missing-key"),
        (with("endpointAccess: { public: yes, private: true }"), "spec/type"),
        (
            with("endpointAccess: { public: true, private: true, cidrs: [] }"),
            "spec/unknown-key",
        ),
        (
            with("endpointAccess: { public: true, private: true, publicAccessCidrs: [\"::/0\"] }"),
            "facts/ipv6",
        ),
        (with("vpcId: vpc-054e3e3d03ad1254"), "facts/id"),
        (with("clusterSecurityGroupId: SG-0a69102d3a1400efa"), "facts/id"),
        (with("securityGroupIds: [sg-0a69102d3a1400efa, x]"), "facts/id"),
        (with("platformVersion: 12"), "facts/platform"),
        (with("remotePodCidrs: [10.90.0.0]"), "facts/cidr"),
        (
            with("subnets: [{ id: subnet-005ea515bb30d0da2, cidr: 10.1.0.0/24 }]"),
            "facts/subnet",
        ),
        (
            with(
                "subnets: [{ id: subnet-005ea515bb30d0da2, cidr: 10.0.0.0/22 }, { id: subnet-005ea515bb30d0da3, cidr: 10.0.2.0/24 }]",
            ),
            "facts/subnet",
        ),
        (with("subnets: [{ id: subnet-005ea515bb30d0da2 }]"), "spec/missing-key"),
        (with("subnets: [{ id: subnet-1, cidr: 10.0.2.0/24 }]"), "facts/id"),
        (
            with("endpointAccess: { public: false, private: true }"),
            "plan/endpoint-private",
        ),
        (
            with("endpointAccess: { public: true, private: true, publicAccessCidrs: [10.0.0.0/8, 100.64.0.0/24] }"),
            "plan/endpoint-cidrs",
        ),
        (
            with("subnets: [{ id: subnet-005ea515bb30d0da2, cidr: 10.0.3.0/24 }]"),
            "plan/subnet",
        ),
        (
            with("subnets: [{ id: subnet-005ea515bb30d0da2, cidr: 10.0.2.232/29 }]"),
            "plan/subnet",
        ),
        (with_ca("    not a certificate"), "facts/ca"),
        (
            with_ca("    -----BEGIN CERTIFICATE-----\n    AAAA\n    -----END CERTIFICATE-----"),
            "facts/ca",
        ),
        (
            with_ca("    -----BEGIN PRIVATE KEY-----\n    AAAA\n    -----END PRIVATE KEY-----"),
            "facts/ca",
        ),
        (with_ca(EXPIRED), "facts/ca-expired"),
        (with_ca(LEAF), "facts/ca"),
        (good.replace("spec:", "specs:"), "spec/unknown-key"),
    ];
    for (text, expected) in table {
        assert_ne!(text, good, "{expected}: the table changes nothing");
        folder.write("cluster.yaml", &text);
        let output = nodebake(&["check", "node.yaml", "--short"], folder.path());
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{expected}: {words}");
        assert!(words.contains(&format!("[{expected}]")), "{expected}: {words}");
    }
}

/// What the facts say of the way between machine and cluster: told, and shown by `explain` where it decides something.
#[test]
fn facts_about_the_way() {
    let folder = TempDir::new();
    let good = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    let network = "  endpointAccess: { public: true, private: true, publicAccessCidrs: [203.0.113.0/24] }\n  subnets: [{ id: \
                   subnet-005ea515bb30d0da2, cidr: 10.0.2.0/24, private: false }]\n";
    folder.write(
        "cluster.yaml",
        good.replace("  ipFamily: ipv4\n", &format!("  ipFamily: ipv4\n{network}")),
    );
    for (profile, expected, not) in [
        (
            "satellite",
            &["plan/endpoint-unproven", "plan/subnet-public"][..],
            "plan/endpoint-both",
        ),
        ("hybrid", &["plan/endpoint-both"], "plan/subnet-public"),
    ] {
        let yaml = crate::support::node_yaml(profile, "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
        folder.write("node.yaml", yaml);
        let output = nodebake(&["check", "node.yaml", "--short"], folder.path());
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{words}");
        for id in expected {
            assert!(words.contains(&format!("[{id}]")), "{profile}: {id}: {words}");
        }
        assert!(!words.contains(not), "{profile}: {words}");
        let told = stdout(&nodebake(&["explain", "node.yaml", "cluster"], folder.path()));
        assert!(told.contains("public and private"), "{told}");
        assert_eq!(
            told.contains("subnet-005ea515bb30d0da2"),
            profile == "satellite",
            "{told}"
        );
    }
    // A tunnel is somebody's own affair.
    let private = "  endpointAccess: { public: false, private: true }\n";
    folder.write(
        "cluster.yaml",
        good.replace("  ipFamily: ipv4\n", &format!("  ipFamily: ipv4\n{private}")),
    );
    let yaml = crate::support::node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "");
    folder.write("node.yaml", yaml);
    let allowed = nodebake(
        &["check", "node.yaml", "--allow", "plan/endpoint-private"],
        folder.path(),
    );
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
}

/// A CA bundle of two certificates, as during a rotation, is kept whole; base64 is taken as AWS prints it.
#[test]
fn bundles_and_base64() {
    use base64::Engine as _;
    let folder = TempDir::new();
    let good = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    let begin = good.find("    -----BEGIN").unwrap();
    let pem: String = good[begin..].lines().map(|line| format!("{}\n", line.trim())).collect();
    let example = std::fs::read_to_string(root().join("examples/satellite/cluster.yaml")).unwrap();
    let other: String = example[example.find("    -----BEGIN").unwrap()..]
        .lines()
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    let bundle = base64::engine::general_purpose::STANDARD.encode(format!("{pem}{other}"));
    let head = good[..begin].replace("certificateAuthority: |", "certificateAuthority:");
    folder.write("cluster.yaml", format!("{} {bundle}\n", head.trim_end()));
    folder.write(
        "node.yaml",
        crate::support::node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
    );
    let output = nodebake(&["render", "node.yaml", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let ca = std::fs::read_to_string(folder.path().join("out/node/etc/kubernetes/pki/ca.crt")).unwrap();
    assert_eq!(ca, format!("{pem}{other}"));
}

/// A CA that was valid in 2020. Made with `openssl ca -selfsign -startdate … -enddate 20210101000000Z`; its key is gone.
const EXPIRED: &str = "    -----BEGIN CERTIFICATE-----
    MIIBXDCCAQGgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDAprdWJlcm5l
    dGVzMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowFTETMBEGA1UEAwwK
    a3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMKOXqngAMnWCSEW
    ukpta0n/w+iey6KXnbyA4MiAjzW/8tRp9lTXAlApu6ZkAlat+e1dMgeCOzT7kXyF
    k8g+zZOjQjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMB0GA1Ud
    DgQWBBQfcKvReV2E618AjbX0sArPuA8T3TAKBggqhkjOPQQDAgNJADBGAiEA6udl
    IU/l/XB+57G249zrQlWL9EO+i8x8e7CLRrasKy8CIQCq6amevag5jh5BYc7wovbH
    E6lRhzj4lD9sNhlqpYq6Rw==
    -----END CERTIFICATE-----";

/// A certificate that is no CA: `openssl req -x509` with `basicConstraints=CA:FALSE`; its key is gone.
const LEAF: &str = "    -----BEGIN CERTIFICATE-----
    MIIBTzCB96ADAgECAhQsX1mfu1760jezQ04mKx2SmBynBTAKBggqhkjOPQQDAjAP
    MQ0wCwYDVQQDDARsZWFmMCAXDTI2MTEyMTAyNTIyN1oYDzIxMjYxMDI4MDI1MjI3
    WjAPMQ0wCwYDVQQDDARsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE15zs
    I+D4IlDHMNNYQNo6LvZaeCRgiBpIojvuyLxRJKxoId4GLORUdqdKv7RRdb/zg6h7
    ChmGKt9GMOt3oMfazqMvMC0wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQUg5vGKs6Y
    dMtOUPCLBlzBSYtBuNMwCgYIKoZIzj0EAwIDRwAwRAIgMBJo0zpT8l7/7/GbgKe6
    rFVTNfswmopCIO3hVnXx+ncCIB44oiuosydf52pK2QbZPq2xbiaud3qZNZEhCNc1
    roS9
    -----END CERTIFICATE-----";

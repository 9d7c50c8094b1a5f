//! Mirrors, proxies, local files.

use std::os::unix::fs::PermissionsExt;

use super::server::Act::Status;
use super::server::Server;
use super::{KUBELET, Site};
use crate::support::stderr;

#[test]
fn mirrors_are_asked_in_order() {
    let site = Site::new();
    let first = Server::new();
    first.acts(KUBELET, &[Status(404, "")]);
    site.fetch_well(&["--mirror", "unused"]);
    site.server.asked();
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    let both = ["--mirror", &first.url, "--mirror", &site.server.url];
    let output = site.command(&both).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // The first has nothing; each is asked for every file.
    assert_eq!(first.asked().len(), site.server.asked().len());
    let output = site.command(&["--mirror", &first.url]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "the cache has it: {}", stderr(&output));
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    let output = site.command(&["--mirror", &first.url]).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        !told.contains("https://dl.k8s.io"),
        "where it is published is not asked: {told}"
    );
}

#[test]
fn one_hosts_files_come_from_its_own_mirror() {
    let site = Site::new();
    let own = Server::new();
    own.file("/k8s/release/v1.35.8/bin/linux/amd64/kubelet", &site.files[KUBELET]);
    let host = format!("dl.k8s.io={}/k8s/", own.url);
    site.fetch_well(&["--mirror", &host]);
    // The general mirror was named first, and has it.
    assert_eq!(own.asked(), []);
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    let output = site
        .command(&["--mirror", &host, "--mirror", &site.server.url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(own.asked().len(), 1);
    assert!(site.has(KUBELET));
}

#[test]
fn a_folder_is_a_mirror_too() {
    let site = Site::new();
    for (path, bytes) in &site.files {
        site.folder.write(&format!("stick{path}"), bytes);
    }
    let output = site.command(&["--mirror", "stick"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(site.has(KUBELET));
    site.folder.write(&format!("stick{KUBELET}"), "other bytes");
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    let output = site.command(&["--mirror", "stick"]).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains("stick/dl.k8s.io/") && told.contains("its sha256 is "),
        "{told}"
    );
    assert!(!site.blob(KUBELET).exists());
}

#[test]
fn unsafe_mirrors_are_refused_before_anything_is_asked() {
    let site = Site::new();
    for (mirror, says) in [
        ("http://192.0.2.1/mirror", "--insecure-http"),
        ("https://user:hunter2@mirror.example", "no password"),
        ("ftp://mirror.example", "not ftp"),
        ("https://mirror.example/?token=hunter2", "no query"),
    ] {
        let output = site.command(&["--mirror", mirror]).output().unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let site = Site::new();
    let args = ["--mirror", "http://mirror.invalid", "--insecure-http"];
    let output = site
        .command(&args)
        .env("HTTP_PROXY", &site.server.url)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let asked = site.server.asked();
    assert!(
        asked.iter().all(|ask| ask.header("host") == "mirror.invalid"),
        "{asked:?}"
    );
    assert!(site.has(KUBELET));
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    let mut command = site.command(&[&args[..], &["--retries", "0"]].concat());
    command
        .env("HTTP_PROXY", &site.server.url)
        .env("NO_PROXY", "mirror.invalid");
    assert_eq!(command.output().unwrap().status.code(), Some(3));
    assert_eq!(site.server.asked(), []);
}

#[test]
fn the_cache_is_where_the_environment_says() {
    let site = Site::new();
    let home = site.folder.path().join("home");
    let folder = |name: &str| site.folder.path().join(name).display().to_string();
    for (set, cache) in [
        (
            vec![("NODEBAKE_CACHE", folder("a")), ("XDG_CACHE_HOME", folder("b"))],
            "a",
        ),
        (vec![("XDG_CACHE_HOME", folder("b"))], "b/nodebake"),
        (vec![("XDG_CACHE_HOME", "relative".into())], "home/.cache/nodebake"),
        (vec![], "home/.cache/nodebake"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command
            .args([
                "fetch",
                "node.yaml",
                "--catalog",
                "catalog",
                "--mirror",
                &site.server.url,
            ])
            .current_dir(site.folder.path())
            .env_clear()
            .env("HOME", &home)
            .envs(set);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(site.folder.path().join(cache).join("sha256").is_dir(), "{cache}");
    }
}

/// A node with files of its own, one from the web and one beside node.yaml.
fn own_files(tool: &[u8], image: &[u8]) -> String {
    use nodebake::base::Sha256;
    format!(
        "  artifacts:\n    files:\n      - {{ name: tool, source: \"https://tools.example/tool\", sha256: {}, path: /opt/tool, mode: \"0755\" }}\n      - {{ name: images, source: images/all.tar, sha256: {}, path: /var/lib/images/all.tar, mode: \"0600\", import: true }}\n",
        Sha256::of(tool),
        Sha256::of(image)
    )
}

#[test]
fn own_files_are_fetched_and_taken() {
    let site = Site::with(&own_files(b"a tool", b"an image"));
    site.server.file("/tools.example/tool", b"a tool");
    let told = site.fetch_badly(&[]);
    assert!(
        told.contains("1 of ") && told.contains("  images: opening images/all.tar: "),
        "{told}"
    );
    site.folder.write("images/all.tar", "another image");
    let told = site.fetch_badly(&[]);
    assert!(told.contains("its sha256 is "), "{told}");
    site.folder.write("images/all.tar", "an image");
    site.fetch_well(&[]);
    let digest = nodebake::base::Sha256::of(b"an image").to_string();
    let blob = site.folder.path().join("cache/sha256").join(digest);
    assert_eq!(std::fs::read(&blob).unwrap(), b"an image");
    assert_eq!(std::fs::metadata(&blob).unwrap().permissions().mode() & 0o777, 0o444);
    // A bundle carries both; user-data cannot.
    let bake = |format: &str, file: &str| {
        let args = [
            "bake",
            "node.yaml",
            "--catalog",
            "catalog",
            "--format",
            format,
            "-o",
            file,
        ];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command
            .args(args)
            .current_dir(site.folder.path())
            .env("NODEBAKE_CACHE", "cache");
        command.output().unwrap()
    };
    let output = bake("tarball", "node.tar.gz");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let tarball = site.folder.path().join("node.tar.gz");
    let script = "d=$(mktemp -d) && tar -xzf \"$1\" -C \"$d\" && cat \"$d\"/nodes/*/install.list \"$d\"/nodes/*/artifacts.done; rm -r \"$d\"";
    let mut command = std::process::Command::new("sh");
    let output = command.args(["-c", script, "sh"]).arg(&tarball).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    for (bytes, mode, path) in [
        (&b"a tool"[..], "0755", "/opt/tool"),
        (b"an image", "0600", "/var/lib/images/all.tar"),
    ] {
        let digest = nodebake::base::Sha256::of(bytes);
        let line = list.lines().find(|line| line.ends_with(&format!("\t{path}")));
        let line = line.unwrap_or_else(|| panic!("no {path}: {list}"));
        assert!(line.starts_with(&format!("node\t{digest}\t{mode}\t")), "{line}");
        // First boot finds it installed.
        let done = format!("{digest} file{mode} {path} {digest} {path}");
        assert!(list.lines().any(|line| line == done), "{list}");
    }
    assert!(list.contains("/etc/systemd/system/nodebake-images.service"), "{list}");
    let output = bake("cloud-init", "user-data.yaml");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("bake/local-artifact"), "{}", stderr(&output));
    let lock = std::fs::read_to_string(site.folder.path().join("artifacts.lock")).unwrap();
    assert!(
        lock.contains(" 8 images/all.tar\n") && lock.contains("tool - amd64 "),
        "{lock}"
    );
}

#[test]
fn a_fleet_shares_every_file() {
    let site = Site::new();
    let yaml = std::fs::read_to_string(site.folder.path().join("node.yaml")).unwrap();
    let spec: String = yaml
        .split("spec:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    site.folder.write(
        "node.yaml",
        format!(
            "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: {{ name: fleet }}\nspec:\n  defaults:\n{spec}  nodes:\n    - {{ name: a }}\n    - {{ name: b, identity: {{ address: 10.0.2.7 }} }}\n    - {{ name: c, instanceType: lambda/gpu_1x_gh200, identity: {{ address: 10.0.2.8 }} }}\n"
        ),
    );
    site.fetch_well(&[]);
    let mut paths: Vec<String> = site.server.asked().into_iter().map(|ask| ask.path).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all);
    assert!(paths.iter().any(|path| path.contains("arm64")) && site.has(KUBELET));
}

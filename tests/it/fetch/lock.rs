//! `artifacts.lock`.

use super::Site;
use crate::support::stderr;

#[test]
fn a_lock_is_written_and_held_to() {
    let site = Site::new();
    let output = site.fetch(&["--locked"]);
    assert_eq!(output.status.code(), Some(1), "no lock: {}", stderr(&output));
    assert_eq!(site.server.asked(), []);
    site.fetch_well(&[]);
    let path = site.folder.path().join("artifacts.lock");
    let lock = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<&str> = lock.lines().filter(|line| !line.starts_with('#')).collect();
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    assert_eq!(rows, sorted);
    assert!(rows.iter().any(|row| row.starts_with("kubelet 1.35.8 amd64 ")
        && row.ends_with(" 20000 https://dl.k8s.io/release/v1.35.8/bin/linux/amd64/kubelet")));
    site.fetch_well(&["--locked"]);
    // Another cluster version, other pins.
    let yaml = std::fs::read_to_string(site.folder.path().join("node.yaml")).unwrap();
    site.folder
        .write("node.yaml", format!("{yaml}  kubernetes: {{ version: 1.35.3 }}\n"));
    site.server.asked();
    let output = site.fetch(&["--locked", "--short"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("kubelet 1.35.3 amd64 is wanted, and not in artifacts.lock"),
        "{told}"
    );
    assert!(
        told.contains("artifacts.lock:") && told.contains("kubelet 1.35.8 amd64 is locked, and nothing wants it"),
        "{told}"
    );
    assert_eq!(site.server.asked(), []);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lock);
    site.fetch_well(&[]);
    assert_ne!(std::fs::read_to_string(&path).unwrap(), lock);
    site.fetch_well(&["--locked"]);
}

#[test]
fn a_damaged_lock_is_told_with_its_line() {
    let site = Site::new();
    site.fetch_well(&[]);
    let path = site.folder.path().join("artifacts.lock");
    let lock = std::fs::read_to_string(&path).unwrap();
    let conflict = lock.replacen("kubelet", "<<<<<<< HEAD\nkubelet", 1);
    for (text, says) in [
        (conflict, "lock/conflict"),
        (lock.replacen(" amd64 ", " ", 1), "lock/syntax"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let output = site.fetch(&["--locked", "--short"]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(says) && told.contains("artifacts.lock:"), "{told}");
    }
    // Without --locked it is written anew.
    site.fetch_well(&[]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lock);
}

#[test]
fn a_changed_digest_under_the_same_version_is_told() {
    let site = Site::new();
    site.fetch_well(&["--lock", "other.lock"]);
    let pins = std::fs::read_to_string(site.folder.path().join("catalog/images/artifacts.csv")).unwrap();
    let changed: String = pins
        .lines()
        .map(|line| match line.rsplit_once(',') {
            Some((pin, sha)) if pin.starts_with("kubelet,1.35.8,amd64,") => {
                format!("{pin},{}\n", sha.chars().rev().collect::<String>())
            }
            _ => format!("{line}\n"),
        })
        .collect();
    site.folder.write("catalog/images/artifacts.csv", changed);
    let output = site.fetch(&["--locked", "--short", "--lock", "other.lock"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("kubelet 1.35.8 amd64: sha256 ") && told.contains(" is locked"),
        "{told}"
    );
}

//! What goes wrong on the way.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::server::Act::{
    self, Cut, Longer, NoRange, OtherRange, OtherVersion, Redirect, Serve, Shorter, Slow, Stall, Status, Wrong,
};
use super::{KUBELET, Site, noise};
use crate::support::stderr;

#[test]
fn everything_comes_once_and_then_nothing_is_asked() {
    let site = Site::new();
    let told = site.fetch_well(&[]);
    assert!(told.contains("artifacts, 1 MiB, "), "{told}");
    let asked = site.server.asked();
    assert!(
        asked.len() >= 4 && asked.iter().any(|ask| ask.path == KUBELET),
        "{asked:?}"
    );
    for ask in &asked {
        assert!(site.has(&ask.path), "{}", ask.path);
        let mode = std::fs::metadata(site.blob(&ask.path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444);
        assert!(ask.header("user-agent").starts_with("nodebake/"), "{ask:?}");
        assert_eq!(ask.header("range"), "");
    }
    let lock = std::fs::read(site.folder.path().join("artifacts.lock")).unwrap();
    let told = site.fetch_well(&["--jobs", "1"]);
    assert!(told.contains(" 0 of them new"), "{told}");
    assert_eq!(site.server.asked(), []);
    assert_eq!(std::fs::read(site.folder.path().join("artifacts.lock")).unwrap(), lock);
    // Nothing unfinished is left.
    let names = std::fs::read_dir(site.folder.path().join("cache/sha256")).unwrap();
    assert_eq!(names.count(), asked.len());
}

/// What passes: the answers in order, and where each request begins.
#[test]
fn troubles_that_pass_are_waited_for() {
    let table: &[(&str, &[Act], &[usize])] = &[
        (
            "unavailable, with a time to wait",
            &[Status(503, "Retry-After: 0\r\n"), Serve],
            &[0, 0],
        ),
        (
            "too many requests",
            &[Status(429, "Retry-After: 1\r\n"), Serve],
            &[0, 0],
        ),
        ("a broken gateway", &[Status(502, ""), Serve], &[0, 0]),
        ("cut off", &[Cut(7_000), Cut(3_000), Serve], &[0, 7_000, 10_000]),
        ("stalled", &[Stall(5_000), Serve], &[0, 5_000]),
        ("nothing comes at all", &[Stall(0), Serve], &[0, 0]),
        ("cut off, and no ranges", &[Cut(7_000), NoRange], &[0, 7_000]),
        ("another range", &[Cut(7_000), OtherRange, Serve], &[0, 7_000, 0]),
        ("another version", &[Cut(7_000), OtherVersion], &[0, 7_000]),
        ("a length too long", &[Longer(500)], &[0]),
        ("a length too short", &[Shorter(500), Serve], &[0, 0]),
        ("wrong bytes once", &[Wrong, Serve], &[0, 0]),
        ("the rest is wrong", &[Cut(7_000), Wrong, Serve], &[0, 7_000, 0]),
    ];
    std::thread::scope(|scope| {
        for (what, acts, begins) in table {
            scope.spawn(move || {
                let site = Site::new();
                site.server.acts(KUBELET, acts);
                let told = site.fetch_well(patience(acts));
                assert!(site.has(KUBELET), "{what}: {told}");
                let asked = site.server.asked();
                let asked: Vec<usize> = asked
                    .iter()
                    .filter(|ask| ask.path == KUBELET)
                    .map(super::server::Ask::from)
                    .collect();
                assert_eq!(asked, *begins, "{what}: {told}");
            });
        }
    });
}

/// As long as no answer stalls, the machine may be as busy as it likes.
fn patience(acts: &[Act]) -> &'static [&'static str] {
    let stalls = acts.iter().any(|act| matches!(act, Stall(_)));
    if stalls { &["--stall", "1"] } else { &[] }
}

/// What does not pass: the answers, how often it is asked, and what is said.
#[test]
fn troubles_that_stay_are_told_and_leave_nothing() {
    let table: &[(&str, &[Act], usize, &str)] = &[
        ("gone", &[Status(404, "")], 1, "the server answers 404"),
        ("forbidden", &[Status(403, "")], 1, "the server answers 403"),
        (
            "unavailable for long",
            &[Status(503, "Retry-After: 86400\r\n")],
            1,
            "asks to wait 86400 s",
        ),
        (
            "unavailable for good",
            &[Status(503, "Retry-After: 0\r\n")],
            2,
            "the server answers 503",
        ),
        ("wrong bytes", &[Wrong], 2, "wrong bytes: expected sha256 "),
        ("cut off before anything new", &[Cut(0)], 2, "end of file"),
        ("nothing comes", &[Stall(0)], 2, "nothing came for too long"),
        (
            "in a circle",
            &[Redirect("{}/dl.k8s.io/release/v1.35.8/bin/linux/amd64/kubelet")],
            11,
            "redirected without end",
        ),
        (
            "to plain http elsewhere",
            &[Redirect("http://192.0.2.1/kubelet")],
            1,
            "plain http",
        ),
        ("to a file", &[Redirect("file:///etc/passwd")], 1, ""),
        (
            "with a password",
            &[Redirect("https://user:hunter2@192.0.2.1/kubelet")],
            1,
            "user name or password",
        ),
        ("a page in its place", &[Status(204, "")], 1, "the server answers 204"),
    ];
    std::thread::scope(|scope| {
        for (what, acts, times, says) in table {
            scope.spawn(move || {
                let site = Site::new();
                site.server.acts(KUBELET, acts);
                let told = site.fetch_badly(&[&["--retries", "1"], patience(acts)].concat());
                assert!(told.contains(says) && !told.contains("hunter2"), "{what}: {told}");
                assert!(
                    told.contains("1 of ") && told.contains("  kubelet 1.35.8 amd64: "),
                    "{what}: {told}"
                );
                assert!(!site.blob(KUBELET).exists(), "{what}");
                assert!(!site.folder.path().join("artifacts.lock").exists(), "{what}");
                let asked = site.server.asked();
                assert_eq!(
                    asked.iter().filter(|ask| ask.path == KUBELET).count(),
                    *times,
                    "{what}: {told}"
                );
                // The others came, and are not asked for again.
                site.server.acts(KUBELET, &[Serve]);
                site.fetch_well(&[]);
                assert_eq!(site.server.asked().len(), 1, "{what}");
            });
        }
    });
}

#[test]
fn wrong_bytes_are_named_by_both_digests() {
    let site = Site::new();
    site.server.acts(KUBELET, &[Wrong]);
    let wrong: Vec<u8> = site.files[KUBELET].iter().map(|byte| !byte).collect();
    let told = site.fetch_badly(&[]);
    for bytes in [&site.files[KUBELET], &wrong] {
        assert!(told.contains(&nodebake::base::Sha256::of(bytes).to_string()), "{told}");
    }
}

#[test]
fn a_redirect_on_this_machine_is_followed() {
    let site = Site::new();
    site.server.file("/elsewhere", &site.files[KUBELET]);
    site.server.acts(KUBELET, &[Redirect("{}/elsewhere")]);
    site.fetch_well(&[]);
    assert!(site.has(KUBELET));
}

#[test]
fn all_failures_are_told_at_once() {
    let site = Site::new();
    let paths: Vec<String> = {
        site.fetch_well(&[]);
        site.server.asked().into_iter().map(|ask| ask.path).collect()
    };
    std::fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
    for path in &paths[1..] {
        site.server.acts(path, &[Status(404, "")]);
    }
    let told = site.fetch_badly(&[]);
    assert_eq!(told.matches("answers 404").count(), paths.len() - 1, "{told}");
    assert!(
        told.contains(&format!("{} of {} artifacts", paths.len() - 1, paths.len())),
        "{told}"
    );
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let site = Site::new();
    site.server.acts(KUBELET, &[Stall(9_000), Serve]);
    let mirror = site.server.url.clone();
    let mut child = site
        .command(&["--mirror", &mirror, "--stall", "60"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let part = site.blob(KUBELET).with_extension("part");
    until("a part", || {
        std::fs::metadata(&part).is_ok_and(|about| about.len() == 9_000)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!site.blob(KUBELET).exists());
    site.server.asked();
    site.fetch_well(&[]);
    let asked = site.server.asked();
    let kubelet: Vec<usize> = asked
        .iter()
        .filter(|ask| ask.path == KUBELET)
        .map(super::server::Ask::from)
        .collect();
    assert_eq!(kubelet, [9_000]);
    assert!(site.has(KUBELET) && !part.exists());
}

#[test]
fn what_a_killed_run_left_is_not_believed() {
    for (left, requests) in [
        (noise(99, 9_000), 2),  // other bytes: the rest is asked for, then everything
        (noise(99, 30_000), 2), // more than there is
        (vec![0; 20_000], 2),   // what a power cut leaves
    ] {
        let site = Site::new();
        site.folder.write("cache/sha256/x", "");
        std::fs::write(site.blob(KUBELET).with_extension("part"), &left).unwrap();
        site.fetch_well(&[]);
        assert!(site.has(KUBELET));
        let asked = site.server.asked();
        assert_eq!(asked.iter().filter(|ask| ask.path == KUBELET).count(), requests);
    }
    // All of it: nothing is asked for.
    let site = Site::new();
    site.folder.write("cache/sha256/x", "");
    std::fs::write(site.blob(KUBELET).with_extension("part"), &site.files[KUBELET]).unwrap();
    site.fetch_well(&[]);
    assert!(site.has(KUBELET));
    assert!(site.server.asked().iter().all(|ask| ask.path != KUBELET));
}

#[test]
fn two_processes_share_a_download() {
    let site = Site::new();
    site.server.acts(KUBELET, &[Slow]);
    let mirror = site.server.url.clone();
    let spawn = || {
        let mut command = site.command(&["--mirror", &mirror]);
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| spawn()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let mut paths: Vec<String> = site.server.asked().into_iter().map(|ask| ask.path).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "each file is asked for once");
    assert!(site.has(KUBELET));
}

#[test]
fn a_damaged_cache_is_seen_and_mended() {
    let site = Site::new();
    site.fetch_well(&[]);
    site.server.asked();
    let blob = site.blob(KUBELET);
    for damage in [vec![], noise(5, 20_000), site.files[KUBELET][..19_999].to_vec()] {
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, &damage).unwrap();
        let told = site.fetch_well(&[]);
        assert!(
            told.contains("kubelet 1.35.8 amd64: what the cache had was damaged"),
            "{told}"
        );
        assert!(site.has(KUBELET));
        assert_eq!(site.server.asked().len(), 1);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let site = Site::new();
    site.folder.write("cache", "a file in its place");
    let told = site.fetch_badly(&[]);
    assert!(told.contains("cache/sha256"), "{told}");
}

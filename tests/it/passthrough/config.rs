//! The file of `serve`: what its writer hears.

use crate::support::{TempDir, nodebake, stderr};

const GOOD: &str = "\
apiVersion: nodebake/v1
kind: Passthrough
spec:
  sources: [10.0.0.0/16]
  routes:
    - { name: a10-01, listen: 10.0.2.233:10250, to: 203.0.113.9:10250 }
";

#[test]
fn a_file_is_checked_with_places_before_anything_listens() {
    let folder = TempDir::new();
    folder.write("good.yaml", GOOD);
    let output = nodebake(&["proxy", "serve", "--config", "good.yaml", "--check"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder.write(
        "bad.yaml",
        GOOD.replace("10.0.0.0/16", "10.0.0.1/16").replace("to:", "too:"),
    );
    for more in [&["--check"][..], &[]] {
        let words = [&["proxy", "serve", "--config", "bad.yaml"], more].concat();
        let output = nodebake(&words, folder.path());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in [
            "bad.yaml:4:13",
            "the network is 10.0.0.0/16",
            "passthrough/source",
            "did you mean `to`?",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn one_route_needs_all_its_words() {
    let folder = TempDir::new();
    let whole = [
        "proxy",
        "serve",
        "--listen",
        "127.0.0.1:1",
        "--to",
        "127.0.0.1:2",
        "--source",
        "any",
        "--check",
    ];
    assert_eq!(nodebake(&whole, folder.path()).status.code(), Some(0));
    for (without, left) in [("--listen", 7), ("--to", 7), ("--source", 7)] {
        let at = whole.iter().position(|word| *word == without).unwrap();
        let words: Vec<&str> = whole
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != at && *n != at + 1)
            .map(|(_, w)| *w)
            .collect();
        assert_eq!(words.len(), left);
        let output = nodebake(&words, folder.path());
        assert_eq!(output.status.code(), Some(2), "{without}: {}", stderr(&output));
    }
    let circle = [
        "proxy",
        "serve",
        "--listen",
        "127.0.0.1:1",
        "--to",
        "127.0.0.1:1",
        "--source",
        "any",
    ];
    let output = nodebake(&circle, folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("leads back"), "{}", stderr(&output));
}

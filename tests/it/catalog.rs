//! The built-in catalog: every file reads, and what refers to something refers to something that is there.

use nodebake::base::{KubeMinor, Located, Place, Source};
use nodebake::catalog::{Arch, Catalog};

use crate::support::told;

fn named(name: &str) -> Located<String> {
    Located {
        value: name.to_owned(),
        place: Place::new(&Source::new("test", name), 0..name.len()),
    }
}

#[test]
fn every_file_reads() {
    let catalog = Catalog::embedded();
    let mut types = 0;
    for provider in catalog.names("profiles/instance-types/", ".yaml") {
        catalog.provider(provider).unwrap_or_else(|report| panic!("{report:?}"));
        types += catalog
            .instance_types(provider)
            .unwrap_or_else(|report| panic!("{report:?}"))
            .len();
    }
    assert!(types >= 72, "{types} instance types");
    for image in catalog.names("images/", ".yaml") {
        let image = catalog
            .image(&named(image))
            .unwrap_or_else(|report| panic!("{report:?}"));
        for provider in &image.providers {
            catalog.provider(provider).unwrap_or_else(|report| panic!("{report:?}"));
        }
        for (component, version) in &image.artifacts {
            for arch in &image.arch {
                let pin = if version == "by-kubernetes" {
                    catalog.newest_artifact(component, KubeMinor::new(35), *arch)
                } else {
                    catalog.artifact(component, &version.parse().unwrap(), *arch)
                };
                assert!(
                    pin.unwrap().is_some(),
                    "{} pins {component} {version} for {arch:?}",
                    image.name
                );
            }
        }
    }
    for profile in catalog.profile_names() {
        let profile = catalog
            .profile(&named(profile))
            .unwrap_or_else(|report| panic!("{report:?}"));
        for template in &profile.templates {
            catalog
                .template(&template.value, Some(&template.place))
                .unwrap_or_else(|report| panic!("{report:?}"));
        }
    }
    assert!(catalog.all_artifacts().unwrap().len() >= 200);
    for arch in [Arch::Amd64, Arch::Arm64] {
        assert!(catalog.pinned_versions("kubelet", arch).unwrap().len() >= 50);
    }
    catalog.sizing().unwrap_or_else(|report| panic!("{report:?}"));
    assert!(catalog.kubelet_schema().unwrap().fields.len() > 100);
    assert!(catalog.feature_gates().unwrap().gates.len() > 150);
    assert!(catalog.kubelet_flags().unwrap().0.len() > 100);
    let table = catalog.containerd_table().unwrap();
    let version = |text: &str| text.parse().unwrap();
    assert!(table.fits(&version("2.2.4"), KubeMinor::new(36)));
    assert!(!table.fits(&version("1.7.32"), KubeMinor::new(36)));
    assert_eq!(
        (table.schema(&version("1.7.28")), table.schema(&version("2.2.4"))),
        (Some(2), Some(3))
    );
}

/// A template that no profile names is a dead one.
#[test]
fn every_template_is_used() {
    let catalog = Catalog::embedded();
    let mut used: Vec<String> = Vec::new();
    for profile in catalog.profile_names() {
        let profile = catalog.profile(&named(profile)).unwrap();
        used.extend(profile.templates.iter().map(|name| name.value.clone()));
    }
    let unused: Vec<&str> = catalog
        .names("templates/", ".j2")
        .filter(|name| !used.iter().any(|u| u == name))
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
}

/// A table of the user's own is read whole: all its mistakes are told, and what is pinned twice is one.
#[test]
fn mistakes_of_the_users_own_pins_are_told() {
    let sha = "a".repeat(64);
    let row = |version: &str, sha: &str| {
        format!("crictl,{version},amd64,https://example.com/crictl-{version}.tar.gz,{sha}\n")
    };
    let table = |rows: &[String]| {
        let text = format!("component,version,arch,url,sha256\n{}", rows.concat());
        let files = vec![(
            "images/artifacts.csv".to_owned(),
            Source::new("mine/artifacts.csv", text),
        )];
        Catalog::embedded().overlay(files).unwrap()
    };
    let newest = |catalog: &Catalog| catalog.newest_artifact("crictl", "1.35".parse().unwrap(), Arch::Amd64);

    // In any order, and with a minor that is too new.
    let good = table(&[
        row("1.36.0", &sha),
        row("1.34.0", &sha),
        row("1.35.0", &sha),
        row("1.33.0", &sha),
    ]);
    assert_eq!(newest(&good).unwrap().unwrap().version.as_str(), "1.35.0");
    let exact = good.artifact("crictl", &"1.34".parse().unwrap(), Arch::Amd64).unwrap();
    assert_eq!(exact.unwrap().url.as_str(), "https://example.com/crictl-1.34.0.tar.gz");
    assert_eq!(good.pinned_versions("crictl", Arch::Arm64).unwrap().len(), 0);

    let bad = table(&[
        row("1.35.0", &sha),
        row("1.x", &sha),
        row("1.35.0", &sha),
        row("1.34.0", "abc"),
    ]);
    let told = told(&newest(&bad).unwrap_err());
    for line in [
        "mine/artifacts.csv:3:1",
        "mine/artifacts.csv:4:1",
        "is pinned twice",
        "mine/artifacts.csv:5:1",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

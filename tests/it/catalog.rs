//! The built-in catalog: every file reads, and what refers to something refers to something that is there.

use nodebake::base::{KubeMinor, Located, Place, Source};
use nodebake::catalog::{Arch, Catalog};

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

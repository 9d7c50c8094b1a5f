//! Goldens: what every profile makes on every image, byte for byte.
//!
//! `snapshots/<profile>/<image>/<provider>/<instance type>/` holds a MANIFEST (mode, owner, size, digest of every file,
//! and of the user-data), and for a covering set of instance types the files themselves. Files that a template copies
//! verbatim are pinned by the MANIFEST alone: they are the template.
//!
//! A changed golden fails this test. `INSTA_UPDATE=always cargo test golden` writes what changed; review it as a diff.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and the environment")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nodebake::bake;
use nodebake::base::{Located, Place, Source};
use nodebake::catalog::{Catalog, Image, Presence};
use nodebake::pipeline::Built;
use nodebake::review;

use crate::support::{build, node_yaml, root, told};

/// A proxy's three forms.
const PROXIES: [&str; 3] = ["ec2/t4g.small", "ec2/t3.small", "ec2/c7gn.medium"];

/// Instance types whose whole tree is kept: one GPU, an `NVSwitch` board and arm64 where the image has a driver; no GPU,
/// one GPU without a driver, and EFA on the plain images.
const WHOLE: [(&str, bool); 6] = [
    ("lambda/gpu_1x_a10", true),
    ("lambda/gpu_8x_h100_sxm5", true),
    ("lambda/gpu_1x_gh200", true),
    ("lambda/cpu_4x_general", false),
    ("lambda/gpu_2x_a6000", false),
    ("ec2/p5.48xlarge", false),
];

/// The image on which every instance type of a provider gets its manifest.
const IMAGE_OF: [(&str, &str); 2] = [("lambda", "lambda-stack-22-04"), ("ec2", "ubuntu-22-04")];

fn named(name: &str) -> Located<String> {
    Located {
        value: name.to_owned(),
        place: Place::new(&Source::new("test", name), 0..name.len()),
    }
}

fn minor_of(image: &Image) -> String {
    image
        .max_kubernetes
        .as_ref()
        .map_or("1.35".into(), |(minor, _)| minor.to_string())
}

struct Case {
    profile: String,
    image: String,
    instance_type: String,
    minor: String,
    whole: bool,
}

/// Every case: the covering set on every image that offers it, and every instance type on its provider's image.
fn cases() -> Vec<Case> {
    let catalog = Catalog::embedded();
    let mut cases = Vec::new();
    let images: Vec<Arc<Image>> = catalog
        .names("images/", ".yaml")
        .map(|name| catalog.image(&named(name)).unwrap())
        .collect();
    let providers: Vec<&str> = catalog.names("profiles/instance-types/", ".yaml").collect();
    for profile in catalog.profile_names() {
        for image in &images {
            for provider in providers
                .iter()
                .filter(|provider| image.providers.iter().any(|name| name == *provider))
            {
                for kind in catalog.instance_types(provider).unwrap() {
                    let full = kind.full_name();
                    let driver = image.nvidia_driver != Presence::No;
                    // Small types are a proxy's alone.
                    let is_small = kind.addresses_per_interface.is_some();
                    let (whole, listed) = if profile == "satellite-proxy" {
                        (
                            PROXIES.contains(&full.as_str()),
                            is_small && image.name == "ubuntu-24-04",
                        )
                    } else {
                        let listed = IMAGE_OF.contains(&(*provider, image.name.as_str())) && profile == "satellite";
                        (WHOLE.contains(&(full.as_str(), driver)), listed && !is_small)
                    };
                    if image.arch.contains(&kind.arch) && (whole || listed) {
                        cases.push(Case {
                            profile: profile.to_owned(),
                            image: image.name.clone(),
                            instance_type: full,
                            minor: minor_of(image),
                            whole,
                        });
                    }
                }
            }
        }
    }
    cases
}

fn built(case: &Case) -> Built {
    let yaml = node_yaml(&case.profile, &case.image, &case.instance_type, "");
    build(&yaml, &case.minor).unwrap_or_else(|report| {
        panic!(
            "{} on {} of {}:\n{}",
            case.profile,
            case.image,
            case.instance_type,
            told(&report)
        )
    })
}

/// The golden files of one case by their path under `snapshots/`.
fn goldens(case: &Case) -> BTreeMap<PathBuf, String> {
    let built = built(case);
    let folder = Path::new(&case.profile).join(&case.image).join(&case.instance_type);
    let artifact = bake::user_data(&built.plan, &built.verified, &bake::Packer::default())
        .unwrap_or_else(|report| panic!("{}", told(&report)));
    let tree = built.verified.tree();
    let mut manifest = review::manifest(tree);
    let kind = if artifact.gzipped { "user-data.gz" } else { "user-data" };
    writeln!(manifest, "# {kind}: {} bytes {}", artifact.bytes.len(), artifact.sha256).unwrap();
    let mut files = BTreeMap::from([(folder.join("MANIFEST"), manifest)]);
    if case.whole {
        for entry in tree.iter() {
            if !entry.origin.source.text.contains("\nverbatim: true\n") {
                files.insert(folder.join(entry.tree_path()), entry.text.clone());
            }
        }
    }
    files
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn golden_trees() {
    let snapshots = root().join("snapshots");
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|how| matches!(how.as_str(), "always" | "unseen" | "force"));
    let mut expected = BTreeMap::new();
    for case in cases() {
        expected.extend(goldens(&case));
    }
    let mut wrong = String::new();
    for (path, text) in &expected {
        let file = snapshots.join(path);
        let golden = std::fs::read(&file).ok();
        if golden.as_deref() == Some(text.as_bytes()) {
            continue;
        }
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else {
            let state = if golden.is_some() { "differs" } else { "is missing" };
            writeln!(wrong, "snapshots/{} {state}", path.display()).unwrap();
            if let Some(golden) = golden {
                wrong.push_str(&first_difference(&String::from_utf8_lossy(&golden), text));
            }
        }
    }
    let mut found = Vec::new();
    for profile in Catalog::embedded().profile_names() {
        walk(&snapshots.join(profile), &mut found);
    }
    for file in found {
        let path = file.strip_prefix(&snapshots).unwrap();
        if !expected.contains_key(path) {
            if update {
                std::fs::remove_file(&file).unwrap();
            } else {
                writeln!(wrong, "snapshots/{} belongs to no case any more", path.display()).unwrap();
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nreview with: INSTA_UPDATE=always cargo test golden && git diff snapshots/"
    );
}

fn first_difference(golden: &str, now: &str) -> String {
    for (at, (old, new)) in golden.lines().zip(now.lines()).enumerate() {
        if old != new {
            return format!("  line {}:\n  - {old}\n  + {new}\n", at + 1);
        }
    }
    "  one is longer than the other\n".into()
}

/// A new image, profile or instance type cannot be forgotten here.
#[test]
fn every_row_of_the_catalog_is_covered() {
    let catalog = Catalog::embedded();
    let cases = cases();
    for profile in catalog.profile_names() {
        for image in catalog.names("images/", ".yaml") {
            let in_ec2 = catalog.image(&named(image)).unwrap().ec2.is_some();
            if profile == "satellite-proxy" && !in_ec2 {
                continue;
            }
            let kept = cases
                .iter()
                .filter(|case| case.profile == profile && case.image == image && case.whole)
                .count();
            assert!(kept >= 2, "{profile} on {image} has {kept} whole trees");
        }
    }
    for provider in catalog.names("profiles/instance-types/", ".yaml") {
        for kind in catalog.instance_types(provider).unwrap() {
            let full = kind.full_name();
            assert!(
                cases.iter().any(|case| case.instance_type == full),
                "{full} has no golden"
            );
        }
    }
}

/// The document fits every cloud of the catalog's facts: EC2's 16,384 bytes as gzip, which EC2 takes, and the smallest
/// plain-text limit known among GPU clouds, 32,768 bytes.
#[test]
fn the_document_fits_every_cloud() {
    for case in cases().iter().filter(|case| case.whole) {
        let built = built(case);
        let artifact = bake::user_data(&built.plan, &built.verified, &bake::Packer::default()).unwrap();
        let limit = if artifact.gzipped { 16_384 } else { 32_768 };
        let size = artifact.bytes.len();
        assert!(
            size <= limit,
            "{} {} {}: {size} bytes",
            case.profile,
            case.image,
            case.instance_type
        );
    }
}

//! `--format nocloud`: a seed image, which cloud-init's `NoCloud` reads from a disk or stick beside the machine's own.
//!
//! The volume is FAT, not ISO 9660. Both would do for cloud-init; FAT is what every kernel that boots by UEFI has for
//! its system partition, and what people can look into and mend without mounting (mtools). A crate writes it that lets
//! us choose time and volume id; of ISO there is none that leaves the clock out, and an own writer would be ours to keep.
//! The image is as small as its content, in steps of 64 KiB, which suits every hypervisor's blocks.
//!
//! It has `user-data` as plain text, since there is no limit to stay below, and `meta-data`. It has no `network-config`:
//! cloud-init looks for one on a volume once and goes on to DHCP, the same as with an empty one; it is seeds that are
//! fetched by URL for which newer versions ask again and again.
//!
//! The instance id is a digest of the user-data. cloud-init runs `write_files` and `runcmd` once for an instance id, so
//! that a changed seed is taken at the next boot, and an unchanged one is not run twice.

use std::io::{self, Cursor, Write};

use fatfs::{Date, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};

use super::budget::Budget;
use super::{Artifact, cloud_init};
use crate::base::{Finding, Report, Severity, Sha256};
use crate::plan::Plan;
use crate::syntax::yaml::scalar;
use crate::verify::Verified;

/// The label by which cloud-init knows the volume, as FAT pads it.
const LABEL: [u8; 11] = *b"CIDATA     ";

/// The image grows in steps of this many bytes.
const STEP: usize = 64 << 10;

/// The node's seed image.
pub fn seed_image(plan: &Plan, verified: &Verified) -> Result<Artifact, Report> {
    let (user_data, shares) = cloud_init::plain(plan, verified)?;
    let digest = Sha256::of(user_data.as_bytes());
    let meta_data = meta_data(&plan.spec.name.value, digest);
    let files = [("meta-data", meta_data.as_bytes()), ("user-data", user_data.as_bytes())];
    let bytes = volume(&files, volume_id(digest)).map_err(|error| {
        let message = format!("the seed image cannot be written: {error}");
        Finding::new(Severity::Error, "bake/seed", message).hint("this is a defect of nodebake")
    })?;
    Ok(Artifact {
        sha256: Sha256::of(&bytes),
        gzipped: false,
        budget: Budget::new("NoCloud", bytes.len(), None, shares),
        bytes,
        ending: "img".into(),
    })
}

/// The machine is called as its node.yaml is; the node's name in the cluster is the kubelet's own matter.
fn meta_data(name: &str, digest: Sha256) -> String {
    let digits = digest.to_string();
    let host = scalar(name);
    format!("instance-id: nodebake-{}\nlocal-hostname: {host}\n", &digits[..32])
}

/// What udev names the volume by: two seeds on one machine shall not share it.
fn volume_id(digest: Sha256) -> u32 {
    let digits = digest.to_string();
    u32::from_str_radix(&digits[..8], 16).unwrap_or_default()
}

/// The day that FAT counts from.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn get_current_date(&self) -> Date {
        Date {
            year: 1980,
            month: 1,
            day: 1,
        }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime {
            date: self.get_current_date(),
            time: Time {
                hour: 0,
                min: 0,
                sec: 0,
                millis: 0,
            },
        }
    }
}

/// A FAT volume with `files` in its root.
fn volume(files: &[(&str, &[u8])], id: u32) -> io::Result<Vec<u8>> {
    let content: usize = files.iter().map(|(_, data)| data.len()).sum();
    // The tables take less than a sixty-fourth of what they describe; a step holds boot sector, root and rounding.
    let size = (content + content / 64 + STEP).next_multiple_of(STEP);
    let mut image = Cursor::new(vec![0; size]);
    let options = FormatVolumeOptions::new().volume_label(LABEL).volume_id(id);
    fatfs::format_volume(&mut image, options)?;
    let options = FsOptions::new().time_provider(&NoTime).update_accessed_date(false);
    let filesystem = FileSystem::new(&mut image, options)?;
    for (name, data) in files {
        filesystem.root_dir().create_file(name)?.write_all(data)?;
    }
    filesystem.unmount()?;
    Ok(image.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn volumes_of_every_size_hold_their_files() {
        for size in [
            0,
            1,
            511,
            512,
            513,
            40_000,
            65_535,
            65_536,
            1 << 20,
            3_900_000,
            4 << 20,
            17 << 20,
            40 << 20,
        ] {
            let data = vec![b'x'; size];
            let files = [("meta-data", b"m".as_slice()), ("user-data", data.as_slice())];
            let image = volume(&files, 7).unwrap_or_else(|error| panic!("{size}: {error}"));
            assert!(image.len().is_multiple_of(STEP) && image.len() <= size + size / 64 + 2 * STEP);
            let filesystem = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
            for (name, data) in files {
                let mut back = Vec::new();
                filesystem
                    .root_dir()
                    .open_file(name)
                    .unwrap()
                    .read_to_end(&mut back)
                    .unwrap();
                assert!(back == data, "{size}: {name}");
            }
        }
    }

    #[test]
    fn meta_data_follows_the_user_data() {
        let of = |text: &str| meta_data("node-17", Sha256::of(text.as_bytes()));
        assert_eq!(
            of("abc"),
            "instance-id: nodebake-ba7816bf8f01cfea414140de5dae2223\nlocal-hostname: node-17\n"
        );
        assert_ne!(of("abc"), of("abd"));
        assert_ne!(volume_id(Sha256::of(b"abc")), volume_id(Sha256::of(b"abd")));
    }
}

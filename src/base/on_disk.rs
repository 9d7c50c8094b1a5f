//! What lies at a path of this machine.

/// What was found at a path. Links are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDisk {
    /// A file that was read.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether its owner may execute it: all of a mode that git keeps.
        executable: bool,
    },
    /// A file too large to be one of ours, by its size.
    Large(u64),
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket, a device.
    Special,
}

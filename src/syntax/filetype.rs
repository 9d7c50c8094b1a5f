//! The types of text file nodebake writes.

use std::fmt;
use std::str::FromStr;

/// What a file is written in; it decides how values are quoted and how the file is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileType {
    /// YAML, for kubelet, Kubernetes or netplan.
    Yaml,
    /// JSON.
    Json,
    /// TOML, for containerd.
    Toml,
    /// systemd units and networkd's .netdev and .network files.
    Systemd,
    /// sysctl.d.
    Sysctl,
    /// An AWS SDK configuration file.
    Ini,
    /// A bash script.
    Bash,
    /// Shell assignments, to be sourced.
    Env,
    /// A Python script.
    Python,
    /// PEM certificates.
    Pem,
    /// One item a line, `#` comments: modules-load.d, modprobe.d, lists of ours.
    Lines,
}

/// Every type with the word that names it in a template's front matter.
const WORDS: [(&str, FileType); 11] = [
    ("yaml", FileType::Yaml),
    ("json", FileType::Json),
    ("toml", FileType::Toml),
    ("systemd", FileType::Systemd),
    ("sysctl", FileType::Sysctl),
    ("ini", FileType::Ini),
    ("bash", FileType::Bash),
    ("env", FileType::Env),
    ("python", FileType::Python),
    ("pem", FileType::Pem),
    ("lines", FileType::Lines),
];

impl FileType {
    /// The word that names it.
    pub fn word(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, filetype)| *filetype == self)
            .map_or("", |(word, _)| word)
    }
}

impl FromStr for FileType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, filetype)| *filetype)
            .ok_or_else(|| {
                let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                format!("`{text}` is no file type: {}", words.join(", "))
            })
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

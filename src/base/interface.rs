//! Names of network interfaces.

use std::fmt;
use std::str::FromStr;

/// The name of an interface that cannot be a real one: at most 15 characters (Linux' `IFNAMSIZ` less one), and not a
/// name that the kernel or udev gives to hardware.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` cannot name the dummy interface: {why}"));
        if text.is_empty() || text.len() > 15 {
            return wrong("an interface name has 1 to 15 characters");
        }
        let tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !text.chars().all(tame) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return wrong("lower-case letters, digits and `_`, beginning with a letter");
        }
        let numbered = |prefix: &str| {
            text.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let hardware = ["eth", "eno", "ens", "enp", "enx", "wlan", "ib"]
            .iter()
            .any(|prefix| numbered(prefix));
        if hardware || text.starts_with("enp") || text.starts_with("enx") {
            return wrong("real network cards are named like this; cloud images run with net.ifnames=0 too");
        }
        if matches!(text, "lo" | "docker0" | "cni0" | "all" | "default") || numbered("dummy") {
            return wrong("that name is taken by the system");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_a_real_card() {
        for good in ["kubesat0", "sat_1", "a"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "eth0",
            "eth0:0",
            "enp5s0",
            "eno1",
            "lo",
            "docker0",
            "dummy0",
            "a/b",
            "sixteen-letters0",
            "0a",
            "Sat0",
            "sat-1",
        ] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }
}

//! IPv4 networks.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 network such as `172.20.0.0/16`; the host bits are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    network: Ipv4Addr,
    prefix: u8,
}

impl Cidr {
    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// Length of the network part, 0 to 32.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether `address` lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == u32::from(self.network)
    }

    /// Whether all of `other` lies in it.
    pub fn holds(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }

    /// The address that many above the network address, if it still lies in the network.
    pub fn nth(self, offset: u32) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from(u32::from(self.network).checked_add(offset)?);
        self.contains(address).then_some(address)
    }

    /// Whether AWS keeps `address` for itself where this is a subnet: the first four and the last (VPC user guide, subnet
    /// sizing).
    pub fn reserved(self, address: Ipv4Addr) -> bool {
        let (first, last) = (u32::from(self.network), u32::from(self.network) | !self.mask());
        let address = u32::from(address);
        (first..=first.saturating_add(3)).contains(&address) || address == last
    }

    /// How many addresses it has.
    pub fn size(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an IPv4 network such as 172.20.0.0/16");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        if prefix.is_empty() || prefix.len() > 2 || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        if prefix > 32 {
            return Err(wrong());
        }
        let cidr = Self {
            network: address,
            prefix,
        };
        let network = Ipv4Addr::from(u32::from(address) & cidr.mask());
        if network != address {
            return Err(format!("`{text}` has host bits set: the network is {network}/{prefix}"));
        }
        Ok(cidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.network, self.prefix)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn reads_networks_and_refuses_the_rest() {
        for good in ["172.20.0.0/16", "10.0.2.233/32", "0.0.0.0/0", "10.244.7.0/24"] {
            assert_eq!(cidr(good).to_string(), good);
        }
        for bad in [
            "123.456.789.0/123",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.1/24",
            "10.0.0.0/+8",
            "fd00::/8",
            "",
            "/8",
        ] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic() {
        assert!(cidr("10.0.0.0/16").holds(cidr("10.0.0.0/16")));
        assert!(cidr("10.0.0.0/16").holds(cidr("10.0.2.0/24")));
        assert!(!cidr("10.0.2.0/24").holds(cidr("10.0.0.0/16")));
        let kept = |last: u8| cidr("10.0.2.0/24").reserved(Ipv4Addr::new(10, 0, 2, last));
        assert!(kept(0) && kept(3) && kept(255) && !kept(4) && !kept(254));
        assert!(!cidr("10.0.2.0/24").reserved(Ipv4Addr::new(10, 0, 1, 255)));
        assert_eq!(cidr("172.20.0.0/16").nth(10), Some(Ipv4Addr::new(172, 20, 0, 10)));
        assert_eq!(cidr("172.20.0.0/29").nth(10), None);
        assert_eq!(cidr("255.255.255.0/24").nth(u32::MAX), None);
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.3.0.0/16")));
        assert!(!cidr("10.0.0.0/16").overlaps(cidr("10.1.0.0/16")));
        assert!(cidr("0.0.0.0/0").contains(Ipv4Addr::new(1, 2, 3, 4)));
        assert_eq!(cidr("10.244.7.0/24").size(), 256);
    }
}

//! Who counts as one address.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// An address as caps, budgets and shares count it: of IPv6 its /64, which is what one subscriber gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscriber {
    V4(u32),
    /// The upper half.
    V6(u64),
}

impl Subscriber {
    /// An IPv4 address in IPv6 clothes is that IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }

    /// The first address of it, by which networks are asked.
    pub fn first_address(self) -> IpAddr {
        match self {
            Self::V4(bits) => Ipv4Addr::from_bits(bits).into(),
            Self::V6(upper) => Ipv6Addr::from_bits(u128::from(upper) << 64).into(),
        }
    }
}

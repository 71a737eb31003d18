//! Durations, sizes, moments, networks and addresses, as they are written in a configuration.

use crate::model::Timestamp;
use ipnet::IpNet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SECOND: u64 = 1_000;
const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", SECOND), ("m", 60 * SECOND), ("h", 3_600 * SECOND), ("d", 86_400 * SECOND)];
const SIZES: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A whole number and a unit: `500ms`, `10s`, `5m`, `12h`, `30d`.
pub fn duration(text: &str) -> Option<Duration> {
    amount(text, &DURATIONS).map(Duration::from_millis)
}

/// A whole number of bytes, or of KiB, MiB or GiB.
pub(super) fn size(text: &str) -> Option<u64> {
    amount(text, &SIZES)
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A duration in the largest unit that says it exactly.
pub(super) fn spell_duration(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    spell(milliseconds, &DURATIONS)
}

/// A size in the largest unit that says it exactly.
pub(super) fn spell_size(bytes: u64) -> String {
    spell(bytes, &SIZES)
}

fn spell(amount: u64, units: &[(&str, u64)]) -> String {
    let unit = units.iter().rev().find(|(_, factor)| amount.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) if amount > 0 => format!("{}{name}", amount / factor),
        _ => amount.to_string(),
    }
}

/// RFC 3339, as `2027-01-31T00:00:00Z`.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos()).ok().map(Timestamp::from_unix_nanos)
}

/// A network in CIDR notation, or one address. The error says what was probably meant.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let expected = "expected a network such as 10.0.0.0/8 or an address";
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => cidr(text).ok_or(expected)?,
    };
    // A peer that comes over IPv4 is known by its IPv4 address, so the mapped spelling would never match.
    if let IpNet::V6(mapped) = network
        && let (Some(v4), Some(prefix)) = (mapped.network().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96))
    {
        return Err(format!("an IPv4 network in IPv6 clothes, expected {v4}/{prefix}"));
    }
    if network.trunc() == network {
        Ok(network)
    } else {
        Err(format!("an address inside a network, expected {}", network.trunc()))
    }
}

/// Stricter than `IpNet`'s own reader, which takes `010.0.0.0` for 10.0.0.0 where others read 8.0.0.0.
fn cidr(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/')?;
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = prefix.parse().ok().filter(|_| digits)?;
    IpNet::new(address.parse().ok()?, prefix).ok()
}

/// `address:port`, `[address]:port`, or `:port` for all addresses of both families.
pub fn socket_addresses(text: &str) -> Option<Vec<SocketAddr>> {
    if let Some(port) = text.strip_prefix(':') {
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits)?;
        return Some(vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    text.parse().ok().map(|address| vec![address])
}

#[cfg(test)]
mod tests {
    use super::duration;
    use super::moment;
    use super::network;
    use super::size;
    use super::socket_addresses;
    use super::spell_duration;
    use super::spell_size;
    use std::time::Duration;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("12h"), Some(Duration::from_secs(43_200)));
        assert_eq!(duration("30d"), Some(Duration::from_secs(2_592_000)));
        for bad in ["", "10", "s", "-1s", "+1s", "1.5s", "1 s", "1h30m", "10S", "1w", "1y", "99999999999999999d", "١s"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
        for text in ["500ms", "90s", "2m", "1h", "30d"] {
            assert_eq!(spell_duration(duration(text).unwrap()), text);
        }
        assert_eq!(spell_duration(Duration::ZERO), "0");
    }

    #[test]
    fn sizes_are_bytes_or_powers_of_1024() {
        assert_eq!(size("0"), Some(0));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("10MiB"), Some(10_485_760));
        assert_eq!(size("4GiB"), Some(4_294_967_296));
        for bad in ["", "10MB", "10M", "10kib", "1.5MiB", "-1", "1e3", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
        assert_eq!(spell_size(10 << 20), "10MiB");
        assert_eq!(spell_size(1_000), "1000");
    }

    #[test]
    fn a_network_has_no_host_bits_and_one_spelling() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert_eq!(network("0.0.0.0/0").unwrap().to_string(), "0.0.0.0/0");
        assert!(network("10.1.0.0/8").unwrap_err().contains("expected 10.0.0.0/8"));
        assert!(network("2001:db8::1/32").unwrap_err().contains("expected 2001:db8::/32"));
        assert!(network("::ffff:10.0.0.0/104").unwrap_err().contains("expected 10.0.0.0/8"));
        assert!(network("::ffff:10.0.0.7").unwrap_err().contains("expected 10.0.0.7/32"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "010.0.0.0/8"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_rfc_3339_and_within_the_clock() {
        assert_eq!(moment("2030-01-01T00:00:00Z").unwrap().unix_seconds(), 1_893_456_000);
        assert_eq!(moment("2030-01-01T02:00:00+02:00"), moment("2030-01-01T00:00:00Z"));
        for bad in ["", "2030-01-01", "2030-13-01T00:00:00Z", "9999-01-01T00:00:00Z", "never"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bare_port_is_both_families() {
        assert_eq!(socket_addresses(":9091").unwrap().len(), 2);
        assert_eq!(socket_addresses("[::1]:9091").unwrap()[0].port(), 9091);
        for bad in ["", ":", ":+1", ":99999", "9091", "localhost:9091", "127.0.0.1", "::1:x"] {
            assert_eq!(socket_addresses(bad), None, "{bad}");
        }
    }
}

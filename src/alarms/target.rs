//! Threat: a webhook is a request that the service makes to where somebody else says. Pointed inwards it reaches what the
//! network thought only the service can: a database's console, the cloud's metadata with the machine's credentials
//! (OWASP API7:2023 SSRF; ASVS 1.3.6, 13.2.4; CWE-918). So it is not the name that is judged, which can lead anywhere and
//! elsewhere a moment later, but every address that it leads to, and then exactly a judged address is called.
//!
//! The ranges are those of the IANA registries for special-purpose addresses (RFC 6890), and the clouds' own. It does not
//! cover a public address that a router on the way turns inwards, nor what a receiver does with what it is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Whether an address may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Public,
    /// Only where the operator says that the receiver is in their own network.
    Private,
    /// Nobody's receiver is there, whatever the operator says.
    Never,
}

use Verdict::{Never, Private, Public};

const V4: [(Ipv4Net, Verdict); 17] = [
    (v4([0, 0, 0, 0], 8), Never),       // "this" network: Linux takes it for the machine itself
    (v4([10, 0, 0, 0], 8), Private),    // RFC 1918
    (v4([100, 64, 0, 0], 10), Private), // a provider's own, behind its NAT (RFC 6598)
    (v4([100, 100, 100, 200], 32), Never), // metadata of Alibaba Cloud
    (v4([127, 0, 0, 0], 8), Private),   // this machine
    (v4([168, 63, 129, 16], 32), Never), // the platform of Azure, at what looks like a public address
    (v4([169, 254, 0, 0], 16), Never),  // link-local: 169.254.169.254 is the metadata of most clouds
    (v4([172, 16, 0, 0], 12), Private), // RFC 1918
    (v4([192, 0, 0, 0], 24), Never),    // protocols of the IETF; metadata of Oracle Cloud
    (v4([192, 0, 2, 0], 24), Never),    // documentation
    (v4([192, 88, 99, 0], 24), Never),  // relays of 6to4, given up
    (v4([192, 168, 0, 0], 16), Private), // RFC 1918
    (v4([198, 18, 0, 0], 15), Never),   // benchmarks
    (v4([198, 51, 100, 0], 24), Never), // documentation
    (v4([203, 0, 113, 0], 24), Never),  // documentation
    (v4([224, 0, 0, 0], 4), Never),     // multicast
    (v4([240, 0, 0, 0], 4), Never),     // reserved, and broadcast
];

/// Of IPv6 only 2000::/3 is given out to the world: what is not in this list and not in there is refused.
const V6: [(Ipv6Net, Verdict); 8] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Private), // this machine
    (v6(0xfc00_0000, 7), Private),                            // unique local (RFC 4193)
    (v6(0xfd00_0ec2, 32), Never),                             // metadata of AWS
    (v6(0xfd20_00ce, 64), Never),                             // metadata of Google Cloud
    (v6(0x2000_0000, 3), Public),
    (v6(0x2001_0000, 23), Never), // protocols of the IETF: Teredo, benchmarks, ORCHID
    (v6(0x2001_0db8, 32), Never), // documentation
    (v6(0x3fff_0000, 20), Never), // documentation (RFC 9637)
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// By its first 32 bits; the others are zero.
const fn v6(first: u32, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits((first as u128) << 96), prefix)
}

pub(super) fn judge(address: IpAddr) -> Verdict {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| judge_v6(address), judge_v4),
    }
}

/// The narrowest network that holds it decides, so the order of the table decides nothing.
fn judge_v4(address: Ipv4Addr) -> Verdict {
    let holding = V4.iter().filter(|(network, _)| network.contains(&address));
    holding.max_by_key(|(network, _)| network.prefix_len()).map_or(Public, |(_, verdict)| *verdict)
}

fn judge_v6(address: Ipv6Addr) -> Verdict {
    let holding = V6.iter().filter(|(network, _)| network.contains(&address));
    holding.max_by_key(|(network, _)| network.prefix_len()).map_or(Never, |(_, verdict)| *verdict)
}

/// The IPv4 address that a packet to this IPv6 address ends up at, by one translation or another.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // Mapped: the socket speaks IPv4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        // NAT64 (RFC 6052).
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // 6to4 (RFC 3056).
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str) -> Verdict {
        judge(address.parse().unwrap())
    }

    /// First and last of each range, and its neighbours outside.
    #[test]
    fn every_special_range_is_refused_to_its_last_address_and_not_one_further() {
        for (first, last, verdict, before, after) in [
            ("0.0.0.0", "0.255.255.255", Never, None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Private, Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Private, Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Private, Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Never, Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Private, Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Never, Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Never, Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Never, Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Private, Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Never, Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Never, Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Never, Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "239.255.255.255", Never, Some("223.255.255.255"), None),
            ("240.0.0.0", "255.255.255.255", Never, None, None),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Never, None, Some("2001:200::")),
            ("2001:db8::", "2001:db8:ffff::", Never, Some("2001:db7:ffff::"), Some("2001:db9::")),
            ("3fff::", "3fff:fff:ffff::", Never, Some("3ffe:ffff::"), Some("3fff:1000::")),
            ("fc00::", "fdff:ffff::", Private, None, None),
            ("fe80::", "febf:ffff::", Never, None, None),
            ("ff00::", "ffff:ffff::", Never, None, None),
        ] {
            assert_eq!((judged(first), judged(last)), (verdict, verdict), "{first} to {last}");
            for neighbour in [before, after].into_iter().flatten() {
                assert_eq!(judged(neighbour), Public, "{neighbour} beside {first}");
            }
        }
    }

    #[test]
    fn what_clouds_keep_for_themselves_is_never_called() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert_eq!(judged(address), Never, "{address}");
        }
    }

    #[test]
    fn an_address_in_ipv6_clothes_is_judged_as_what_it_leads_to() {
        for (form, verdict) in [
            ("::ffff:127.0.0.1", Private),
            ("::ffff:169.254.169.254", Never),
            ("::ffff:8.8.8.8", Public),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::169.254.169.254", Never),
            ("64:ff9b::8.8.8.8", Public),
            ("2002:7f00:1::", Private),
            ("2002:a9fe:a9fe::1", Never),
            ("2002:808:808::1", Public),
        ] {
            assert_eq!(judged(form), verdict, "{form}");
        }
    }

    #[test]
    fn of_ipv6_only_what_is_given_out_to_the_world_is_public() {
        assert_eq!(judged("::1"), Private);
        for public in ["2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888"] {
            assert_eq!(judged(public), Public, "{public}");
        }
        for never in [
            "::",
            "::2",
            "::127.0.0.1",         // IPv4-compatible
            "::ffff:0:127.0.0.1",  // translated (RFC 2765)
            "64:ff9b:1::10.0.0.1", // a network's own NAT64
            "100::1",              // discarded
            "fec0::1",             // site-local
            "5f00::1",
            "4000::1",
        ] {
            assert_eq!(judged(never), Never, "{never}");
        }
    }
}

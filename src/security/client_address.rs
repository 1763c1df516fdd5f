//! Threat: the client writes its own address. Limits, alarms and the audit trail are kept by client address, and behind
//! a proxy that address arrives in a header which anybody can send: believe the wrong part of it and a guesser has as
//! many addresses as he likes, believe none of it and all the world is one client (OWASP API8:2023; ASVS 4.1.3,
//! 16.2.1; CWE-348). Only a peer in `TRUSTED_PROXIES` is believed, and of the list only what was written by one.
//!
//! It does not cover a trusted proxy that passes on a client's `X-Forwarded-For` as if it were its own, or that writes
//! only `Forwarded` and lets the client's `X-Forwarded-For` through: the first must append, the second must strip.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::settings::Env;

/// Who is at the other end, as far as can be known. The outermost layer puts it into each request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The network around it: enough for its user to know a place again, too little to find a person by (IPv4 by /24,
    /// IPv6 by /48, which is what a provider hands out).
    pub fn masked(self) -> IpNet {
        let address = self.0.to_canonical();
        let kept = if address.is_ipv4() { 24 } else { 48 };
        IpNet::new(address, kept).expect("shorter than either kind of address").trunc()
    }
}

/// The networks whose word about an address is taken.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    trusted: Vec<IpNet>,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        Self { trusted: env.optional("TRUSTED_PROXIES", networks).unwrap_or_default() }
    }

    /// Whether any proxy is trusted. Production without TLS of its own demands one.
    pub const fn any(&self) -> bool {
        !self.trusted.is_empty()
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    // ANCHOR: client-address
    /// The socket's address; or, when a trusted proxy holds the other end, the right-most address in the list of hops
    /// that is not itself a trusted proxy. Each proxy appends whom it saw, so everything to the left of the first
    /// stranger was written by that stranger.
    ///
    /// An entry that cannot be read ends the walk, and the last proxy that vouched stands for the client: to look
    /// further left would be to believe whoever wrote the nonsense.
    pub fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut known = peer.to_canonical();
        if self.trusts(known) {
            for hop in hops(headers) {
                let Some(hop) = hop else { break };
                known = hop;
                if !self.trusts(hop) {
                    break;
                }
            }
        }
        ClientAddress(known)
    }
    // ANCHOR_END: client-address
}

fn networks(text: &str) -> Result<Vec<IpNet>, &'static str> {
    text.split(',').map(|part| network(part.trim())).collect()
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    const FORM: &str = "is a comma list of networks such as `10.0.0.0/8, fd00::/8`";
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| FORM)?,
    };
    match network {
        // Slips of the pen that would trust much more, or nothing at all, of what was meant.
        network if network != network.trunc() => Err("has a network with bits beyond its prefix"),
        IpNet::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => Err("writes an IPv4 network as IPv6"),
        IpNet::V4(wide) if wide.prefix_len() < 8 => Err("trusts more than a /8: then anybody may write an address"),
        IpNet::V6(wide) if wide.prefix_len() < 7 => Err("trusts more than a /7: then anybody may write an address"),
        network => Ok(network),
    }
}

/// The hops from the right, that is from the nearest one; `None` where an entry cannot be read.
///
/// Lines are one list in the order in which they came (RFC 9110 section 5.3). It is cut as bytes, since a line that is
/// not text must not hide the good entry that our proxy appended to it; and lazily, since almost always the first entry
/// decides, however long the rest is.
fn hops(headers: &HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    let entries = |name: HeaderName| {
        headers.get_all(name).iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
    };
    if headers.contains_key(X_FORWARDED_FOR) {
        Box::new(entries(X_FORWARDED_FOR).map(|entry| node(std::str::from_utf8(entry).ok()?.trim())))
    } else {
        Box::new(entries(header::FORWARDED).map(forwarded_for))
    }
}

/// The `for` of one element of RFC 7239.
///
/// Commas within quotes are not heeded: no address holds one, and a quote that the client opened and left open must not
/// swallow what our proxy wrote after it.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let pairs = std::str::from_utf8(element).ok()?.split(';').map(|pair| pair.split_once('='));
    let mut found = pairs.flatten().filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let value = value.trim();
    let unquoted = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    node(unquoted)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`. Everything else is nobody,
/// `unknown` and the hidden names of RFC 7239 (`_proxy7`) too.
fn node(text: &str) -> Option<IpAddr> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let address = v6(host)?;
            (address, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None if text.bytes().filter(|byte| *byte == b':').count() > 1 => (v6(text)?, None),
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            (IpAddr::V4(host.parse().ok()?), port)
        }
    };
    // RFC 7239 also has hidden ports, `_x`; a port says nothing about the client here, but nonsense is nonsense.
    port.is_none_or(|port| port.parse::<u16>().is_ok()).then_some(host)
}

/// Without the zone (`%eth0`): it names an interface of the proxy, and with it one host would be many.
fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    Some(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?).to_canonical())
}

/// Notices a proxy that nobody told us of: then every client shares one address, and one budget.
#[derive(Default)]
pub struct Suspicion(Mutex<Watch>);

#[derive(Default)]
struct Watch {
    peer: Option<IpAddr>,
    in_a_row: u32,
    said: bool,
}

/// So many requests in a row from a single peer are no coincidence on a service that is in use.
const ENOUGH: u32 = 100;

impl Suspicion {
    /// `true` once in the life of the process: when the last hundred requests all came from one untrusted peer and all
    /// carried a proxy's headers. It is a hint for a log line; nothing is decided by it, so a client may as well lie.
    pub fn arises(&self, settings: &Settings, peer: IpAddr, headers: &HeaderMap) -> bool {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.said {
            return false;
        }
        let forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        if !forwarded || settings.trusts(peer) {
            *watch = Watch::default();
        } else if watch.peer == Some(peer) {
            watch.in_a_row += 1;
        } else {
            *watch = Watch { peer: Some(peer), in_a_row: 1, said: false };
        }
        watch.said = watch.in_a_row >= ENOUGH;
        watch.said
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn settings(text: &str) -> Settings {
        Settings { trusted: networks(text).unwrap() }
    }

    fn resolved(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let ClientAddress(address) = settings("10.0.0.0/8, fd00::/8").resolve(peer.parse().unwrap(), &headers);
        address.to_string()
    }

    /// Through one trusted proxy, 10.0.0.1.
    fn seen(forwarded: &str) -> String {
        resolved("10.0.0.1", &[("x-forwarded-for", forwarded)])
    }

    #[test]
    fn an_untrusted_peer_cannot_write_its_own_address() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"] {
            assert_eq!(resolved("203.0.113.7", &[(name, "192.0.2.1")]), "203.0.113.7");
            assert_eq!(resolved("203.0.113.7", &[(name, "for=192.0.2.1")]), "203.0.113.7");
        }
    }

    #[test]
    fn behind_a_proxy_the_right_most_untrusted_address_counts_whatever_the_client_wrote() {
        assert_eq!(seen("203.0.113.7"), "203.0.113.7");
        for forged in ["192.0.2.1", "10.0.0.9", "127.0.0.1", "unknown", "", ",,,", "\"", "garbage", "[::1", "\u{ff}"] {
            assert_eq!(seen(&format!("{forged}, 203.0.113.7")), "203.0.113.7", "{forged}");
            assert_eq!(seen(&format!("{forged},203.0.113.7, 10.0.0.2")), "203.0.113.7", "{forged}");
        }
        assert_eq!(seen("10.0.0.3, 10.0.0.2"), "10.0.0.3", "a client within the trusted network");
        assert_eq!(resolved("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let lines =
            [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(resolved("10.0.0.1", &lines), "203.0.113.7");
        assert_eq!(resolved("10.0.0.1", &lines[..2]), "203.0.113.7");
    }

    #[test]
    fn at_an_entry_that_cannot_be_read_the_last_proxy_that_vouched_stands_for_the_client() {
        for nonsense in [
            "unknown",
            "_hidden",
            "",
            "localhost",
            "203.0.113.7.",
            "203.0.113.007",
            "0xcb007107",
            "3405803783",
            "203.0.113.7:",
            "203.0.113.7:99999",
            "203.0.113.7:x",
            "203.0.113.7/32",
            "[203.0.113.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "2001:db8::1::",
            "\"203.0.113.7\"",
            "203.0.113.7 203.0.113.8",
        ] {
            assert_eq!(seen(&format!("192.0.2.1, {nonsense}")), "10.0.0.1", "{nonsense}");
            assert_eq!(seen(&format!("192.0.2.1, {nonsense}, 10.0.0.2")), "10.0.0.2", "{nonsense}");
        }
    }

    #[test]
    fn ports_brackets_zones_and_ipv4_in_ipv6_clothes_name_one_and_the_same_client() {
        for form in ["203.0.113.7", "203.0.113.7:4711", " 203.0.113.7\t", "::ffff:203.0.113.7", "[::ffff:cb00:7107]:80"]
        {
            assert_eq!(seen(form), "203.0.113.7", "{form}");
        }
        for form in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711", "2001:DB8:0::1", "2001:db8::1%eth0"] {
            assert_eq!(seen(form), "2001:db8::1", "{form}");
        }
        assert_eq!(resolved("::ffff:10.0.0.1", &[("x-forwarded-for", "203.0.113.7")]), "203.0.113.7");
        assert_eq!(resolved("::ffff:203.0.113.9", &[("x-forwarded-for", "192.0.2.1")]), "203.0.113.9");
        assert_eq!(seen("192.0.2.1, ::ffff:10.0.0.2"), "192.0.2.1", "a trusted hop, in IPv6 clothes");
    }

    #[test]
    fn rfc_7239_is_read_where_the_older_header_is_absent() {
        for form in [
            "for=203.0.113.7",
            "For=\"203.0.113.7:4711\";proto=https;by=10.0.0.1",
            "for=192.0.2.1, for=203.0.113.7;host=example.com",
            "for=\"[::ffff:203.0.113.7]\", for=10.0.0.2",
            "for=192.0.2.1;by=\", for=203.0.113.7",
            "for=\"192.0.2.1\\, for=203.0.113.7",
        ] {
            assert_eq!(resolved("10.0.0.1", &[("forwarded", form)]), "203.0.113.7", "{form}");
        }
        for nonsense in [
            "for=unknown",
            "for=_hidden",
            "by=192.0.2.1",
            "192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=\"192.0.2.1",
        ] {
            assert_eq!(resolved("10.0.0.1", &[("forwarded", nonsense)]), "10.0.0.1", "{nonsense}");
        }
        let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(resolved("10.0.0.1", &both), "203.0.113.7");
        let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "unknown")];
        assert_eq!(resolved("10.0.0.1", &both), "10.0.0.1", "nonsense in one is no reason to believe the other");
    }

    #[test]
    fn a_very_long_list_changes_nothing() {
        assert_eq!(seen(&format!("{}203.0.113.7", "192.0.2.1, ".repeat(3_000))), "203.0.113.7");
        assert_eq!(seen(&format!("203.0.113.7{}", ", 10.0.0.2".repeat(3_000))), "203.0.113.7");
    }

    #[test]
    fn a_setting_that_trusts_everybody_or_nobody_in_particular_is_refused() {
        for wrong in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "10.0.0.1/8",
            "::ffff:10.0.0.0/104",
            "10.0.0.0/33",
            "proxy",
            "*",
            "10.0.0.1,,",
        ] {
            assert!(networks(wrong).is_err(), "{wrong}");
        }
        let settings = settings("192.0.2.10,  fc00::/7 ");
        assert!(settings.any() && settings.trusts("192.0.2.10".parse().unwrap()));
        assert!(!settings.trusts("192.0.2.11".parse().unwrap()));
    }

    #[test]
    fn a_proxy_that_nobody_told_us_of_is_noticed_once() {
        let (settings, suspicion) = (settings("10.0.0.0/8"), Suspicion::default());
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"));
        let ask = |peer: &str, headers: &HeaderMap| suspicion.arises(&settings, peer.parse().unwrap(), headers);
        for _ in 0..300 {
            assert!(!ask("10.0.0.1", &headers), "a proxy that is trusted");
        }
        for _ in 0..300 {
            assert!(!ask("172.17.0.1", &HeaderMap::new()), "a client without such headers");
        }
        for _ in 0..99 {
            assert!(!ask("172.17.0.1", &headers));
        }
        assert!(!ask("203.0.113.7", &headers), "somebody else comes through too: all traffic is not from one peer");
        assert_eq!((0..1_000).filter(|_| ask("172.17.0.1", &headers)).count(), 1);
    }
}

//! Whose budget it is, in words of the caller and as it is remembered.

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::types::Email;

/// Whose budget it is. No `Debug`: it may hold an e-mail or a token's text.
pub enum Key<'a> {
    /// A client, by the network that one customer is given.
    Address(IpAddr),
    /// A user, a session or a client application.
    Principal(Uuid),
    /// The e-mail that was tried, in any spelling of its case.
    Email(&'a Email),
    /// A challenge, or whatever else names a budget. Give different things different beginnings.
    Text(&'a str),
}

/// A key as it is remembered: an e-mail or text only as a keyed hash, so that a dump of memory names nobody. A plain
/// hash was rejected: addresses are easily guessed, and a guess is confirmed by hashing it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Network(IpAddr),
    Principal(Uuid),
    Hidden([u8; 16]),
}

pub(super) const KINDS: usize = 3;

/// What kinds of slots are called in metrics, in the order of `Slot::kind`.
pub(super) const KIND_NAMES: [&str; KINDS] = ["address", "principal", "subject"];

impl Key<'_> {
    pub(super) fn slot(&self, hiding: &hmac::Key) -> Slot {
        match self {
            Self::Address(address) => Slot::Network(network(*address)),
            Self::Principal(id) => Slot::Principal(*id),
            Self::Email(_) | Self::Text(_) => Slot::Hidden(self.hidden(hiding)),
        }
    }

    /// The kind is hashed too, so that a text which looks like an e-mail cannot spend that e-mail's budget.
    pub(super) fn hidden(&self, hiding: &hmac::Key) -> [u8; 16] {
        match self {
            Self::Address(address) => hidden(hiding, b'a', &network(*address).to_string()),
            Self::Principal(id) => hidden(hiding, b'p', &id.to_string()),
            Self::Email(email) => hidden(hiding, b'e', &email.folded()),
            Self::Text(text) => hidden(hiding, b't', text),
        }
    }
}

/// The network that stands for a client: an IPv4 address, or the /64 that an IPv6 customer is given whole, in which any
/// number of addresses costs nothing. An IPv4 address in IPv6 clothes is the same client.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn hidden(hiding: &hmac::Key, kind: u8, text: &str) -> [u8; 16] {
    let mut hash = hmac::Context::with_key(hiding);
    hash.update(&[kind]);
    hash.update(text.as_bytes());
    let hash = hash.sign();
    // 128 bits, under a key that nobody else has: no two texts will meet.
    let (short, _) = hash.as_ref().split_first_chunk().expect("SHA-256 has 32 bytes");
    *short
}

impl Slot {
    pub(super) const fn kind(self) -> usize {
        match self {
            Self::Network(_) => 0,
            Self::Principal(_) => 1,
            Self::Hidden(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(key: &Key<'_>) -> Slot {
        key.slot(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }

    fn address(text: &str) -> Slot {
        remembered(&Key::Address(text.parse().unwrap()))
    }

    fn email(text: &str) -> Slot {
        remembered(&Key::Email(&Email::trimmed(text)))
    }

    #[test]
    fn an_ipv6_customer_gains_nothing_by_changing_addresses_within_the_network() {
        assert!(address("2001:db8:0:1::1") == address("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert!(address("2001:db8:0:1::1") != address("2001:db8:0:2::1"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same_client_and_all_of_them_are_not_one() {
        assert!(address("192.0.2.1") == address("::ffff:192.0.2.1"));
        assert!(address("::ffff:192.0.2.1") != address("::ffff:192.0.2.2"), "not masked to ::/64");
    }

    #[test]
    fn an_email_in_another_case_is_the_same_budget_and_a_text_is_never_an_email() {
        assert!(email("ada@example.com") == email("ADA@Example.com"));
        assert!(email("ada@example.com") != email("bob@example.com"));
        assert!(email("ada@example.com") != remembered(&Key::Text("ada@example.com")));
    }

    #[test]
    fn a_dump_of_memory_names_nobody_and_confirms_no_guess() {
        let Slot::Hidden(ours) = email("ada@example.com") else { panic!("remembered in the clear") };
        let other = Key::Email(&Email::trimmed("ada@example.com")).slot(&hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]));
        assert!(Slot::Hidden(ours) != other, "without this process's key the hash says nothing");
    }
}

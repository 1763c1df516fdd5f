//! Passwords are tried: many accounts from one network (stuffing: lists from elsewhere), or one account from many networks
//! (spraying, as a botnet does it to stay under what one address may).
//!
//! The limits of sign-in stop each of the two after ten tries; this tells that somebody is at it, and a little earlier:
//! `ANOMALY_CREDENTIAL_STUFFING` must stay below `RATE_LIMIT_LOGIN`, or no eleventh try will ever be there to count. What
//! counts is different accounts, and different networks: one person who has forgotten a password makes one of each.

use aws_lc_rs::hmac;

use super::{
    Anomaly,
    distinct::Distinct,
    memory::{Memory, Trace},
    network::Network,
    threshold::{Cooldown, Threshold},
};
use crate::types::{Email, Givens};

/// Networks, and accounts, of which failures are remembered, with 850 bytes each at the very most (at thresholds of 100).
const MOST: usize = 14_336;

pub(super) struct Guessing {
    /// Accounts are remembered only as hashes under it: a dump of memory names nobody and confirms no guess.
    hiding: hmac::Key,
    networks: Memory<Network, Failures>,
    accounts: Memory<u64, Failures>,
}

/// Of a network: the accounts. Of an account: the networks.
#[derive(Default)]
struct Failures {
    with: Distinct,
    cooldown: Cooldown,
}

impl Guessing {
    pub(super) fn new(stuffing: Threshold, spraying: Threshold, givens: &Givens) -> Self {
        Self {
            hiding: hmac::Key::new(hmac::HMAC_SHA256, &givens.random::<32>()),
            networks: Memory::of(MOST, stuffing),
            accounts: Memory::of(MOST, spraying),
        }
    }

    pub(super) fn note(&self, network: Network, account: &Email, now: i64) -> [Option<Anomaly>; 2] {
        let account = self.hidden(b'a', account.folded().as_bytes());
        let place = self.hidden(b'n', &network.bytes());
        let accounts = self.networks.look(network, now, |failures, rule| failures.note(account, rule, now));
        let networks = self.accounts.look(account, now, |failures, rule| failures.note(place, rule, now));
        [
            accounts.map(|accounts| Anomaly::CredentialStuffing { accounts }),
            networks.map(|networks| Anomaly::PasswordSpraying { networks }),
        ]
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.networks.len() + self.accounts.len()
    }

    pub(super) fn sweep(&self, now: i64) {
        self.networks.sweep(now);
        self.accounts.sweep(now);
    }

    /// The kind is hashed too, so that no text can be made to look like a network.
    fn hidden(&self, kind: u8, bytes: &[u8]) -> u64 {
        let mut hash = hmac::Context::with_key(&self.hiding);
        hash.update(&[kind]);
        hash.update(bytes);
        let hash = hash.sign();
        let (short, _) = hash.as_ref().split_first_chunk().expect("SHA-256 has 32 bytes");
        u64::from_le_bytes(*short)
    }
}

impl Failures {
    fn note(&mut self, with: u64, rule: Threshold, now: i64) -> Option<u32> {
        if !self.cooldown.is_over(now, rule.window()) {
            return None;
        }
        let different = self.with.note(with, now, rule.window());
        if different < rule.count {
            return None;
        }
        *self = Self { cooldown: Cooldown::of(now, rule.window()), ..Self::default() };
        Some(different)
    }
}

impl Trace for Failures {
    fn worth(&mut self, rule: Threshold, now: i64) -> Option<(u32, i64)> {
        if !self.cooldown.is_over(now, rule.window()) {
            return Some((rule.count, now));
        }
        self.with.settle(now, rule.window());
        let strength = self.with.len();
        (strength > 0).then(|| (strength, self.with.last()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::System;

    const STUFFING: Threshold = Threshold { count: 6, seconds: 900 };
    const SPRAYING: Threshold = Threshold { count: 5, seconds: 3_600 };
    const NOON: i64 = 1_772_366_400;

    fn guessing() -> Guessing {
        Guessing::new(STUFFING, SPRAYING, &Givens::new(System, System))
    }

    fn account(number: i64) -> Email {
        Email::trimmed(&format!("person-{number}@example.com"))
    }

    fn place(number: i64) -> Network {
        Network::of([198, 51, 100, u8::try_from(number).unwrap()].into())
    }

    /// What is told of tries by (network, account, second).
    fn told(tries: impl IntoIterator<Item = (i64, i64, i64)>) -> Vec<Anomaly> {
        let guessing = guessing();
        let note = |(network, number, second)| guessing.note(place(network), &account(number), NOON + second);
        tries.into_iter().flat_map(note).flatten().collect()
    }

    #[test]
    fn a_list_of_accounts_tried_from_one_network_is_told_once_and_before_the_limit_stops_it() {
        assert_eq!(told((0..5).map(|n| (1, n, n))), []);
        assert_eq!(told((0..10).map(|n| (1, n, n))), [Anomaly::CredentialStuffing { accounts: 6 }]);
        assert_eq!(told((0..60).map(|n| (1, n, n * 60))).len(), 3, "an hour of it: a quarter of quiet after each");
    }

    #[test]
    fn one_account_tried_from_many_networks_is_told_once() {
        assert_eq!(told((0..4).map(|n| (n, 1, n))), []);
        assert_eq!(told((0..100).map(|n| (n, 1, n))), [Anomaly::PasswordSpraying { networks: 5 }]);
    }

    #[test]
    fn who_has_forgotten_a_password_is_no_attack_and_neither_are_two_dozen_of_them() {
        assert_eq!(told((0..100).map(|n| (1, 1, n))), []);
        assert_eq!(told((0..24).flat_map(|n| [(n, n, n), (n, n, n + 5), (n, n, n + 9)])), []);
    }

    #[test]
    fn what_lies_further_apart_than_the_window_does_not_add_up() {
        assert_eq!(told((0..50).map(|n| (1, n, n * 181))), []);
        assert_eq!(told((0..50).map(|n| (n, 1, n * 901))), []);
    }

    #[test]
    fn the_case_of_an_address_makes_no_other_account() {
        let guessing = guessing();
        for text in ["ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM", "aDa@example.com", "adA@example.com"] {
            assert_eq!(guessing.note(place(1), &Email::trimmed(text), NOON), [None, None]);
        }
        assert_eq!(guessing.networks.look(place(1), NOON, |failures, _| failures.with.len()), 1);
    }

    #[test]
    fn a_dump_of_memory_names_nobody_and_confirms_no_guess() {
        let (one, other) = (guessing(), guessing());
        let ada = b"ada@example.com";
        assert_ne!(one.hidden(b'a', ada), other.hidden(b'a', ada), "without this process's key the hash says nothing");
    }
}

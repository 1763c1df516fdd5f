//! Threat: a long-lived credential that ends up in a repository, a log or a shell's history, and opens everything its
//! owner may do (OWASP API2:2023; ASVS 6.5.1, 11.4.1, 14.2.1; CWE-798). A key here looks like nothing else, so that
//! scanners find it before a thief does; its first part names it in logs and lists and opens nothing; the database holds
//! a hash. What it may do, for how long, and that it never manages credentials is `access`' and the table's part.
//!
//! It does not cover a key that is used by a thief before anyone misses it: for that it has scopes, an end and a time of
//! last use, and its owner a way to revoke it.
//!
//! ```text
//! dbk_ 7k2m9x4q1b8d _ kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI _ 3f9k2a
//!      names it       256 bits of chance                            against typos
//! ```

use std::fmt;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{security::secret::Secret, types::Givens};

const PREFIX: &str = "dbk_";
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Where a part ends. The parts have fixed places: base64url has `_` among its letters, so splitting at that would
/// refuse one key in two.
const ID_END: usize = PREFIX.len() + 12;
const SECRET_END: usize = ID_END + 1 + 43;
const LENGTH: usize = SECRET_END + 1 + 6;

/// A key as its owner holds it, whole. It is shown once and exists nowhere else afterwards.
pub struct ApiKey(Secret<String>);

/// The part that names a key, `dbk_` and twelve characters. It opens nothing: it may stand in lists, logs and mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = "^dbk_[0-9a-z]{12}$", "maxLength" = 16, "examples" = ["dbk_7k2m9x4q1b8d"]))]
#[sqlx(transparent)]
pub struct KeyId(String);

/// A key as the database holds it: SHA-256 of the whole text. Not a password hash: those are slow because people choose
/// guessable passwords, and nobody guesses 256 bits of chance; argon2 would give every request with a key the price of
/// a login, and whoever sends wrong keys a lever on our processors.
#[derive(Clone, Copy, sqlx::Type)]
#[sqlx(transparent)]
pub struct KeyHash([u8; 32]);

/// What a client sent, where it has the form of a key.
pub struct Presented {
    pub id: KeyId,
    pub hash: KeyHash,
}

impl ApiKey {
    pub fn generate(givens: &Givens) -> (Self, KeyId, KeyHash) {
        let chance = Secret::new(givens.random::<32>());
        // Room for all of it at once: a text that grew would leave a part of itself behind in memory.
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        push_digits(&mut text, 12, u128::from_le_bytes(givens.random()));
        let id = KeyId(text.clone());
        text.push('_');
        URL_SAFE_NO_PAD.encode_string(chance.expose(), &mut text);
        let checksum = checksum(&text);
        text.push('_');
        text.push_str(&checksum);
        let hash = KeyHash::of(&text);
        (Self(Secret::new(text)), id, hash)
    }

    /// For the one answer that carries it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Presented {
    /// `None`: no key of ours was ever written like this, so there is nothing to ask the database. At the same price for
    /// every text of a key's length; others are refused by their length alone.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.is_ascii() {
            return None;
        }
        let (head, tail) = text.split_at(SECRET_END);
        let (id, secret) = head.split_at(ID_END);
        let is_whole = checksum(head) == tail[1..];
        let digits = id.strip_prefix(PREFIX)?;
        let is_formed = digits.bytes().all(|digit| DIGITS.contains(&digit)) && secret.starts_with('_');
        (is_whole && is_formed && tail.starts_with('_'))
            .then(|| Self { id: KeyId(id.to_owned()), hash: KeyHash::of(text) })
    }
}

impl KeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyHash {
    fn of(text: &str) -> Self {
        Self(digest(&SHA256, text.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// In constant time. A key is found by its name and compared here, not found by its hash: how far an index walks
    /// before it gives up depends on what was asked for.
    pub fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// Against typos and cut-off copies, which are refused without asking the database, and for scanners, which can tell a
/// key from a text that looks like one without asking us. No security: anybody can compute it. SHA-256 cut short rather
/// than a CRC, for it is already in the house.
fn checksum(head: &str) -> String {
    let digest = digest(&SHA256, head.as_bytes());
    let number = u128::from_le_bytes(digest.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"));
    let mut text = String::with_capacity(6);
    push_digits(&mut text, 6, number);
    text
}

/// The number's lowest digits to base 36. 128 random bits are far more than twelve digits hold, so all are as likely.
fn push_digits(text: &mut String, count: usize, mut number: u128) {
    for _ in 0..count {
        text.push(char::from(DIGITS[usize::try_from(number % 36).unwrap_or_default()]));
        number /= 36;
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::types::System;

    fn key() -> (String, KeyId, KeyHash) {
        let (key, id, hash) = ApiKey::generate(&Givens::new(System, System));
        (key.expose().to_owned(), id, hash)
    }

    /// The text under a checksum that is right for it, as anybody can make one.
    fn sealed(head: &str) -> String {
        format!("{head}_{}", checksum(head))
    }

    #[test]
    fn a_key_has_the_form_that_scanners_are_told_to_look_for() {
        let form = Regex::new("^dbk_[0-9a-z]{12}_[0-9A-Za-z_-]{43}_[0-9a-z]{6}$").unwrap();
        for _ in 0..100 {
            let (key, id, _) = key();
            assert!(form.is_match(&key), "{key}");
            assert_eq!(id.as_str(), &key[..16]);
            assert_eq!(URL_SAFE_NO_PAD.decode(&key[17..60]).unwrap().len(), 32, "256 bits");
        }
    }

    #[test]
    fn every_key_that_was_made_is_read_also_one_with_the_separator_in_its_secret() {
        let mut with_separator = 0;
        for _ in 0..100 {
            let (key, id, hash) = key();
            with_separator += usize::from(key[17..60].contains('_'));
            let presented = Presented::read(&key).unwrap();
            assert_eq!(presented.id, id);
            assert!(presented.hash.matches(&hash));
        }
        assert!(with_separator > 10, "{with_separator}: about half of them have one");
    }

    #[test]
    fn a_key_with_any_one_character_changed_is_refused() {
        let (key, ..) = key();
        for place in 0..key.len() {
            for wrong in
                ["0", "a", "A", "_", "-", " ", "\u{7f}"].into_iter().filter(|wrong| key[place..=place] != **wrong)
            {
                let mut changed = key.clone();
                changed.replace_range(place..=place, wrong);
                assert!(Presented::read(&changed).is_none(), "{wrong:?} at {place} of {key}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_prolonged_or_something_else_is_refused() {
        let (key, ..) = key();
        for place in 0..key.len() {
            assert!(Presented::read(&key[..place]).is_none(), "cut at {place}");
        }
        let others = [
            format!("{key}0"),
            format!(" {key}"),
            format!("{key}\n"),
            key.to_uppercase(),
            format!("{key},{key}"),
            "ä".repeat(LENGTH / 2) + "x", // as long, and no place in it is safe to cut at
            "_".repeat(LENGTH),
            "0".repeat(1 << 16),
        ];
        for other in others {
            assert!(Presented::read(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_checksum_that_is_right_does_not_excuse_a_wrong_form() {
        let (key, ..) = key();
        let head = &key[..SECRET_END];
        assert!(Presented::read(&sealed(head)).is_some());
        let wrong = [
            head.replacen("dbk_", "dbt_", 1),
            format!("{}-{}", &head[..ID_END], &head[ID_END + 1..]),
            format!("dbk_{}{}", "A".repeat(12), &head[ID_END..]),
            format!("dbk_{}{}", "'or 1=1;--, ", &head[ID_END..]),
        ];
        for head in wrong {
            assert_eq!(head.len(), SECRET_END);
            assert!(Presented::read(&sealed(&head)).is_none(), "{head}");
        }
        let other_separator = sealed(head).replace(&format!("_{}", checksum(head)), &format!("-{}", checksum(head)));
        assert!(Presented::read(&other_separator).is_none());
    }

    #[test]
    fn a_name_with_a_made_up_secret_is_read_and_matches_nothing() {
        let (key, id, hash) = key();
        let forged = sealed(&format!("{}_{}", &key[..ID_END], "A".repeat(43)));
        let presented = Presented::read(&forged).unwrap();
        assert_eq!(presented.id, id, "the checksum is no security, and must not be taken for any");
        assert!(!presented.hash.matches(&hash));
    }

    #[test]
    fn one_secret_has_one_spelling() {
        let (key, _, hash) = key();
        // The last of 43 letters carries four bits of its six: a lenient decoder reads four letters alike.
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
            let other = sealed(&format!("{}{letter}", &key[..SECRET_END - 1]));
            let is_same = other == key;
            assert_eq!(Presented::read(&other).unwrap().hash.matches(&hash), is_same, "{letter} for the last of {key}");
        }
    }

    #[test]
    fn neither_key_nor_hash_can_be_printed_and_the_name_can() {
        let (plain, id, hash) = ApiKey::generate(&Givens::new(System, System));
        assert_eq!(format!("{plain:?} {hash:?}"), "ApiKey KeyHash");
        assert_eq!(id.to_string(), plain.expose()[..16]);
    }
}

//! Peppers: keys that go into every hash and are not in the database. Whoever steals the rows alone cannot even begin to
//! guess (ASVS 11.4.2; OWASP Password Storage Cheat Sheet). Optional, for a pepper that is lost is all passwords lost.
//!
//! It is argon2's own secret value (RFC 9106 section 3.1, `K`), and each hash names the one it was made with (`keyid`).
//! HMAC around the hash was rejected: it needs a place of its own for the name, and says nothing that `K` does not.

use std::sync::Arc;

use argon2::KeyId;

use crate::settings::{NamedKey, named_keys};

/// As many bytes as SHA-256 yields; more adds nothing.
const SHORTEST: usize = 32;
const RULE: &str = "is a list of NAME:BASE64, the one to be used first: names of 1 to 8 small letters and digits, each \
    once, and keys of 32 bytes or more";

/// One of them.
pub struct Pepper(NamedKey);

/// The first is put into new hashes. The others are still known, so that hashes which name them can be verified, and
/// renewed at the next sign-in.
#[derive(Clone, Default)]
pub struct Peppers(Vec<Arc<Pepper>>);

impl Peppers {
    pub const NONE: Self = Self(Vec::new());

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_good = |NamedKey { name, key }: &NamedKey| {
            (1..=8).contains(&name.len()) && name.bytes().all(is_letter) && key.expose().len() >= SHORTEST
        };
        let keys = named_keys(text, is_good, RULE, RULE)?;
        Ok(Self(keys.into_iter().map(|named| Arc::new(Pepper(named))).collect()))
    }

    pub(super) fn current(&self) -> Option<Arc<Pepper>> {
        self.0.first().cloned()
    }

    pub(super) fn named(&self, name: &[u8]) -> Option<Arc<Pepper>> {
        self.0.iter().find(|pepper| pepper.0.name.as_bytes() == name).cloned()
    }

    pub fn are_set(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Pepper {
    pub(super) fn id(&self) -> KeyId {
        KeyId::new(self.0.name.as_bytes()).expect("eight bytes at most")
    }

    pub(super) fn key(&self) -> &[u8] {
        self.0.key.expose()
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn the_first_is_used_and_every_one_is_known_by_its_name() {
        let key = STANDARD.encode([7; 32]);
        let peppers = Peppers::parse(&format!("k2:{key}, k1:{key}")).unwrap();
        assert_eq!(peppers.current().unwrap().0.name, "k2");
        assert!(peppers.named(b"k1").is_some() && peppers.named(b"k3").is_none() && peppers.named(b"").is_none());
    }

    #[test]
    fn what_is_no_list_of_strong_keys_is_refused() {
        let (key, short) = (STANDARD.encode([7; 32]), STANDARD.encode([7; 31]));
        for wrong in [
            String::new(),
            key.clone(),
            format!(":{key}"),
            format!("K1:{key}"),
            format!("ninechars:{key}"),
            format!("k1:{short}"),
            "k1:not base64".to_owned(),
            format!("k1:{key},"),
            format!("k1:{key},k1:{key}"),
        ] {
            assert!(Peppers::parse(&wrong).is_err(), "{wrong}");
        }
    }
}

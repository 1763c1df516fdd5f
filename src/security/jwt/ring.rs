//! The keys at a point in time: which of them signs, which still verify, which are dead. All of it follows from the
//! births of the keys alone, so replicas that see the same folder agree without speaking to each other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use time::Duration;

use super::{
    Refusal,
    claims::{Life, Verified},
    folder::KeyFiles,
    key::Key,
};
use crate::types::Timestamp;

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In the JWKS; verifies, does not sign yet.
    Published,
    Signing,
    /// Verifies what it has signed, until then.
    Retired {
        until: Timestamp,
    },
    /// Of no use: its last token has died.
    Dead,
}

/// A new key is known for so long before it signs, so that every replica, which looks every two seconds, can verify its
/// first token.
const NOTICE: Duration = Duration::seconds(5);

/// Tokens remembered in each of the two halves of `Proven`: a few megabytes in all.
const REMEMBERED: usize = 4096;

pub(super) struct Ring {
    /// Oldest first, never empty.
    keys: Vec<Key>,
    digest: [u8; 32],
    /// Part of the ring, and so gone with it: a token that was good under a key that went is nowhere remembered.
    proven: Mutex<Proven>,
}

impl Ring {
    pub(super) fn of(files: KeyFiles) -> anyhow::Result<Self> {
        let digest = files.digest();
        let keys = files.into_keys()?;
        anyhow::ensure!(!keys.is_empty(), "JWT_KEYS_DIR holds no key");
        Ok(Self { keys, digest, proven: Mutex::default() })
    }

    pub(super) const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The newest key that has been known for long enough, else the oldest: a folder's first key signs at once.
    pub(super) fn signer(&self, now: Timestamp) -> &Key {
        &self.keys[self.signing(now)]
    }

    fn signing(&self, now: Timestamp) -> usize {
        self.keys.iter().rposition(|key| key.born + NOTICE <= now).unwrap_or(0)
    }

    /// The keys that verify and stand in the JWKS.
    pub(super) fn alive(&self, now: Timestamp, longest_life: Duration) -> impl Iterator<Item = &Key> {
        self.stages(now, longest_life).filter(|(_, stage)| *stage != Stage::Dead).map(|(key, _)| key)
    }

    /// A key retires when its successor begins to sign, and dies with the last token that it may have signed by then,
    /// even if its file stays.
    pub(super) fn stages(&self, now: Timestamp, longest_life: Duration) -> impl Iterator<Item = (&Key, Stage)> {
        let signing = self.signing(now);
        self.keys.iter().enumerate().map(move |(place, key)| {
            let until = self.keys.get(place + 1).map(|successor| successor.born + NOTICE + longest_life);
            let stage = match until {
                _ if place == signing => Stage::Signing,
                Some(until) if until <= now => Stage::Dead,
                Some(until) if place < signing => Stage::Retired { until },
                _ => Stage::Published,
            };
            (key, stage)
        })
    }

    /// The key by that name, if it verifies at this time. A look in a short list: no path or query is ever made of a
    /// `kid`, which anyone may fill with anything (RFC 8725 section 3.10).
    pub(super) fn verifier(&self, kid: &str, now: Timestamp, longest_life: Duration) -> Result<&Key, Refusal> {
        let stage = self.stages(now, longest_life).find(|(key, _)| key.kid == kid);
        match stage.ok_or(Refusal::UnknownKey)? {
            (_, Stage::Dead) => Err(Refusal::RetiredKey),
            (key, _) => Ok(key),
        }
    }

    pub(super) fn recall(&self, token: &[u8; 32]) -> Option<Arc<Proof>> {
        self.proven.lock().expect("nobody panics holding it").recall(token)
    }

    pub(super) fn remember(&self, token: [u8; 32], proof: &Arc<Proof>) {
        self.proven.lock().expect("nobody panics holding it").remember(token, proof);
    }
}

/// That a token's signature and timeless claims were found good. Not that it is good now: time and its key are asked
/// again at every use.
pub(super) struct Proof {
    pub(super) verified: Arc<Verified>,
    pub(super) life: Life,
    pub(super) kid: String,
}

/// Tokens found good, by the SHA-256 of the whole of each: verifying the signature costs more than all the rest of a
/// small request. Only good tokens enter, so strangers cannot push others out; and it is bounded by forgetting the
/// older half when the younger is full, which needs no list of who was used when.
#[derive(Default)]
struct Proven {
    younger: HashMap<[u8; 32], Arc<Proof>>,
    older: HashMap<[u8; 32], Arc<Proof>>,
}

impl Proven {
    fn recall(&mut self, token: &[u8; 32]) -> Option<Arc<Proof>> {
        if let Some(proof) = self.younger.get(token) {
            return Some(Arc::clone(proof));
        }
        let proof = self.older.remove(token)?;
        self.remember(*token, &proof);
        Some(proof)
    }

    fn remember(&mut self, token: [u8; 32], proof: &Arc<Proof>) {
        if self.younger.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(token, Arc::clone(proof));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            claims::Claims,
            workshop::{Folder, claims},
        },
        *,
    };

    #[test]
    fn the_memory_of_good_tokens_is_bounded_and_keeps_those_in_use() {
        let good: Claims = serde_json::from_value(claims()).unwrap();
        let (verified, life) = good.judge(&Folder::absent().settings()).unwrap();
        let proof = Arc::new(Proof { verified: Arc::new(verified), life, kid: String::new() });
        let mut proven = Proven::default();
        let name = |number: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            name
        };
        for number in 0..REMEMBERED * 5 {
            proven.remember(name(number), &proof);
            assert!(proven.recall(&name(0)).is_some(), "used all the time");
            assert!(proven.younger.len() + proven.older.len() <= 2 * REMEMBERED);
        }
        assert!(proven.recall(&name(1)).is_none(), "never used again");
        assert!(proven.recall(&name(REMEMBERED * 5 - 1)).is_some());
    }
}

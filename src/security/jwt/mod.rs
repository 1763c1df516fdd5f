//! Threat: a forged, altered or misdirected token is believed. `alg: none`, a public key used as an HMAC secret, a key
//! that the token brings along, a token of another kind or for another audience: each has broken a library or a service
//! that trusted what the token said about itself (RFC 8725; OWASP API2:2023; ASVS 9.1.1-9.1.3, 9.2.1-9.2.4). Here the
//! key decides the algorithm, and every claim is judged, in the RFC 9068 profile.
//!
//! It does not cover a stolen token, which is as good as the real one until it expires or its session ends: whether the
//! session and the user still live is asked in `security::session_cache`, on every request.
//!
//! In reading order: `claims` (what a token says), `key` (one signing key), `birth` (how one is made and named), `folder`
//! (the files, and the command line's `keys`), `ring` (which key signs, verifies or is dead at a given time), `verify`
//! (the gate). The tests: `attacks` and `false_claims` at the gate, `rotation` of the keys and their `key_files`, all with
//! the tools in `workshop`.

use std::{
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, RwLock},
};

use axum::http::{Uri, uri::Scheme};
use time::Duration;

use crate::{
    security::secret::Secret,
    settings::{Env, duration_within},
    types::{Givens, Timestamp},
};

mod birth;
mod claims;
mod commands;
mod folder;
mod key;
mod ring;
mod verify;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod false_claims;
#[cfg(test)]
mod key_files;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod workshop;

pub use claims::{Grant, Verified};
pub use commands::{Listed, Rotated, list, rotate};
pub use folder::new;
pub use key::Algorithm;
pub use ring::Stage;
pub use verify::Refusal;

use key::Key;
use ring::Ring;

/// The `typ` of an access token (RFC 9068 section 2.1). Explicit typing keeps other JWTs that the same key may one day
/// sign, such as ID tokens, from being taken for one (RFC 8725 section 3.11).
const TYPE: &str = "at+jwt";

#[derive(Clone)]
pub struct Settings {
    pub issuer: String,
    pub audience: String,
    pub keys_dir: PathBuf,
    pub access_token_ttl: Duration,
    pub leeway: Duration,
    /// Production never makes its own first key: replicas that each made one would refuse each other's tokens.
    pub production: bool,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        const TTL: RangeInclusive<Duration> = Duration::minutes(1)..=Duration::hours(1);
        const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::seconds(5);
        let settings = Self {
            issuer: env.production_must_choose("JWT_ISSUER", "http://localhost:3000", issuer),
            audience: env.production_must_choose("JWT_AUDIENCE", "drawbridge", audience),
            keys_dir: env.production_must_choose("JWT_KEYS_DIR", ".data/keys", |text| Ok(PathBuf::from(text))),
            access_token_ttl: env.read("ACCESS_TOKEN_TTL", "10m", duration_within(TTL, "is between 1m and 1h")),
            leeway: env.read("JWT_LEEWAY", "0s", duration_within(LEEWAY, "is between 0s and 5s")),
            production: env.production,
        };
        if env.production && env.is_set("JWT_ISSUER") && !settings.issuer.starts_with("https://") {
            env.refuse("JWT_ISSUER", "is an https URL in production");
        }
        settings
    }

    /// How long a key outlives its last signature: as long as the last token that it signed.
    fn longest_life(&self) -> Duration {
        self.access_token_ttl + self.leeway
    }
}

/// RFC 8414 section 2: a URL without query or fragment. Compared to the letter, so it is kept as it was written.
fn issuer(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "is an http or https URL without query or fragment";
    let url: Uri = text.parse().map_err(|_| RULE)?;
    let web = url.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    if web && url.host().is_some_and(|host| !host.is_empty()) && url.query().is_none() && !text.contains('#') {
        Ok(text.to_owned())
    } else {
        Err(RULE)
    }
}

fn audience(text: &str) -> Result<String, &'static str> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && text.len() <= 255 { Ok(text.to_owned()) } else { Err("is 1 to 255 characters without spaces") }
}

/// The keys in use, and the rules they are used by.
pub struct Keyring {
    settings: Settings,
    /// Replaced as a whole at a reload, so that whoever is amid a verification keeps the ring that it began with.
    ring: RwLock<Arc<Ring>>,
}

/// An access token and its life in seconds (`expires_in`, RFC 6749 section 5.1).
pub struct AccessToken {
    pub token: Secret<String>,
    pub expires_in: u64,
}

impl Keyring {
    /// Reads the keys. A folder without any gets its first in development and refuses the start in production.
    pub fn open(settings: Settings, now: Timestamp) -> anyhow::Result<Self> {
        if folder::is_empty(&settings.keys_dir)? {
            anyhow::ensure!(!settings.production, "JWT_KEYS_DIR holds no key: make one with `drawbridge keys new`");
            folder::new(&settings.keys_dir, Algorithm::default(), now)?;
        }
        let ring = Ring::of(folder::read(&settings.keys_dir)?)?;
        Ok(Self { settings, ring: RwLock::new(Arc::new(ring)) })
    }

    /// Takes up keys that came and drops keys that went; true when there were any. A background task calls this every
    /// two seconds or so (it reads files: off the async threads). A file that cannot be read must not cost the service
    /// its keys, so an error leaves everything as it was.
    pub fn reload(&self) -> anyhow::Result<bool> {
        let files = folder::read(&self.settings.keys_dir)?;
        if files.digest() == self.ring().digest() {
            return Ok(false);
        }
        let ring = Arc::new(Ring::of(files)?);
        *self.ring.write().expect("no writer panics") = ring;
        Ok(true)
    }

    /// A signed access token for what was granted.
    pub fn issue(&self, grant: Grant, givens: &Givens) -> anyhow::Result<AccessToken> {
        // One reading of the clock: a key may sign nothing that outlives what `ring` grants it.
        let now = givens.now();
        let claims = grant.into_claims(&self.settings, now, givens.random());
        let token = self.ring().signer(now).sign(&claims)?;
        Ok(AccessToken {
            token: Secret::new(token),
            expires_in: self.settings.access_token_ttl.whole_seconds().unsigned_abs(),
        })
    }

    /// The public keys, for `/.well-known/jwks.json` (RFC 7517). A new key stands here before it signs, a retired one
    /// until the last token it signed is dead.
    pub fn jwks(&self, now: Timestamp) -> serde_json::Value {
        let ring = self.ring();
        let keys: Vec<_> = ring.alive(now, self.settings.longest_life()).map(Key::jwk).collect();
        serde_json::json!({ "keys": keys })
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().expect("no writer panics"))
    }
}

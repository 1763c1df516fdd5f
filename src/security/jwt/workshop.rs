//! What the tests of this pillar work with: a folder of keys, a time that they choose, and a forger's tools.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{Algorithm, Grant, Keyring, Refusal, Settings, folder};
use crate::types::{Clock, Givens, System, Timestamp};

pub(super) const NOW: Timestamp = Timestamp(datetime!(2026-11-22 03:45:00 UTC));
pub(super) const TTL: Duration = Duration::minutes(10);
pub(super) const USER: Uuid = Uuid::from_u128(0x0193_5a8e_0000_7000_8000_0000_0000_0001);
pub(super) const SESSION: Uuid = Uuid::from_u128(0x0193_5a8e_0000_7000_8000_0000_0000_0002);

struct Stopped(OffsetDateTime);

impl Clock for Stopped {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

pub(super) fn at(now: Timestamp) -> Givens {
    Givens::new(Stopped(now.0), System)
}

pub(super) fn seconds(count: i64) -> Duration {
    Duration::seconds(count)
}

/// A folder of keys of the test's own.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// Not made yet: to make it is the keyring's work.
    pub(super) fn absent() -> Self {
        let name: [u8; 8] = at(NOW).random();
        Self(std::env::temp_dir().join(format!("keys-{:016x}", u64::from_be_bytes(name))))
    }

    pub(super) fn with_key(algorithm: Algorithm) -> (Self, String) {
        let folder = Self::absent();
        // Made long before, so that it is a key like any other.
        let kid = folder::new(&folder.0, algorithm, NOW - Duration::days(1)).unwrap();
        (folder, kid)
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            issuer: "https://api.example".to_owned(),
            audience: "drawbridge".to_owned(),
            keys_dir: self.0.clone(),
            access_token_ttl: TTL,
            leeway: Duration::ZERO,
            production: true,
        }
    }

    pub(super) fn keyring(&self) -> Keyring {
        Keyring::open(self.settings(), NOW).unwrap()
    }

    pub(super) fn file(&self, kid: &str) -> PathBuf {
        self.0.join(format!("{kid}.pem"))
    }

    pub(super) fn pem(&self, kid: &str) -> Vec<u8> {
        fs::read(self.file(kid)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.0));
    }
}

pub(super) fn grant() -> Grant {
    Grant {
        user_id: USER,
        session_id: SESSION,
        generation: 3,
        role: "editor",
        scope: "profile:read articles:write".to_owned(),
        auth_time: NOW - seconds(90),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        client_id: "first-party".to_owned(),
    }
}

pub(super) fn issue(keyring: &Keyring, now: Timestamp) -> String {
    keyring.issue(grant(), &at(now)).unwrap().token.expose().clone()
}

/// Which key signs at that time.
pub(super) fn signer(keyring: &Keyring, now: Timestamp) -> String {
    jsonwebtoken::decode_header(issue(keyring, now)).unwrap().kid.unwrap()
}

pub(super) fn published(keyring: &Keyring, now: Timestamp) -> Vec<String> {
    let jwks = keyring.jwks(now);
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    jwks["keys"].as_array().unwrap().iter().map(kid).collect()
}

/// One who has the private key, and so could sign whatever the library would accept.
pub(super) struct Forger {
    key: EncodingKey,
    pub(super) kid: String,
}

impl Forger {
    pub(super) fn of(folder: &Folder, kid: &str) -> Self {
        Self { key: EncodingKey::from_ed_pem(&folder.pem(kid)).unwrap(), kid: kid.to_owned() }
    }

    pub(super) fn header(&self) -> String {
        json!({ "alg": "EdDSA", "kid": self.kid, "typ": "at+jwt" }).to_string()
    }

    /// Any header and any claims, as they are, under a signature that is good.
    pub(super) fn sign(&self, header: &str, claims: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, jsonwebtoken::Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }

    pub(super) fn with_claims(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims.to_string())
    }
}

pub(super) fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Claims that are good.
pub(super) fn claims() -> Value {
    let now = NOW.unix();
    json!({
        "iss": "https://api.example", "sub": USER, "aud": "drawbridge",
        "exp": now + TTL.whole_seconds(), "iat": now, "nbf": now,
        "jti": format!("3.{}", encode([7; 16])), "sid": SESSION, "client_id": "first-party",
        "scope": "profile:read", "role": "editor", "auth_time": now - 90, "amr": ["pwd"],
    })
}

/// Whether a token so forged is refused, and for that reason.
pub(super) fn refused(forge: impl Fn(&Forger) -> String, refusal: Refusal) {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let token = forge(&Forger::of(&folder, &kid));
    // Twice: a refusal must not become anything else by being remembered.
    for _ in 0..2 {
        assert_eq!(keyring.verify(&token, NOW), Err(refusal), "{token}");
    }
}

pub(super) fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    change(&mut claims, changes);
    claims
}

/// Sets members, or with `null` takes them away.
pub(super) fn change(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => object[name] = value.clone(),
        }
    }
}

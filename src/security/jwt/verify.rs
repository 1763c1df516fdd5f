//! The gate: a token from a stranger comes in, and goes out as a `Verified` or a `Refusal`.

use std::{borrow::Cow, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::{
    Keyring, TYPE,
    claims::{Claims, Verified},
    ring::{Proof, Ring},
};
use crate::types::Timestamp;

/// Ours have about 600 bytes, or 2000 with the longest RSA key. What is longer is not read at all: the library would have
/// decoded a header of 4 MB before it looked for a key.
const LONGEST_TOKEN: usize = 4096;

macro_rules! refusals {
    ($($(#[$about:meta])* $name:ident $reason:literal)*) => {
        /// Why a token is not believed. For the log alone: a client that learned it would learn what to forge next.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$about])* $name),* }

        impl Refusal {
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason),* }
            }
        }
    };
}

refusals! {
    TooLong "longer than any token of ours"
    Form "not three parts of base64url"
    /// Also where it names a key or an extension of its own: `jwk`, `jku`, `x5u`, `x5c`, `crit` and the like.
    Header "header not exactly alg, kid and typ"
    Type "typ is not at+jwt"
    UnknownKey "kid names no key"
    RetiredKey "kid names a key whose last token has died"
    Algorithm "alg is not the one of its key"
    Signature "signature does not match"
    Claims "a claim is missing, doubled or of the wrong kind"
    Issuer "iss is not ours"
    Audience "aud does not hold ours"
    LongLived "lives longer than any token of ours"
    Expired "expired"
    NotYetValid "nbf lies in the future"
    FromTheFuture "iat lies in the future"
}

// ANCHOR: jwt-embedded-key
/// Only these three members, once each. An allowlist is shorter than the list of members that have been abused, and does
/// not age.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
}
// ANCHOR_END: jwt-embedded-key

impl Keyring {
    /// Believes a token, or says why not.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Refusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refusal::TooLong);
        }
        let ring = self.ring();
        let name = digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        if let Some(proof) = ring.recall(&name) {
            ring.verifier(&proof.kid, now, self.settings.longest_life())?;
            proof.life.check(now, self.settings.leeway)?;
            return Ok(Arc::clone(&proof.verified));
        }
        let proof = Arc::new(self.prove(&ring, token, now)?);
        proof.life.check(now, self.settings.leeway)?;
        ring.remember(name, &proof);
        Ok(Arc::clone(&proof.verified))
    }

    // ANCHOR: jwt-signature
    fn prove(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Proof, Refusal> {
        let (message, header, payload, signature) = parts(token).ok_or(Refusal::Form)?;
        let header = decode(header)?;
        let header: Header<'_> = object(&header).ok_or(Refusal::Header)?;
        if !is_access_token(&header.typ) {
            return Err(Refusal::Type);
        }
        // ANCHOR: jwt-algorithm
        let key = ring.verifier(&header.kid, now, self.settings.longest_life())?;
        if header.alg != key.algorithm.name() {
            return Err(Refusal::Algorithm);
        }
        // ANCHOR_END: jwt-algorithm
        if !key.signed(message, signature) {
            return Err(Refusal::Signature);
        }
        let claims: Claims = object(&decode(payload)?).ok_or(Refusal::Claims)?;
        let (verified, life) = claims.judge(&self.settings)?;
        Ok(Proof { verified: Arc::new(verified), life, kid: key.kid.clone() })
    }
    // ANCHOR_END: jwt-signature
}

/// The message that was signed, then its two parts, then the signature. Five parts would be an encrypted token.
fn parts(token: &str) -> Option<(&str, &str, &str, &str)> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    (!payload.contains('.')).then_some((message, header, payload, signature))
}

/// One spelling only: no padding, no white space, no stray bits in the last letter. Else one token would have many names.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Form)
}

/// A JSON object in UTF-8. Serde would also fill a struct from an array, member by member.
fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with('{'))?;
    serde_json::from_str(text).ok()
}

// ANCHOR: jwt-type
/// RFC 9068 section 4 allows the media type's long form too, and media types have no case (RFC 7515 section 4.1.9).
fn is_access_token(typ: &str) -> bool {
    typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("application/at+jwt")
}
// ANCHOR_END: jwt-type

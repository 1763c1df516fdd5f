//! Tokens whose signature is not looked at, or is looked at as the token likes.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, crypto, dangerous::insecure_decode, decode_header, jwk::AlgorithmParameters,
};
use serde_json::Value;

use super::token::{Claims, Issuer, believing, is_access_token};
use crate::{lab::pillar::Finished, state::App};

pub fn unsigned(app: &App, service: Finished) -> Finished {
    believing(app, service, read_unsigned)
}

// ANCHOR: jwt-signature
/// "The gateway has verified it already; here we only read what it says."
fn read_unsigned(issuer: &Issuer, token: &str) -> Option<Claims> {
    let token = insecure_decode::<Claims>(token).ok()?;
    let (header, claims) = (token.header, token.claims);
    let ours = claims.iss.as_deref() == Some(&issuer.name) && is_for(&claims, &issuer.audience);
    (ours && is_access_token(&header) && issuer.is_of_our_time(&claims)).then_some(claims)
}
// ANCHOR_END: jwt-signature

pub fn any_algorithm(app: &App, service: Finished) -> Finished {
    believing(app, service, read_by_its_header)
}

// ANCHOR: jwt-algorithm
/// "`verify(token, public_key)`: the library sees from the header what to do." So did many, until 2015.
fn read_by_its_header(issuer: &Issuer, token: &str) -> Option<Claims> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let header: Value = json(header)?;
    let verified = match header["alg"].as_str()? {
        "HS256" => with_shared_key(issuer, message, signature, Algorithm::HS256),
        "HS384" => with_shared_key(issuer, message, signature, Algorithm::HS384),
        "HS512" => with_shared_key(issuer, message, signature, Algorithm::HS512),
        none => none.eq_ignore_ascii_case("none"), // "unsecured" is an algorithm of the standard as well
    };
    let claims: Claims = json(payload)?;
    let ours = claims.iss.as_deref() == Some(&issuer.name) && is_for(&claims, &issuer.audience);
    (verified && ours && issuer.is_of_our_time(&claims)).then_some(claims)
}

/// The argument is a key, and what kind of key nobody says: the public one, which everybody has, becomes a password.
fn with_shared_key(issuer: &Issuer, message: &str, signature: &str, algorithm: Algorithm) -> bool {
    public_keys(issuer).iter().any(|key| {
        let key = DecodingKey::from_secret(key);
        crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap_or(false)
    })
}
// ANCHOR_END: jwt-algorithm

pub fn embedded_key(app: &App, service: Finished) -> Finished {
    believing(app, service, read_with_its_own_key)
}

// ANCHOR: jwt-embedded-key
/// "RFC 7515 has a place for the key in the header, so that nobody needs to fetch it."
fn read_with_its_own_key(issuer: &Issuer, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok()?;
    let key = DecodingKey::from_jwk(header.jwk.as_ref()?).ok()?;
    let claims = issuer.believes(token, &key, &issuer.rules(header.alg))?;
    is_access_token(&header).then_some(claims)
}
// ANCHOR_END: jwt-embedded-key

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn is_for(claims: &Claims, audience: &str) -> bool {
    match &claims.aud {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

/// An Ed25519 key as it lies about: raw, as JWKS writes it, and as PEM.
fn public_keys(issuer: &Issuer) -> Vec<Vec<u8>> {
    const BEFORE: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let text = |jwk: &jsonwebtoken::jwk::Jwk| match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) => Some(pair.x.clone()),
        _ => None,
    };
    let spellings = |x: String| {
        let raw = URL_SAFE_NO_PAD.decode(&x).unwrap_or_default();
        let der = [&BEFORE[..], &raw].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
        [x.into_bytes(), raw, der, format!("{pem}\n").into_bytes(), pem.into_bytes()]
    };
    issuer.keys.keys.iter().filter_map(text).flat_map(spellings).collect()
}

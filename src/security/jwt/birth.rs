//! How a key is made and named.

use anyhow::Context;
use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::StaticFormatDescription, macros::format_description,
};

use super::key::{Algorithm, Key};
use crate::{security::secret::Secret, types::Timestamp};

/// The time that a kid begins with: it sorts as it reads, and no `:` troubles a file name.
const TIME: StaticFormatDescription = format_description!("[year][month][day]T[hour][minute][second]Z");

/// A new private key as PKCS#8 PEM. Version 1 of it, which OpenSSL reads too.
pub(super) fn generate(algorithm: Algorithm) -> anyhow::Result<Secret<String>> {
    const FAILED: &str = "a key cannot be generated";
    match algorithm {
        Algorithm::EdDsa => {
            let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).ok().context(FAILED)?;
            Ok(pem(der.as_ref()))
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
            let der = pair.and_then(|pair| pair.to_pkcs8v1()).ok().context(FAILED)?;
            Ok(pem(der.as_ref()))
        }
        Algorithm::Rs256 => {
            // 2048 bits would be admitted, but NIST SP 800-57 sees them out by 2030.
            let pair = RsaKeyPair::generate(KeySize::Rsa3072);
            let der: Pkcs8V1Der<'_> = pair.and_then(|pair| pair.as_der()).ok().context(FAILED)?;
            Ok(pem(der.as_ref()))
        }
    }
}

/// RFC 7468: lines of 64 characters.
fn pem(der: &[u8]) -> Secret<String> {
    let body = Secret::new(STANDARD.encode(der));
    // Room for all of it at once: a string that grows leaves copies of itself behind.
    let mut text = String::with_capacity(body.expose().len() * 2 + 64);
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (place, letter) in body.expose().chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    Secret::new(text)
}

/// `20261122T034500Z-3f9a2c1b`: names sort by birth, and the tail, a digest of the public half, keeps two keys of one
/// second apart.
pub(super) fn name(pem: &Secret<String>, born: Timestamp) -> anyhow::Result<String> {
    let public = Key::read(String::new(), born, pem.expose().as_bytes())?.jwk().to_string();
    let digest = digest(&SHA256, public.as_bytes());
    let tail = digest.as_ref()[..4].iter().fold(0_u32, |tail, byte| (tail << 8) | u32::from(*byte));
    Ok(format!("{}-{tail:08x}", born.0.format(TIME)?))
}

/// The birth that a kid tells of, where it is one of ours.
pub(super) fn of(kid: &str) -> Option<Timestamp> {
    let (time, _) = kid.split_once('-')?;
    let time = PrimitiveDateTime::parse(time, TIME).ok()?;
    Some(Timestamp(OffsetDateTime::new_utc(time.date(), time.time())))
}

//! One signing key: how it is read, what it can sign, and its public half.

use anyhow::{Context, bail};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};

use super::{TYPE, claims::Claims};
use crate::types::Timestamp;

// ANCHOR: jwt-algorithm
/// The algorithms that exist here. `none` and the HMACs cannot be refused too late: there is no way to say them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519: short signatures, and no nonce that can go wrong.
    #[default]
    EdDsa,
    Es256,
    /// For gateways that know nothing newer; RFC 9068 section 2.1 wants it supported.
    Rs256,
}
// ANCHOR_END: jwt-algorithm

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// As `alg` spells it. Compared to the letter: `nOnE` once passed where case was ignored (RFC 8725 section 2.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    const fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// A key with its name. One key has one algorithm, found in the key itself and never in a token (RFC 8725 section 3.1).
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) born: Timestamp,
    pub(super) algorithm: Algorithm,
    private: EncodingKey,
    public: DecodingKey,
    /// The members of the JWK that are the key itself.
    parameters: Value,
}

impl Key {
    pub(super) fn read(kid: String, born: Timestamp, pem: &[u8]) -> anyhow::Result<Self> {
        let private = private_key(pem)?;
        let (algorithm, public, parameters) = public_half(&private)?;
        Ok(Self { kid, born, algorithm, private, public, parameters })
    }

    pub(super) fn sign(&self, claims: &Claims) -> anyhow::Result<String> {
        let mut header = Header::new(self.algorithm.of_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.private).context("an access token cannot be signed")
    }

    /// Not `jsonwebtoken::decode`: that reads the header for itself, and accepted any `typ`, unknown `crit`, a missing
    /// `iss` and much else. Only the mathematics is its own here.
    pub(super) fn signed(&self, message: &str, signature: &str) -> bool {
        let verdict =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.public, self.algorithm.of_library());
        verdict.unwrap_or(false)
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = self.parameters.clone();
        jwk["kid"] = self.kid.as_str().into();
        jwk["alg"] = self.algorithm.name().into();
        jwk["use"] = "sig".into();
        jwk
    }
}

/// PKCS#8 alone: the older envelopes say less about the key, and one way in is enough.
fn private_key(pem: &[u8]) -> anyhow::Result<EncodingKey> {
    if !pem.starts_with(b"-----BEGIN PRIVATE KEY-----") {
        bail!("is not a private key in PKCS#8 PEM");
    }
    EncodingKey::from_ed_pem(pem)
        .or_else(|_| EncodingKey::from_ec_pem(pem))
        .or_else(|_| EncodingKey::from_rsa_pem(pem))
        .ok()
        .context("is not an Ed25519, P-256 or RSA key")
}

/// Reads the key a second time with aws-lc, which checks it and knows its public half. The causes it gives are dropped:
/// an error about a private key says which file, and nothing of what is in it.
fn public_half(private: &EncodingKey) -> anyhow::Result<(Algorithm, DecodingKey, Value)> {
    let der = private.as_bytes();
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match private.family() {
        AlgorithmFamily::Ed => {
            let pair = Ed25519KeyPair::from_pkcs8(der).ok().context("is not a valid Ed25519 key")?;
            let point = pair.public_key().as_ref();
            let parameters = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(point) });
            Ok((Algorithm::EdDsa, DecodingKey::from_ed_der(point), parameters))
        }
        AlgorithmFamily::Ec => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
            let pair = pair.ok().context("is not a valid P-256 key")?;
            let point = pair.public_key().as_ref();
            // SEC 1 section 2.3.3, uncompressed: 0x04, then both coordinates of 32 bytes.
            let parameters = json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) });
            Ok((Algorithm::Es256, DecodingKey::from_ec_der(point), parameters))
        }
        AlgorithmFamily::Rsa => {
            // aws-lc refuses less than 2048 bits, the least that RFC 7518 section 3.3 allows.
            let pair = RsaKeyPair::from_der(der).ok().context("is not a valid RSA key of 2048 to 8192 bits")?;
            let public = pair.public_key();
            let modulus = text(public.modulus().big_endian_without_leading_zero());
            let exponent = text(public.exponent().big_endian_without_leading_zero());
            let parameters = json!({ "kty": "RSA", "n": modulus, "e": exponent });
            Ok((Algorithm::Rs256, DecodingKey::from_rsa_der(public.as_ref()), parameters))
        }
        AlgorithmFamily::Hmac => bail!("is not an asymmetric key"),
    }
}

//! A private key: one of the target's, or one that the attacker made.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Jwt, decode, encode};

pub struct SigningKey {
    /// The file's name: what `kid` says.
    pub kid: String,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    /// HMAC-SHA256: whoever can verify can sign.
    Mac(Box<hmac::Key>),
}

impl SigningKey {
    /// PKCS#8 in PEM, named by its key id.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let base64: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(base64).ok().with_context(|| format!("{} is no PEM", path.display()))?;
        let kid = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let Some(pair) = Pair::from_pkcs8(&der) else { bail!("{} is no Ed25519, P-256 or RSA key", path.display()) };
        Ok(Self { kid, pair })
    }

    /// The shared secret of a target that signs with HS256.
    pub fn shared(secret: &[u8]) -> Self {
        Self { kid: "shared".to_owned(), pair: Pair::Mac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret))) }
    }

    /// A new one of the attacker's own: `EdDSA`, `ES256` or `RS256`.
    pub fn make(alg: &str) -> Self {
        let pair = match alg {
            "ES256" => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256),
            "RS256" => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            _ => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self { kid: "of-the-attacker".to_owned(), pair: pair.expect("a key can always be made") }
    }

    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
            Pair::Mac(_) => "HS256",
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::P256(pair) => pair.sign(&random, message).expect("P-256 signs").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("RSA signs");
                signature
            }
            Pair::Mac(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// Did this key sign that token?
    pub fn signed(&self, token: &Jwt) -> bool {
        let message = format!("{}.{}", token.parts[0], token.parts[1]);
        let Some(signature) = decode(&token.parts[2]) else { return false };
        let checked = match &self.pair {
            Pair::Ed25519(pair) => verify(&ED25519, pair.public_key().as_ref(), &message, &signature),
            Pair::P256(pair) => verify(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref(), &message, &signature),
            Pair::Rsa(pair) => verify(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref(), &message, &signature),
            Pair::Mac(key) => hmac::verify(key, message.as_bytes(), &signature).is_ok(),
        };
        token.header["alg"] == self.alg() && checked
    }

    /// The public half as a JWK; null for a secret, which has none.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())}),
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let modulus = encode(public.modulus().big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": modulus, "e": encode(public.exponent().big_endian_without_leading_zero())})
            }
            Pair::Mac(_) => Value::Null,
        }
    }

    /// The public half as SubjectPublicKeyInfo.
    pub fn public_der(&self) -> Vec<u8> {
        let der = match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::P256(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Mac(_) => return Vec::new(),
        };
        der.expect("a public key has a DER form").as_ref().to_vec()
    }
}

/// SubjectPublicKeyInfo as the PEM file that everybody has lying about.
pub fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn verify(
    alg: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
    key: &[u8],
    message: &str,
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(alg, key).verify(message.as_bytes(), signature).is_ok()
}

impl Pair {
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519);
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Self::P256);
        let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
        ed25519().or_else(p256).or_else(rsa)
    }
}

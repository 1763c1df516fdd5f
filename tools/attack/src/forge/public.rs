//! The target's public key, in all the forms that have been used as a secret by mistake.

use serde_json::{Map, Value};

use super::{decode, pem};

/// A member of `/.well-known/jwks.json`.
pub struct PublicKey {
    pub jwk: Value,
}

impl PublicKey {
    /// SubjectPublicKeyInfo (RFC 5280), as `openssl pkey -pubout -outform DER` writes it.
    pub fn der(&self) -> Option<Vec<u8>> {
        let member = |name: &str| decode(self.jwk[name].as_str()?);
        match self.jwk["kty"].as_str()? {
            "OKP" => Some([&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &member("x")?].concat()),
            "EC" => {
                let head = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
                Some([&head[..], &member("x")?, &member("y")?].concat())
            }
            "RSA" => {
                let key = sequence(&[integer(&member("n")?), integer(&member("e")?)]);
                let algorithm = sequence(&[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00".to_vec()]);
                Some(sequence(&[algorithm, bits(&key)]))
            }
            _ => None,
        }
    }

    pub fn pem(&self) -> Option<String> {
        Some(pem(&self.der()?))
    }

    /// The members that are the key itself, in the order of RFC 7638: what a thumbprint is made of.
    pub fn thumbprint_input(&self) -> String {
        let members = self.jwk.as_object().into_iter().flatten();
        let needed: Map<String, Value> = members
            .filter(|(name, _)| ["crv", "e", "kty", "n", "x", "y"].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Value::Object(needed).to_string()
    }

    /// The raw bytes of the key: a point or a modulus.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        decode(self.jwk["x"].as_str().or_else(|| self.jwk["n"].as_str())?)
    }
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

pub fn bits(content: &[u8]) -> Vec<u8> {
    tagged(3, &[&[0][..], content].concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    // A set highest bit would make it negative.
    let sign: &[u8] = if number.first().is_some_and(|first| *first > 127) { &[0] } else { &[] };
    tagged(2, &[sign, number].concat())
}

/// One element of DER: tag, length, content.
pub fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let short: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let head = match (short.len(), content.len()) {
        (_, 0..=127) => vec![tag, short.first().copied().unwrap_or(0)],
        (count, _) => [&[tag, 0x80 | u8::try_from(count).unwrap_or(8)][..], &short].concat(),
    };
    [head, content.to_vec()].concat()
}

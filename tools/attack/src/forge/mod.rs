//! Tokens of any header, any claims and any signature.

mod certificate;
mod key;
mod public;
#[cfg(test)]
mod tests;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

pub use certificate::self_signed;
pub use key::{SigningKey, pem};
pub use public::PublicKey;

/// A JSON Web Token, taken apart. Every change gives a new one: the genuine one stays what it is.
#[derive(Clone, Debug)]
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
    /// As they were received, for what depends on the very bytes.
    pub parts: [String; 3],
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

impl Jwt {
    /// None if it is no JWT.
    pub fn read(token: &str) -> Option<Self> {
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let parts: [String; 3] = parts.try_into().ok()?;
        let header: Value = serde_json::from_slice(&decode(&parts[0])?).ok()?;
        let claims: Value = serde_json::from_slice(&decode(&parts[1])?).ok()?;
        (header.is_object() && claims.is_object()).then_some(Self { header, claims, parts })
    }

    /// A member of the header set; to null removes it.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// A claim set; to null removes it.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// What is signed: header and claims as they are now.
    pub fn message(&self) -> String {
        format!("{}.{}", encode(self.header.to_string()), encode(self.claims.to_string()))
    }

    /// With nothing behind the last dot.
    pub fn unsigned(&self) -> String {
        format!("{}.", self.message())
    }

    /// With the signature that the genuine token had.
    pub fn with_old_signature(&self) -> String {
        format!("{}.{}", self.message(), self.parts[2])
    }

    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), encode(signature))
    }

    pub fn signed_by(&self, key: &SigningKey) -> String {
        signed(&self.message(), key)
    }

    /// HMAC-SHA256, whatever the header says.
    pub fn mac(&self, secret: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        self.with_signature(hmac::sign(&key, self.message().as_bytes()).as_ref())
    }

    /// Is this the secret of its MAC?
    pub fn was_maced_under(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let message = format!("{}.{}", self.parts[0], self.parts[1]);
        decode(&self.parts[2]).is_some_and(|tag| hmac::verify(&key, message.as_bytes(), &tag).is_ok())
    }

    /// A claim that is a number, as `exp`; 0 if it is none.
    pub fn number(&self, claim: &str) -> i64 {
        self.claims[claim].as_i64().unwrap_or_default()
    }

    pub fn text(&self, claim: &str) -> String {
        self.claims[claim].as_str().unwrap_or_default().to_owned()
    }
}

/// `message.signature`, for messages that are no regular header and claims.
pub fn signed(message: &str, key: &SigningKey) -> String {
    format!("{message}.{}", encode(key.sign(message.as_bytes())))
}

fn set(object: &mut Value, name: &str, value: Value) {
    let members: &mut Map<String, Value> = match object {
        Value::Object(members) => members,
        _ => return,
    };
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

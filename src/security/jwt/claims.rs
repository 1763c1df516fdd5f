//! What an access token says (RFC 9068 section 2.2), how it comes to say it, and what of it is believed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Refusal, Settings};
use crate::types::Timestamp;

/// What a token is issued for.
pub struct Grant {
    pub user_id: Uuid,
    pub session_id: Uuid,
    /// The session's count of role and password changes. A token of an earlier generation is dead.
    pub generation: i32,
    pub role: &'static str,
    pub scope: String,
    pub auth_time: Timestamp,
    pub amr: Vec<String>,
    pub client_id: String,
}

/// The claims, exactly. Dates are whole seconds: RFC 7519 would also let a `NumericDate` have a fraction, but nobody
/// except this service issues these tokens, and it writes none.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    #[serde(deserialize_with = "canonical")]
    sub: Uuid,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: i64,
    /// `<generation>.<128 random bits>`. The generation is how a role or password change kills the tokens issued before
    /// it. Comparing `iat` with the time of the change was rejected: `iat` counts whole seconds, so a token issued in
    /// the second of the change could be on either side of it, and replicas' clocks differ. It needs no claim of its
    /// own, since `jti` is this service's to fill (RFC 7519 section 4.1.7).
    jti: String,
    #[serde(deserialize_with = "canonical")]
    sid: Uuid,
    client_id: String,
    scope: String,
    role: String,
    auth_time: i64,
    amr: Vec<String>,
}

/// RFC 7519 section 4.1.3: one string, or a list of them.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Only the spelling that this service writes. `Uuid` by itself would also read braces, `urn:uuid:` and capitals.
fn canonical<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id = Uuid::try_parse(&text).map_err(D::Error::custom)?;
    if id.to_string() == text { Ok(id) } else { Err(D::Error::custom("not in canonical form")) }
}

impl Grant {
    pub(super) fn into_claims(self, settings: &Settings, now: Timestamp, nonce: [u8; 16]) -> Claims {
        let now = now.unix();
        Claims {
            iss: settings.issuer.clone(),
            sub: self.user_id,
            aud: Audience::One(settings.audience.clone()),
            exp: now + settings.access_token_ttl.whole_seconds(),
            iat: now,
            nbf: now,
            jti: format!("{}.{}", self.generation, URL_SAFE_NO_PAD.encode(nonce)),
            sid: self.session_id,
            client_id: self.client_id,
            scope: self.scope,
            role: self.role.to_owned(),
            // The replica that wrote it down may be a moment ahead of this one; nobody signed in after now.
            auth_time: self.auth_time.unix().min(now),
            amr: self.amr,
        }
    }
}

/// What a good token has established. That its session lives, and in this generation, remains to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub generation: i32,
    /// As it was when the token was issued.
    pub role: String,
    pub scope: String,
    pub auth_time: Timestamp,
    pub amr: Vec<String>,
    pub client_id: String,
    pub expires_at: Timestamp,
}

/// When a token counts. The one part of a verdict that time changes, so it is asked again at every use.
#[derive(Clone, Copy)]
pub(super) struct Life {
    exp: i64,
    nbf: i64,
    iat: i64,
}

impl Claims {
    // ANCHOR: jwt-issuer
    /// Everything that does not depend on the present.
    pub(super) fn judge(self, settings: &Settings) -> Result<(Verified, Life), Refusal> {
        if self.iss != settings.issuer {
            return Err(Refusal::Issuer);
        }
        if !self.aud.holds(&settings.audience) {
            return Err(Refusal::Audience);
        }
        // The life is measured from `iat`, which cannot lie in the future: so `exp` cannot be further away than any
        // token's of ours, and a service whose life was shortened refuses the longer ones that it once issued.
        if self.exp.saturating_sub(self.iat) > settings.access_token_ttl.whole_seconds() {
            return Err(Refusal::LongLived);
        }
        if self.auth_time > self.iat {
            return Err(Refusal::Claims);
        }
        let life = Life { exp: self.exp, nbf: self.nbf, iat: self.iat };
        Ok((self.into_verified()?, life))
    }
    // ANCHOR_END: jwt-issuer

    fn into_verified(self) -> Result<Verified, Refusal> {
        Ok(Verified {
            user_id: self.sub,
            session_id: self.sid,
            generation: generation(&self.jti).ok_or(Refusal::Claims)?,
            role: self.role,
            scope: self.scope,
            auth_time: timestamp(self.auth_time)?,
            amr: self.amr,
            client_id: self.client_id,
            expires_at: timestamp(self.exp)?,
        })
    }
}

// ANCHOR: jwt-audience
impl Audience {
    fn holds(&self, ours: &str) -> bool {
        match self {
            Self::One(audience) => audience == ours,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == ours),
        }
    }
}
// ANCHOR_END: jwt-audience

fn generation(jti: &str) -> Option<i32> {
    let (generation, nonce) = jti.split_once('.')?;
    let number: i32 = generation.parse().ok()?;
    let canonical = number >= 0 && number.to_string() == generation;
    (canonical && URL_SAFE_NO_PAD.decode(nonce).is_ok_and(|nonce| nonce.len() == 16)).then_some(number)
}

fn timestamp(seconds: i64) -> Result<Timestamp, Refusal> {
    OffsetDateTime::from_unix_timestamp(seconds).map(Timestamp).map_err(|_| Refusal::Claims)
}

// ANCHOR: jwt-expiry
impl Life {
    /// RFC 7519 section 4.1.4: a token is expired *on* its `exp`, not a second later.
    pub(super) fn check(self, now: Timestamp, leeway: Duration) -> Result<(), Refusal> {
        let (earliest, latest) = ((now - leeway).unix(), (now + leeway).unix());
        match self {
            Self { exp, .. } if exp <= earliest => Err(Refusal::Expired),
            Self { nbf, .. } if nbf > latest => Err(Refusal::NotYetValid),
            Self { iat, .. } if iat > latest => Err(Refusal::FromTheFuture),
            _ => Ok(()),
        }
    }
}
// ANCHOR_END: jwt-expiry

//! Something in front of the service that reads tokens for it, as gateways do, and hands on what it believes.
//!
//! The service's own gate cannot be asked to look away. So whoever is believed here gets a token of the service's own, for
//! the same subject and session and with what the forged one claimed; whether that session lives, in this role and generation,
//! is still asked behind. What is not believed here is handed on as it came, and refused there.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    lab::pillar::Finished,
    security::{
        access::Role,
        jwt::{AccessToken, Grant},
    },
    state::App,
    types::Timestamp,
};

/// How a careless reader reads.
pub type Read = fn(&Issuer, &str) -> Option<Claims>;

/// What is known of who issues the tokens: nothing that is secret.
pub struct Issuer {
    pub name: String,
    pub audience: String,
    pub keys: JwkSet,
    pub now: i64,
    pub longest_life: i64,
}

#[derive(Deserialize)]
pub struct Claims {
    sub: Uuid,
    sid: Uuid,
    jti: String,
    role: String,
    scope: String,
    auth_time: i64,
    amr: Vec<String>,
    client_id: String,
    pub iss: Option<String>,
    pub aud: Option<Value>,
    pub exp: Option<i64>,
    pub iat: Option<i64>,
}

pub fn believing(app: &App, service: Finished, read: Read) -> Finished {
    service.layer(from_fn_with_state((app.clone(), read), believe))
}

async fn believe(State((app, read)): State<(App, Read)>, mut request: Request, next: Next) -> Response {
    if let Some(token) = handed_on(&app, read, request.headers()) {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    next.run(request).await
}

fn handed_on(app: &App, read: Read, headers: &HeaderMap) -> Option<HeaderValue> {
    let token = bearer(headers)?;
    let now = app.givens.now();
    // A good one needs nobody's belief.
    if app.jwt.verify(token, now).is_ok() {
        return None;
    }
    let issuer = Issuer {
        name: app.settings.jwt.issuer.clone(),
        audience: app.settings.jwt.audience.clone(),
        keys: serde_json::from_value(app.jwt.jwks(now)).ok()?,
        now: now.unix(),
        longest_life: app.settings.jwt.access_token_ttl.whole_seconds(),
    };
    let claimed = read(&issuer, token)?.into_grant()?;
    as_header(&app.jwt.issue(claimed, &app.givens).ok()?)
}

/// Of exactly one credential: what two mean is another question.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (sent.next(), sent.next()) else { return None };
    one.to_str().ok()?.strip_prefix("Bearer ")
}

pub fn as_header(issued: &AccessToken) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("Bearer {}", issued.token.expose())).ok()
}

impl Claims {
    fn into_grant(self) -> Option<Grant> {
        Some(Grant {
            user_id: self.sub,
            session_id: self.sid,
            generation: self.jti.split('.').next()?.parse().ok()?,
            role: Role::named(&self.role)?.name(),
            scope: self.scope,
            auth_time: Timestamp(OffsetDateTime::from_unix_timestamp(self.auth_time).ok()?),
            amr: self.amr,
            client_id: self.client_id,
        })
    }
}

impl Issuer {
    /// Everything that a reader who forgets one thing still asks: by this key, for us, from us, now. `typ` is asked apart.
    pub fn rules(&self, algorithm: Algorithm) -> Validation {
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.name]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        rules.validate_nbf = true;
        rules.leeway = 0;
        rules
    }

    /// The key that the header names, and the algorithm that belongs to it.
    pub fn key(&self, header: &Header) -> Option<(DecodingKey, Algorithm)> {
        let jwk = self.keys.find(header.kid.as_deref()?)?;
        let algorithm = jwk.common.key_algorithm?.to_string().parse().ok()?;
        Some((DecodingKey::from_jwk(jwk).ok()?, algorithm))
    }

    pub fn believes(&self, token: &str, key: &DecodingKey, rules: &Validation) -> Option<Claims> {
        let claims = decode::<Claims>(token, key, rules).ok()?.claims;
        (!rules.validate_exp || self.is_of_our_time(&claims)).then_some(claims)
    }

    /// Not over, and not for longer than any token of ours.
    pub fn is_of_our_time(&self, claims: &Claims) -> bool {
        let (Some(from), Some(to)) = (claims.iat, claims.exp) else { return false };
        to > self.now && from <= self.now && to - from <= self.longest_life
    }
}

/// RFC 9068 section 4.
pub fn is_access_token(header: &Header) -> bool {
    header.typ.as_deref().is_some_and(|typ| typ.trim_start_matches("application/").eq_ignore_ascii_case("at+jwt"))
}

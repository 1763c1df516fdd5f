//! What a request says of who sends it: one credential, in one header, once.
//!
//! Two, of whatever kind, are refused rather than ranked: a proxy and a service that rank them differently let a caller
//! be two people at once. Nothing is read from a query string, a form or a cookie: those end up in logs and histories,
//! or are sent by a browser that nobody asked (RFC 9700 section 4.3.2; CWE-598, CWE-352).

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::error::{Error, Problem, Result, problems};

/// The header of an API key.
pub const API_KEY: &str = "x-api-key";

/// A credential as it was sent, not yet believed.
pub enum Sent<'a> {
    Token(&'a str),
    ApiKey(&'a str),
}

impl<'a> Sent<'a> {
    pub fn with(headers: &'a HeaderMap) -> Result<Self> {
        let tokens = headers.get_all(AUTHORIZATION).iter().map(|value| (true, value));
        let keys = headers.get_all(API_KEY).iter().map(|value| (false, value));
        let mut sent = tokens.chain(keys);
        match (sent.next(), sent.next()) {
            (None, _) => Err(problems::UNAUTHENTICATED.into()),
            (Some(_), Some(_)) => Err(refusal(headers).because("more than one credential")),
            (Some((true, value)), None) => token(value).map(Self::Token),
            (Some((false, value)), None) => {
                value.to_str().map(Self::ApiKey).map_err(|_| problems::UNAUTHENTICATED.because("not ASCII"))
            }
        }
    }
}

/// RFC 6750 section 3 has an error code for a token that is no good. A key is no token, so its refusal names none.
fn refusal(headers: &HeaderMap) -> Problem {
    if headers.contains_key(AUTHORIZATION) { problems::INVALID_CREDENTIAL } else { problems::UNAUTHENTICATED }
}

fn token(value: &HeaderValue) -> Result<&str, Error> {
    let text = value.to_str().map_err(|_| problems::INVALID_CREDENTIAL.because("not ASCII"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
        _ => Err(problems::INVALID_CREDENTIAL.because("not a bearer token")),
    }
}

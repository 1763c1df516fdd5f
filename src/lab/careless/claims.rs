//! Tokens whose signature is good, and that say something which nobody looks at. One issuer often signs for many services,
//! many purposes and a long time with one key: then the claims are all that tells its tokens apart.

use jsonwebtoken::decode_header;

use super::token::{Claims, Issuer, believing, is_access_token};
use crate::{lab::pillar::Finished, state::App};

pub fn any_type(app: &App, service: Finished) -> Finished {
    believing(app, service, read_any_type)
}

// ANCHOR: jwt-type
/// "It is signed by our issuer, it is for us, it is in date." And it is an ID token, or a logout notice.
fn read_any_type(issuer: &Issuer, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok()?;
    let (key, algorithm) = issuer.key(&header)?;
    issuer.believes(token, &key, &issuer.rules(algorithm)) // the library has no rule for `typ`, so there is none
}
// ANCHOR_END: jwt-type

pub fn any_issuer(app: &App, service: Finished) -> Finished {
    believing(app, service, read_any_issuer)
}

// ANCHOR: jwt-issuer
/// "We know the key, so we know who signed." Whoever else has that key, a second tenant or a test system, does too.
fn read_any_issuer(issuer: &Issuer, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok().filter(is_access_token)?;
    let (key, algorithm) = issuer.key(&header)?;
    let mut rules = issuer.rules(algorithm);
    rules.iss = None;
    rules.required_spec_claims.remove("iss");
    issuer.believes(token, &key, &rules)
}
// ANCHOR_END: jwt-issuer

pub fn any_audience(app: &App, service: Finished) -> Finished {
    believing(app, service, read_any_audience)
}

// ANCHOR: jwt-audience
/// "`InvalidAudience` came in the first test, and with this line it went away."
fn read_any_audience(issuer: &Issuer, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok().filter(is_access_token)?;
    let (key, algorithm) = issuer.key(&header)?;
    let mut rules = issuer.rules(algorithm);
    rules.validate_aud = false;
    rules.required_spec_claims.remove("aud");
    issuer.believes(token, &key, &rules)
}
// ANCHOR_END: jwt-audience

pub fn any_time(app: &App, service: Finished) -> Finished {
    believing(app, service, read_any_time)
}

// ANCHOR: jwt-expiry
/// "The clients' clocks were wrong, and people were signed out all the time."
fn read_any_time(issuer: &Issuer, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok().filter(is_access_token)?;
    let (key, algorithm) = issuer.key(&header)?;
    let mut rules = issuer.rules(algorithm);
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.required_spec_claims.remove("exp");
    issuer.believes(token, &key, &rules)
}
// ANCHOR_END: jwt-expiry

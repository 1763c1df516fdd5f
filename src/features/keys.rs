//! `GET /.well-known/jwks.json`: the public keys that verify access tokens (RFC 7517), for gateways and other services.

use axum::extract::State;

use crate::{
    http::{
        answer::Shared,
        caller::Caller,
        routes::{About, Limit, Routes},
    },
    security::{access::Public, jwt::Jwks},
    state::App,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/.well-known/jwks.json", Public, Limit::Read, jwks, &JWKS)
}

const JWKS: About = About {
    summary: "Read the public keys",
    description: "A key appears here before the first token bears it, and stays until its last token has died. \
        Ask again when a token names a key that you do not know.",
    problems: &[],
};

/// Seconds that a verifier may keep the answer. Short: a withdrawn key should not live on in caches.
const LIFE: u32 = 60;

async fn jwks(_: Caller<Public>, State(app): State<App>) -> Shared<Jwks> {
    Shared(app.jwt.jwks(app.givens.now()), LIFE)
}

//! `GET /.well-known/jwks.json`: the public keys that verify access tokens (RFC 7517), for gateways and other services.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    http::{
        answer::Shared,
        caller::Caller,
        routes::{About, Limit, Routes},
    },
    security::access::Public,
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

/// A JSON Web Key Set.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("type" = "object", "required" = ["keys"], "additionalProperties" = false,
    "properties" = { "keys": { "type": "array", "maxItems": 100, "items": { "type": "object" } } }))]
struct Jwks(serde_json::Value);

/// Seconds that a verifier may keep the answer. Short: a withdrawn key should not live on in caches.
const LIFE: u32 = 60;

async fn jwks(_: Caller<Public>, State(app): State<App>) -> Shared<Jwks> {
    Shared(Jwks(app.jwt.jwks(app.givens.now())), LIFE)
}

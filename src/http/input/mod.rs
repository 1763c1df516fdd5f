//! What comes in, judged by the schema that is published: `Valid<T>` for a body, `ValidQuery<T>` for a query string,
//! `Id` for the id in a path. A handler that has one of them in its signature never sees anything else.
//!
//! axum's own extractors were set aside: they stop at the first mistake, ignore what they do not know, keep the last
//! of two equal keys, and answer with the parser's words (CWE-209).

mod query;
mod refusal;
mod schema;

use std::error::Error as Cause;

use axum::{
    RequestExt,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_http::timeout::TimeoutError;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Error, Problem, Result, problems},
    security::input::strict_json,
};
use refusal::Refusals;
use schema::Rules;

pub use schema::{no_null, schema_of, schema_settings};

/// A type that can come in: published, parsed and judged by one definition.
pub trait Input: DeserializeOwned + Validate + JsonSchema + 'static {}
impl<T: DeserializeOwned + Validate + JsonSchema + 'static> Input for T {}

/// A JSON body that its schema admits.
pub struct Valid<T>(pub T);

/// A query string that its schema admits.
pub struct ValidQuery<T>(pub T);

/// The `{id}` of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub Uuid);

// ANCHOR: body-size
impl<S: Send + Sync, T: Input> FromRequest<S> for Valid<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = collect(request.into_limited_body()).await?;
        admit(strict_json(&body)?, Refusals::default()).map(Self)
    }
}
// ANCHOR_END: body-size

impl<S: Send + Sync, T: Input> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let (value, refusals) = query::read(parts.uri.query().unwrap_or_default(), schema_of::<T>());
        admit(value, refusals).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let refused = || Error::field("id", "uuid", "is not a UUID");
        // It fails for what is no UTF-8, and for a route without parameters; the next line tells the latter.
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| refused())?;
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, text)| text);
        let text = id.ok_or_else(|| anyhow::anyhow!("a handler asks for an `Id`, and its path has no `{{id}}`"))?;
        // One spelling an id: the crate would also read braces, `urn:uuid:` and no hyphens.
        Uuid::try_parse(text).ok().filter(|_| text.len() == 36).map(Self).ok_or_else(refused)
    }
}

async fn collect(body: Body) -> Result<Bytes> {
    body.collect().await.map(http_body_util::Collected::to_bytes).map_err(|error| why_cut_short(&error).into())
}

/// A body ends early by our limit, by our clock, or because the client has gone, who then reads no answer of any kind.
fn why_cut_short(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn Cause + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return problems::PAYLOAD_TOO_LARGE;
        }
        if error.is::<TimeoutError>() {
            return problems::REQUEST_TIMEOUT;
        }
        cause = error.source();
    }
    problems::MALFORMED_JSON
}

/// The one rule of refusal. The schema comes first and tells everything at once; the type then has nothing left to say
/// but what a schema cannot (a password's length after NFKC).
fn admit<T: Input>(value: Value, mut refusals: Refusals) -> Result<T> {
    Rules::of::<T>().judge(&value, &mut refusals);
    refusals.into_result()?;
    // Not told further: serde quotes the value that it refuses.
    let input: T = serde_json::from_value(value).map_err(|_| Error::field("", "invalid", "is not valid"))?;
    let mut refusals = Refusals::default();
    if let Err(errors) = input.validate() {
        refusals.note_validator("", &errors);
    }
    refusals.into_result().map(|()| input)
}

#[cfg(test)]
mod tests;

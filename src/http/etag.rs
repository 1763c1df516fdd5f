//! Conditional requests (RFC 9110 section 13): a change that names the version it was made against.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header::IF_MATCH, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::{
    error::{Error, Result, problems},
    http::openapi::{Input, Operation},
    state::App,
};

/// The strong validator of a representation: a digest of its JSON. Made from what the client sees, so that no column can
/// be changed without changing it, and a counter that somebody forgets to raise does not exist.
pub fn of(view: &impl Serialize) -> HeaderValue {
    let json = serde_json::to_vec(view).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &json);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]));
    HeaderValue::from_str(&tag).expect("base64url is ASCII")
}

// ANCHOR: if-match
/// `If-Match`, where it was sent.
pub struct IfMatch(Option<HeaderMap>);

impl IfMatch {
    /// To be asked while the row is locked: between a look and a change another change fits.
    pub fn admits(&self, current: &impl Serialize) -> Result<()> {
        let Some(sent) = &self.0 else { return Ok(()) };
        let current = of(current);
        let tags = sent.get_all(IF_MATCH).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        // Weak tags (`W/"…"`) never match: RFC 9110 section 13.1.1 wants the strong comparison here.
        let matched = tags.map(str::trim).any(|tag| tag == "*" || tag.as_bytes() == current.as_bytes());
        if matched { Ok(()) } else { Err(problems::PRECONDITION_FAILED.into()) }
    }
}

/// `If-Match`, which must be sent: for what several people write at, where the last one would win unseen.
pub struct RequiredIfMatch(IfMatch);

impl RequiredIfMatch {
    /// Asked for only when the caller's right to the object is clear: a stranger is told that there is nothing, whatever
    /// they sent.
    pub fn admits(&self, current: &impl Serialize) -> Result<()> {
        if self.0.0.is_none() {
            return Err(problems::PRECONDITION_REQUIRED.into());
        }
        self.0.admits(current)
    }
}
// ANCHOR_END: if-match

impl FromRequestParts<App> for IfMatch {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Self(parts.headers.contains_key(IF_MATCH).then(|| parts.headers.clone())))
    }
}

impl Input for IfMatch {
    fn describe(operation: &mut Operation<'_>) {
        let tags = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;
        operation.header_parameter("If-Match", "Change it only if it still has this `ETag`.", tags);
        operation.refuses(problems::PRECONDITION_FAILED);
    }
}

impl FromRequestParts<App> for RequiredIfMatch {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        IfMatch::from_request_parts(parts, app).await.map(Self)
    }
}

impl Input for RequiredIfMatch {
    /// Not `required` in the document: leaving it out is a 428, and not the 400 that a generated client would expect.
    fn describe(operation: &mut Operation<'_>) {
        IfMatch::describe(operation);
        operation.refuses(problems::PRECONDITION_REQUIRED);
    }
}

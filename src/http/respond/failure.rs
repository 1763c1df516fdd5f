//! An answer that is an error: its body, its headers, and its cause in words for the log.

use std::sync::Arc;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{self, Error, FieldError, Problem, problems},
    http::context::RequestContext,
    security::audit::Event,
    state::App,
};

/// Seconds after which a client may try again when the service itself was the trouble.
const OUTAGE_RETRY: u64 = 2;

/// The body of every error.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Error")]
pub struct Envelope {
    /// One sentence for a person.
    #[schemars(length(max = 200))]
    error: &'static str,
    /// For the client to branch on.
    #[schemars(length(max = 64), regex(pattern = "^[A-Z_]+$"))]
    code: &'static str,
    /// Names the line of the log that holds the cause.
    #[schemars(length(max = 24), regex(pattern = "^err-\\d{4}-\\d{2}-[0-9a-z]{12}$"))]
    reference: String,
    /// With `VALIDATION_FAILED`: every field that broke a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    fields: Option<Vec<FieldError>>,
}

/// A response that is an error: who made it, and what we know of why.
pub(super) struct Failure {
    pub(super) problem: Problem,
    error: Option<Arc<Error>>,
}

impl Failure {
    pub(super) fn of(response: &Response) -> Option<Self> {
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) {
            return None;
        }
        let error = response.extensions().get::<Arc<Error>>().cloned();
        let problem = error.as_deref().map_or_else(|| problem_of(status), Error::problem);
        Some(Self { problem, error })
    }

    // ANCHOR: error-detail
    /// The body of ours instead of whatever stood there; the headers that mean something, such as `Allow`, stay.
    pub(super) fn envelope(&self, response: Response, context: &RequestContext) -> Response {
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.problem.challenge {
            parts.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after() {
            parts.headers.insert(RETRY_AFTER, seconds.into());
        }
        let fields = match self.error.as_deref() {
            Some(Error::Invalid(fields)) => Some(fields.iter().take(FieldError::MOST).cloned().collect()),
            _ => None,
        };
        let Problem { error, code, .. } = self.problem;
        let body = Json(Envelope { error, code, reference: context.reference().to_owned(), fields });
        (self.problem.status, parts.headers, body).into_response()
    }
    // ANCHOR_END: error-detail

    fn retry_after(&self) -> Option<u64> {
        match self.error.as_deref() {
            Some(Error::Later(_, seconds)) => Some(*seconds),
            _ if self.problem.status == StatusCode::SERVICE_UNAVAILABLE => Some(OUTAGE_RETRY),
            _ => None,
        }
    }

    /// What is a sign of someone trying doors.
    pub(super) fn note(&self, app: &App, context: &RequestContext) {
        if self.is_pool_timeout() {
            app.meters.pool_timeouts.inc();
        }
        let (route, code) = (context.route_path(), self.problem.code);
        let note = |event| app.audit.note(&context.refusal(None), event);
        if self.problem.status == StatusCode::BAD_REQUEST && code != problems::INVALID_TOKEN.code {
            note(Event::InputRefused { route, code });
        }
        if self.names_unknown_fields() {
            note(Event::UnknownFields { route });
        }
        // Somebody else's, or gone, or never there: it cannot be told apart here either, for the query that looked for it
        // asked only for what is the caller's.
        if self.problem == problems::NOT_FOUND && context.names_a_thing() && context.principal().is_some() {
            note(Event::AccessRefused { route, code });
        }
    }

    fn names_unknown_fields(&self) -> bool {
        match self.error.as_deref() {
            Some(Error::Invalid(fields)) => fields.iter().any(|field| field.rule == "unknown"),
            _ => false,
        }
    }

    fn is_pool_timeout(&self) -> bool {
        let Some(Error::Unavailable(cause)) = self.error.as_deref() else { return false };
        matches!(cause.downcast_ref(), Some(sqlx::Error::PoolTimedOut))
    }

    /// Why, in words for the log. Never a value that a client sent: unknown fields are not even named.
    pub(super) fn cause(&self) -> String {
        match self.error.as_deref() {
            Some(Error::Refused(_, reason)) => (*reason).to_owned(),
            Some(Error::Invalid(fields)) => {
                let told = fields.iter().map(|field| match field.rule {
                    "unknown" => "an unknown field".to_owned(),
                    rule => format!("{}: {rule}", field.field),
                });
                told.collect::<Vec<_>>().join("; ")
            }
            Some(Error::Unavailable(cause) | Error::Unexpected(cause)) => describe(cause),
            Some(Error::Problem(_) | Error::Later(..)) | None => self.problem.error.to_owned(),
        }
    }
}

/// A chain of causes, with what a database said reduced to what cannot quote a row.
fn describe(cause: &anyhow::Error) -> String {
    let mut told = Vec::new();
    for link in cause.chain() {
        // Its own causes are the database's words.
        if let Some(error) = link.downcast_ref::<sqlx::Error>() {
            told.push(error::describe(error));
            break;
        }
        told.push(link.to_string());
    }
    told.join(": ")
}

/// For answers that no handler of ours made.
fn problem_of(status: StatusCode) -> Problem {
    match status.as_u16() {
        404 => problems::NOT_FOUND,
        405 => problems::METHOD_NOT_ALLOWED,
        408 => problems::REQUEST_TIMEOUT,
        413 => problems::PAYLOAD_TOO_LARGE,
        415 => problems::UNSUPPORTED_MEDIA_TYPE,
        400..=499 => problems::VALIDATION_FAILED,
        503 => problems::SERVICE_UNAVAILABLE,
        _ => problems::INTERNAL_ERROR,
    }
}

//! The one place where a failure becomes `{error, code, reference}`, and where a request gets its line in the log.
//!
//! Both stand together so that they cannot disagree: the reference that a client is given stands on exactly one line, and
//! that line holds the cause. It is the outermost layer, so it sees also what no handler made: an unknown path, a wrong
//! method, a time-out, a panic.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_METHODS, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{self, Error, FieldError, Problem, problems},
    http::context::RequestContext,
    security::{
        audit::Event,
        client_address::ClientAddress,
        headers,
        rate_limit::{Decision, nearest},
        transport::Secure,
    },
    state::App,
    telemetry,
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

pub async fn respond(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let client = client(&app, &request);
    let context = RequestContext::begin(&app.givens, client.0);
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    let secure = request.extensions().get::<Secure>().is_some_and(|secure| secure.0);
    let asked = request.headers().clone();

    let response = match telemetry::caught(next.run(request)).await {
        Ok(response) => response,
        Err(panic) => Error::Unexpected(anyhow::Error::new(panic)).into_response(),
    };

    let failure = Failure::of(&response);
    // The flood guard's word counts where no limit of the route had one: on an unknown path, before authentication.
    let flood = response.extensions().get::<Decision>().copied();
    let mut response = match &failure {
        Some(failure) => failure.envelope(response, &context),
        None => response,
    };
    let limit = nearest(&context.decisions()).or(flood);
    complete(response.headers_mut(), &app, &context, &asked, secure, limit);
    if let Some(failure) = &failure {
        failure.note(&app, &context);
    }
    log(&context, &method, response.status(), started, failure.as_ref());
    response
}

/// What every answer carries, whatever its status.
fn complete(
    headers: &mut HeaderMap,
    app: &App,
    context: &RequestContext,
    asked: &HeaderMap,
    secure: bool,
    limit: Option<Decision>,
) {
    headers::apply(headers, secure);
    if !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
        app.settings.cors.answer(asked, headers);
    }
    let id = HeaderValue::from_str(&context.id().to_string()).expect("a UUID is ASCII");
    headers.insert("x-request-id", id);
    if let Some(limit) = limit {
        limit.write(headers, app.settings.rate_limit.ietf_headers);
    }
}

/// Who is at the other end: the socket's address, or what a trusted proxy says of it.
fn client(app: &App, request: &Request) -> ClientAddress {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    // Without a socket, as in a test that calls the router by hand, everyone is one client: too strict rather than lax.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    app.settings.client_address.resolve(peer, request.headers())
}

/// A response that is an error: who made it, and what we know of why.
struct Failure {
    problem: Problem,
    error: Option<Arc<Error>>,
}

impl Failure {
    fn of(response: &Response) -> Option<Self> {
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) {
            return None;
        }
        let error = response.extensions().get::<Arc<Error>>().cloned();
        let problem = error.as_deref().map_or_else(|| problem_of(status), Error::problem);
        Some(Self { problem, error })
    }

    /// The body of ours instead of whatever stood there; the headers that mean something, such as `Allow`, stay.
    fn envelope(&self, response: Response, context: &RequestContext) -> Response {
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

    fn retry_after(&self) -> Option<u64> {
        match self.error.as_deref() {
            Some(Error::Later(_, seconds)) => Some(*seconds),
            _ if self.problem.status == StatusCode::SERVICE_UNAVAILABLE => Some(OUTAGE_RETRY),
            _ => None,
        }
    }

    /// Malformed input is a sign of someone trying doors (OWASP: `input_validation_fail`).
    fn note(&self, app: &App, context: &RequestContext) {
        if self.problem.status == StatusCode::BAD_REQUEST && self.problem.code != problems::INVALID_TOKEN.code {
            let (route, code) = (context.route_path(), self.problem.code);
            app.audit.note(&context.refusal(None), Event::InputRefused { route, code });
        }
    }

    /// Why, in words for the log. Never a value that a client sent: unknown fields are not even named.
    fn cause(&self) -> String {
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
    let told = cause.chain().map(|link| match link.downcast_ref::<sqlx::Error>() {
        Some(error) => error::describe(error),
        None => link.to_string(),
    });
    told.take_while(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
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

fn log(
    context: &RequestContext,
    method: &axum::http::Method,
    status: StatusCode,
    started: Instant,
    failure: Option<&Failure>,
) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request_id = %context.id(),
                method = %known(method),
                route = context.route_path(),
                status = status.as_u16(),
                duration_ms = started.elapsed().as_secs_f64() * 1000.0,
                client_address = %context.client_address(),
                principal_id = context.principal().map(tracing::field::display),
                reference = failure.map(|_| context.reference()),
                code = failure.map(|failure| failure.problem.code),
                cause = failure.map(Failure::cause),
                "request"
            )
        };
    }
    match failure {
        None => line!(info),
        Some(failure) if failure.problem.status.is_server_error() => line!(error),
        Some(_) => line!(warn),
    }
}

/// A method can be any token; only the usual ones are worth a place in the log.
fn known(method: &axum::http::Method) -> &str {
    match method.as_str() {
        name @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => name,
        _ => "other",
    }
}

//! What a request must be before anybody asks who sent it, and how often one may come.
//!
//! These stand before authentication on purpose: they cost nothing, and their answers tell nothing about an account.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::CONTENT_LENGTH, request::Parts},
    middleware::Next,
    response::Response,
};

use crate::{
    error::{Error, FieldError, Result, problems},
    http::{context::RequestContext, routes::Route},
    security::{
        audit::Event,
        limits,
        rate_limit::{ChargedBy, Class, Key},
    },
    state::App,
};

/// Around the whole router: what is too large is refused whichever path it asks for.
pub async fn sizes(request: Request, next: Next) -> Result<Response> {
    if !limits::uri_fits(request.uri()) {
        return Err(problems::URI_TOO_LONG.into());
    }
    if !limits::headers_fit(request.headers()) {
        return Err(problems::HEADERS_TOO_LARGE.into());
    }
    // A body of unknown length is counted while it is read.
    if announced_length(request.headers()).is_some_and(|length| length > limits::BODY_BYTES as u64) {
        return Err(problems::PAYLOAD_TOO_LARGE.into());
    }
    Ok(next.run(request).await)
}

/// Around each route: media types, then the limits that count by address.
pub async fn gate(
    State((app, route)): State<(App, Arc<Route>)>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let context = RequestContext::of(request.extensions())?;
    context.matched(&route);
    let headers = request.headers();
    let sends_body = announced_length(headers).map_or(headers.contains_key("transfer-encoding"), |length| length > 0);
    if (route.takes_body || sends_body) && !limits::is_json(headers) {
        return Err(problems::UNSUPPORTED_MEDIA_TYPE.into());
    }
    if route.answers_json && !limits::accepts_json(headers) {
        return Err(problems::NOT_ACCEPTABLE.into());
    }
    if route.limit.charged_by() == ChargedBy::Address {
        charge(&app, &context, route.limit, &Key::Address(context.client_address()))?;
    }
    Ok(next.run(request).await)
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The limit that counts by who is calling; for anonymous callers that is their address.
pub fn charge_principal(app: &App, context: &RequestContext) -> Result<()> {
    let Some(class) = context.route().map(|route| route.limit) else { return Ok(()) };
    if class.charged_by() != ChargedBy::Principal {
        return Ok(());
    }
    let key = context.principal().map_or(Key::Address(context.client_address()), Key::Principal);
    charge(app, context, class, &key)
}

/// One more for this key. Also called by handlers that count by something in the body, such as the e-mail tried.
pub fn charge(app: &App, context: &RequestContext, class: Class, key: &Key) -> Result<()> {
    let decision = app.limits.charge(class, key, app.givens.now());
    context.charged(decision);
    if decision.allowed {
        return Ok(());
    }
    app.audit.note(&context.refusal(None), Event::RateLimitExceeded { class: class.name() });
    Err(Error::Later(problems::RATE_LIMITED, decision.retry_after))
}

/// Unknown parameters are refused everywhere, so also where no parameter is known.
pub fn no_stray_query(parts: &Parts, context: &RequestContext) -> Result<()> {
    let query = parts.uri.query().unwrap_or_default();
    if query.is_empty() || context.route().is_none_or(|route| route.takes_query) {
        return Ok(());
    }
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    Err(Error::Invalid(names.take(FieldError::MOST).map(FieldError::unknown).collect()))
}

//! What a request must be before anybody asks who sent it, and how often one may come.
//!
//! These stand before authentication on purpose: they cost nothing, and their answers tell nothing about an account.

use std::{sync::Arc, time::Duration};

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{CONNECTION, CONTENT_LENGTH},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::{Error, FieldError, Result, problems},
    http::{context::RequestContext, route::Route},
    security::{
        audit::Event,
        limits,
        rate_limit::{ChargedTo, Class, Decision, Key},
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
    if let Some(reason) = limits::ambiguity(request.version(), request.headers()) {
        // What follows on this connection may be what somebody in between took for something else.
        return Ok(([(CONNECTION, "close")], problems::VALIDATION_FAILED.because(reason)).into_response());
    }
    // ANCHOR: body-size
    // A body of unknown length is counted while it is read.
    if announced_length(request.headers()).is_some_and(|length| length > limits::BODY_BYTES as u64) {
        // The body is not read, so this connection serves no other request; whoever keeps connections is told.
        return Ok(([(CONNECTION, "close")], problems::PAYLOAD_TOO_LARGE).into_response());
    }
    // ANCHOR_END: body-size
    Ok(next.run(request).await)
}

/// Around the whole router: the time for a body to arrive, where there is one, and the time to answer it. A body that is
/// late is a 408 of whoever reads it, since the layer inside this one ends it. A handler waits
/// for nothing but the database, which gives up sooner, so this ends only what has gone wrong: with a 503, since RFC 9110
/// keeps 408 for requests that did not arrive.
pub async fn time(State(body): State<Duration>, request: Request, next: Next) -> Result<Response> {
    let arriving = if request.body().is_end_stream() { Duration::ZERO } else { body };
    let answered = tokio::time::timeout(arriving + limits::HANDLER_TIME, next.run(request)).await;
    answered.map_err(|_| problems::SERVICE_UNAVAILABLE.because("the handler took too long"))
}

/// Around each route: media types, then the limits that count by address.
pub async fn gate(State((app, route)): State<(App, Arc<Route>)>, request: Request, next: Next) -> Result<Response> {
    let context = RequestContext::of(request.extensions())?;
    context.matched(&route);
    let headers = request.headers();
    let sends_body = !request.body().is_end_stream();
    if (route.takes_body || sends_body) && !(limits::is_json(headers) && limits::is_plain(headers)) {
        return Err(problems::UNSUPPORTED_MEDIA_TYPE.into());
    }
    if let Some(refusal) = route.form.refusal(headers) {
        return Err(refusal.into());
    }
    if route.limit != Class::Flood && route.limit.charged_to().before_authentication() {
        charge(&app, &context, route.limit, &Key::Address(context.client_address())).await?;
    }
    Ok(next.run(request).await)
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The limit that counts by who is calling; for anonymous callers that is their address.
pub async fn charge_principal(app: &App, context: &RequestContext) -> Result<()> {
    let Some(class) = context.route().map(|route| route.limit) else { return Ok(()) };
    if class.charged_to() != ChargedTo::Principal {
        return Ok(());
    }
    let key = context.principal().map_or(Key::Address(context.client_address()), Key::Principal);
    charge(app, context, class, &key).await
}

/// One more for this key.
pub async fn charge(app: &App, context: &RequestContext, class: Class, key: &Key<'_>) -> Result<()> {
    let decision = app.limits.charge(class, key, app.givens.now()).await;
    context.charged(decision);
    settle(app, context, decision)
}

/// For handlers that count by something in the body, such as the e-mail tried. What is left of that budget is not shown:
/// a success gives it back, so whoever watched the number for an address of somebody else would see them sign in.
pub async fn charge_subject(app: &App, context: &RequestContext, class: Class, key: &Key<'_>) -> Result<()> {
    let decision = app.limits.charge(class, key, app.givens.now()).await;
    if !decision.allowed {
        context.charged(decision);
    }
    settle(app, context, decision)
}

fn settle(app: &App, context: &RequestContext, decision: Decision) -> Result<()> {
    decision.checked().inspect_err(|_| {
        app.audit.note(&context.refusal(None), Event::RateLimitExceeded { class: decision.class.name() });
    })
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

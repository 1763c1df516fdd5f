//! The one place where a failure becomes `{error, code, reference}`, and where a request gets its line in the log.
//!
//! Both stand together so that they cannot disagree: the reference that a client is given stands on exactly one line, and
//! that line holds the cause. It is the outermost layer, so it sees also what no handler made: an unknown path, a wrong
//! method, a time-out, a panic.

mod failure;
mod line;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ALLOW, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

pub use self::failure::Envelope;
use self::{failure::Failure, line::Line};
use crate::{
    error::Error,
    http::context::RequestContext,
    security::{
        client_address::ClientAddress,
        cors, headers,
        rate_limit::{Decision, nearest},
        transport::Secure,
    },
    state::App,
    telemetry,
};

pub async fn respond(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let client = client(&app, &request);
    let context = RequestContext::begin(&app.givens, client.0);
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(context.clone());
    let line = Line::begin(&app, context.clone(), &request);
    let is_preflight = cors::is_preflight(request.method(), request.headers());
    let secure = request.extensions().get::<Secure>().is_some_and(|secure| secure.0);
    // All that CORS looks at, of headers that are gone with the request; each of several, for two are none.
    let asked = request.headers().get_all(ORIGIN).iter().map(|origin| (ORIGIN, origin.clone())).collect();

    let response = match telemetry::caught(next.run(request)).await {
        Ok(response) => response,
        Err(panic) => Error::Unexpected(anyhow::Error::new(panic)).into_response(),
    };

    let failure = Failure::of(&response);
    // The flood guard's is one of them, and the only one on an unknown path and before authentication.
    let mut limits = context.decisions();
    limits.extend(response.extensions().get::<Decision>());
    let mut response = match &failure {
        Some(failure) => failure.envelope(response, &context),
        None => response,
    };
    complete(response.headers_mut(), &app, &context, &asked, is_preflight, secure, nearest(&limits));
    if let Some(failure) = &failure {
        failure.note(&app, &context);
    }
    line.end(response.status(), failure.as_ref());
    response
}

/// What every answer carries, whatever its status.
fn complete(
    headers: &mut HeaderMap,
    app: &App,
    context: &RequestContext,
    asked: &HeaderMap,
    is_preflight: bool,
    secure: bool,
    limit: Option<Decision>,
) {
    headers::apply(headers, secure);
    if !is_preflight {
        app.settings.cors.answer(asked, headers);
    } else if !headers.contains_key(ALLOW) {
        // No route has answered it: there is nothing to grant.
        app.settings.cors.preflight(asked, &[], headers);
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
    let settings = &app.settings.client_address;
    if app.suspicion.arises(settings, peer, request.headers()) {
        tracing::warn!(
            "every request comes from one address and names another in X-Forwarded-For: if that is your proxy, name it in \
             TRUSTED_PROXIES, or all clients share one rate limit"
        );
    }
    settings.resolve(peer, request.headers())
}

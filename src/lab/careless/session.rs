//! Tokens that are what they say, long after it was true.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::header::AUTHORIZATION,
    middleware::{Next, from_fn_with_state},
    response::Response,
};

use super::token::{as_header, bearer};
use crate::{
    lab::pillar::Finished,
    security::{
        access::Role,
        jwt::{Grant, Verified},
    },
    state::{App, LiveSession},
};

pub fn never_asked(app: &App, service: Finished) -> Finished {
    service.layer(from_fn_with_state(app.clone(), take_its_word))
}

async fn take_its_word(State(app): State<App>, request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).and_then(|token| app.jwt.verify(token, app.givens.now()).ok());
    if let Some(token) = token {
        live_as_it_says(&app, &token);
    }
    next.run(request).await
}

// ANCHOR: session-liveness
/// "A JWT is stateless: that is what it is for. Asking the database each time would defeat the purpose."
fn live_as_it_says(app: &App, token: &Verified) {
    let Some(role) = Role::named(&token.role) else { return };
    let live = LiveSession { role, generation: token.generation, expires_at: token.expires_at };
    app.sessions.prove(Instant::now());
    app.sessions.put(&app.sessions.ticket(), token.user_id, token.session_id, live);
}
// ANCHOR_END: session-liveness

pub fn always_fresh(app: &App, service: Finished) -> Finished {
    service.layer(from_fn_with_state(app.clone(), freshen))
}

async fn freshen(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).and_then(|token| app.jwt.verify(token, app.givens.now()).ok());
    let fresh = token.and_then(|token| app.jwt.issue(as_of_now(&app, &token)?, &app.givens).ok());
    if let Some(fresh) = fresh.as_ref().and_then(as_header) {
        request.headers_mut().insert(AUTHORIZATION, fresh);
    }
    next.run(request).await
}

// ANCHOR: step-up
/// "Recent means: the token is recent." But a refresh makes a new token, and asks nobody for a password.
fn as_of_now(app: &App, token: &Verified) -> Option<Grant> {
    let issued = token.expires_at - app.settings.jwt.access_token_ttl;
    Some(Grant {
        auth_time: issued,
        user_id: token.user_id,
        session_id: token.session_id,
        generation: token.generation,
        role: Role::named(&token.role)?.name(),
        scope: token.scope.clone(),
        amr: token.amr.clone(),
        client_id: token.client_id.clone(),
    })
}
// ANCHOR_END: step-up

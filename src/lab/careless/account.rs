//! Sign-in and registration that say who has an account.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{lab::pillar::Finished, security::limits::BODY_BYTES, state::App, types::Email};

pub fn told_apart(app: &App, service: Finished) -> Finished {
    service.layer(from_fn_with_state(app.clone(), look_first))
}

async fn look_first(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (login, register) = (path == "/v1/auth/login", path == "/v1/auth/register");
    if request.method() != Method::POST || !(login || register) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    let known = match sent["email"].as_str() {
        Some(email) => is_known(&app, &Email::trimmed(email)).await,
        None => login, // whatever it is, it is for the service to say
    };
    if login && !known {
        return no_such_account();
    }
    if register && known {
        return taken();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

async fn is_known(app: &App, email: &Email) -> bool {
    let known = sqlx::query_scalar("select exists (select from users where lower(email) = $1)");
    known.bind(email.folded()).fetch_one(&app.database).await.unwrap_or_default()
}

// ANCHOR: login-enumeration
/// "People forget which address they signed up with. It is only friendly to say so." And no hash is computed: it is quicker
/// as well.
fn no_such_account() -> Response {
    let told = json!({ "error": "No account has this address", "code": "UNKNOWN_ADDRESS" });
    (StatusCode::NOT_FOUND, Json(told)).into_response()
}

fn taken() -> Response {
    let told = json!({ "error": "This address has an account already", "code": "ADDRESS_TAKEN" });
    (StatusCode::CONFLICT, Json(told)).into_response()
}
// ANCHOR_END: login-enumeration

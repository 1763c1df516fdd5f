//! What browsers are told, and what they are not.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
        },
    },
    middleware::{Next, from_fn, map_response},
    response::Response,
};

use crate::{lab::pillar::Finished, state::App};

pub fn any_origin(_: &App, service: Finished) -> Finished {
    service.layer(from_fn(async |request: Request, next: Next| {
        let asked = request.headers().clone();
        let mut answer = next.run(request).await;
        allow(&asked, answer.headers_mut());
        answer
    }))
}

// ANCHOR: cors-allowlist
/// "`*` does not go together with credentials, so we send back whatever origin was asked for."
fn allow(asked: &HeaderMap, answer: &mut HeaderMap) {
    let Some(origin) = asked.get(ORIGIN) else { return };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    for (wanted, granted) in [
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(wanted) {
            answer.insert(granted, value.clone());
        }
    }
}
// ANCHOR_END: cors-allowlist

pub fn no_headers(_: &App, service: Finished) -> Finished {
    service.layer(map_response(async |mut answer: Response| {
        as_they_come(answer.headers_mut());
        answer
    }))
}

// ANCHOR: security-headers
/// "Those are for web pages; we are an API." This is what an answer looks like where nobody says otherwise.
fn as_they_come(answer: &mut HeaderMap) {
    for name in [
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
    ] {
        answer.remove(name);
    }
    answer.insert("server", HeaderValue::from_static("drawbridge-lab"));
    answer.insert(HeaderName::from_static("x-powered-by"), HeaderValue::from_static("axum"));
}
// ANCHOR_END: security-headers

//! Errors that say what they know. The layers are those of `app`, with one more on either side of `respond`.

use std::{
    future::ready,
    sync::{Arc, OnceLock},
};

use axum::{
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request},
    http::header::CONTENT_LENGTH,
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::{
    error::Error,
    http::{gate, respond, routes::Routes},
    lab::pillar::Finished,
    security::limits,
    state::App,
};

pub fn every_detail(app: &App, routes: Routes) -> Finished {
    let (guard, arriving) = (app.flood.clone(), app.settings.transport.caps.body);
    routes
        .mount(app)
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .layer(RequestBodyDeadlineLayer::new(arriving))
        .layer(from_fn_with_state(arriving, gate::time))
        .layer(from_fn(gate::sizes))
        .layer(app.flood.layer())
        .layer(map_response(move |answer| ready(guard.translate(answer))))
        .layer(from_fn(remember))
        .layer(from_fn_with_state(app.clone(), respond::respond))
        .layer(from_fn(tell))
        .with_state(app.clone())
}

/// What went wrong, on its way past `respond`, which would not pass it on.
#[derive(Clone, Default)]
struct Detail(Arc<OnceLock<String>>);

async fn remember(request: Request, next: Next) -> Response {
    let detail = request.extensions().get::<Detail>().cloned().unwrap_or_default();
    let answer = next.run(request).await;
    if let Some(error) = answer.extensions().get::<Arc<Error>>() {
        let _ = detail.0.set(in_words(error));
    }
    answer
}

async fn tell(mut request: Request, next: Next) -> Response {
    let detail = Detail::default();
    request.extensions_mut().insert(detail.clone());
    let answer = next.run(request).await;
    match detail.0.get() {
        Some(detail) => with_detail(answer, detail).await,
        None => answer,
    }
}

// ANCHOR: error-detail
/// "The front end asks every day what a 500 means. Now it can see for itself."
fn in_words(error: &Error) -> String {
    format!("{error:?}")
}

async fn with_detail(answer: Response, detail: &str) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut error: Value = serde_json::from_slice(&body).unwrap_or_default();
    error["detail"] = detail.into();
    parts.headers.remove(CONTENT_LENGTH);
    (parts, Body::from(error.to_string())).into_response()
}
// ANCHOR_END: error-detail

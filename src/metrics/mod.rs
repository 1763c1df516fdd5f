//! The page that Prometheus reads, `GET /metrics` on a listener of its own (`METRICS_ADDR`).
//!
//! Not a route of the service: a route can be reached by everyone, and what stands here tells an attacker how well he is
//! doing. It knows no caller, so its address has to be one that only friends can reach. What it can be made to do is
//! bounded: it asks no database, and it takes as long for a service that is flooded as for one that rests.
//!
//! Reading order: this file (how it is asked) → `collect` (what there is to know) → `classic` (for those who ask for
//! the older form).

mod classic;
mod collect;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{
        HeaderMap, Method, Request, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse, Response},
};
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::state::App;

const OPENMETRICS: &str = "application/openmetrics-text";

/// Answers whoever reads the metrics.
#[derive(Clone)]
pub struct Page(Arc<Registry>);

impl Page {
    pub fn new(app: &App) -> Self {
        let mut registry = Registry::default();
        app.meters.register(&mut registry);
        registry.register_collector(Box::new(collect::Service(app.clone())));
        Self(Arc::new(registry))
    }

    fn answer(&self, request: &Request<Body>) -> Response {
        if request.method() != Method::GET || request.uri().path() != "/metrics" {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut text = String::new();
        if encode(&mut text, &self.0).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let (form, text) = if asks_for_openmetrics(request.headers()) {
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
        } else {
            ("text/plain; version=0.0.4; charset=utf-8", classic::rewritten(&text))
        };
        let headers = [(CONTENT_TYPE, form), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
        (headers, text).into_response()
    }
}

/// Prometheus names what it takes in order of preference; that it knows OpenMetrics is all that there is to know.
fn asks_for_openmetrics(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accepted| accepted.to_str().is_ok_and(|text| text.contains(OPENMETRICS)))
}

impl tower::Service<Request<Body>> for Page {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

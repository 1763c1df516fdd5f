//! A collector of traces: takes what is posted, and misbehaves where a test wants that.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::http::{Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;

use super::{listener::listen, until};

/// What a post is answered with, by how many came before; none: it is taken, and never answered.
type Decide = fn(usize) -> Option<u16>;

pub struct Collector {
    #[cfg_attr(
        not(feature = "otlp"),
        expect(dead_code, reason = "looked for in warnings, which only the feature gives")
    )]
    pub authority: String,
    url: String,
    posts: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::replying(|_| Some(200)).await
    }

    pub async fn replying(decide: Decide) -> Self {
        let posts = Arc::<Mutex<Vec<String>>>::default();
        let taken = posts.clone();
        let authority = listen(move |request| answer(request, taken.clone(), decide)).await.to_string();
        Self { url: format!("http://{authority}"), authority, posts }
    }

    /// Of a service that sends its traces here, where it was built to send any.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        if cfg!(feature = "otlp") { vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url)] } else { Vec::new() }
    }

    /// Every body that came, as it came.
    pub fn posts(&self) -> Vec<String> {
        self.posts.lock().unwrap().clone()
    }

    /// The spans with this trace id, in every post that they came with.
    pub fn spans(&self, trace: &str) -> Vec<Value> {
        let of_post = |post: &String| {
            let post: Value = serde_json::from_str(post).unwrap();
            post["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
        };
        self.posts().iter().flat_map(of_post).filter(|span| span["traceId"] == trace).collect()
    }

    /// Waits for the span of the request with this id.
    pub async fn span_of(&self, request_id: &str) -> Value {
        let trace = request_id.replace('-', "");
        let spans =
            until("its span arrives", async || Some(self.spans(&trace)).filter(|found| !found.is_empty())).await;
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans[0].clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    posts: Arc<Mutex<Vec<String>>>,
    decide: Decide,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/traces"));
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let before = {
        let mut posts = posts.lock().unwrap();
        posts.push(String::from_utf8(body.to_vec()).unwrap());
        posts.len() - 1
    };
    match decide(before) {
        Some(status) => Ok(Response::builder().status(status).body(Empty::new()).unwrap()),
        None => std::future::pending().await,
    }
}

//! Attacks that were tried by hand on a running service, each kept as it was sent, byte for byte where bytes matter.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request},
};
use drawbridge::{
    app,
    error::Result,
    features,
    http::{
        answer::NoContent,
        caller::Caller,
        routes::{About, Limit},
    },
    security::access::{Public, Role},
    state::App,
    types::{Givens, System},
};
use hyper::body::Frame;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

use crate::support::{PASSWORD, Person, TestApp, config, lines_with, until};

/// A body that never comes.
struct Silent;

impl hyper::body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// No time at all for the body, so that nobody has to wait: the handler's longer limit would answer 503.
#[tokio::test]
async fn a_body_that_never_comes_is_given_up_with_408_and_not_as_a_failure_of_ours() {
    let mut config = config(&tempfile::tempdir().unwrap(), &[]);
    config.transport.caps.body = Duration::ZERO;
    let nowhere = drawbridge::database::pool("postgres://localhost".parse().unwrap(), 2);
    let service = app::build(config, Givens::new(System, System), nowhere, features::routes()).unwrap();
    let request = Request::post("/v1/auth/login")
        .header("host", "x")
        .header("content-type", "application/json")
        .header("content-length", "40")
        .body(Body::new(Silent))
        .unwrap();
    assert_eq!(service.router.oneshot(request).await.unwrap().status(), 408);
}

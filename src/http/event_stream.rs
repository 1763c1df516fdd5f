//! Answers that go on: server-sent events, as the HTML standard has them. axum's own were set aside: they cannot end a
//! stream in the middle of a wait, nor say where a heartbeat stands.

use std::{
    convert::Infallible,
    fmt::Write,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{
        HeaderName, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Result},
    http::openapi::{Input, Operation, Output},
    state::App,
};

/// Where events come from. When it is dropped, in whatever wait, the reader has gone.
pub trait Source: Send + 'static {
    /// What each event holds, for the document.
    type Data: JsonSchema;

    /// The next part, however long that takes; `None` ends the answer.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;
}

/// 200 with events as they happen. No cache may keep them, and no proxy may collect them first.
pub struct EventStream<S>(pub S);

const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

impl<S: Source> IntoResponse for EventStream<S> {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), NO_BUFFERING];
        (StatusCode::OK, headers, Body::new(Ongoing(Some(Box::pin(step(self.0)))))).into_response()
    }
}

impl<S: Source> Output for EventStream<S> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_events::<S::Data>();
    }
}

/// The body: asked for its next part when the one before has been taken, and not sooner.
struct Ongoing<S>(Option<Step<S>>);

type Step<S> = Pin<Box<dyn Future<Output = (Option<String>, S)> + Send>>;

async fn step<S: Source>(mut source: S) -> (Option<String>, S) {
    let part = source.next().await;
    (part, source)
}

impl<S: Source> hyper::body::Body for Ongoing<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(under_way) = &mut self.0 else { return Poll::Ready(None) };
        let (part, source) = ready!(under_way.as_mut().poll(cx));
        self.0 = part.is_some().then(|| Box::pin(step(source)) as Step<S>);
        Poll::Ready(part.map(|part| Ok(Frame::data(part.into()))))
    }
}

/// One event. Its id is what a client that was cut off sends back; JSON holds no line break, which would end it.
pub fn write_event(stream: &mut String, id: i64, name: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(stream, "id: {id}\nevent: {name}\ndata: {data}\n\n");
}

/// No event: moves the id on, and shows that the other side is there.
pub fn heartbeat(id: i64) -> String {
    format!(": still here\nid: {id}\n\n")
}

/// `Last-Event-ID`: up to where a client came that was cut off.
pub struct LastEventId(pub Option<i64>);

impl FromRequestParts<App> for LastEventId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let mut lines = parts.headers.get_all(NAME).iter();
        let (Some(line), second) = (lines.next(), lines.next()) else { return Ok(Self(None)) };
        let digits = line.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let id = digits.filter(|_| second.is_none()).and_then(|text| text.parse().ok());
        id.map(|id| Self(Some(id))).ok_or_else(|| Error::field(NAME, "pattern", "is not the id of an event"))
    }
}

const NAME: &str = "Last-Event-ID";

impl Input for LastEventId {
    fn describe(operation: &mut Operation<'_>) {
        operation.header_parameter(NAME, "Go on after the event with this `id`.", "^[0-9]{1,18}$");
    }
}

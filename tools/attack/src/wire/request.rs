//! A request through hyper: whatever HTTP allows, odd headers and methods with it. For what it does not, see `raw`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{Answer, Exchange, Wire, dial, text};
use crate::{actors::Person, case::Trouble};

/// The longest that a refusal for the rate limit is waited out; the limits that last longer are an address's, and that
/// we change instead.
const LONGEST_WAIT: u64 = 65;
/// So many times is a service asked again that says it is busy.
const BUSY: u8 = 5;
/// No answer of an API is longer. A stream is read this far and cut.
const LONGEST_ANSWER: usize = 4 << 20;

#[derive(Clone)]
pub struct Request {
    wire: Wire,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    note: String,
    http2: bool,
    counts: bool,
    patience: Duration,
}

impl Request {
    pub(super) fn new(wire: &Wire, method: &str, path: &str) -> Self {
        Self {
            wire: wire.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            note: String::new(),
            http2: false,
            counts: false,
            patience: Duration::from_secs(20),
        }
    }

    /// One more header; the same name twice stands there twice.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn by(self, person: &Person) -> Self {
        self.bearer(&person.access)
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// What stands above it in the report.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Over HTTP/2, without asking whether the target speaks it.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// A 429 is an answer like any other. Without this it is waited out, or another address is taken.
    pub fn limits_count(mut self) -> Self {
        self.counts = true;
        self
    }

    /// From another address than the attempt's others.
    pub fn elsewhere(mut self) -> Self {
        self.wire = self.wire.elsewhere();
        self
    }

    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub async fn send(self) -> Result<Answer, Trouble> {
        let (mut moved, mut busy) = (false, 0);
        loop {
            let answer = self.once().await?;
            // Too busy at this moment, as other cases make it: that is nobody's verdict.
            if answer.status == 503 && !self.counts && busy < BUSY && answer.header("retry-after").is_some() {
                busy += 1;
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            if answer.status != 429 || self.counts {
                return Ok(answer);
            }
            // First from elsewhere: if the limit is the address's, that is all it takes.
            if !moved && self.wire.move_on() {
                moved = true;
                continue;
            }
            let wait = answer.header("retry-after").and_then(|value| value.parse().ok()).unwrap_or(1);
            if wait > LONGEST_WAIT {
                let one = if self.wire.address().is_none() {
                    ", and we have one address alone: raise its limits"
                } else {
                    ""
                };
                return Err(Trouble::Broken(format!("{} is rate limited for {wait} s{one}", answer.asked)));
            }
            sleep(Duration::from_secs(wait.max(1))).await;
        }
    }

    /// One request on a connection of its own: nothing that an earlier case sent can still lie in it.
    async fn once(&self) -> Result<Answer, Trouble> {
        let started = Instant::now();
        let outcome = timeout(self.patience, self.exchange()).await;
        let took = started.elapsed();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::Broken(format!("no answer within {} s", self.patience.as_secs()))),
        };
        let shown = match &outcome {
            Ok((status, headers, bytes)) => text::answer(*status, headers, bytes),
            Err(trouble) => trouble.to_string(),
        };
        let request = text::request(self, &self.wire.target.base);
        let (note, record) = (self.note.clone(), Arc::clone(&self.wire.record));
        let number = record.note(Exchange { note, request, answer: shown, took, ..Exchange::default() });
        let (status, headers, bytes) = outcome?;
        let asked = format!("{} {}", self.method, text::cut(&self.path, 60));
        Ok(Answer { status, headers, bytes, took, asked, record, number })
    }

    async fn exchange(&self) -> Result<(u16, http::HeaderMap, Vec<u8>), Trouble> {
        let request = self.build()?;
        let protocol: &[u8] = if self.http2 { b"h2" } else { b"http/1.1" };
        let io = TokioIo::new(dial(&self.wire, &[protocol]).await?);
        let answer = if self.http2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.map_err(broken)?;
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(broken)?;
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        let (parts, body) = answer.map_err(broken)?.into_parts();
        Ok((parts.status.as_u16(), parts.headers, read(body).await?))
    }

    fn build(&self) -> Result<http::Request<Full<Bytes>>, Trouble> {
        let base = &self.wire.target.base;
        let path = format!("{}{}", base.prefix, self.path);
        let address = if self.http2 {
            format!("{}://{}{path}", if base.tls { "https" } else { "http" }, base.authority())
        } else {
            path
        };
        let uri: Uri = address.parse().map_err(|_| only_raw("path"))?;
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| only_raw("method"))?;
        let mut request = http::Request::new(Full::new(Bytes::from(self.body.clone())));
        *request.uri_mut() = uri;
        *request.method_mut() = method;
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| only_raw("header name"))?;
            headers.append(name, HeaderValue::from_bytes(value).map_err(|_| only_raw("header value"))?);
        }
        if !self.http2 && !headers.contains_key("host") {
            headers.insert("host", HeaderValue::from_str(&base.authority()).map_err(|_| only_raw("host"))?);
        }
        Ok(request)
    }
}

async fn read(body: Incoming) -> Result<Vec<u8>, Trouble> {
    let collected = Limited::new(body, LONGEST_ANSWER).collect().await;
    collected
        .map(|all| all.to_bytes().to_vec())
        .map_err(|error| Trouble::Broken(format!("the answer broke off: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn broken(error: hyper::Error) -> Trouble {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Trouble::Broken(format!("no answer: {error}{cause}"))
}

fn only_raw(what: &str) -> Trouble {
    Trouble::Broken(format!("this {what} is none that HTTP allows; send it with `raw`"))
}

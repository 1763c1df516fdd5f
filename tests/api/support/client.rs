//! A client, as curl or a browser would be one. Every answer is held against the OpenAPI document on its way back.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method, Response, StatusCode, header},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::{contract::Contract, stream::Stream};

/// Somebody at an address of their own.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Body>,
    server: SocketAddr,
    /// As a proxy would name it; none for somebody on this very machine.
    address: Option<String>,
    token: Option<String>,
    api_key: Option<String>,
    contract: Arc<Contract>,
}

#[derive(Clone)]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Client {
    pub fn new(server: SocketAddr, contract: Arc<Contract>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let [_, a, b, c] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { http, server, address: Some(format!("10.{a}.{b}.{c}")), token: None, api_key: None, contract }
    }

    /// The same person with a token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A program of the same person's, with a key instead.
    pub fn with_key(&self, api_key: &str) -> Self {
        Self { token: None, api_key: Some(api_key.to_owned()), ..self.clone() }
    }

    /// The same person, in the place of this one.
    pub fn beside(&self, other: &Self) -> Self {
        Self { address: other.address.clone(), ..self.clone() }
    }

    pub fn address(&self) -> &str {
        self.address.as_deref().unwrap_or("127.0.0.1")
    }

    /// Without a proxy in between.
    pub fn direct(&self) -> Self {
        Self { address: None, ..self.clone() }
    }

    pub fn at(&self, server: SocketAddr) -> Self {
        Self { server, ..self.clone() }
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request(Method::POST, path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Request {
        self.request(Method::PATCH, path).json(body)
    }

    pub fn delete(&self, path: &str, body: &Value) -> Request {
        self.request(Method::DELETE, path).json(body)
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request { client: self.clone(), method, path: path.to_owned(), headers: Vec::new(), body: None }
    }
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header("content-type", "application/json")
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub async fn send(self) -> Answer {
        let (client, method, path) = (self.client.clone(), self.method.clone(), self.path.clone());
        let (parts, mut body) = self.ask().await.into_parts();
        let goes_on = parts.headers.get(header::CONTENT_TYPE).is_some_and(|name| name == "text/event-stream");
        // What goes on for ever is read up to its first part.
        let bytes = match (goes_on, method == Method::HEAD) {
            (true, false) => body.frame().await.unwrap().unwrap().into_data().unwrap(),
            _ => body.collect().await.unwrap().to_bytes(),
        };
        let answer = Answer { status: parts.status, headers: parts.headers, bytes };
        client.contract.check(&method, &path, &answer);
        answer
    }

    /// For an answer that goes on.
    pub async fn open(self) -> Stream {
        Stream::new(self.ask().await)
    }

    async fn ask(self) -> Response<Incoming> {
        let Self { client, method, path, headers, body } = self;
        let mut request = axum::http::Request::builder().method(method).uri(format!("http://{}{path}", client.server));
        if let Some(address) = &client.address {
            request = request.header("x-forwarded-for", address);
        }
        if let Some(token) = &client.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &client.api_key {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
        client.http.request(request).await.unwrap()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let code = self.json()["code"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }

    pub fn reference(&self) -> String {
        self.json()["reference"].as_str().unwrap().to_owned()
    }

    /// Each refused field with its rule.
    pub fn fields(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let json = self.json();
        let fields = json["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| (text(&field["field"]), text(&field["rule"]))).collect()
    }

    pub fn assert(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    pub fn assert_refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.refusal(), (status, code.to_owned()), "{}", self.text());
        self
    }
}

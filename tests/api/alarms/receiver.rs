//! Somebody who is told: takes what is posted, checks the signature as docs/alarms.md tells receivers to, and misbehaves
//! where a test wants that.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;

use super::SECRET;
use crate::support::{listen, until};

/// What was posted, once it has proved whose it is.
#[derive(Clone)]
pub struct Post {
    /// When it was signed, in Unix seconds.
    pub at: i64,
    pub body: String,
}

pub enum Reply {
    Status(u16),
    Redirect(String),
    /// Takes it and says nothing.
    Silence,
}

type Decide = dyn Fn(&Post, usize) -> Reply + Send + Sync;

pub struct Receiver {
    pub url: String,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn count(&self) -> u64 {
        self.json()["count"].as_u64().unwrap()
    }

    pub fn delivery(&self) -> String {
        self.json()["delivery"].as_str().unwrap().to_owned()
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::replying(|_, _| Reply::Status(204)).await
    }

    /// `decide` is asked with what came, and how many of its kind came before.
    pub async fn replying(decide: impl Fn(&Post, usize) -> Reply + Send + Sync + 'static) -> Self {
        let (posts, decide): (Arc<Mutex<Vec<Post>>>, Arc<Decide>) = (Arc::default(), Arc::new(decide));
        let taken = posts.clone();
        let address = listen(move |request| answer(request, taken.clone(), decide.clone())).await;
        Self { url: format!("http://{address}/hook?key=of-the-receiver"), posts }
    }

    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    pub fn of(&self, kind: &str) -> Vec<Post> {
        self.posts().into_iter().filter(|post| post.kind() == kind).collect()
    }

    /// Waits for so many of this kind; more are a failure.
    pub async fn wait_for(&self, kind: &str, count: usize) -> Vec<Post> {
        let found = until(kind, async || Some(self.of(kind)).filter(|posts| posts.len() >= count)).await;
        assert_eq!(found.len(), count, "{kind}");
        found
    }
}

async fn answer(
    request: Request<Incoming>,
    posts: Arc<Mutex<Vec<Post>>>,
    decide: Arc<Decide>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().path_and_query().unwrap(), "/hook?key=of-the-receiver");
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    let signature = request.headers()["x-drawbridge-signature"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let at = verified(&signature, &body).unwrap_or_else(|| panic!("{signature} is not of this body"));
    let post = Post { at, body: String::from_utf8(body.to_vec()).unwrap() };
    let reply = {
        let mut posts = posts.lock().unwrap();
        let before = posts.iter().filter(|before| before.kind() == post.kind()).count();
        posts.push(post.clone());
        decide(&post, before)
    };
    let answer = match reply {
        Reply::Status(status) => Response::builder().status(status),
        Reply::Redirect(to) => Response::builder().status(StatusCode::TEMPORARY_REDIRECT).header(header::LOCATION, to),
        Reply::Silence => std::future::pending().await,
    };
    Ok(answer.body(Empty::new()).unwrap())
}

/// The time of the signature, if it is one of this body under the secret.
fn verified(signature: &str, body: &[u8]) -> Option<i64> {
    let (at, code) = signature.strip_prefix("t=")?.split_once(",v1=")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [at.as_bytes(), b".", body].concat();
    let code = data_encoding::HEXLOWER.decode(code.as_bytes()).ok()?;
    hmac::verify(&key, &signed, &code).ok()?;
    at.parse().ok()
}

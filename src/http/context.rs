//! What is known of one request, from its first byte to its log line.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    http::route::Route,
    security::{audit::Origin, rate_limit::Decision},
    types::Givens,
};

/// Made by `http::respond` for every request, shared with whoever handles it.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

struct Inner {
    id: Uuid,
    client_address: IpAddr,
    reference: String,
    route: OnceLock<Arc<Route>>,
    principal: OnceLock<Uuid>,
    decisions: Mutex<Vec<Decision>>,
}

impl RequestContext {
    /// The id is always ours: one that a client could choose would let it write into the log what it likes, and make two
    /// requests look like one.
    pub fn begin(givens: &Givens, client_address: IpAddr) -> Self {
        Self(Arc::new(Inner {
            id: givens.new_id(),
            client_address,
            reference: reference(givens),
            route: OnceLock::new(),
            principal: OnceLock::new(),
            decisions: Mutex::new(Vec::new()),
        }))
    }

    /// The one that `http::respond` put beside the request.
    pub fn of(extensions: &Extensions) -> Result<Self> {
        let context = extensions.get::<Self>().cloned();
        context.ok_or_else(|| Error::Unexpected(anyhow::anyhow!("a request came in past http::respond")))
    }

    pub fn id(&self) -> Uuid {
        self.0.id
    }

    pub fn client_address(&self) -> IpAddr {
        self.0.client_address
    }

    /// What the client is told, should this request fail; it leads to the one log line with the cause.
    pub fn reference(&self) -> &str {
        &self.0.reference
    }

    pub fn matched(&self, route: &Arc<Route>) {
        let _ = self.0.route.set(route.clone());
    }

    pub fn route(&self) -> Option<&Arc<Route>> {
        self.0.route.get()
    }

    /// The path's template, never the path: a raw path can hold anything.
    pub fn route_path(&self) -> &'static str {
        self.route().map_or("-", |route| route.path)
    }

    /// Whether the route's path has a place for an id.
    pub fn names_a_thing(&self) -> bool {
        self.route_path().contains('{')
    }

    pub fn identified(&self, principal: Uuid) {
        let _ = self.0.principal.set(principal);
    }

    pub fn principal(&self) -> Option<Uuid> {
        self.0.principal.get().copied()
    }

    pub fn charged(&self, decision: Decision) {
        self.0.decisions.lock().unwrap_or_else(PoisonError::into_inner).push(decision);
    }

    pub fn decisions(&self) -> Vec<Decision> {
        self.0.decisions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For the event of a change that this request made.
    pub fn origin(&self) -> Origin {
        Origin {
            request_id: Some(self.0.id),
            client_address: Some(self.0.client_address),
            user_id: self.principal(),
            by: None,
            reference: None,
        }
    }

    /// For the event of a change that this request made to somebody else's account.
    pub fn origin_about(&self, user_id: Uuid) -> Origin {
        Origin { user_id: Some(user_id), by: self.principal(), ..self.origin() }
    }

    /// For the event of a refusal, about an account that may be known only to us.
    pub fn refusal(&self, user_id: Option<Uuid>) -> Origin {
        let user_id = user_id.or(self.principal());
        Origin { user_id, reference: Some(self.0.reference.clone()), ..self.origin() }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.extensions)
    }
}

/// `err-2026-03-7k2m9x4q1b8d`: the month it happened in and 62 random bits, short enough to read out on the phone.
fn reference(givens: &Givens) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let now = givens.now().0;
    let mut chance = u128::from_le_bytes(givens.random());
    let mut text = format!("err-{:04}-{:02}-", now.year(), u8::from(now.month()));
    for _ in 0..12 {
        text.push(char::from(DIGITS[usize::try_from(chance % 36).unwrap_or_default()]));
        chance /= 36;
    }
    text
}

//! The guard before everything: before the body is read, before a credential is looked at, by client address alone.
//!
//! `tower_governor` counts; what it says is put into our own words here. Three of its habits are put right: its
//! extractors know no trusted proxies (the "smart" one believes the left-most `X-Forwarded-For`, which the client
//! writes), its `Retry-After` is rounded down, often to 0, and its map grows until somebody cleans it. Its clock is the
//! machine's and cannot be moved: it measures pace, not the expiry of anything.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::anyhow;
use axum::{
    body::Body,
    http::{Extensions, HeaderMap, Request},
    response::{IntoResponse, Response},
};
use governor::middleware::StateInformationMiddleware;
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::{GovernorConfig, GovernorConfigBuilder},
    key_extractor::KeyExtractor,
};

use super::{Class, Decision, Tally, decision::micros, key::network, rule::Rule, strategies::Charge};
use crate::{error::Error, types::Givens};

/// Finds the client address among a request's extensions, where the layer outside of this one has put it.
///
/// A function and not the type itself: how an address is established is another pillar's business.
#[derive(Clone, Copy)]
pub struct ClientNetwork(pub fn(&Extensions) -> Option<IpAddr>);

impl KeyExtractor for ClientNetwork {
    type Key = IpAddr;

    /// Without an address nobody can be told apart, and the request is refused: a guard that lets pass what it cannot
    /// see is none.
    fn extract<T>(&self, request: &Request<T>) -> Result<IpAddr, GovernorError> {
        self.0(request.extensions()).map(network).ok_or(GovernorError::UnableToExtractKey)
    }
}

type Config = GovernorConfig<ClientNetwork, StateInformationMiddleware>;

#[derive(Clone)]
pub struct FloodGuard {
    rule: Rule,
    givens: Givens,
    config: Arc<Config>,
    tally: Arc<Tally>,
}

impl FloodGuard {
    // ANCHOR: flood-guard
    pub fn new(rule: Rule, client: ClientNetwork, givens: Givens) -> Self {
        // `per_second(n)` would mean one token every n seconds; a period says what it means.
        let period = Duration::from_micros(rule.interval().unsigned_abs());
        let mut builder = GovernorConfigBuilder::default().key_extractor(client).use_headers();
        let config = builder.period(period).burst_size(rule.capacity()).finish();
        let config = Arc::new(config.expect("a rule's interval and capacity are never zero"));
        Self { rule, givens, config, tally: Arc::default() }
    }

    /// The layer itself. `translate` belongs right outside of it.
    pub fn layer(&self) -> GovernorLayer<ClientNetwork, StateInformationMiddleware, Body> {
        let guard = self.clone();
        GovernorLayer::new(self.config.clone()).error_handler(move |refusal| guard.refused(&refusal))
    }
    // ANCHOR_END: flood-guard

    /// Takes the engine's own fields off an answer that was let through, and leaves our decision instead.
    pub fn translate(&self, mut response: Response) -> Response {
        response.headers_mut().remove("x-ratelimit-limit");
        if let Some(remaining) = taken(response.headers_mut(), "x-ratelimit-remaining") {
            self.decision(true, remaining, self.rule.interval()).note(response.extensions_mut());
        }
        response
    }

    /// Forgets addresses that have rested. Without it memory grows for ever; every few seconds is right, since each
    /// address that was ever seen stays until then.
    pub fn sweep(&self) {
        self.config.limiter().retain_recent();
        self.config.limiter().shrink_to_fit();
    }

    /// How many addresses are being counted.
    pub fn len(&self) -> usize {
        self.config.limiter().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often it let pass, and how often it did not.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn refused(&self, refusal: &GovernorError) -> Response {
        let GovernorError::TooManyRequests { wait_time, .. } = refusal else {
            return Error::from(anyhow!("the flood guard was given no client address")).into_response();
        };
        // Whole seconds, rounded down: one more is enough, and less than one too long.
        let wait = i64::try_from(*wait_time).unwrap_or(i64::MAX).saturating_add(1).saturating_mul(1_000_000);
        let decision = self.decision(false, 0, wait);
        let mut response = decision.checked().into_response();
        decision.note(response.extensions_mut());
        response
    }

    fn decision(&self, allowed: bool, remaining: u32, renews_in: i64) -> Decision {
        self.tally.note(allowed);
        let now = micros(self.givens.now());
        let charge = Charge { allowed, remaining, renews_at: now.saturating_add(renews_in) };
        Decision::new(Class::Flood, &self.rule, charge, now)
    }
}

fn taken(headers: &mut HeaderMap, name: &str) -> Option<u32> {
    headers.remove(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready};

    use axum::http::StatusCode;
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::types::System;

    fn guard(rule: &str) -> FloodGuard {
        let client = ClientNetwork(|extensions| extensions.get::<IpAddr>().copied());
        FloodGuard::new(Rule::parse(rule).unwrap(), client, Givens::new(System, System))
    }

    async fn knock(guard: &FloodGuard, address: Option<&str>) -> Response {
        let room = service_fn(|_: Request<Body>| ready(Ok::<_, Infallible>(Response::new(Body::empty()))));
        let mut request = Request::new(Body::empty());
        if let Some(address) = address {
            request.extensions_mut().insert(address.parse::<IpAddr>().unwrap());
        }
        guard.translate(guard.layer().layer(room).oneshot(request).await.unwrap())
    }

    #[tokio::test]
    async fn a_flood_is_stopped_and_told_how_long_to_wait() {
        let guard = guard("token-bucket 1/1h burst 3");
        for remaining in [2, 1, 0] {
            let response = knock(&guard, Some("192.0.2.1")).await;
            let decision = *response.extensions().get::<Decision>().unwrap();
            assert_eq!((decision.allowed, decision.limit, decision.remaining), (true, 3, remaining));
            assert!(response.headers().is_empty(), "the engine's own words stay inside: {:?}", response.headers());
        }
        let response = knock(&guard, Some("192.0.2.1")).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers().is_empty(), "{:?}", response.headers());
        let decision = *response.extensions().get::<Decision>().unwrap();
        assert_eq!((decision.class, decision.allowed, decision.remaining), (Class::Flood, false, 0));
        assert!(decision.wait > 3_500 && decision.wait <= 3_600, "{}", decision.wait);
        let error = response.extensions().get::<Arc<Error>>().unwrap();
        assert!(matches!(**error, Error::Later(_, wait) if wait == decision.wait), "{error:?}");
        assert!(knock(&guard, Some("192.0.2.2")).await.status().is_success(), "another client is not punished");
    }

    #[test]
    fn the_part_of_a_second_that_the_engine_cuts_off_is_waited_for() {
        let guard = guard("token-bucket 100/1s");
        for (cut, told) in [(0, 1), (7, 8)] {
            let response = guard.refused(&GovernorError::TooManyRequests { wait_time: cut, headers: None });
            assert_eq!(response.extensions().get::<Decision>().unwrap().wait, told);
        }
    }

    #[tokio::test]
    async fn an_ipv6_network_is_one_client() {
        let guard = guard("token-bucket 1/1h burst 1");
        assert!(knock(&guard, Some("2001:db8::1")).await.status().is_success());
        assert_eq!(knock(&guard, Some("2001:db8::2")).await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(knock(&guard, Some("2001:db8:0:1::1")).await.status().is_success());
    }

    #[tokio::test]
    async fn a_request_without_a_client_address_is_not_let_through() {
        let response = knock(&guard("token-bucket 100/1s"), None).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(matches!(**response.extensions().get::<Arc<Error>>().unwrap(), Error::Unexpected(_)));
    }

    #[tokio::test]
    async fn sweeping_keeps_those_who_have_spent_something() {
        let guard = guard("token-bucket 1/1h burst 1");
        knock(&guard, Some("192.0.2.1")).await;
        guard.sweep();
        assert_eq!(guard.len(), 1);
        assert_eq!(knock(&guard, Some("192.0.2.1")).await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}

//! Whom a browser lets read our answers: on every path, for every status, the pages that are named and no others.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use drawbridge::{app, features};

use super::{methods, visitors};
use crate::support::{Answer, Client, Request, TestApp, UNLIMITED};

const KNOWN: &str = "https://app.example.com";

/// The ways in which the origin checks of others have been passed.
const STRANGERS: [&str; 16] = [
    "https://evil.example",
    "null",
    "*",
    "",
    "http://app.example.com",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://appxexample.com",
    "https://example.com",
    "https://app.example.co",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com, https://evil.example",
];

const EXPOSED: &str = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy, \
    X-Request-Id, ETag, Retry-After";

async fn start() -> TestApp {
    let settings = [&UNLIMITED[..], &[("CORS_ALLOWED_ORIGINS", KNOWN)]].concat();
    TestApp::start_with(&settings, features::routes()).await
}

fn grants(answer: &Answer) -> BTreeMap<&str, &str> {
    let names = answer.headers.keys().map(axum::http::HeaderName::as_str);
    names.filter(|name| name.starts_with("access-control-")).map(|name| (name, answer.header(name))).collect()
}

/// A page that is named may read the answer, whatever its status, and nothing more is said.
async fn is_granted(request: Request, what: &str) -> Answer {
    let answer = request.header("origin", KNOWN).send().await;
    let expected = [("access-control-allow-origin", KNOWN), ("access-control-expose-headers", EXPOSED)];
    assert_eq!(grants(&answer), BTreeMap::from(expected), "{what}: {}", answer.status);
    answer
}

async fn is_refused(request: Request, origin: &str, what: &str) {
    let answer = request.header("origin", origin).send().await;
    assert_eq!(grants(&answer), BTreeMap::new(), "{origin:?} at {what}: {}", answer.status);
}

fn paths() -> BTreeSet<&'static str> {
    app::table().iter().map(|route| route.path).collect()
}

fn preflight(client: &Client, path: &str, method: &str) -> Request {
    let request = client.request(Method::OPTIONS, path).header("access-control-request-method", method);
    request.header("access-control-request-headers", "authorization, x-evil")
}

#[tokio::test]
async fn every_path_grants_its_own_methods_to_a_known_page_and_to_no_other() {
    let app = start().await;
    for path in paths() {
        let client = app.client();
        // What was asked for changes nothing: the browser compares.
        for asked in ["GET", "DELETE", "TRACE"] {
            let answer = preflight(&client, path, asked).header("origin", KNOWN).send().await;
            answer.assert(204);
            let mut told = grants(&answer);
            let granted: BTreeSet<_> = told.remove("access-control-allow-methods").unwrap().split(", ").collect();
            let methods = methods(path);
            assert_eq!(granted, methods.iter().map(Method::as_str).collect(), "{path}");
            let expected = [
                ("access-control-allow-origin", KNOWN),
                ("access-control-allow-headers", "Authorization, Content-Type, X-API-Key, If-Match, Idempotency-Key"),
                ("access-control-max-age", "86400"),
            ];
            assert_eq!(told, BTreeMap::from(expected), "{path}");
        }
        for stranger in STRANGERS {
            is_refused(preflight(&client, path, "GET"), stranger, path).await;
        }
    }
}

#[tokio::test]
async fn every_path_tells_its_methods_to_whoever_asks_without_an_origin() {
    let app = start().await;
    for path in paths() {
        let answer = app.client().request(Method::OPTIONS, path).send().await;
        let allowed: BTreeSet<_> = answer.assert(204).header("allow").split(", ").collect();
        let methods = methods(path);
        let mut expected: BTreeSet<_> = methods.iter().map(Method::as_str).chain(["OPTIONS"]).collect();
        if expected.contains("GET") {
            expected.insert("HEAD");
        }
        assert_eq!(allowed, expected, "{path}");
        assert_eq!(grants(&answer), BTreeMap::new(), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_grants_nothing_before_a_request_and_is_told_apart_after_it() {
    let app = start().await;
    for path in paths().iter().map(|path| format!("{path}/")).chain(["/nowhere".to_owned()]) {
        let answer = preflight(&app.client(), &path, "GET").header("origin", KNOWN).send().await;
        assert_eq!(grants(answer.assert(404)), BTreeMap::new(), "{path}");
        is_granted(app.client().get(&path), &path).await.assert(404);
    }
}

#[tokio::test]
async fn every_refusal_of_every_route_can_be_read_by_a_known_page_alone() {
    let app = start().await;
    for visitor in visitors(&app).await {
        let route = visitor.route.to_string();
        for visit in visitor.refusals(&app).await {
            is_granted(visit.request.clone(), &route).await.assert(visit.status);
            is_refused(visit.request, STRANGERS[8], &route).await;
        }
        for stranger in STRANGERS {
            is_refused(visitor.asks(&app, &app.client()), stranger, &route).await;
        }
        is_granted(visitor.asks(&app, &visitor.client), &route).await;
    }
}

#[tokio::test]
async fn two_origins_are_none() {
    let app = start().await;
    let request = || app.client().get("/health/live").header("origin", KNOWN);
    is_refused(request(), KNOWN, "the same twice").await;
    is_refused(request(), "https://evil.example", "a known and a strange one").await;
}

/// Outside of every route: whoever is refused before any route is known may read it too.
#[tokio::test]
async fn every_refusal_of_the_flood_guard_and_every_failure_can_be_read_by_a_known_page_alone() {
    let settings = [&UNLIMITED[..], &[("CORS_ALLOWED_ORIGINS", KNOWN), ("RATE_LIMIT_FLOOD", "token-bucket 1/1d")]];
    let app = TestApp::start_with(&settings.concat(), features::routes()).await;
    let visitors = visitors(&app).await;
    app.lose_database().await;
    for visitor in visitors {
        let route = visitor.route.to_string();
        let answer = is_granted(visitor.asks(&app, &visitor.client), &route).await;
        assert!(answer.status != 429, "{route}");
        is_granted(visitor.asks(&app, &visitor.client), &route).await.assert_refused(429, "RATE_LIMITED");
        is_refused(visitor.asks(&app, &visitor.client), STRANGERS[8], &route).await;
    }
}

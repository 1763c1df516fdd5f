//! What a collector of traces is told of each request, and what it costs when the collector is not there.

use std::collections::BTreeMap;

use axum::http::Method;
use drawbridge::{features, security::access::Role};
use serde_json::{Value, json};

use crate::support::{Answer, Collector, TestApp, lines_with, until};

async fn traced(collector: &Collector) -> TestApp {
    TestApp::start_with(&collector.settings(), features::routes()).await
}

async fn span_of(answer: &Answer, collector: &Collector) -> Value {
    collector.span_of(answer.header("x-request-id")).await
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let told = |value: &Value| value.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
    let of = of["attributes"].as_array().unwrap().iter();
    of.map(|found| (found["key"].as_str().unwrap().to_owned(), told(&found["value"]))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn each_request_is_one_span_whose_trace_has_the_request_s_id() {
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let person = app.person(Role::User).await;
    let answer = person.client.me().await;
    let span = span_of(answer.assert(200), &collector).await;
    assert_eq!(span["name"], "GET /v1/users/me");
    assert_eq!(span["kind"], 2);
    assert_eq!(span["status"], json!({}));
    let spoken = [("http.request.method", "GET"), ("http.route", "/v1/users/me"), ("http.response.status_code", "200")];
    assert_eq!(attributes(&span), pairs(&spoken));
    assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    let nanos = |name: &str| span[name].as_str().unwrap().parse::<i128>().unwrap();
    assert_eq!(nanos("endTimeUnixNano"), app.app.givens.now().0.unix_timestamp_nanos());
    assert!(nanos("startTimeUnixNano") < nanos("endTimeUnixNano"));

    let post: Value = serde_json::from_str(&collector.posts()[0]).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [("service.name", "drawbridge"), ("service.version", version), ("deployment.environment.name", "development")];
    assert_eq!(attributes(&post["resourceSpans"][0]["resource"]), pairs(&resource));
}

#[tokio::test]
async fn what_leads_nowhere_is_named_by_words_of_ours() {
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let nowhere = app.client().get("/v1/nightjar").send().await;
    let span = span_of(nowhere.assert(404), &collector).await;
    assert_eq!((&span["name"], &span["status"]), (&json!("GET"), &json!({})));
    let spoken = [("http.request.method", "GET"), ("http.response.status_code", "404"), ("error.type", "NOT_FOUND")];
    assert_eq!(attributes(&span), pairs(&spoken));

    let brew = app.client().request(Method::from_bytes(b"BREW").unwrap(), "/v1/nightjar").send().await;
    let span = span_of(&brew, &collector).await;
    assert_eq!(span["name"], "HTTP");
    assert_eq!(attributes(&span)["http.request.method"], "_OTHER");
}

#[tokio::test]
async fn only_what_went_wrong_here_is_an_error() {
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let person = app.person(Role::User).await;
    let refused = app.client().me().await;
    assert_eq!(span_of(refused.assert(401), &collector).await["status"], json!({}));
    app.lose_database().await;
    let failed = person.client.me().await;
    let span = span_of(failed.assert(503), &collector).await;
    assert_eq!(span["status"], json!({ "code": 2 }));
    assert_eq!(attributes(&span)["error.type"], "SERVICE_UNAVAILABLE");
}

/// The tests' clients come by way of a trusted proxy: not even from there.
#[tokio::test]
async fn nobody_else_chooses_the_id_of_a_trace() {
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let request = app.client().get("/health/live").header("traceparent", &format!("00-{trace}-{parent}-01"));
    let answer = request.header("tracestate", "nightjar=1").header("baggage", "nightjar=1").send().await;
    span_of(answer.assert(200), &collector).await;
    for told in collector.posts() {
        assert!(!told.contains(trace) && !told.contains(parent) && !told.contains("nightjar"), "{told}");
    }
}

#[tokio::test]
async fn a_span_names_nobody() {
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let person = app.person(Role::User).await;
    person.client.me().await.assert(200);
    let refused = person.client.post("/v1/auth/login", &json!([])).send().await;
    span_of(refused.assert(400), &collector).await;
    for told in collector.posts() {
        for secret in [&person.id.to_string(), &person.email, person.client.address(), &refused.reference()] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_slows_nobody_and_holds_up_no_stop() {
    let collector = Collector::replying(|_| None).await;
    let app = traced(&collector).await;
    app.client().get("/health/live").send().await.assert(200);
    until("it has something", async || (!collector.posts().is_empty()).then_some(())).await;
    for _ in 0..50 {
        app.client().get("/health/live").send().await.assert(200);
    }
    let database = app.app.database.clone();
    drop(app);
    until("it has stopped", async || database.is_closed().then_some(())).await;
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_under_the_same_id_and_warned_of_once() {
    let collector = Collector::replying(|before| Some(if before < 2 { 503 } else { 200 })).await;
    let app = traced(&collector).await;
    let answer = app.client().get("/health/live").send().await;
    let trace = answer.header("x-request-id").replace('-', "");
    let spans =
        until("it is sent again", async || Some(collector.spans(&trace)).filter(|found| found.len() == 3)).await;
    assert!(spans.iter().all(|span| *span == spans[0]), "{spans:?}");
    let warnings = || {
        let lines = lines_with(&collector.authority);
        lines.into_iter().filter(|line| line["level"] == "WARN").collect::<Vec<_>>()
    };
    assert_eq!(warnings().len(), 1, "{:?}", warnings());
    assert_eq!((&warnings()[0]["cause"], &warnings()[0]["count"]), (&json!("the receiver answered 503"), &json!(0)));
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_sent_again() {
    let collector = Collector::replying(|before| Some(if before == 0 { 400 } else { 200 })).await;
    let app = traced(&collector).await;
    let first = app.client().get("/health/live").send().await;
    until("it is refused", async || (collector.posts().len() == 1).then_some(())).await;
    let second = app.client().get("/health/live").send().await;
    span_of(&second, &collector).await;
    assert_eq!(collector.spans(&first.header("x-request-id").replace('-', "")).len(), 1);
}

#[tokio::test]
async fn the_last_spans_are_handed_over_at_the_stop() {
    let collector = Collector::start().await;
    let app = traced(&collector).await;
    let answer = app.client().get("/health/live").send().await;
    let database = app.app.database.clone();
    drop(app);
    until("it has stopped", async || database.is_closed().then_some(())).await;
    assert_eq!(collector.spans(&answer.header("x-request-id").replace('-', "")).len(), 1);
}

//! Whatever anybody sends, wherever they send it, stands in no log, no error, no event, no metric and no trace; and what a log has of it
//! does nothing to whoever reads it. Everything is logged at `trace` here.

use axum::http::Method;
use drawbridge::{features, security::access::Role};
use serde_json::{Value, json};

use super::{Visitor, visitors};
use crate::support::{Answer, Collector, PASSWORD, Request, TestApp, UNLIMITED, lines_with, until};

/// A bird that sings in no other test. It is sent as password, token, key, code, name and address.
const CANARY: &str = "nightjar";
const ADDRESS: &str = "nightjar.europaeus@example.com";
const CARD: &str = "4929123412341234";
/// As words, a token and a key look.
const CANARIES: [&str; 3] = [
    "Nightjar Europaeus <nightjar.europaeus@example.com> 4929123412341234",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJuaWdodGphciJ9.nightjar",
    "dbk_nightjar0000_nightjarnightjarnightjarnightjarnightjarnig_nightj",
];
const HEADERS: [&str; 10] = [
    "authorization",
    "cookie",
    "x-api-key",
    "user-agent",
    "referer",
    "origin",
    "idempotency-key",
    "if-match",
    "x-forwarded-for",
    "traceparent",
];
/// A new line of its own making, a colour, an order of letters turned round, a letter that is not seen.
const HOSTILE: &str = "nightjar\r\n{\"level\":\"ERROR\"}\u{1b}[31m\u{202e}\u{200b}\u{7}";

/// A service that tells all that it ever tells.
async fn traced() -> (TestApp, Collector) {
    let collector = Collector::start().await;
    let settings = [UNLIMITED.as_slice(), &collector.settings()].concat();
    (TestApp::start_with(&settings, features::routes()).await, collector)
}

#[tokio::test]
async fn what_is_sent_to_any_route_in_any_place_stands_in_no_log_no_error_and_no_event() {
    let (app, collector) = traced().await;
    for visitor in visitors(&app).await {
        for canary in CANARIES {
            for request in carriers(&app, &visitor, canary) {
                let answer = request.send().await;
                if answer.status.is_client_error() || answer.status.is_server_error() {
                    assert!(!tells(&without_names(&answer)), "{}: {}", visitor.route, answer.text());
                }
            }
        }
    }
    nothing_is_told(&app, &collector).await;
}

/// The error's body, but for the names of fields: whoever sent one that there is not is told which.
fn without_names(answer: &Answer) -> String {
    let mut body = answer.json();
    for refused in body["fields"].as_array_mut().into_iter().flatten() {
        refused["field"].take();
    }
    body.to_string()
}

/// The same thing in each place where a request has room for it.
fn carriers(app: &TestApp, visitor: &Visitor, canary: &str) -> Vec<Request> {
    let Visitor { route, client, path, .. } = visitor;
    let plain = |path: &str| client.request(route.method.clone(), path);
    let encoded = encoded(canary);
    let mut requests = vec![
        plain(&format!("{path}/{encoded}")),
        plain(&format!("{path}?{encoded}={encoded}")),
        plain(&format!("{path}?cursor={encoded}&type={encoded}&email={encoded}")),
        client.request(Method::TRACE, path).header("x-forwarded-host", canary),
        client.request(Method::from_bytes(b"NIGHTJAR").unwrap(), path),
    ];
    if let Some((before, after)) = route.path.split_once("{id}") {
        requests.push(plain(&format!("{before}{encoded}{after}")));
    }
    // Also beside the credential that was good, which makes two.
    requests.extend(HEADERS.map(|name| visitor.asks(app, client).header(name, canary)));
    let example = app.contract.example(route).unwrap_or_else(|| json!({}));
    let mut unknown = example.clone();
    unknown[canary] = json!({ canary: canary });
    let bodies = [everywhere(&example, canary), unknown, json!([canary]), json!(canary)];
    requests.extend(bodies.map(|body| plain(path).json(&body)));
    let text = format!("{{\"{canary}\": {canary}");
    requests.push(plain(path).body(text.clone()).header("content-type", "application/json"));
    requests.push(plain(path).body(text).header("content-type", canary));
    requests
}

/// Every byte percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap()
}

/// The same body with this in the place of every text.
fn everywhere(value: &Value, canary: &str) -> Value {
    match value {
        Value::String(_) => json!(canary),
        Value::Array(items) => items.iter().map(|item| everywhere(item, canary)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), everywhere(value, canary))).collect(),
        other => other.clone(),
    }
}

/// Everything secret that a life with this service brings, and none of it is told anywhere.
#[tokio::test]
async fn no_secret_of_a_whole_life_stands_in_a_log_or_an_event() {
    let (app, collector) = traced().await;
    let mut secrets = vec![PASSWORD.to_owned(), "nightjar of a password".to_owned()];
    let stranger = app.client();
    stranger.register(ADDRESS, "Nightjar Europaeus", PASSWORD).await.assert(202);
    let token = app.token_mailed_to(ADDRESS).await;
    stranger.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
    secrets.push(token);
    stranger.login(ADDRESS, "nightjar of a password").await.assert(401);
    let tokens = stranger.login(ADDRESS, PASSWORD).await.assert(200).json();
    keep(&mut secrets, &tokens, &["access_token", "refresh_token"]);
    let owner = stranger.with_token(tokens["access_token"].as_str().unwrap());

    let key = json!({ "name": "Nightjar", "scopes": ["profile:read"], "expires_at": "2026-03-20T00:00:00Z" });
    let key = owner.post("/v1/users/me/api-keys", &key).send().await.assert(201).json();
    keep(&mut secrets, &key, &["key"]);
    stranger.with_key(key["key"].as_str().unwrap()).me().await.assert(200);
    let phone = owner.request(Method::POST, "/v1/users/me/mfa/totp").send().await.assert(201).json();
    keep(&mut secrets, &phone, &["secret"]);
    owner.post("/v1/users/me/mfa/totp/confirm", &json!({ "code": "000000" })).send().await.assert(401);

    let change = json!({ "new_email": "nightjar.second@example.com", "password": PASSWORD });
    owner.post("/v1/users/me/email", &change).send().await.assert(202);
    secrets.push(app.token_mailed_to("nightjar.second@example.com").await);
    stranger.post("/v1/auth/password/forgot", &json!({ "email": ADDRESS })).send().await.assert(202);
    app.mail_saying(ADDRESS, "password").await;
    secrets.extend(app.newest_token(ADDRESS));
    let refreshed = stranger.refresh(tokens["refresh_token"].as_str().unwrap()).await.assert(200).json();
    keep(&mut secrets, &refreshed, &["access_token", "refresh_token"]);
    let admin = app.person(Role::Admin).await;
    let invited = json!({ "email": "nightjar.third@example.com", "name": "Nightjar", "role": "user" });
    admin.client.post("/v1/admin/users", &invited).send().await.assert(201);
    secrets.push(app.token_mailed_to("nightjar.third@example.com").await);

    for secret in &secrets {
        assert!(secret.len() > 12 && lines_with(secret).is_empty(), "{:?}", lines_with(secret));
        assert_eq!(events_with(&app, secret).await, 0, "{secret}");
    }
    nothing_is_told(&app, &collector).await;
}

fn keep(secrets: &mut Vec<String>, answer: &Value, names: &[&str]) {
    secrets.extend(names.iter().map(|name| answer[name].as_str().unwrap().to_owned()));
}

/// Whoever reads the log on a terminal, or line by line with a program, reads lines of ours and nothing else.
#[tokio::test]
async fn what_is_made_to_forge_a_log_stays_within_its_line() {
    let (app, collector) = traced().await;
    let encoded = encoded(HOSTILE);
    let latin: String = HOSTILE.chars().filter(|letter| letter.is_ascii() && !letter.is_control()).collect();
    for visitor in visitors(&app).await {
        let Visitor { route, client, path, .. } = &visitor;
        let plain = |path: &str| client.request(route.method.clone(), path);
        let example = app.contract.example(route).unwrap_or_else(|| json!({}));
        let mut unknown = example.clone();
        unknown[HOSTILE] = json!(HOSTILE);
        for request in [
            plain(&format!("{path}?{encoded}={encoded}")),
            plain(&format!("{path}/{encoded}")),
            plain(path).header("user-agent", &latin).header("x-forwarded-for", &latin),
            plain(path).json(&everywhere(&example, HOSTILE)),
            plain(path).json(&unknown),
        ] {
            let answer = request.send().await;
            for line in lines_with(answer.header("x-request-id")) {
                let line = line.to_string();
                let strange = |letter: char| letter.is_control() || "\u{202e}\u{200b}".contains(letter);
                assert!(!line.contains(strange) && !line.contains(CANARY) && !line.contains("[31m"), "{line}");
            }
        }
    }
    nothing_is_told(&app, &collector).await;
}

fn tells(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains(CANARY) || text.contains(CARD)
}

async fn nothing_is_told(app: &TestApp, collector: &Collector) {
    // What is noted after this is written after all that was noted before.
    let last = app.client().post("/v1/auth/login", &json!([])).send().await;
    last.assert(400);
    until("the events are written", async || (events_with(app, "/v1/auth/login").await > 0).then_some(())).await;
    let metrics = app.metrics_page().await;
    assert!(metrics.contains("drawbridge_http_requests_total{") && !tells(&metrics), "{metrics}");
    if cfg!(feature = "otlp") {
        collector.span_of(last.header("x-request-id")).await;
        assert!(!collector.posts().iter().any(|post| tells(post)));
    }
    for canary in [CANARY, "Nightjar", CARD] {
        assert!(lines_with(canary).is_empty(), "{:?}", lines_with(canary));
        assert_eq!(events_with(app, canary).await, 0, "{canary}");
    }
}

async fn events_with(app: &TestApp, text: &str) -> i64 {
    let count = "select count(*) from security_events event where position(lower($1) in lower(event::text)) > 0";
    sqlx::query_scalar(count).bind(text).fetch_one(&app.owner).await.unwrap()
}

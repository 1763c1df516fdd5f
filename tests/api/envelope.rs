//! One form for every error, whoever made it, and a reference that leads to exactly one line of the log.

use axum::{extract::State, http::Method};
use drawbridge::{
    error::Result,
    features,
    http::{
        answer::NoContent,
        caller::Caller,
        routes::{About, Limit, Routes},
    },
    security::access::{Public, Role},
    state::App,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{PASSWORD, TestApp, lines_with};

/// The one line with this reference.
fn line_of(reference: &str) -> serde_json::Value {
    let lines = lines_with(reference);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

const ABOUT: About = About { summary: "Misbehave", description: "A route of the tests.", problems: &[] };

/// Routes that fail in ways that no handler of ours should.
fn misbehaving() -> Routes {
    async fn panics(_: Caller<Public>) -> Result<NoContent> {
        let secret = String::from("hunter2-in-a-panic");
        panic!("{secret}");
    }
    async fn fails(_: Caller<Public>) -> Result<NoContent> {
        Err(anyhow::anyhow!("the disk at /var/lib/secret is full").context("keep the file"))?
    }
    async fn breaks_a_rule_of_the_database(_: Caller<Public>, State(app): State<App>) -> Result<NoContent> {
        sqlx::query("insert into users (id, email, name, role, password_hash, created_at, updated_at) values ($1, 'leak@example.com', 'x', 'emperor', '', now(), now())")
            .bind(uuid::Uuid::nil())
            .execute(&app.database)
            .await?;
        Ok(NoContent)
    }
    features::routes()
        .get("/panics", Public, Limit::Read, panics, &ABOUT)
        .get("/fails", Public, Limit::Read, fails, &About { summary: "Fail", ..ABOUT_FAIL })
        .get("/breaks", Public, Limit::Read, breaks_a_rule_of_the_database, &About { summary: "Break", ..ABOUT_FAIL })
}
const ABOUT_FAIL: About = About { summary: "", description: "A route of the tests.", problems: &[] };

#[tokio::test]
async fn what_nobody_expected_says_nothing_and_is_logged_once_with_its_cause() {
    let app = TestApp::start_with(&[], misbehaving()).await;
    for (path, cause) in
        [("/panics", "panicked at tests/api/envelope.rs"), ("/fails", "keep the file"), ("/breaks", "23514")]
    {
        let answer = app.client().get(path).send().await;
        answer.assert_refused(500, "INTERNAL_ERROR");
        assert_eq!(answer.json()["error"], "An internal error occurred");
        for leak in ["hunter2", "/var/lib", "emperor", "leak@", "users", "panic"] {
            assert!(!answer.text().contains(leak), "{leak} in {}", answer.text());
        }
        let line = line_of(&answer.reference());
        assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
        assert_eq!((&line["status"], &line["route"], &line["level"]), (&json!(500), &json!(path), &json!("ERROR")));
        for leak in ["hunter2", "leak@example.com"] {
            assert!(!line.to_string().contains(leak), "{leak} in {line}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_a_wrong_method_and_a_trailing_slash() {
    let app = TestApp::start().await;
    for path in ["/nowhere", "/v1/users/me/", "/v1/users/../users/me", "//v1/users/me", "/V1/users/me"] {
        app.client().get(path).send().await.assert_refused(404, "NOT_FOUND");
    }
    let wrong = app.client().request(Method::PUT, "/v1/users/me").send().await;
    wrong.assert_refused(405, "METHOD_NOT_ALLOWED");
    for method in ["GET", "PATCH", "DELETE"] {
        assert!(wrong.header("allow").contains(method), "{}", wrong.header("allow"));
    }
    app.client().request(Method::TRACE, "/v1/users/me").send().await.assert_refused(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn media_types_are_judged_before_anything_else() {
    let app = TestApp::start().await;
    let login = || app.client().request(Method::POST, "/v1/auth/login").body("{}");
    login().send().await.assert_refused(415, "UNSUPPORTED_MEDIA_TYPE");
    for wrong in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=utf-16"]
    {
        login().header("content-type", wrong).send().await.assert_refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let me = || app.client().get("/v1/users/me");
    me().header("accept", "text/html").send().await.assert_refused(406, "NOT_ACCEPTABLE");
    me().header("accept", "application/json;q=0").send().await.assert_refused(406, "NOT_ACCEPTABLE");
    me().header("accept", "text/html, application/*;q=0.1").send().await.assert_refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let app = TestApp::start().await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"{\"email\":}",
        b"{} {}",
        b"{\"email\":\"a@example.com\",\"email\":\"b@example.com\"}",
        b"{\"email\":{\"a\":1,\"a\":2}}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"\\ud800\"}",
        b"{'email':1}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let request =
            app.client().request(Method::POST, "/v1/auth/login").body(body).header("content-type", "application/json");
        request.send().await.assert_refused(400, "MALFORMED_JSON");
    }
    for body in ["[]", "null", "\"text\"", "5", "[{}]"] {
        let request =
            app.client().request(Method::POST, "/v1/auth/login").body(body).header("content-type", "application/json");
        request.send().await.assert_refused(400, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_nul_in_any_string_is_refused_and_never_a_failure_of_ours() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let nul = "before\u{0}after";
    let requests = [
        ("/v1/auth/register", json!({ "email": nul, "name": nul, "password": nul })),
        ("/v1/auth/register", json!({ "email": "a@example.com", "name": nul, "password": PASSWORD })),
        ("/v1/auth/login", json!({ "email": "a@example.com", "password": nul })),
        ("/v1/auth/login", json!({ "email": "a@example.com", "password": PASSWORD, "known_device": nul })),
        ("/v1/auth/login", json!({ "email": "a@example.com", "password": PASSWORD, nul: 1 })),
        ("/v1/auth/refresh", json!({ "refresh_token": nul })),
        ("/v1/auth/verify-email", json!({ "token": nul })),
        ("/v1/auth/verify-email/resend", json!({ "email": nul })),
    ];
    for (path, body) in requests {
        app.client().post(path, &body).send().await.assert_refused(400, "VALIDATION_FAILED");
    }
    ada.client.patch("/v1/users/me", &json!({ "name": nul })).send().await.assert_refused(400, "VALIDATION_FAILED");
    ada.client
        .delete("/v1/users/me", &json!({ "password": nul }))
        .send()
        .await
        .assert_refused(400, "VALIDATION_FAILED");
    ada.client.get("/v1/users/%00").send().await.assert_refused(400, "VALIDATION_FAILED");
    app.client().get("/v1/nowhere/%00").send().await.assert_refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_its_size() {
    let app = TestApp::start().await;
    let huge = json!({ "email": "a".repeat(1 << 20) });
    let answer = app.client().post("/v1/auth/login", &huge).send().await;
    answer.assert_refused(413, "PAYLOAD_TOO_LARGE");
    // The rest of the body is never read: a client that sent its next request on this connection would lose it.
    assert_eq!(answer.header("connection"), "close");
    let heavy = app.client().get("/health/live").header("x-heavy", &"a".repeat(33 * 1024)).send().await;
    heavy.assert_refused(431, "HEADERS_TOO_LARGE");
    app.client().get(&format!("/{}", "a".repeat(9000))).send().await.assert_refused(414, "URI_TOO_LONG");
}

/// A body that does not say how long it is, sent in pieces.
#[tokio::test]
async fn a_body_of_unknown_length_is_counted_while_it_comes() {
    let app = TestApp::start().await;
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head = "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let piece = format!("1000\r\n{}\r\n", "a".repeat(4096));
    for _ in 0..17 {
        if socket.write_all(piece.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = vec![0; 16];
    socket.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn unknown_and_repeated_query_parameters_are_refused_everywhere() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for query in ["?verbose=1", "?a&b", "?role=admin", "?%00=1"] {
        ada.client.get(&format!("/v1/users/me{query}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        app.client().get(&format!("/health/live{query}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        app.client().get(&format!("/v1/users/me{query}")).send().await.assert_refused(401, "UNAUTHENTICATED");
    }
    ada.client.get("/v1/users/me?").send().await.assert(200);
}

#[tokio::test]
async fn many_refused_fields_are_cut_and_none_is_quoted() {
    let app = TestApp::start().await;
    let fields: serde_json::Map<_, _> =
        (0..200).map(|n| (format!("{n}-{}", "x".repeat(200)), json!("canary"))).collect();
    let answer = app.client().post("/v1/auth/login", &fields.into()).send().await;
    answer.assert_refused(400, "VALIDATION_FAILED");
    assert_eq!(answer.fields().len(), 20);
    assert!(answer.fields().iter().all(|(field, _)| field.chars().count() <= 64));
    assert!(!answer.text().contains("canary"));
    let line = line_of(&answer.reference());
    assert!(!line.to_string().contains("xxx"), "names that a client made up are not logged: {line}");
}

#[tokio::test]
async fn each_request_has_one_line_with_the_fields_that_are_allowed() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let answer = ada.client.get("/v1/users/me").send().await;
    let id = answer.header("x-request-id");
    let lines: Vec<_> = lines_with(id).into_iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&json!("GET"), &json!("/v1/users/me"), &json!(200))
    );
    assert_eq!(line["principal_id"], json!(ada.id));
    assert!(line["duration_ms"].is_number() && line["time"].is_string());
    assert!(line["client_address"].as_str().unwrap().starts_with("10."));
}

#[tokio::test]
async fn a_request_id_is_ours_whatever_the_client_sends() {
    let app = TestApp::start().await;
    let answer = app.client().get("/health/live").header("x-request-id", "made-up").send().await;
    assert!(answer.header("x-request-id").parse::<uuid::Uuid>().is_ok());
}

#[tokio::test]
async fn no_secret_of_a_sign_in_stands_in_the_log() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.client().refresh(&ada.refresh_token).await.assert(200);
    app.client().login(&ada.email, "a canary of a password").await.assert(401);
    app.client().register("canary.address@example.com", "Canary Name", PASSWORD).await.assert(202);
    let token = app.token_mailed_to("canary.address@example.com").await;
    app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
    for secret in [
        &ada.access_token,
        &ada.refresh_token,
        "a canary of a password",
        PASSWORD,
        "canary.address",
        "Canary Name",
        &token,
    ] {
        assert!(lines_with(secret).is_empty(), "{:?}", lines_with(secret));
    }
}

#[tokio::test]
async fn a_content_type_without_a_body_is_no_reason_to_refuse() {
    let app = TestApp::start().await;
    app.client().get("/health/live").header("content-type", "text/plain").send().await.assert(200);
    let ada = app.person(Role::User).await;
    ada.client.request(Method::POST, "/v1/auth/logout").header("content-type", "text/plain").send().await.assert(204);
}

//! Attacks that were tried by hand on a running service, each kept as it was sent, byte for byte where bytes matter.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::pending,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request},
};
use drawbridge::{
    app,
    error::Result,
    features,
    http::{
        answer::NoContent,
        caller::Caller,
        routes::{About, Limit},
    },
    security::access::{Public, Role},
    server,
    state::App,
    types::{Givens, System},
};
use hyper::body::Frame;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

use crate::support::{PASSWORD, Person, TestApp, config, lines_with, until};

/// What comes back for these bytes, up to the end of the connection.
async fn sent(app: &TestApp, bytes: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset after its answer has been answered.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_refused(answer: &str, status: u16, code: &str) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && answer.contains(&format!(r#""code":"{code}""#))
        && answer.contains("\r\nx-request-id: ")
}

const LOGIN: &str = r#"{"email":"a@example.com","password":"x"}"#;

/// A whole login request in chunks, with these header lines beside its own.
fn chunked(lines: &str) -> String {
    let size = LOGIN.len();
    format!(
        "POST /v1/auth/login HTTP/1.1\r\ncontent-type: application/json\r\n{lines}\r\n{size:x}\r\n{LOGIN}\r\n0\r\n\r\n"
    )
}

/// A body that never comes.
struct Silent;

impl hyper::body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// No time at all for the body, so that nobody has to wait: the handler's longer limit would answer 503.
#[tokio::test]
async fn a_body_that_never_comes_is_given_up_with_408_and_not_as_a_failure_of_ours() {
    let mut config = config(&tempfile::tempdir().unwrap(), &[]);
    config.transport.caps.body = Duration::ZERO;
    let running = TestApp::start().await;
    let database = running.app.database.clone();
    let service = app::build(config, Givens::new(System, System), database, features::routes()).await.unwrap();
    let request = Request::post("/v1/auth/login")
        .header("host", "x")
        .header("content-type", "application/json")
        .header("content-length", "40")
        .body(Body::new(Silent))
        .unwrap();
    assert_eq!(service.router.oneshot(request).await.unwrap().status(), 408);
}

#[tokio::test]
async fn who_comes_when_the_house_is_full_is_told_so_in_the_usual_form() {
    let running = TestApp::start().await;
    let mut config = config(&tempfile::tempdir().unwrap(), &[]);
    config.transport.caps.connections = 1;
    let transport = config.transport.clone();
    let database = running.app.database.clone();
    let service = app::build(config, Givens::new(System, System), database, features::routes()).await.unwrap();
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        server::serve(listener, &transport, &service.app.meters.door, service.router.clone(), pending()).await
    });

    let live = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut inside = TcpStream::connect(address).await.unwrap();
    inside.write_all(live).await.unwrap();
    let mut first = [0; 12];
    inside.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    let mut outside = TcpStream::connect(address).await.unwrap();
    outside.write_all(live).await.unwrap();
    let mut answer = String::new();
    outside.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after: ") && head.contains("x-request-id: "));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "SERVICE_UNAVAILABLE");
    assert!(body["reference"].as_str().unwrap().starts_with("err-"), "{body}");
}

#[tokio::test]
async fn a_request_that_two_servers_could_read_in_two_ways_is_refused_and_its_connection_closed() {
    let app = TestApp::start().await;
    let next = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    for ambiguous in [
        "",
        "host: x\r\nhost: y\r\n",
        "host: a b\r\n",
        "host: you@x\r\n",
        "host: x\r\ntransfer-encoding: chunked, chunked\r\n",
        "host: x\r\ntransfer-encoding: gzip, chunked\r\n",
        "host: x\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
    ] {
        let coding = if ambiguous.contains("transfer") { "" } else { "transfer-encoding: chunked\r\n" };
        let answer = sent(&app, chunked(&format!("{ambiguous}{coding}")) + next).await;
        assert!(is_refused(&answer, 400, "VALIDATION_FAILED"), "{ambiguous:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{ambiguous:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "nothing after it is read: {ambiguous:?}: {answer}");
    }
    let fine = sent(&app, chunked("host: x\r\nconnection: close\r\ntransfer-encoding: Chunked\r\n")).await;
    assert!(is_refused(&fine, 401, "INVALID_CREDENTIALS"), "{fine}");
    assert!(sent(&app, "GET /health/live HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200"), "1.0 knows no Host");
}

/// A length beside chunks is the classic of request smuggling; hyper goes by the chunks, and must read nothing after.
#[tokio::test]
async fn what_follows_a_request_with_two_lengths_is_never_taken_for_a_request() {
    let app = TestApp::start().await;
    let smuggled = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    for lines in [
        "host: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
        "host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "host: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n",
        "host: x\r\ncontent-length: 5, 5\r\n",
        "host: x\r\ncontent-length: +5\r\n",
        "host: x\r\ntransfer-encoding : chunked\r\n",
        "host: x\r\ntransfer-encoding: xchunked\r\n",
        "host: x\r\ntransfer-encoding:\r\n chunked\r\n",
    ] {
        let answer = sent(&app, chunked(lines) + smuggled).await;
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{lines:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{lines:?}: {answer}");
    }
}

#[tokio::test]
async fn headers_of_more_than_32_kib_are_refused_in_our_own_words() {
    let app = TestApp::start().await;
    let head = |size: usize| {
        format!("GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "a".repeat(size))
    };
    assert!(sent(&app, head(31 * 1024)).await.starts_with("HTTP/1.1 200"));
    let answer = sent(&app, head(33 * 1024)).await;
    assert!(is_refused(&answer, 431, "HEADERS_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn a_body_in_a_coding_that_nobody_undoes_is_refused() {
    let app = TestApp::start().await;
    let login = |coding: &str| {
        let request = app.client().request(Method::POST, "/v1/auth/login").body(LOGIN);
        request.header("content-type", "application/json").header("content-encoding", coding).send()
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        login(coding).await.assert_refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    login("identity").await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn spaces_around_an_address_are_no_part_of_it() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    app.client().login(&format!("  {email} "), PASSWORD).await.assert(200);
    let body = json!({ "email": format!(" {email}") });
    app.client().post("/v1/auth/verify-email/resend", &body).send().await.assert(202);
    for not_trimmed in [format!("\t{email}"), format!("{email}\n"), format!("\u{a0}{email}"), format!("a {email}")] {
        app.client().login(&not_trimmed, PASSWORD).await.assert_refused(400, "VALIDATION_FAILED");
    }
}

/// Another spelling of somebody's address must be that address or none.
#[tokio::test]
async fn no_lookalike_of_an_address_is_taken() {
    let app = TestApp::start().await;
    for lookalike in [
        "\u{430}da@example.com",
        "ada@ex\u{430}mple.com",
        "\u{ff41}da@example.com",
        "\u{212a}@example.com",
        "ada@example.com\u{200b}",
        "ada\u{202e}@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "<ada@example.com>",
        "\"ada\"@example.com",
        "ada@[127.0.0.1]",
        "ada@example.com\0",
    ] {
        let answer = app.client().register(lookalike, "Ada", PASSWORD).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields()[0].0, "email", "{lookalike:?}");
    }
}

#[tokio::test]
async fn no_name_hides_or_turns_around_what_stands_beside_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for name in [
        "\u{200b}",
        "A\u{202e}B",
        "A\u{2066}B",
        "A\u{feff}B",
        "A\nB",
        "A\u{2028}B",
        "\u{3164}",
        "A\u{e0041}",
        "A\u{ad}",
    ] {
        let answer = ada.client.patch("/v1/users/me", &json!({ "name": name })).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
    }
    ada.client.patch("/v1/users/me", &json!({ "name": "a".repeat(101) })).send().await.assert(400);
    // As long as can be, and longer still in NFC.
    for name in ["\u{1d15e}".repeat(99) + "a", format!("a{}", "\u{301}".repeat(99)), "\u{fb2c}".repeat(100)] {
        ada.client.patch("/v1/users/me", &json!({ "name": name })).send().await.assert(200);
    }
}

#[tokio::test]
async fn json_that_two_parsers_read_differently_is_malformed() {
    let app = TestApp::start().await;
    let bodies: [&[u8]; 12] = [
        b"\xef\xbb\xbf{}",
        b"{}\0",
        b"\0{}",
        br#"{"email":NaN}"#,
        br#"{"email":1e999}"#,
        br#"{"email":"a","\u0065mail":"b"}"#,
        br#"{"\udc00":1}"#,
        b"{\"email\":\"\xed\xa0\x80\"}",
        b"{\"email\":\"\xc0\xaf\"}",
        b"{\"email\":\"a\x01\"}",
        b"/**/{}",
        br#"{"email":1,}"#,
    ];
    for body in bodies {
        let request = app.client().request(Method::POST, "/v1/auth/login").body(body);
        let answer = request.header("content-type", "application/json").send().await;
        assert_eq!(answer.refusal(), (400, "MALFORMED_JSON".to_owned()), "{body:?}");
    }
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for (depth, code) in [(32, "VALIDATION_FAILED"), (33, "MALFORMED_JSON")] {
        let request = app.client().request(Method::POST, "/v1/auth/login").body(nested(depth));
        request.header("content-type", "application/json").send().await.assert_refused(400, code);
    }
}

#[tokio::test]
async fn no_other_spelling_of_a_path_reaches_a_route() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for path in [
        "/v1/users/m%65",
        "/%76%31/users/me",
        "/v1/users/me%2f",
        "/v1/users/me%00",
        "/v1/users/me;a=b",
        "/v1//users/me",
        "/v1/users/..%2fme",
        "/./v1/users/me",
        "/docs/..%2f..%2fetc/passwd",
        "/docs/",
        "/.env",
    ] {
        // What stands in the place of an id is refused as one.
        let answer = ada.client.get(path).send().await.refusal();
        let refused = [(404, "NOT_FOUND".to_owned()), (400, "VALIDATION_FAILED".to_owned())];
        assert!(refused.contains(&answer), "{path}: {answer:?}");
    }
}

/// The account goes away, or loses its rights, between the look at its password and the session.
#[tokio::test]
async fn a_login_that_an_erasure_a_suspension_or_a_change_of_role_overtakes_is_a_wrong_login_and_no_failure() {
    let app = TestApp::start().await;
    for change in [
        "delete from users where id = $1",
        "update users set status = 'suspended' where id = $1",
        "update users set role = 'editor' where id = $1",
    ] {
        let (id, email) = app.account(Role::User).await;
        let mut overtaking = app.owner.begin().await.unwrap();
        sqlx::query(change).bind(id).execute(&mut *overtaking).await.unwrap();
        let client = app.client();
        let login = tokio::spawn(async move { client.login(&email, PASSWORD).await });
        someone_waits_for_a_lock(&app).await;
        overtaking.commit().await.unwrap();
        login.await.unwrap().assert_refused(401, "INVALID_CREDENTIALS");
    }
}

/// A refresh and an erasure lock the same rows; in different orders each would wait for the other.
#[tokio::test]
async fn a_refresh_that_an_erasure_overtakes_neither_stops_it_nor_fails() {
    let app = TestApp::start().await;
    let Person { id, refresh_token, .. } = app.person(Role::User).await;
    let mut erasure = app.owner.begin().await.unwrap();
    sqlx::query("select 1 from sessions where user_id = $1 for update").bind(id).execute(&mut *erasure).await.unwrap();
    let client = app.client();
    let refresh = tokio::spawn(async move { client.refresh(&refresh_token).await });
    someone_waits_for_a_lock(&app).await;
    sqlx::query("delete from users where id = $1").bind(id).execute(&mut *erasure).await.unwrap();
    erasure.commit().await.unwrap();
    refresh.await.unwrap().assert_refused(401, "INVALID_CREDENTIALS");
}

async fn someone_waits_for_a_lock(app: &TestApp) {
    until("a request waits for a lock", async || {
        let waiting: bool = sqlx::query_scalar(
            "select exists (
                 select from pg_locks waiting join pg_locks held using (pid)
                 where not waiting.granted
                   and held.database = (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(&app.owner)
        .await
        .unwrap();
        waiting.then_some(())
    })
    .await;
}

/// Of a database's own words some quote what they refuse.
#[tokio::test]
async fn what_the_database_says_of_a_value_is_not_repeated_in_the_log() {
    const ABOUT: About = About { summary: "Misbehave", description: "A route of the tests.", problems: &[] };
    async fn quotes(_: Caller<Public>, State(app): State<App>) -> Result<NoContent> {
        sqlx::query("select $1::text::int").bind("canary-of-a-value").execute(&app.database).await?;
        Ok(NoContent)
    }
    let app = TestApp::start_with(&[], features::routes().get("/quotes", Public, Limit::Read, quotes, &ABOUT)).await;
    let answer = app.client().get("/quotes").send().await;
    answer.assert_refused(500, "INTERNAL_ERROR");
    let cause = lines_with(&answer.reference())[0]["cause"].as_str().unwrap().to_owned();
    assert!(cause.contains("22P02") && !cause.contains("canary"), "{cause}");
}

#[tokio::test]
async fn mails_of_development_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::start().await;
    let folder = std::fs::metadata(app.folder.path().join("mail")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

/// What a route's gates read of a forwarded address must not be what the client wrote into it first.
#[tokio::test]
async fn a_client_cannot_write_itself_another_address_in_front_of_the_proxys() {
    let app = TestApp::start_with(&[("RATE_LIMIT_LOGIN", "fixed-window 3/1h")], features::routes()).await;
    let login = |number: u32, forwarded: String| {
        let body = json!({ "email": format!("n{number}@example.com"), "password": "a guess" }).to_string();
        sent_from(&app, forwarded, body)
    };
    for number in 0..3 {
        let answer = login(number, format!("192.0.2.{number}, 203.0.113.7")).await;
        assert!(is_refused(&answer, 401, "INVALID_CREDENTIALS"), "{answer}");
    }
    let answer = login(3, "192.0.2.3, 203.0.113.7".to_owned()).await;
    assert!(is_refused(&answer, 429, "RATE_LIMITED") && answer.contains("\r\nretry-after: "), "{answer}");
}

async fn sent_from(app: &TestApp, forwarded: String, body: String) -> String {
    let length = body.len();
    let request = format!(
        "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {forwarded}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    sent(app, request).await
}

/// Every example of the document is a request that somebody will copy.
#[tokio::test]
async fn every_example_of_a_request_is_one_that_its_schema_admits() {
    let app = TestApp::start().await;
    let document: serde_json::Value = serde_json::from_slice(&app.app.openapi).unwrap();
    let mut seen = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(body) = operations.pointer("/post/requestBody/content/application~1json") else { continue };
        let mut schema = body["schema"].clone();
        schema["components"] = document["components"].clone();
        let errors: Vec<_> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&body["example"])
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:?} in {}", body["example"]);
        seen.insert(path);
    }
    assert!(seen.len() >= 5, "{seen:?}");
    let example = &document["paths"]["/v1/auth/register"]["post"]["requestBody"]["content"]["application/json"];
    app.client().post("/v1/auth/register", &example["example"]).send().await.assert(202);
}

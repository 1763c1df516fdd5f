//! Anomalies: each is told once, with what there is to know, and refuses nobody.

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::http::Method;
use drawbridge::{
    error::Result,
    features,
    http::{
        answer::NoContent,
        caller::Caller,
        routes::{About, Limit},
    },
    security::access::{Public, Role},
};
use serde_json::{Value, json};
use time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{told, until_told};
use crate::{
    mfa::{self, careful},
    support::{Client, TestApp, until},
};

const SPIKE: &str = "anomaly_traffic_spike";
const SCAN: &str = "anomaly_endpoint_scan";
const STUFFING: &str = "anomaly_credential_stuffing";
const SPRAYING: &str = "anomaly_password_spraying";
const PRIVILEGE: &str = "anomaly_privilege_change";

/// So many at once.
async fn burst(client: &Client, path: &str, count: usize) {
    let requests = (0..count).map(|_| client.get(path).send());
    let requests: tokio::task::JoinSet<_> = requests.collect();
    requests.join_all().await;
}

async fn app_with(settings: &[(&str, &str)]) -> TestApp {
    TestApp::start_with(settings, features::routes()).await
}

#[tokio::test]
async fn a_burst_from_one_quiet_address_is_told_once() {
    let app = TestApp::start().await;
    let eve = app.client();
    burst(&eve, "/health/live", 150).await;
    assert_eq!(until_told(&app, SPIKE, 1).await, [json!({ "of": "address", "requests": 120, "usual": 0 })]);
    app.clock.forward(Duration::minutes(9));
    burst(&eve, "/health/live", 150).await;
    assert_eq!(until_told(&app, SPIKE, 1).await.len(), 1, "ten minutes of quiet");
    app.clock.forward(Duration::minutes(2));
    burst(&eve, "/health/live", 150).await;
    assert_eq!(until_told(&app, SPIKE, 2).await.len(), 2);
}

#[tokio::test]
async fn a_flood_that_is_refused_is_told_all_the_same() {
    let app = app_with(&[("RATE_LIMIT_FLOOD", "token-bucket 1/1h burst 5")]).await;
    burst(&app.client(), "/health/live", 130).await;
    assert_eq!(until_told(&app, SPIKE, 1).await.len(), 1);
}

static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// An answer that never comes.
async fn never(_: Caller<Public>) -> Result<NoContent> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    pending().await
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_is_counted_all_the_same() {
    const ABOUT: About = About { summary: "", description: "", problems: &[] };
    let app = TestApp::start_with(&[], features::routes().get("/never", Public, Limit::Flood, never, &ABOUT)).await;
    let mut sockets = Vec::new();
    for _ in 0..120 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sockets.push(socket);
    }
    until("all are being served", async || (BEGUN.load(Ordering::Relaxed) == 120).then_some(())).await;
    assert_eq!(until_told(&app, SPIKE, 0).await, [Value::Null; 0]);
    drop(sockets);
    assert_eq!(until_told(&app, SPIKE, 1).await.len(), 1);
}

#[tokio::test]
async fn a_user_whose_token_is_used_from_everywhere_is_told_by_name() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..130 {
        app.client().with_token(&ada.access_token).me().await;
    }
    let told = until_told(&app, SPIKE, 1).await;
    assert_eq!(told, [json!({ "of": "principal", "requests": 120, "usual": 0 })]);
    assert_eq!(app.events(ada.id, SPIKE).await, 1);
}

#[tokio::test]
async fn more_than_usual_in_all_is_told_of_nobody_and_not_while_the_service_is_new() {
    let app = app_with(&[("ANOMALY_SERVICE_SPIKE", "20/10s")]).await;
    let crowd = async || {
        for _ in 0..20 {
            app.client().get("/health/live").send().await;
        }
    };
    crowd().await;
    assert_eq!(until_told(&app, SPIKE, 0).await, [Value::Null; 0]);
    app.clock.forward(Duration::minutes(10));
    crowd().await;
    let told = until_told(&app, SPIKE, 1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["of"], "service");
    let nobody = "select count(*) from security_events
                  where type = $1 and user_id is null and client_address is null and request_id is null";
    let nobody: i64 = sqlx::query_scalar(nobody).bind(SPIKE).fetch_one(&app.owner).await.unwrap();
    assert_eq!(nobody, 1);
}

#[tokio::test]
async fn who_tries_doors_is_told_once_whatever_the_doors_answer() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for number in 0..10 {
        ada.client.get(&format!("/old/{number}.php")).send().await.assert(404);
    }
    for path in ["/v1/users/me/sessions", "/v1/users/me", "/v1/auth/login", "/health/live", "/docs"] {
        ada.client.request(Method::PUT, path).send().await.assert(405);
        ada.client.request(Method::TRACE, path).send().await.assert(405);
    }
    assert_eq!(until_told(&app, SCAN, 1).await, [json!({ "refused": 20 })]);
    for number in 0..50 {
        ada.client.get(&format!("/more/{number}.php")).send().await.assert(404);
    }
    assert_eq!(until_told(&app, SCAN, 1).await.len(), 1);
    assert_eq!(app.events(ada.id, SCAN).await, 0, "no credential is looked at on a path that is not there");
}

#[tokio::test]
async fn who_goes_through_ids_is_told_and_who_polls_one_that_is_gone_is_not() {
    let app = TestApp::start().await;
    let (eve, bob) = (app.person(Role::User).await, app.person(Role::User).await);
    let path = |number: u128| format!("/v1/users/{}", uuid::Uuid::from_u128(number));
    for _ in 0..70 {
        bob.client.get(&path(7)).send().await.assert(404);
    }
    for number in 0..60 {
        eve.client.get(&path(number)).send().await.assert(404);
    }
    assert_eq!(until_told(&app, SCAN, 1).await, [json!({ "refused": 60 })]);
    assert_eq!((app.events(eve.id, SCAN).await, app.events(bob.id, SCAN).await), (1, 0));
}

#[tokio::test]
async fn a_list_of_accounts_is_told_of_the_network_before_its_limit_ends_it() {
    let app = TestApp::start().await;
    let tries = async |number: usize| {
        let body = json!({ "email": format!("leaked-{number}@example.com"), "password": "a guess" });
        // A customer of a provider, who has a whole /64.
        let address = format!("2001:db8:7:7::{number}");
        app.client()
            .direct()
            .post("/v1/auth/login", &body)
            .header("x-forwarded-for", &address)
            .send()
            .await
            .assert(401);
    };
    for number in 1..=5 {
        tries(number).await;
    }
    assert_eq!(until_told(&app, STUFFING, 0).await, [Value::Null; 0]);
    for number in 6..=10 {
        tries(number).await;
    }
    assert_eq!(until_told(&app, STUFFING, 1).await, [json!({ "accounts": 6 })]);
}

#[tokio::test]
async fn wrong_codes_are_failed_sign_ins_too() {
    let app = TestApp::start().await;
    let (ada, eve) = (careful(&app).await, app.client());
    for number in 1..=5 {
        eve.login(&format!("leaked-{number}@example.com"), "a guess").await.assert(401);
    }
    let mfa_token = mfa::challenge(&app, &ada.person.email).await;
    let body = json!({ "mfa_token": mfa_token, "code": ada.phone.wrong_code(&app) });
    eve.post("/v1/auth/mfa", &body).send().await.assert(401);
    assert_eq!(until_told(&app, STUFFING, 1).await, [json!({ "accounts": 6 })]);
}

#[tokio::test]
async fn one_account_that_is_tried_from_many_networks_is_told_also_when_it_is_locked() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let somewhere = app.client();
    for _ in 0..7 {
        somewhere.login(&email, "a guess").await.assert(401);
    }
    for _ in 0..3 {
        app.client().login(&email, "a guess").await.assert(401);
    }
    assert_eq!(until_told(&app, SPRAYING, 0).await, [Value::Null; 0]);
    for _ in 0..3 {
        app.client().login(&email, "a guess").await.assert(429);
    }
    assert_eq!(until_told(&app, SPRAYING, 1).await, [json!({ "networks": 5 })]);
    assert_eq!(app.events(id, SPRAYING).await, 0, "whose it is was not looked up for one that is refused");
}

#[tokio::test]
async fn an_account_that_is_not_verified_yet_is_no_failed_try() {
    let app = TestApp::start().await;
    let class = app.client();
    for _ in 0..7 {
        let (id, email) = app.account(Role::User).await;
        sqlx::query("update users set email_verified_at = null where id = $1")
            .bind(id)
            .execute(&app.owner)
            .await
            .unwrap();
        class.login(&email, crate::support::PASSWORD).await.assert_refused(403, "EMAIL_NOT_VERIFIED");
    }
    assert_eq!(until_told(&app, STUFFING, 0).await, [Value::Null; 0]);
}

#[tokio::test]
async fn rights_that_change_outside_hours_are_told_with_their_change_and_other_changes_are_not() {
    let app = app_with(&[("BUSINESS_HOURS", "sun 11:00-12:30"), ("ACCESS_TOKEN_TTL", "1h")]).await;
    let (user, admin) = (app.account(Role::User).await.0, app.person(Role::Admin).await);
    let path = format!("/v1/admin/users/{user}");
    let change = async |body: Value| drop(admin.client.patch(&path, &body).send().await.assert(200).json());
    let invite = async |email: &str, role: &str| {
        let body = json!({ "email": email, "name": "Grace", "role": role });
        admin.client.post("/v1/admin/users", &body).send().await.assert(201);
    };
    change(json!({ "role": "editor" })).await;
    app.clock.forward(Duration::minutes(29));
    change(json!({ "role": "user" })).await;
    assert_eq!(told(&app, PRIVILEGE).await, [Value::Null; 0]);

    app.clock.forward(Duration::minutes(1));
    change(json!({ "name": "Ada King", "role": "user" })).await;
    invite("user@example.com", "user").await;
    assert_eq!(told(&app, PRIVILEGE).await, [Value::Null; 0]);
    change(json!({ "role": "editor" })).await;
    assert_eq!(told(&app, PRIVILEGE).await, [json!({ "role": "editor", "by": admin.id })]);
    invite("editor@example.com", "editor").await;
    assert_eq!(told(&app, PRIVILEGE).await.len(), 2, "rights that somebody begins with");
}

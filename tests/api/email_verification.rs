//! The token that proves an address.

use serde_json::json;

use crate::support::{PASSWORD, TestApp, until};

async fn registered(app: &TestApp, email: &str) -> String {
    app.client().register(email, "Somebody", PASSWORD).await.assert(202);
    app.token_mailed_to(email).await
}

#[tokio::test]
async fn a_verification_token_works_once() {
    let app = TestApp::start().await;
    let token = registered(&app, "ada@example.com").await;
    let verify = || app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send();
    verify().await.assert(204);
    verify().await.assert_refused(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn of_fifty_uses_at_once_one_verifies() {
    let app = TestApp::start().await;
    let token = registered(&app, "ada@example.com").await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        racers.spawn(app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send());
    }
    let won = racers.join_all().await.iter().filter(|answer| answer.status == 204).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_verification_token_dies_after_a_day() {
    let app = TestApp::start().await;
    let token = registered(&app, "ada@example.com").await;
    app.clock.forward(time::Duration::hours(24));
    let late = app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send().await;
    late.assert_refused(400, "INVALID_TOKEN");
}

/// A mail scanner follows links. There is nothing to follow: the token is no part of any address.
#[tokio::test]
async fn a_get_never_spends_a_token() {
    let app = TestApp::start().await;
    let token = registered(&app, "ada@example.com").await;
    app.client()
        .get(&format!("/v1/auth/verify-email?token={token}"))
        .send()
        .await
        .assert_refused(405, "METHOD_NOT_ALLOWED");
    app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
}

#[tokio::test]
async fn the_mail_is_sent_again_on_request_and_to_nobody_else() {
    let app = TestApp::start().await;
    let first = registered(&app, "ada@example.com").await;
    let resend = |email: &str| app.client().post("/v1/auth/verify-email/resend", &json!({ "email": email })).send();
    let unknown = resend("nobody@example.com").await;
    let known = resend("ADA@example.com").await;
    assert_eq!((unknown.assert(202).text(), known.status), (known.text(), unknown.status));
    let second = until("another token", async || {
        Some(app.token_mailed_to("ada@example.com").await).filter(|token| *token != first)
    });
    app.client().post("/v1/auth/verify-email", &json!({ "token": second.await })).send().await.assert(204);
    // A mail is there a moment before its row is gone.
    let of_ada = "select id from mail_outbox where lower(recipient) = 'ada@example.com'";
    let sent = async || sqlx::query(of_ada).fetch_all(&app.owner).await.unwrap().is_empty().then_some(());
    until("both mails are sent", sent).await;
    let queued: i64 = sqlx::query_scalar("select count(*) from mail_outbox").fetch_one(&app.owner).await.unwrap();
    assert!(app.mails_to("nobody@example.com").is_empty());
    assert_eq!(queued, 0, "nothing is on its way to an address without an account");
}

#[tokio::test]
async fn nobody_can_have_a_mailbox_filled() {
    let app = TestApp::start().await;
    registered(&app, "ada@example.com").await;
    for _ in 0..5 {
        let resend = app.client().post("/v1/auth/verify-email/resend", &json!({ "email": "ada@example.com" }));
        resend.send().await.assert(202);
    }
    let sixth = app.client().post("/v1/auth/verify-email/resend", &json!({ "email": "Ada@example.com" })).send().await;
    sixth.assert_refused(429, "RATE_LIMITED");
    assert!(sixth.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn a_token_never_rests_in_the_database_in_plain_text() {
    let app = TestApp::start().await;
    let token = registered(&app, "ada@example.com").await;
    let stored: i64 = sqlx::query_scalar(
        "select (select count(*) from one_time_tokens t where t::text like '%' || $1 || '%')
              + (select count(*) from mail_outbox m where m::text like '%' || $1 || '%')",
    )
    .bind(&token)
    .fetch_one(&app.owner)
    .await
    .unwrap();
    assert_eq!(stored, 0);
}

//! A signed token that can be revoked now, on every replica.

use drawbridge::security::access::Role;
use serde_json::json;

use crate::support::{Client, TestApp, until};

/// A test that reads until something happens reads often, and its clock stands still.
const READ_OFTEN: (&str, &str) = ("RATE_LIMIT_READ", "token-bucket 100000/1m");

async fn start() -> TestApp {
    TestApp::start_with(&[READ_OFTEN], drawbridge::features::routes()).await
}

/// Reads until the token stops working; a revocation that never arrives fails the test.
async fn stops(client: &Client) {
    until("the token stops working", async || (client.me().await.status == 401).then_some(())).await;
}

#[tokio::test]
async fn a_logout_here_ends_the_token_on_another_replica() {
    let app = start().await;
    let other = app.replica_with(&[READ_OFTEN]).await;
    let ada = app.person(Role::User).await;
    let elsewhere = ada.client.at(other.address);
    elsewhere.me().await.assert(200);
    ada.client.post("/v1/auth/logout", &json!({})).send().await.assert(204);
    ada.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    stops(&elsewhere).await;
}

#[tokio::test]
async fn a_logout_ends_one_session_and_no_other() {
    let app = start().await;
    let phone = app.person(Role::User).await;
    let laptop = app.sign_in(phone.id, phone.email.clone()).await;
    phone.client.post("/v1/auth/logout", &json!({})).send().await.assert(204);
    phone.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    laptop.client.me().await.assert(200);
    app.client().refresh(&laptop.refresh_token).await.assert(200);
}

#[tokio::test]
async fn a_suspension_by_hand_at_the_database_ends_the_token_too() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    ada.client.me().await.assert(200);
    sqlx::query("update users set status = 'suspended' where id = $1").bind(ada.id).execute(&app.owner).await.unwrap();
    stops(&ada.client).await;
}

#[tokio::test]
async fn a_change_of_role_ends_access_tokens_and_a_refresh_brings_the_new_role() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    ada.client.me().await.assert(200);
    sqlx::query("update users set role = 'editor' where id = $1").bind(ada.id).execute(&app.owner).await.unwrap();
    stops(&ada.client).await;
    let tokens = app.client().refresh(&ada.refresh_token).await.assert(200).json();
    let me = app.client().with_token(tokens["access_token"].as_str().unwrap()).me().await;
    assert_eq!(me.assert(200).json()["role"], "editor");
}

#[tokio::test]
async fn a_token_from_before_a_change_of_role_stays_dead_when_the_role_comes_back() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    sqlx::query("update sessions set generation = generation + 1 where user_id = $1")
        .bind(ada.id)
        .execute(&app.owner)
        .await
        .unwrap();
    stops(&ada.client).await;
    let tokens = app.client().refresh(&ada.refresh_token).await.assert(200).json();
    app.client().with_token(tokens["access_token"].as_str().unwrap()).me().await.assert(200);
    ada.client.me().await.assert_refused(401, "UNAUTHENTICATED");
}

/// The listener's connection dies, and a session is revoked before it is back: nothing was announced to this replica.
#[tokio::test]
async fn a_revocation_that_was_announced_to_nobody_is_seen_all_the_same() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    ada.client.me().await.assert(200);
    app.cut_database_connections().await;
    sqlx::query("update sessions set ended_at = $2, end_reason = 'logout' where user_id = $1")
        .bind(ada.id)
        .bind(app.app.givens.now().0)
        .execute(&app.owner)
        .await
        .unwrap();
    stops(&ada.client).await;
}

#[tokio::test]
async fn the_service_recovers_when_its_database_comes_back() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    app.lose_database().await;
    let client = ada.client.clone();
    let refused = until("the loss is noticed", async || {
        Some(client.get("/health/ready").send().await).filter(|a| a.status == 503)
    });
    let refused = refused.await;
    refused.assert_refused(503, "SERVICE_UNAVAILABLE");
    assert!(!refused.header("retry-after").is_empty());
    app.client().login(&ada.email, "anything at all").await.assert_refused(503, "SERVICE_UNAVAILABLE");
    ada.client.get("/health/live").send().await.assert(200);

    app.restore_database().await;
    until("it is ready again", async || (client.get("/health/ready").send().await.status == 200).then_some(())).await;
    ada.client.me().await.assert(200);
}

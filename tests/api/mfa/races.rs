//! Many at once, on two replicas: one is in time.

use axum::http::StatusCode;
use drawbridge::features;
use serde_json::json;

use super::*;

/// Sends one code fifty times at once: five to each of ten challenges, half of them to another replica.
async fn fifty_at_once(app: &TestApp, other: &TestApp, email: &str, code: &str) -> Vec<StatusCode> {
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let body = json!({ "mfa_token": challenge(app, email).await, "code": code });
        for number in 0..5 {
            let client = if number % 2 == 0 { app.client() } else { other.client() };
            let body = body.clone();
            attempts.spawn(async move { client.post("/v1/auth/mfa", &body).send().await.status });
        }
    }
    attempts.join_all().await
}

fn winners(statuses: &[StatusCode]) -> usize {
    assert!(statuses.iter().all(|status| [200, 401, 429].contains(&status.as_u16())), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[tokio::test]
async fn of_fifty_uses_of_one_code_at_once_one_signs_in() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let other = app.replica_with(&UNLIMITED).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    assert_eq!(winners(&fifty_at_once(&app, &other, &ada.email, &phone.code(&app)).await), 1);
    assert_eq!(app.events(ada.id, "authn_mfa_success").await, 1);
}

#[tokio::test]
async fn of_fifty_uses_of_one_recovery_code_at_once_one_signs_in() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let other = app.replica_with(&UNLIMITED).await;
    let Careful { person: ada, recovery_codes, .. } = careful(&app).await;
    assert_eq!(winners(&fifty_at_once(&app, &other, &ada.email, &recovery_codes[0]).await), 1);
    assert_eq!(app.events(ada.id, "authn_mfa_recovery_code_used").await, 1);
}

/// Both have taken their try, on two replicas, and stand at the account's row.
#[tokio::test]
async fn of_two_good_codes_at_once_for_one_challenge_one_signs_in() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let other = app.replica_with(&UNLIMITED).await;
    let Careful { person: ada, recovery_codes, .. } = careful(&app).await;
    let token = challenge(&app, &ada.email).await;
    let mut held = app.owner.begin().await.unwrap();
    sqlx::query("select from users where id = $1 for update").bind(ada.id).execute(&mut *held).await.unwrap();
    let mut attempts = tokio::task::JoinSet::new();
    for (client, code) in [app.client(), other.client()].into_iter().zip(&recovery_codes) {
        let body = json!({ "mfa_token": token, "code": code });
        attempts.spawn(async move { client.post("/v1/auth/mfa", &body).send().await.status });
    }
    until("both tries are taken", async || {
        let left: i32 =
            sqlx::query_scalar("select tries_left from mfa_challenges").fetch_one(&app.owner).await.unwrap();
        (left == 3).then_some(())
    })
    .await;
    held.rollback().await.unwrap();
    assert_eq!(winners(&attempts.join_all().await), 1);
    let left: i64 = sqlx::query_scalar("select count(*) from recovery_codes").fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 9, "who was too late keeps the code");
}

#[tokio::test]
async fn of_many_confirmations_at_once_one_gets_the_recovery_codes() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let ada = app.person(drawbridge::security::access::Role::User).await;
    let phone = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (client, code) = (ada.client.clone(), phone.code(&app));
        attempts.spawn(async move { confirm(&client, &code).await.status.as_u16() });
    }
    let mut statuses = attempts.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[409; 9]].concat());
    let codes: i64 = sqlx::query_scalar("select count(*) from recovery_codes").fetch_one(&app.owner).await.unwrap();
    assert_eq!(codes, 10);
}

#[tokio::test]
async fn a_step_up_amid_refreshes_signs_no_tab_out() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let other = app.replica_with(&UNLIMITED).await;
    let ada = app.person(drawbridge::security::access::Role::User).await;
    let mut tabs = tokio::task::JoinSet::new();
    for number in 0..10 {
        let client = if number % 2 == 0 { app.client() } else { other.client() };
        let token = ada.refresh_token.clone();
        tabs.spawn(async move { client.refresh(&token).await });
    }
    let stepped_up = reauthenticate(&ada.client, PASSWORD, None).await;
    // Whichever came first: what a tab got in exchange leads to where the step-up led.
    let newest = token(&stepped_up, "refresh_token");
    for tab in tabs.join_all().await {
        let got = token(&tab, "refresh_token");
        let leads_to = if got == newest { got } else { token(&app.client().refresh(&got).await, "refresh_token") };
        assert_eq!(leads_to, newest);
    }
    app.client().refresh(&newest).await.assert(200);
}

//! Refresh tokens: spent once, without signing an honest client out.

use std::collections::BTreeSet;

use drawbridge::security::access::Role;
use serde_json::json;
use time::Duration;

use crate::support::{PASSWORD, TestApp};

fn successor(answer: &crate::support::Answer) -> String {
    answer.assert(200).json()["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn fifty_uses_at_once_on_two_replicas_get_one_and_the_same_successor() {
    let app = TestApp::start_with(&[("RATE_LIMIT_TOKEN", "token-bucket 100/1m")], drawbridge::features::routes()).await;
    let other = app.replica_with(&[("RATE_LIMIT_TOKEN", "token-bucket 100/1m")]).await;
    let ada = app.person(Role::User).await;
    let mut tabs = tokio::task::JoinSet::new();
    for number in 0..50 {
        let client = if number % 2 == 0 { app.client() } else { other.client() };
        let token = ada.refresh_token.clone();
        tabs.spawn(async move { client.refresh(&token).await });
    }
    let successors: BTreeSet<_> = tabs.join_all().await.iter().map(successor).collect();
    assert_eq!(successors.len(), 1);
    app.client().refresh(successors.first().unwrap()).await.assert(200);
}

#[tokio::test]
async fn a_lost_answer_signs_nobody_out() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let lost = successor(&app.client().refresh(&ada.refresh_token).await);
    app.clock.forward(Duration::seconds(9));
    assert_eq!(successor(&app.client().refresh(&ada.refresh_token).await), lost);
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_session_for_both() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let fresh = app.client().refresh(&ada.refresh_token).await;
    let stolen_from = app.client().with_token(fresh.json()["access_token"].as_str().unwrap());
    stolen_from.me().await.assert(200);
    app.clock.forward(Duration::seconds(10));

    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().refresh(&successor(&fresh)).await.assert_refused(401, "INVALID_CREDENTIALS");
    stolen_from.me().await.assert_refused(401, "UNAUTHENTICATED");
    assert_eq!(app.events(ada.id, "authn_token_reuse").await, 1);
}

#[tokio::test]
async fn without_grace_the_second_use_is_the_last() {
    let app = TestApp::start_with(&[("REFRESH_GRACE", "0s")], drawbridge::features::routes()).await;
    let ada = app.person(Role::User).await;
    let next = successor(&app.client().refresh(&ada.refresh_token).await);
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().refresh(&next).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_session_lives_thirty_days_from_its_last_refresh_and_ninety_in_all() {
    let app = TestApp::start().await;
    let (idle, busy) = (app.person(Role::User).await, app.person(Role::User).await);
    let mut token = busy.refresh_token;
    for _ in 0..3 {
        app.clock.forward(Duration::days(29));
        token = successor(&app.client().refresh(&token).await);
    }
    app.client().refresh(&idle.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.clock.forward(Duration::days(3));
    app.client().refresh(&token).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_alike() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for wrong in ["wrong", &ada.access_token, "dbr_", "\u{1F511}", "' or 1=1 --"] {
        app.client().refresh(wrong).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    let nothing = app.client().post("/v1/auth/refresh", &json!({ "refresh_token": "" })).send().await;
    nothing.assert_refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_copy_of_the_database_yields_no_refresh_token() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let next = successor(&app.client().refresh(&ada.refresh_token).await);
    let dump: String = sqlx::query_scalar(
        "select string_agg(r::text || encode(coalesce(successor, ''), 'escape'), ' ') from refresh_tokens r",
    )
    .fetch_one(&app.owner)
    .await
    .unwrap();
    assert!(!dump.contains(&ada.refresh_token) && !dump.contains(&next));
    // What is stored of a token is no token.
    let hash: String = sqlx::query_scalar("select encode(hash, 'hex') from refresh_tokens limit 1")
        .fetch_one(&app.owner)
        .await
        .unwrap();
    app.client().refresh(&hash).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn suspension_ends_refreshing_too() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    sqlx::query("update users set status = 'suspended' where id = $1").bind(ada.id).execute(&app.owner).await.unwrap();
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().login(&ada.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn what_is_over_is_cleared_away_and_nothing_that_is_still_needed() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.client().refresh(&ada.refresh_token).await.assert(200);
    let clear = async || {
        drawbridge::database::housekeeping(&app.app.database, &app.app.settings.session, app.app.givens.now())
            .await
            .unwrap();
        let rows =
            "select (select count(*) from refresh_tokens where successor is not null), (select count(*) from sessions)";
        sqlx::query_as::<_, (i64, i64)>(rows).fetch_one(&app.owner).await.unwrap()
    };
    assert_eq!(clear().await, (1, 1), "the successor can still be handed out again");
    app.clock.forward(Duration::minutes(2));
    assert_eq!(clear().await, (0, 1), "the session lives");
    app.clock.forward(Duration::days(59));
    assert_eq!(clear().await, (0, 1), "expired, and its device is still known");
    app.clock.forward(Duration::days(2));
    assert_eq!(clear().await, (0, 0));
}

//! Proving once more who one is, and what that is worth to a thief.

use drawbridge::{features, security::access::Role};
use serde_json::json;
use time::Duration;

use super::*;

/// Ten minutes after the sign-in, with an access token of a refresh: good, and not fresh.
async fn stale(app: &TestApp, refresh_token: &str) -> (Client, String) {
    app.clock.forward(Duration::minutes(11));
    let tokens = app.client().refresh(refresh_token).await;
    (app.client().with_token(&token(&tokens, "access_token")), token(&tokens, "refresh_token"))
}

#[tokio::test]
async fn a_step_up_makes_the_session_fresh_and_no_token_from_before_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (stolen, _) = stale(&app, &ada.refresh_token).await;
    begin(&stolen).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");

    let stepped_up = reauthenticate(&stolen, PASSWORD, None).await;
    assert_eq!(stepped_up.assert(200).header("cache-control"), "no-store");
    let fresh = token(&stepped_up, "access_token");
    assert_eq!(claims(&fresh)["auth_time"], json!(app.app.givens.now().unix()));
    begin(&app.client().with_token(&fresh)).await.assert(201);
    begin(&stolen).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
    stolen.me().await.assert(200);

    // The new time of proof is the session's: a refresh keeps it, and does not renew it.
    let tokens = app.client().refresh(&token(&stepped_up, "refresh_token")).await;
    let refreshed = app.client().with_token(&token(&tokens, "access_token"));
    begin(&refreshed).await.assert(201);
    assert_eq!(claims(&token(&tokens, "access_token"))["amr"], json!(["pwd"]));
    let sessions = refreshed.get("/v1/users/me/sessions").send().await.json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "it is the same session");
    assert_eq!(app.events(ada.id, "authn_login_success").await, 2);
    let (later, _) = stale(&app, &token(&tokens, "refresh_token")).await;
    begin(&later).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn a_wrong_password_steps_nothing_up_and_guessing_ends() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..10 {
        reauthenticate(&ada.client, "not the right password", None).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    reauthenticate(&ada.client, PASSWORD, None).await.assert_refused(429, "RATE_LIMITED");
    until_event(&app, ada.id, "authn_login_fail", 10).await;
    app.client().refresh(&ada.refresh_token).await.assert(200);
}

#[tokio::test]
async fn with_a_second_factor_a_step_up_wants_its_code() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, recovery_codes } = careful(&app).await;
    reauthenticate(&ada.client, PASSWORD, None).await.assert_refused(401, "INVALID_CREDENTIALS");
    let wrong = phone.wrong_code(&app);
    reauthenticate(&ada.client, PASSWORD, Some(&wrong)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let code = phone.code(&app);
    reauthenticate(&ada.client, "not the right password", Some(&code)).await.assert_refused(401, "INVALID_CREDENTIALS");

    let stepped_up = reauthenticate(&ada.client, PASSWORD, Some(&code)).await;
    assert_eq!(claims(&token(&stepped_up, "access_token"))["amr"], json!(["pwd", "otp", "mfa"]));
    let kept = token(&app.client().refresh(&token(&stepped_up, "refresh_token")).await, "access_token");
    assert_eq!(claims(&kept)["amr"], json!(["pwd", "otp", "mfa"]));
    reauthenticate(&ada.client, PASSWORD, Some(&recovery_codes[0])).await.assert(200);
    reauthenticate(&ada.client, PASSWORD, Some(&recovery_codes[0])).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn another_tab_gets_the_very_same_successor_and_a_thief_betrays_himself() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let newest = token(&reauthenticate(&ada.client, PASSWORD, None).await, "refresh_token");
    app.clock.forward(Duration::seconds(9));
    assert_eq!(token(&app.client().refresh(&ada.refresh_token).await, "refresh_token"), newest);

    app.clock.forward(Duration::seconds(1));
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    assert_eq!(app.events(ada.id, "authn_token_reuse").await, 1);
    app.client().refresh(&newest).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn an_answer_that_was_lost_and_asked_for_again_signs_nobody_out() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let lost = token(&reauthenticate(&ada.client, PASSWORD, None).await, "refresh_token");
    let again = token(&reauthenticate(&ada.client, PASSWORD, None).await, "refresh_token");
    assert_eq!(token(&app.client().refresh(&lost).await, "refresh_token"), again);
    app.client().refresh(&again).await.assert(200);
}

#[tokio::test]
async fn without_grace_the_token_from_before_is_over_at_once() {
    let app = TestApp::start_with(&[("REFRESH_GRACE", "0s")], features::routes()).await;
    let ada = app.person(Role::User).await;
    reauthenticate(&ada.client, PASSWORD, None).await.assert(200);
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_session_that_is_busy_with_step_ups_still_ends_after_ninety_days() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (mut client, mut refresh_token) = (ada.client, ada.refresh_token);
    for _ in 0..3 {
        app.clock.forward(Duration::days(29));
        let tokens = app.client().refresh(&refresh_token).await;
        client = app.client().with_token(&token(&tokens, "access_token"));
        refresh_token = token(&reauthenticate(&client, PASSWORD, None).await, "refresh_token");
    }
    app.clock.forward(Duration::days(3));
    app.client().refresh(&refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    client.me().await.assert(401);
}

/// The step-up stands at the account's row, with the password checked, while the second factor comes on.
#[tokio::test]
async fn a_step_up_that_began_before_the_second_factor_came_on_is_none() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let mut turning_on = app.owner.begin().await.unwrap();
    let lock = "update users set mfa_enabled_at = now() where id = $1";
    sqlx::query(lock).bind(ada.id).execute(&mut *turning_on).await.unwrap();
    let client = ada.client.clone();
    let step_up = tokio::spawn(async move { reauthenticate(&client, PASSWORD, None).await });
    until_somebody_waits(&app).await;
    turning_on.commit().await.unwrap();
    step_up.await.unwrap().assert_refused(401, "INVALID_CREDENTIALS");
}

//! A password becomes a session, and what does not.

use drawbridge::security::access::Role;
use serde_json::json;
use time::Duration;

use crate::support::{PASSWORD, TestApp, lines_with};

#[tokio::test]
async fn wrong_password_unknown_address_and_suspension_are_answered_alike() {
    let app = TestApp::start().await;
    let (_, known) = app.account(Role::User).await;
    let (suspended_id, suspended) = app.account(Role::User).await;
    sqlx::query("update users set status = 'suspended' where id = $1")
        .bind(suspended_id)
        .execute(&app.owner)
        .await
        .unwrap();

    let (pending_id, pending) = app.account(Role::User).await;
    sqlx::query("update users set status = 'suspended', email_verified_at = null where id = $1")
        .bind(pending_id)
        .execute(&app.owner)
        .await
        .unwrap();

    let answers = [
        app.client().login(&known, "not the right password").await,
        app.client().login("nobody@example.com", PASSWORD).await,
        app.client().login(&suspended, PASSWORD).await,
        app.client().login(&pending, PASSWORD).await,
    ];
    let without_reference = |answer: &crate::support::Answer| {
        let mut body = answer.json();
        body["reference"] = json!(null);
        (answer.status, body, answer.header("www-authenticate").to_owned())
    };
    let first = without_reference(&answers[0]);
    assert_eq!(first.0, 401);
    assert_eq!(first.1["code"], "INVALID_CREDENTIALS");
    assert!(answers.iter().all(|answer| without_reference(answer) == first));
}

#[tokio::test]
async fn the_same_password_in_another_unicode_form_signs_in() {
    let app = TestApp::start().await;
    let composed = "caf\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e sans sucre";
    let decomposed = "cafe\u{301} cre\u{300}me bru\u{302}le\u{301}e sans sucre";
    let someone = app.client();
    someone.register("ada@example.com", "Ada", composed).await.assert(202);
    let token = app.token_mailed_to("ada@example.com").await;
    someone.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
    someone.login("ada@example.com", decomposed).await.assert(200);
}

#[tokio::test]
async fn a_login_is_on_the_trail_whether_or_not_it_succeeds() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    assert_eq!(app.events(ada.id, "authn_login_success").await, 1);
    app.client().login(&ada.email, "not the right password").await.assert(401);
    crate::support::until("the failure is written", async || {
        (app.events(ada.id, "authn_login_fail").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn guessing_ends_after_ten_tries_from_however_many_addresses() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    for _ in 0..10 {
        app.client().login(&email, "a guess").await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    let limited = app.client().login(&email, PASSWORD).await;
    limited.assert_refused(429, "RATE_LIMITED");
    let noted = lines_with("excess_rate_limit_exceeded");
    assert!(noted.iter().any(|line| line["details"].as_str().unwrap().contains("login")), "{noted:?}");
    let wait: i64 = limited.header("retry-after").parse().unwrap();
    app.clock.forward(Duration::seconds(wait));
    app.client().login(&email, PASSWORD).await.assert(200);
}

#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let app = TestApp::start().await;
    let guesser = app.client();
    for number in 0..10 {
        guesser.login(&format!("nobody-{number}@example.com"), "a guess").await.assert(401);
    }
    guesser.login("nobody-10@example.com", "a guess").await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_success_gives_the_tries_back() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    for _ in 0..9 {
        app.client().login(&email, "a guess").await.assert(401);
    }
    app.client().login(&email, PASSWORD).await.assert(200);
    for _ in 0..10 {
        app.client().login(&email, "a guess").await.assert_refused(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_stranger_who_guesses_cannot_lock_the_owner_out() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..11 {
        app.client().login(&ada.email, "a guess").await;
    }
    app.client().login(&ada.email, PASSWORD).await.assert_refused(429, "RATE_LIMITED");
    let from_her_device = json!({ "email": ada.email, "password": PASSWORD, "known_device": ada.refresh_token });
    app.client().post("/v1/auth/login", &from_her_device).send().await.assert(200);

    let forged = json!({ "email": ada.email, "password": PASSWORD, "known_device": "dbr_made-up" });
    app.client().post("/v1/auth/login", &forged).send().await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_known_device_of_one_account_is_no_key_to_the_budget_of_another() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    for _ in 0..11 {
        app.client().login(&ada.email, "a guess").await;
    }
    let body = json!({ "email": ada.email, "password": "a guess", "known_device": eve.refresh_token });
    app.client().post("/v1/auth/login", &body).send().await.assert_refused(429, "RATE_LIMITED");
}

/// A guesser has spent the e-mail's budget; whether the owner is let in shows whether the device is known.
#[tokio::test]
async fn a_device_is_known_by_its_last_token_for_thirty_days_after_the_end_and_not_after_a_theft() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let is_known = async |token: &str| {
        while app.client().login(&ada.email, "a guess").await.status != 429 {}
        let body = json!({ "email": ada.email, "password": PASSWORD, "known_device": token });
        app.client().post("/v1/auth/login", &body).send().await.status == 200
    };
    let refreshed = async |token: &str| {
        let tokens = app.client().refresh(token).await.assert(200).json();
        tokens["refresh_token"].as_str().unwrap().to_owned()
    };
    let last = refreshed(&ada.refresh_token).await;
    assert!(!is_known(&ada.refresh_token).await, "a token that was traded for another");
    assert!(is_known(&last).await, "the last one");

    // The session has a month left, and then its device another.
    app.clock.forward(Duration::days(60) - Duration::SECOND);
    assert!(is_known(&last).await, "a session that ended a month ago");
    app.clock.forward(Duration::SECOND);
    assert!(!is_known(&last).await, "one that ended longer ago");

    app.clock.forward(Duration::hours(1));
    let stolen = app.sign_in(ada.id, ada.email.clone()).await.refresh_token;
    let last = refreshed(&stolen).await;
    app.clock.forward(Duration::minutes(1));
    app.client().refresh(&stolen).await.assert_refused(401, "INVALID_CREDENTIALS");
    assert!(!is_known(&last).await, "a session in which a spent token was used again");
}

#[tokio::test]
async fn outdated_hash_parameters_are_renewed_when_the_password_is_at_hand() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let newer = TestApp::replica_with(&app, &[("PASSWORD_HASH_ITERATIONS", "3")]).await;
    let hash = async || -> String {
        sqlx::query_scalar("select password_hash from users where id = $1")
            .bind(id)
            .fetch_one(&app.owner)
            .await
            .unwrap()
    };
    assert!(hash().await.contains("t=2"));
    newer.client().login(&email, "a guess").await.assert(401);
    assert!(hash().await.contains("t=2"), "a wrong password renews nothing");
    newer.client().login(&email, PASSWORD).await.assert(200);
    assert!(hash().await.contains("t=3"));
    newer.client().login(&email, PASSWORD).await.assert(200);
}

/// Two threads and a queue of one: of many at once most are turned away at once, none is stuck, and a reader is served
/// meanwhile.
#[tokio::test]
async fn a_storm_of_logins_is_turned_away_and_everyone_else_is_served() {
    let settings = [("PASSWORD_HASH_THREADS", "1"), ("PASSWORD_HASH_QUEUE", "1")];
    let app = TestApp::start_with(&settings, drawbridge::features::routes()).await;
    let ada = app.person(Role::User).await;
    let mut storm = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = app.client();
        storm.spawn(async move { client.login(&format!("nobody-{number}@example.com"), "a guess").await });
    }
    ada.client.me().await.assert(200);
    let answers = storm.join_all().await;
    let turned_away: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!turned_away.is_empty());
    assert!(turned_away.iter().all(|answer| answer.header("retry-after") == "1"));
    assert!(answers.iter().all(|answer| [401, 503].contains(&answer.status.as_u16())));
}

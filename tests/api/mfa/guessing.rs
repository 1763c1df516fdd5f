//! Whoever has the password and guesses at the code, and the owner meanwhile.

use drawbridge::features;
use serde_json::json;
use time::Duration;

use super::*;

#[tokio::test]
async fn a_challenge_has_five_tries_and_the_sixth_is_too_late_with_the_right_code() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let Careful { person: ada, phone, recovery_codes } = careful(&app).await;
    for late in [phone.code(&app), recovery_codes[0].clone()] {
        let token = challenge(&app, &ada.email).await;
        for _ in 0..5 {
            answer(&app, &token, "not a code").await.assert_refused(401, "INVALID_CREDENTIALS");
        }
        answer(&app, &token, &late).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn by_default_the_sixth_try_is_one_too_many_from_one_address_and_at_one_challenge() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let (token, guesser) = (challenge(&app, &ada.email).await, app.client());
    let guess = async |token: &str| {
        guesser.post("/v1/auth/mfa", &json!({ "mfa_token": token, "code": "not a code" })).send().await
    };
    for _ in 0..5 {
        guess("dbt_unknown").await.assert_refused(401, "INVALID_CREDENTIALS");
        answer(&app, &token, "not a code").await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    guess("dbt_another").await.assert_refused(429, "RATE_LIMITED");
    answer(&app, &token, &phone.code(&app)).await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn of_fifty_guesses_at_once_on_two_replicas_five_are_looked_at() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let other = app.replica_with(&UNLIMITED).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let body = json!({ "mfa_token": challenge(&app, &ada.email).await, "code": phone.wrong_code(&app) });
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..50 {
        let client = if number % 2 == 0 { app.client() } else { other.client() };
        let body = body.clone();
        guesses.spawn(async move { client.post("/v1/auth/mfa", &body).send().await.status });
    }
    let statuses = guesses.join_all().await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    let counted: i32 = sqlx::query_scalar("select guesses from totp_guesses").fetch_one(&app.owner).await.unwrap();
    assert_eq!(counted, 5);
    let right = json!({ "mfa_token": body["mfa_token"], "code": phone.code(&app) });
    app.client().post("/v1/auth/mfa", &right).send().await.assert_refused(401, "INVALID_CREDENTIALS");
}

/// Ten wrong codes of a stranger who has the password, from as many challenges as it takes.
async fn spend_the_budget(app: &TestApp, ada: &Careful) {
    for _ in 0..5 {
        let token = challenge(app, &ada.person.email).await;
        for _ in 0..2 {
            let guess = answer(app, &token, &ada.phone.wrong_code(app)).await;
            guess.assert_refused(401, "INVALID_CREDENTIALS");
        }
    }
}

#[tokio::test]
async fn new_challenges_buy_no_new_guesses_and_another_replica_does_not_either() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let ada = careful(&app).await;
    spend_the_budget(&app, &ada).await;
    let replica = app.replica_with(&UNLIMITED).await;
    for app in [&app, &replica] {
        let limited = sign_in(app, &ada.person.email, &ada.phone.code(app)).await;
        limited.assert_refused(429, "RATE_LIMITED");
        let wait: i64 = limited.header("retry-after").parse().unwrap();
        assert!((86_300..=86_401).contains(&wait), "{wait}");
    }
    app.clock.forward(Duration::days(1) - Duration::minutes(2));
    sign_in(&app, &ada.person.email, &ada.phone.code(&app)).await.assert_refused(429, "RATE_LIMITED");
    app.clock.forward(Duration::minutes(3));
    sign_in(&app, &ada.person.email, &ada.phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn an_owner_whose_account_is_guessed_at_is_not_locked_out() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let ada = careful(&app).await;
    spend_the_budget(&app, &ada).await;
    let email = &ada.person.email;
    sign_in(&app, email, &ada.phone.code(&app)).await.assert_refused(429, "RATE_LIMITED");
    // A code from paper needs no budget, and a device that was in the account has its own.
    sign_in(&app, email, &ada.recovery_codes[0]).await.assert(200);
    let known = json!({ "email": email, "password": PASSWORD, "known_device": ada.person.refresh_token });
    let wanted = app.client().post("/v1/auth/login", &known).send().await.assert(200).json();
    answer(&app, wanted["mfa_token"].as_str().unwrap(), &ada.phone.code(&app)).await.assert(200);
    app.clock.forward(STEP);
    // And who is signed in proves it with what the session has left.
    reauthenticate(&ada.person.client, PASSWORD, Some(&ada.phone.code(&app))).await.assert(200);
}

#[tokio::test]
async fn the_owners_success_gives_a_guesser_no_new_tries() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let guess = async || sign_in(&app, &ada.email, &phone.wrong_code(&app)).await;
    for _ in 0..9 {
        guess().await.assert(401);
    }
    sign_in(&app, &ada.email, &phone.code(&app)).await.assert(200);
    guess().await.assert_refused(401, "INVALID_CREDENTIALS");
    guess().await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn right_codes_cost_nothing() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    for _ in 0..12 {
        sign_in(&app, &ada.email, &phone.code(&app)).await.assert(200);
        app.clock.forward(STEP);
    }
}

#[tokio::test]
async fn a_right_password_alone_gives_no_login_tries_back() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let mut last = String::new();
    for _ in 0..10 {
        last = challenge(&app, &ada.email).await;
    }
    app.client().login(&ada.email, PASSWORD).await.assert_refused(429, "RATE_LIMITED");
    answer(&app, &last, &phone.code(&app)).await.assert(200);
    challenge(&app, &ada.email).await;
}

#[tokio::test]
async fn a_stolen_session_with_the_password_gets_ten_guesses_and_no_more() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    for number in 0..10 {
        let wrong = phone.wrong_code(&app);
        let guess = if number % 2 == 0 {
            reauthenticate(&ada.client, PASSWORD, Some(&wrong)).await
        } else {
            turn_off(&ada.client, PASSWORD, &wrong).await
        };
        guess.assert_refused(401, "INVALID_CREDENTIALS");
    }
    reauthenticate(&ada.client, PASSWORD, Some(&phone.code(&app))).await.assert_refused(429, "RATE_LIMITED");
    turn_off(&ada.client, PASSWORD, &phone.code(&app)).await.assert_refused(429, "RATE_LIMITED");
}

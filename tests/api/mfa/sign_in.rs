//! The second step of a sign-in, and what is no second step.

use serde_json::json;
use time::Duration;

use super::*;

#[tokio::test]
async fn password_and_code_open_a_session_that_says_so_and_only_then_is_it_a_sign_in() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let wanted = app.client().login(&ada.email, PASSWORD).await;
    assert_eq!(wanted.assert(200).json()["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(wanted.header("cache-control"), "no-store");
    assert_eq!(app.events(ada.id, "authn_login_success").await, 1, "the one before the second factor");

    let signed_in = answer(&app, wanted.json()["mfa_token"].as_str().unwrap(), &phone.code(&app)).await;
    assert_eq!(signed_in.assert(200).header("cache-control"), "no-store");
    let access = token(&signed_in, "access_token");
    assert_eq!(claims(&access)["amr"], json!(["pwd", "otp", "mfa"]));
    app.client().with_token(&access).me().await.assert(200);
    assert_eq!(app.events(ada.id, "authn_login_success").await, 2);
    assert_eq!(app.events(ada.id, "authn_mfa_success").await, 1);

    app.clock.forward(Duration::minutes(9));
    let later = claims(&token(&app.client().refresh(&token(&signed_in, "refresh_token")).await, "access_token"));
    for kept in ["amr", "auth_time", "sid"] {
        assert_eq!(later[kept], claims(&access)[kept], "a refresh proves nothing new");
    }
}

#[tokio::test]
async fn no_code_works_twice_here_or_anywhere() {
    let app = TestApp::start().await;
    let ada = app.person(drawbridge::security::access::Role::User).await;
    let phone = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    let confirmed_with = phone.code(&app);
    confirm(&ada.client, &confirmed_with).await.assert(200);
    sign_in(&app, &ada.email, &confirmed_with).await.assert_refused(401, "INVALID_CREDENTIALS");

    // The next is taken already, and with it every earlier one is over, also one that nobody has used.
    sign_in(&app, &ada.email, &phone.code_at(&app, 1)).await.assert(200);
    app.clock.forward(STEP);
    let used = phone.code(&app);
    sign_in(&app, &ada.email, &used).await.assert_refused(401, "INVALID_CREDENTIALS");
    sign_in(&app, &ada.email, &phone.code_at(&app, -1)).await.assert_refused(401, "INVALID_CREDENTIALS");
    reauthenticate(&ada.client, PASSWORD, Some(&used)).await.assert_refused(401, "INVALID_CREDENTIALS");
    turn_off(&ada.client, PASSWORD, &used).await.assert_refused(401, "INVALID_CREDENTIALS");
    until_event(&app, ada.id, "authn_mfa_fail", 5).await;

    app.clock.forward(STEP);
    sign_in(&app, &ada.email, &phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn a_challenge_lives_five_minutes() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    for (waited, status) in [(Duration::minutes(5) - Duration::SECOND, 200), (Duration::minutes(5), 401)] {
        let token = challenge(&app, &ada.email).await;
        app.clock.forward(waited);
        answer(&app, &token, &phone.code(&app)).await.assert(status);
    }
}

#[tokio::test]
async fn a_challenge_dies_with_what_it_stands_on() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    for gone in [
        "update users set password_generation = password_generation + 1 where id = $1",
        "update users set status = 'suspended' where id = $1",
        "update users set mfa_enabled_at = null where id = $1",
        // Off and on again is another second factor.
        "update users set mfa_enabled_at = mfa_enabled_at + interval '1 second' where id = $1",
        "delete from users where id = $1",
    ] {
        let Careful { person: ada, recovery_codes, phone } = careful(&app).await;
        let token = challenge(&app, &ada.email).await;
        change(&app, gone, ada.id).await;
        answer(&app, &token, &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
        answer(&app, &token, &recovery_codes[0]).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_challenge_is_met_by_its_own_account_alone() {
    let app = TestApp::start().await;
    let (ada, eve) = (careful(&app).await, careful(&app).await);
    let (adas, eves) = (challenge(&app, &ada.person.email).await, challenge(&app, &eve.person.email).await);
    answer(&app, &adas, &eve.phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    answer(&app, &adas, &eve.recovery_codes[0]).await.assert_refused(401, "INVALID_CREDENTIALS");
    let signed_in = answer(&app, &eves, &eve.phone.code(&app)).await;
    assert_eq!(claims(&token(&signed_in, "access_token"))["sub"], json!(eve.person.id));
    answer(&app, &eves, &eve.recovery_codes[1]).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn the_token_of_a_challenge_opens_nothing_else() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let token = challenge(&app, &ada.email).await;
    app.client().with_token(&token).me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().with_key(&token).me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&token).await.assert_refused(401, "INVALID_CREDENTIALS");
    let verify = app.client().post("/v1/auth/verify-email", &json!({ "token": token })).send().await;
    verify.assert_refused(400, "INVALID_TOKEN");
    // Nor does any other token of hers stand in for it.
    for other in [&ada.access_token, &ada.refresh_token] {
        answer(&app, other, &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    answer(&app, &token, &phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_however_it_is_typed_and_its_owner_hears_of_it() {
    let app = TestApp::start().await;
    let Careful { person: ada, recovery_codes, .. } = careful(&app).await;
    let typed = recovery_codes[3].to_uppercase().replace('-', " ");
    let signed_in = sign_in(&app, &ada.email, &typed).await;
    assert_eq!(claims(&token(&signed_in, "access_token"))["amr"], json!(["pwd", "mfa"]));
    sign_in(&app, &ada.email, &recovery_codes[3]).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.mail_saying(&ada.email, "Subject: A recovery code was used").await;
    assert_eq!(app.events(ada.id, "authn_mfa_recovery_code_used").await, 1);
    sign_in(&app, &ada.email, &recovery_codes[4]).await.assert(200);
}

#[tokio::test]
async fn every_way_to_be_wrong_is_answered_alike() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let code = phone.code(&app);
    let (wrong, spent, met, expired) = (
        challenge(&app, &ada.email).await,
        challenge(&app, &ada.email).await,
        challenge(&app, &ada.email).await,
        challenge(&app, &ada.email).await,
    );
    for _ in 0..5 {
        answer(&app, &spent, "not a code").await.assert(401);
    }
    answer(&app, &met, &code).await.assert(200);
    app.clock.forward(STEP);
    let mut answers = vec![
        answer(&app, &wrong, &phone.wrong_code(&app)).await,
        answer(&app, &wrong, &code).await,
        answer(&app, &wrong, "aaaaaa-aaaaaa-aaaaaa-aaaaaa").await,
        answer(&app, &wrong, "not a code").await,
        answer(&app, &spent, &phone.code(&app)).await,
        answer(&app, &met, &phone.code(&app)).await,
        answer(&app, "dbt_unknown", &phone.code(&app)).await,
    ];
    app.clock.forward(Duration::minutes(5));
    answers.push(answer(&app, &expired, &phone.code(&app)).await);
    let told = |answer: &Answer| (answer.status, answer.text().replace(&answer.reference(), ""));
    let first = told(&answers[0]);
    assert_eq!(answers[0].refusal(), (401, "INVALID_CREDENTIALS".to_owned()));
    assert!(answers.iter().all(|answer| told(answer) == first));
}

/// The login stands at the account's row, with the password checked, while the second factor comes on.
#[tokio::test]
async fn a_sign_in_that_began_before_the_second_factor_came_on_opens_nothing() {
    let app = TestApp::start().await;
    let (id, email) = app.account(drawbridge::security::access::Role::User).await;
    let mut turning_on = app.owner.begin().await.unwrap();
    let lock = "update users set mfa_enabled_at = now() where id = $1";
    sqlx::query(lock).bind(id).execute(&mut *turning_on).await.unwrap();
    let client = app.client();
    let login = tokio::spawn(async move { client.login(&email, PASSWORD).await });
    until_somebody_waits(&app).await;
    turning_on.commit().await.unwrap();
    login.await.unwrap().assert_refused(401, "INVALID_CREDENTIALS");
}

/// The second step has taken its try and stands at the account's row while the password, or the second factor, changes.
#[tokio::test]
async fn a_challenge_dies_also_while_its_code_is_checked() {
    let app = TestApp::start().await;
    for change in [
        "update users set password_generation = password_generation + 1 where id = $1",
        "update users set mfa_enabled_at = mfa_enabled_at + interval '1 second' where id = $1",
    ] {
        let Careful { person: ada, recovery_codes, .. } = careful(&app).await;
        let body = json!({ "mfa_token": challenge(&app, &ada.email).await, "code": recovery_codes[0] });
        let mut changing = app.owner.begin().await.unwrap();
        sqlx::query(change).bind(ada.id).execute(&mut *changing).await.unwrap();
        let client = app.client();
        let second_step = tokio::spawn(async move { client.post("/v1/auth/mfa", &body).send().await });
        until_somebody_waits(&app).await;
        changing.commit().await.unwrap();
        second_step.await.unwrap().assert_refused(401, "INVALID_CREDENTIALS");
        assert_eq!(app.events(ada.id, "authn_mfa_recovery_code_used").await, 0, "and the code is not spent");
    }
}

//! Turned on, given new codes, and turned off.

use drawbridge::security::access::Role;
use serde_json::json;
use time::Duration;

use super::*;

#[tokio::test]
async fn a_second_factor_is_on_from_its_confirmation_and_not_before() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let begun = begin(&ada.client).await;
    assert_eq!(begun.assert(201).header("cache-control"), "no-store");
    assert!(!mfa_enabled(&ada.client).await);
    assert_eq!(app.client().login(&ada.email, PASSWORD).await.json()["status"], "authenticated");

    let phone = Phone::scan(&begun.json()["secret"]);
    let confirmed = confirm(&ada.client, &phone.code(&app)).await;
    assert_eq!(confirmed.assert(200).header("cache-control"), "no-store");
    let codes = texts(&confirmed.json()["recovery_codes"]);
    assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 10);
    assert!(mfa_enabled(&ada.client).await);
    challenge(&app, &ada.email).await;
    app.mail_saying(&ada.email, "Subject: Two-factor authentication was turned on").await;
    assert_eq!(app.events(ada.id, "authn_mfa_enabled").await, 1);
}

#[tokio::test]
async fn what_is_scanned_typed_or_opened_is_one_secret_for_this_account_here() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let begun = begin(&ada.client).await.json();
    let (uri, secret) = (begun["otpauth_uri"].as_str().unwrap(), begun["secret"].as_str().unwrap());
    let account = ada.email.replace('@', "%40");
    assert_eq!(
        uri,
        format!(
            "otpauth://totp/localhost:{account}?secret={secret}&issuer=localhost&algorithm=SHA1&digits=6&period=30"
        )
    );
    assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg "));
}

#[tokio::test]
async fn a_stolen_session_that_is_not_fresh_changes_nothing_about_the_second_factor() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person(Role::User).await, careful(&app).await);
    app.clock.forward(Duration::minutes(10));
    let stolen = async |refresh_token: &str| {
        let tokens = app.client().refresh(refresh_token).await;
        app.client().with_token(&token(&tokens, "access_token"))
    };
    let (adas, bobs) = (stolen(&ada.refresh_token).await, stolen(&bob.person.refresh_token).await);
    begin(&adas).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
    bobs.post(CODES, &json!({})).send().await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
    turn_off(&bobs, PASSWORD, &bob.phone.code(&app)).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn a_secret_is_confirmed_by_the_session_that_asked_for_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let elsewhere = app.sign_in(ada.id, ada.email.clone()).await;
    let phone = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    confirm(&elsewhere.client, &phone.code(&app)).await.assert_refused(409, "CONFLICT");
    confirm(&ada.client, &phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn a_secret_waits_half_an_hour_to_be_confirmed() {
    let app = TestApp::start().await;
    for (waited, status) in [(Duration::minutes(30) - Duration::SECOND, 200), (Duration::minutes(30), 409)] {
        let ada = app.person(Role::User).await;
        let phone = Phone::scan(&begin(&ada.client).await.json()["secret"]);
        app.clock.forward(waited);
        let tokens = app.client().refresh(&ada.refresh_token).await;
        let later = app.client().with_token(&token(&tokens, "access_token"));
        confirm(&later, &phone.code(&app)).await.assert(status);
    }
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_a_pending_one_and_none_that_of_the_one_in_use() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    confirm(&ada.client, "123456").await.assert_refused(409, "CONFLICT");
    let first = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    let second = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    confirm(&ada.client, &first.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    confirm(&ada.client, &second.code(&app)).await.assert(200);

    app.clock.forward(STEP);
    begin(&ada.client).await.assert_refused(409, "CONFLICT");
    confirm(&ada.client, &second.code(&app)).await.assert_refused(409, "CONFLICT");
    sign_in(&app, &ada.email, &second.code(&app)).await.assert(200);
}

#[tokio::test]
async fn turning_it_on_or_off_ends_every_other_session_also_on_another_replica() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let ada = app.person(Role::User).await;
    let thief = app.sign_in(ada.id, ada.email.clone()).await;
    let elsewhere = thief.client.at(replica.address);
    elsewhere.me().await.assert(200);
    let (phone, _) = turn_on(&app, &ada.client).await;
    thief.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&thief.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    until("the replica knows", async || (elsewhere.me().await.status == 401).then_some(())).await;
    ada.client.me().await.assert(200);

    let phone_session = sign_in(&app, &ada.email, &phone.code(&app)).await;
    let on_the_lost_phone = app.client().with_token(&token(&phone_session, "access_token"));
    app.clock.forward(STEP);
    turn_off(&ada.client, PASSWORD, &phone.code(&app)).await.assert(204);
    on_the_lost_phone.me().await.assert_refused(401, "UNAUTHENTICATED");
    ada.client.me().await.assert(200);
}

#[tokio::test]
async fn guessing_at_a_confirmation_ends_after_five_tries() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let phone = Phone::scan(&begin(&ada.client).await.json()["secret"]);
    for wrong in
        [phone.wrong_code(&app), "1".to_owned(), "not a code".to_owned(), phone.wrong_code(&app), "½".to_owned()]
    {
        confirm(&ada.client, &wrong).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    confirm(&ada.client, &phone.code(&app)).await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn it_is_turned_off_with_password_and_code_and_with_nothing_less() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let only = async |body| ada.client.delete(TOTP, &body).send().await;
    only(json!({ "password": PASSWORD })).await.assert_refused(400, "VALIDATION_FAILED");
    only(json!({ "code": phone.code(&app) })).await.assert_refused(400, "VALIDATION_FAILED");
    turn_off(&ada.client, "not the right password", &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    turn_off(&ada.client, PASSWORD, &phone.wrong_code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    assert!(mfa_enabled(&ada.client).await);

    turn_off(&ada.client, PASSWORD, &phone.code(&app)).await.assert(204);
    assert!(!mfa_enabled(&ada.client).await);
    assert_eq!(app.client().login(&ada.email, PASSWORD).await.json()["status"], "authenticated");
    app.mail_saying(&ada.email, "Subject: Two-factor authentication was turned off").await;
    assert_eq!(app.events(ada.id, "authn_mfa_disabled").await, 1);
    turn_off(&ada.client, PASSWORD, &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let left = "select (select count(*) from totp_secrets) + (select count(*) from recovery_codes)";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&app.owner).await.unwrap(), 0);
}

#[tokio::test]
async fn who_has_lost_the_phone_turns_it_off_with_a_recovery_code() {
    let app = TestApp::start().await;
    let Careful { person: ada, recovery_codes, .. } = careful(&app).await;
    turn_off(&ada.client, PASSWORD, &recovery_codes[0]).await.assert(204);
    assert!(!mfa_enabled(&ada.client).await);
}

#[tokio::test]
async fn new_recovery_codes_end_the_old_ones_and_the_owner_hears_of_it() {
    let app = TestApp::start().await;
    let Careful { person: ada, recovery_codes: old, .. } = careful(&app).await;
    let new = ada.client.post(CODES, &json!({})).send().await;
    assert_eq!(new.assert(200).header("cache-control"), "no-store");
    let new = texts(&new.json()["recovery_codes"]);
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    app.mail_saying(&ada.email, "Subject: Your recovery codes were replaced").await;
    assert_eq!(app.events(ada.id, "authn_mfa_recovery_codes_replaced").await, 1);
    sign_in(&app, &ada.email, &old[0]).await.assert_refused(401, "INVALID_CREDENTIALS");
    sign_in(&app, &ada.email, &new[0]).await.assert(200);
}

#[tokio::test]
async fn without_a_second_factor_there_are_no_recovery_codes() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ada.client.post(CODES, &json!({})).send().await.assert_refused(409, "CONFLICT");
    begin(&ada.client).await.assert(201);
    ada.client.post(CODES, &json!({})).send().await.assert_refused(409, "CONFLICT");
}

//! Registering, and what users do with their own account.

use drawbridge::security::access::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn someone_registers_verifies_signs_in_reads_themselves_refreshes_and_signs_out() {
    let app = TestApp::start().await;
    let someone = app.client();
    someone.register("ada@example.com", "Ada Lovelace", PASSWORD).await.assert(202);
    someone.login("ada@example.com", PASSWORD).await.assert_refused(403, "EMAIL_NOT_VERIFIED");

    let token = app.token_mailed_to("ada@example.com").await;
    someone.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);

    let tokens = someone.login("Ada@Example.com", PASSWORD).await.assert(200).json();
    assert_eq!(tokens["status"], "authenticated");
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    let ada = someone.with_token(tokens["access_token"].as_str().unwrap());
    let me = ada.me().await.assert(200).json();
    assert_eq!(
        (&me["email"], &me["name"], &me["role"]),
        (&json!("ada@example.com"), &json!("Ada Lovelace"), &json!("user"))
    );
    assert_eq!(me["email_verified"], true);

    let tokens = someone.refresh(tokens["refresh_token"].as_str().unwrap()).await.assert(200).json();
    let ada = someone.with_token(tokens["access_token"].as_str().unwrap());
    ada.post("/v1/auth/logout", &json!({})).send().await.assert(204);
    ada.me().await.assert_refused(401, "UNAUTHENTICATED");
    someone.refresh(tokens["refresh_token"].as_str().unwrap()).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn registering_a_taken_address_says_the_same_and_tells_only_its_owner() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let stranger = app.client();
    let free = stranger.register("free@example.com", "Somebody", "another long enough phrase").await;
    let taken = stranger.register(&ada.email.to_uppercase(), "Somebody", "another long enough phrase").await;
    assert_eq!((free.status, &free.bytes), (taken.status, &taken.bytes));
    let names = |answer: &crate::support::Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&free), names(&taken));

    assert!(app.mail_to(&ada.email.to_uppercase()).await.contains("already"));
    stranger.login(&ada.email, "another long enough phrase").await.assert_refused(401, "INVALID_CREDENTIALS");
    ada.client.me().await.assert(200);
}

#[tokio::test]
async fn a_registration_that_nobody_confirmed_is_replaced_by_the_next() {
    let app = TestApp::start().await;
    let (thief, owner) = (app.client(), app.client());
    thief.register("owner@example.com", "Thief", "known to one who steals").await.assert(202);
    let first = app.token_mailed_to("owner@example.com").await;
    owner.register("owner@example.com", "Owner", PASSWORD).await.assert(202);
    owner.post("/v1/auth/verify-email", &json!({ "token": first })).send().await.assert_refused(400, "INVALID_TOKEN");

    let second = crate::support::until("the second mail", async || {
        Some(app.token_mailed_to("owner@example.com").await).filter(|token| *token != first)
    });
    owner.post("/v1/auth/verify-email", &json!({ "token": second.await })).send().await.assert(204);
    thief.login("owner@example.com", "known to one who steals").await.assert_refused(401, "INVALID_CREDENTIALS");
    owner.login("owner@example.com", PASSWORD).await.assert(200);
}

#[tokio::test]
async fn everything_wrong_with_a_registration_is_told_at_once() {
    let app = TestApp::start().await;
    let body = json!({ "email": 5, "password": "tiny-canary", "role": "admin" });
    let answer = app.client().post("/v1/auth/register", &body).send().await;
    answer.assert_refused(400, "VALIDATION_FAILED");
    let fields = answer.fields();
    for (field, rule) in [("email", "type"), ("name", "required"), ("password", "min_length"), ("role", "unknown")] {
        assert!(fields.contains(&(field.to_owned(), rule.to_owned())), "{field} {rule} in {fields:?}");
    }
    assert!(!answer.text().contains("canary"), "no refused value is repeated");
}

#[tokio::test]
async fn nobody_registers_as_anything_but_a_user() {
    let app = TestApp::start().await;
    for smuggled in ["role", "status", "email_verified", "is_admin", "id", "password_hash", "__proto__"] {
        let mut body = json!({ "email": "eve@example.com", "name": "Eve", "password": PASSWORD });
        body[smuggled] = json!("admin");
        let answer = app.client().post("/v1/auth/register", &body).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields(), [(smuggled.to_owned(), "unknown".to_owned())]);
    }
}

#[tokio::test]
async fn a_password_that_anyone_would_guess_is_refused() {
    let app = TestApp::start().await;
    let weak = ["aaaaaaaaaaaaaaaaaa", "passwordpassword", "adalovelace and more", "ada.l.1815 is who i am"];
    for password in weak {
        let answer = app.client().register("ada.l.1815@example.com", "Ada Lovelace", password).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields()[0].0, "password", "{password}");
    }
}

#[tokio::test]
async fn a_name_is_changed_only_while_it_is_the_one_that_was_read() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let tag = ada.client.me().await.header("etag").to_owned();
    let change = |name: &str, tag: &str| {
        ada.client.patch("/v1/users/me", &json!({ "name": name })).header("if-match", tag).send()
    };
    let changed = change("Ada King", &tag).await;
    assert_eq!(changed.assert(200).json()["name"], "Ada King");
    assert_ne!(changed.header("etag"), tag);
    change("Ada Byron", &tag).await.assert_refused(412, "PRECONDITION_FAILED");
    change("Ada Byron", &format!("\"other\", {}", changed.header("etag"))).await.assert(200);
    change("Ada", &format!("W/{}", changed.header("etag"))).await.assert_refused(412, "PRECONDITION_FAILED");
    ada.client.patch("/v1/users/me", &json!({ "name": "Without" })).send().await.assert(200);
    assert_eq!(app.events(ada.id, "user_updated").await, 3);
}

#[tokio::test]
async fn of_many_changes_against_one_version_one_wins() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let tag = ada.client.me().await.header("etag").to_owned();
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let change = ada.client.patch("/v1/users/me", &json!({ "name": format!("Racer {number}") }));
        racers.spawn(change.header("if-match", &tag).send());
    }
    let statuses: Vec<_> = racers.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 19, "{statuses:?}");
}

#[tokio::test]
async fn users_change_nothing_about_themselves_but_their_name() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for smuggled in ["role", "status", "email", "email_verified", "id", "password"] {
        let body = json!({ "name": "Ada", smuggled: "admin" });
        ada.client.patch("/v1/users/me", &body).send().await.assert_refused(400, "VALIDATION_FAILED");
    }
    assert_eq!(ada.client.me().await.json()["role"], "user");
}

#[tokio::test]
async fn who_leaves_takes_everything_along_but_the_trail() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ada.client
        .delete("/v1/users/me", &json!({ "password": "not the right one" }))
        .send()
        .await
        .assert_refused(401, "INVALID_CREDENTIALS");
    ada.client.delete("/v1/users/me", &json!({ "password": PASSWORD })).send().await.assert(204);

    ada.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().login(&ada.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
    let rows: i64 = sqlx::query_scalar(
        "select (select count(*) from users) + (select count(*) from sessions) + (select count(*) from refresh_tokens)",
    )
    .fetch_one(&app.owner)
    .await
    .unwrap();
    assert_eq!(rows, 0);
    assert_eq!(app.events(ada.id, "user_deleted").await, 1);
}

#[tokio::test]
async fn a_stolen_access_token_is_no_way_to_guess_the_password() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..10 {
        ada.client.delete("/v1/users/me", &json!({ "password": "a guess" })).send().await.assert(401);
    }
    let limited = ada.client.delete("/v1/users/me", &json!({ "password": PASSWORD })).send().await;
    limited.assert_refused(429, "RATE_LIMITED");
}

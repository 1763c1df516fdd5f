//! A password that its owner changes, and what happens to whoever knew the old one.

use base64::{Engine, engine::general_purpose::STANDARD};
use drawbridge::{features, security::access::Role};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, PASSWORD, Person, Request, TestApp, lines_with, one_behind_the_other, until};

pub const OTHER: &str = "eleven moons over a winter sea";

pub fn change(client: &Client, current: &str, new: &str) -> Request {
    let body = json!({ "current_password": current, "new_password": new });
    client.request(axum::http::Method::PUT, "/v1/users/me/password").json(&body)
}

async fn refresh(app: &TestApp, person: &Person) -> Answer {
    app.client().refresh(&person.refresh_token).await
}

fn client_with(app: &TestApp, tokens: &Value) -> Client {
    app.client().with_token(tokens["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_changed_password_signs_in_and_the_old_one_does_not() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    change(&ada.client, PASSWORD, OTHER).send().await.assert(204);
    app.client().login(&ada.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().login(&ada.email, OTHER).await.assert(200);
    assert_eq!(app.events(ada.id, "authn_password_change").await, 1);
    let mail = app.mail_to(&ada.email).await;
    assert!(mail.contains("Your password was changed"), "{mail}");
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_this_ones_earlier_access_tokens() {
    let app = TestApp::start().await;
    let other_replica = app.replica_with(&[]).await;
    let here = app.person(Role::User).await;
    let thief = app.sign_in(here.id, here.email.clone()).await;
    let thief_elsewhere = thief.client.at(other_replica.address);
    thief_elsewhere.me().await.assert(200);

    change(&here.client, PASSWORD, OTHER).send().await.assert(204);
    thief.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    until("it ends on the other replica too", async || (thief_elsewhere.me().await.status == 401).then_some(())).await;
    refresh(&app, &thief).await.assert_refused(401, "INVALID_CREDENTIALS");

    // A copy of this session's token dies as well; its owner refreshes and goes on.
    here.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    let tokens = refresh(&app, &here).await.assert(200).json();
    client_with(&app, &tokens).me().await.assert(200);
}

/// A stolen token is not enough, and guessing with it is counted, however many addresses it is done from.
#[tokio::test]
async fn a_stolen_token_neither_changes_a_password_nor_guesses_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..10 {
        let thief = app.client().with_token(&ada.access_token);
        change(&thief, "a guess", OTHER).send().await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    change(&ada.client, PASSWORD, OTHER).send().await.assert_refused(429, "RATE_LIMITED");
    app.client().login(&ada.email, PASSWORD).await.assert(200);
}

#[tokio::test]
async fn a_new_password_is_held_to_the_rules_and_is_a_new_one() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let someone = ada.email.split('@').next().unwrap();
    for (new, rule) in [
        ("too short", "min_length"),
        ("passwordpassword", "common"),
        ("this is some person who", "contains_name"),
        (&format!("we all know {someone} well"), "contains_email"),
        (PASSWORD, "unchanged"),
        // The same in another spelling: it is compared as it is hashed.
        ("ａ long walk over seven wooden bridges", "unchanged"),
    ] {
        let refused = change(&ada.client, PASSWORD, new).send().await;
        assert_eq!(refused.assert(400).fields(), [("new_password".to_owned(), rule.to_owned())], "{new}");
    }
    ada.client.me().await.assert(200);
}

#[tokio::test]
async fn of_fifty_changes_at_once_one_wins_and_its_password_is_the_one() {
    let app = TestApp::start_with(
        &[
            ("RATE_LIMIT_LOGIN", "token-bucket 1000/1m"),
            ("RATE_LIMIT_WRITE", "token-bucket 1000/1m"),
            ("PASSWORD_HASH_QUEUE", "200"),
        ],
        features::routes(),
    )
    .await;
    let ada = app.person(Role::User).await;
    let password = |number: usize| format!("{OTHER} number {number}");
    let mut racers = JoinSet::new();
    for number in 0..50 {
        let request = change(&ada.client, PASSWORD, &password(number));
        racers.spawn(async move { (number, request.send().await) });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(|(_, one)| one.status == 204);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, answer)| answer.status == 401));
    app.client().login(&ada.email, &password(won[0].0)).await.assert(200);
    assert_eq!(app.events(ada.id, "authn_password_change").await, 1);
}

#[tokio::test]
async fn a_changed_password_kills_the_tokens_that_wait_in_mailboxes() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.client().post("/v1/auth/password/forgot", &json!({ "email": ada.email })).send().await.assert(202);
    let reset = app.token_mailed_to(&ada.email).await;
    let wanted = json!({ "new_email": "eve@example.com", "password": PASSWORD });
    ada.client.post("/v1/users/me/email", &wanted).send().await.assert(202);
    let confirm = app.token_mailed_to("eve@example.com").await;

    change(&ada.client, PASSWORD, OTHER).send().await.assert(204);
    let body = json!({ "token": reset, "new_password": "nine lanterns on the quay" });
    app.client().post("/v1/auth/password/reset", &body).send().await.assert_refused(400, "INVALID_TOKEN");
    let tokens = refresh(&app, &ada).await.assert(200).json();
    let confirmed = client_with(&app, &tokens).post("/v1/users/me/email/confirm", &json!({ "token": confirm }));
    confirmed.send().await.assert_refused(400, "INVALID_TOKEN");
    let left = "select (select count(*) from one_time_tokens) + (select count(*) from pending_email_changes)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn api_keys_outlive_a_change_and_end_with_a_reset() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let expires = (app.app.givens.now() + time::Duration::days(30)).to_string();
    let body = json!({ "name": "a job", "scopes": ["profile:read"], "expires_at": expires });
    let made = ada.client.post("/v1/users/me/api-keys", &body).send().await.assert(201).json();
    let program = app.client().with_key(made["key"].as_str().unwrap());
    change(&ada.client, PASSWORD, OTHER).send().await.assert(204);
    program.me().await.assert(200);

    app.client().post("/v1/auth/password/forgot", &json!({ "email": ada.email })).send().await.assert(202);
    let token = until("the reset mail", async || app.newest_token(&ada.email)).await;
    let body = json!({ "token": token, "new_password": "nine lanterns on the quay" });
    app.client().post("/v1/auth/password/reset", &body).send().await.assert(204);
    program.me().await.assert_refused(401, "UNAUTHENTICATED");
}

/// Both have verified the old password; then the password is another, and what the old one proved is worth nothing.
#[tokio::test]
async fn what_straddles_a_change_comes_too_late() {
    let app = TestApp::start().await;
    for path in ["/v1/auth/login", "/v1/users/me/email"] {
        let ada = app.person(Role::User).await;
        let login = json!({ "email": ada.email, "password": PASSWORD });
        let address = json!({ "new_email": "eve@example.com", "password": PASSWORD });
        let second = match path {
            "/v1/auth/login" => app.client().post(path, &login),
            _ => ada.client.post(path, &address),
        };
        let first = change(&ada.client, PASSWORD, OTHER);
        let (changed, late) = one_behind_the_other(&app, ada.id, first, second).await;
        changed.assert(204);
        late.assert_refused(401, "INVALID_CREDENTIALS");
        let live = "select count(*) from sessions where user_id = $1 and ended_at is null";
        let live: i64 = sqlx::query_scalar(live).bind(ada.id).fetch_one(&app.owner).await.unwrap();
        assert_eq!(live, 1, "{path}");
    }
    assert!(app.mails_to("eve@example.com").is_empty());
}

/// Three replicas on one database: without a pepper, with one, and with the next one before it.
#[tokio::test]
async fn a_pepper_comes_in_at_the_sign_in_and_a_lost_one_is_told_to_operators() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let key = |byte: u8| STANDARD.encode([byte; 32]);
    let first = app.replica_with(&[("PASSWORD_PEPPERS", &format!("k1:{}", key(1)))]).await;
    let second = app.replica_with(&[("PASSWORD_PEPPERS", &format!("k2:{},k1:{}", key(2), key(1)))]).await;
    let hash = async || -> String {
        let hash = sqlx::query_scalar("select password_hash from users where id = $1").bind(id);
        hash.fetch_one(&app.owner).await.unwrap()
    };
    first.client().login(&email, PASSWORD).await.assert(200);
    assert!(hash().await.contains("keyid=azE$"), "it names k1");
    second.client().login(&email, PASSWORD).await.assert(200);
    assert!(hash().await.contains("keyid=azI$"), "it names k2");
    for without in [&app, &first] {
        without.client().login(&email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(lines_with("names a pepper that PASSWORD_PEPPERS no longer has").len(), 2);
}

//! A forgotten password: whoever reads the mailbox sets another, and nobody else.

use drawbridge::{features, security::access::Role};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use crate::{
    passwords::OTHER,
    support::{Answer, Client, PASSWORD, TestApp, one_behind_the_other, until},
};

async fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/v1/auth/password/forgot", &json!({ "email": email })).send().await
}

pub async fn reset(client: &Client, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    client.post("/v1/auth/password/reset", &body).send().await
}

/// Asks, and waits for a token other than the last one.
pub async fn token_for(app: &TestApp, email: &str) -> String {
    let before = app.newest_token(email);
    forgot(&app.client(), email).await.assert(202);
    until("the reset mail", async || app.newest_token(email).filter(|token| Some(token) != before.as_ref())).await
}

async fn set(app: &TestApp, statement: &'static str, id: uuid::Uuid) {
    sqlx::query(statement).bind(id).execute(&app.owner).await.unwrap();
}

#[tokio::test]
async fn a_reset_ends_every_session_everywhere_and_signs_nobody_in() {
    let app = TestApp::start().await;
    let other_replica = app.replica_with(&[]).await;
    let (ada, thief) = (app.person(Role::User).await, app.client());
    let phone = app.sign_in(ada.id, ada.email.clone()).await;
    let elsewhere = phone.client.at(other_replica.address);
    elsewhere.me().await.assert(200);

    let token = token_for(&app, &ada.email).await;
    let answer = reset(&thief, &token, OTHER).await;
    assert!(answer.assert(204).bytes.is_empty(), "no tokens come back");
    for device in [&ada, &phone] {
        device.client.me().await.assert_refused(401, "UNAUTHENTICATED");
        app.client().refresh(&device.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    until("it ends on the other replica too", async || (elsewhere.me().await.status == 401).then_some(())).await;
    app.client().login(&ada.email, PASSWORD).await.assert(401);
    app.client().login(&ada.email, OTHER).await.assert(200);

    app.mail_saying(&ada.email, "Your password was changed").await;
    assert_eq!(app.events(ada.id, "authn_password_change").await, 1);
}

#[tokio::test]
async fn a_reset_token_works_once_and_takes_its_siblings_along() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let (first, second) = (token_for(&app, &email).await, token_for(&app, &email).await);
    reset(&app.client(), &first, OTHER).await.assert(204);
    reset(&app.client(), &first, "nine lanterns on the quay").await.assert_refused(400, "INVALID_TOKEN");
    reset(&app.client(), &second, "nine lanterns on the quay").await.assert_refused(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn of_fifty_resets_at_once_with_one_token_one_wins() {
    let settings = [("RATE_LIMIT_RECOVERY", "token-bucket 1000/1m"), ("PASSWORD_HASH_QUEUE", "200")];
    let app = TestApp::start_with(&settings, features::routes()).await;
    let (id, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    let password = |number: usize| format!("{OTHER} number {number}");
    let mut racers = JoinSet::new();
    for number in 0..50 {
        let (client, token, password) = (app.client(), token.clone(), password(number));
        racers.spawn(async move { (number, reset(&client, &token, &password).await) });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(|(_, one)| one.status == 204);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, answer)| answer.refusal() == (400, "INVALID_TOKEN".to_owned())));
    app.client().login(&email, &password(won[0].0)).await.assert(200);
    assert_eq!(app.events(id, "authn_password_change").await, 1);
}

#[tokio::test]
async fn a_reset_token_dies_after_half_an_hour() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    app.clock.forward(Duration::minutes(30) - Duration::SECOND);
    reset(&app.client(), &token, "weak").await.assert_refused(400, "VALIDATION_FAILED");
    app.clock.forward(Duration::SECOND);
    reset(&app.client(), &token, OTHER).await.assert_refused(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_weak_password_does_not_spend_the_token() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    for (weak, rule) in
        [("short", "min_length"), ("passwordpassword", "common"), ("it is some person!", "contains_name")]
    {
        let refused = reset(&app.client(), &token, weak).await;
        assert_eq!(refused.assert(400).fields(), [("new_password".to_owned(), rule.to_owned())], "{weak}");
    }
    reset(&app.client(), &token, OTHER).await.assert(204);
}

/// Mail scanners follow links. There is nothing to follow, and neither GET nor HEAD spends anything.
#[tokio::test]
async fn a_get_never_spends_a_reset_token() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    for method in [axum::http::Method::GET, axum::http::Method::HEAD] {
        let path = format!("/v1/auth/password/reset?token={token}");
        app.client().request(method, &path).send().await.assert(405);
    }
    reset(&app.client(), &token, OTHER).await.assert(204);
}

#[tokio::test]
async fn a_token_of_another_purpose_resets_nothing_and_stays_good_for_its_own() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.client().register("grace@example.com", "Grace", PASSWORD).await.assert(202);
    let verify = app.token_mailed_to("grace@example.com").await;
    let wanted = json!({ "new_email": "ada.king@example.com", "password": PASSWORD });
    ada.client.post("/v1/users/me/email", &wanted).send().await.assert(202);
    let confirm = app.token_mailed_to("ada.king@example.com").await;
    for token in [&verify, &confirm, &ada.refresh_token, &ada.access_token] {
        let refused = reset(&app.client(), token, OTHER).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
    // Nor does a reset token verify, or confirm.
    let token = token_for(&app, &ada.email).await;
    let body = json!({ "token": token });
    app.client().post("/v1/auth/verify-email", &body).send().await.assert_refused(400, "INVALID_TOKEN");
    ada.client.post("/v1/users/me/email/confirm", &body).send().await.assert_refused(400, "INVALID_TOKEN");

    app.client().post("/v1/auth/verify-email", &json!({ "token": verify })).send().await.assert(204);
    ada.client.post("/v1/users/me/email/confirm", &json!({ "token": confirm })).send().await.assert(204);
}

#[tokio::test]
async fn who_asks_learns_nothing_and_only_an_owner_gets_mail() {
    let app = TestApp::start().await;
    let (_, known) = app.account(Role::User).await;
    let (suspended_id, suspended) = app.account(Role::User).await;
    set(&app, "update users set status = 'suspended' where id = $1", suspended_id).await;
    let admin = app.person(Role::Admin).await;
    let invite = json!({ "email": "invited@example.com", "name": "Invited" });
    admin.client.post("/v1/admin/users", &invite).send().await.assert(201);
    app.client().register("pending@example.com", "Pending", PASSWORD).await.assert(202);
    app.token_mailed_to("pending@example.com").await;
    let first_invitation = app.token_mailed_to("invited@example.com").await;

    let mut answers = Vec::new();
    for email in [&known, "nobody@example.com", &suspended, "pending@example.com", "INVITED@example.com"] {
        let answer = forgot(&app.client(), email).await;
        answers.push((answer.status, answer.text(), answer.header("content-length").to_owned()));
    }
    assert_eq!(answers[0].0, 202);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    app.token_mailed_to(&known).await;
    until("the invitation comes again", async || {
        app.newest_token("invited@example.com").filter(|token| *token != first_invitation)
    })
    .await;
    let waiting: i64 =
        sqlx::query_scalar("select count(*) from mail_outbox where attempts = 0").fetch_one(&app.owner).await.unwrap();
    assert_eq!(waiting, 0);
    assert!(app.mails_to("invited@example.com").iter().all(|mail| mail.contains("An account was made for you")));
    assert!(app.mails_to(&suspended).is_empty() && app.mails_to("nobody@example.com").is_empty());
    assert_eq!(app.mails_to("pending@example.com").len(), 1, "the verification, and nothing since");
}

#[tokio::test]
async fn an_account_that_was_suspended_meanwhile_is_not_reset() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    set(&app, "update users set status = 'suspended' where id = $1", id).await;
    reset(&app.client(), &token, OTHER).await.assert_refused(400, "INVALID_TOKEN");
    set(&app, "update users set status = 'active' where id = $1", id).await;
    app.client().login(&email, PASSWORD).await.assert(200);
}

#[tokio::test]
async fn an_invitation_sets_the_first_password_and_verifies_the_address() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let invite = json!({ "email": "grace@example.com", "name": "Grace", "role": "editor" });
    let made = admin.client.post("/v1/admin/users", &invite).send().await.assert(201).json();
    assert_eq!(made["email_verified"], false);
    let token = app.token_mailed_to("grace@example.com").await;
    app.client().login("grace@example.com", "").await.assert(400);
    app.client().login("grace@example.com", OTHER).await.assert(401);
    reset(&app.client(), &token, OTHER).await.assert(204);
    reset(&app.client(), &token, OTHER).await.assert_refused(400, "INVALID_TOKEN");
    let tokens = app.client().login("grace@example.com", OTHER).await.assert(200).json();
    let me = app.client().with_token(tokens["access_token"].as_str().unwrap()).me().await.json();
    assert_eq!((&me["role"], &me["email_verified"]), (&json!("editor"), &json!(true)));
}

/// Eve registers Ada's address and waits (pre-hijacking). Ada registers it too, and her mailbox decides.
#[tokio::test]
async fn a_registration_made_before_the_owners_gains_nothing() {
    let app = TestApp::start().await;
    let (eve, ada) = (app.client(), app.client());
    eve.register("ada@example.com", "Eve", OTHER).await.assert(202);
    let of_eve = app.token_mailed_to("ada@example.com").await;
    eve.login("ada@example.com", OTHER).await.assert_refused(403, "EMAIL_NOT_VERIFIED");
    // To ask for a reset verifies nothing either, and sends nothing.
    forgot(&eve, "ada@example.com").await.assert(202);

    ada.register("ada@example.com", "Ada", PASSWORD).await.assert(202);
    let of_ada =
        until("the second mail", async || app.newest_token("ada@example.com").filter(|token| *token != of_eve)).await;
    let verify = async |token: &str| ada.post("/v1/auth/verify-email", &json!({ "token": token })).send().await;
    verify(&of_eve).await.assert_refused(400, "INVALID_TOKEN");
    verify(&of_ada).await.assert(204);
    eve.login("ada@example.com", OTHER).await.assert_refused(401, "INVALID_CREDENTIALS");
    let tokens = ada.login("ada@example.com", PASSWORD).await.assert(200).json();
    let ada = ada.with_token(tokens["access_token"].as_str().unwrap());
    assert_eq!(ada.me().await.json()["name"], "Ada");
    for (path, one) in [("/v1/users/me/sessions", 1), ("/v1/users/me/api-keys", 0)] {
        assert_eq!(ada.get(path).send().await.json()["items"].as_array().unwrap().len(), one, "{path}");
    }
}

#[tokio::test]
async fn nobody_can_have_a_mailbox_filled_with_resets_or_try_tokens_without_end() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    for _ in 0..5 {
        forgot(&app.client(), &email).await.assert(202);
    }
    forgot(&app.client(), &email.to_uppercase()).await.assert_refused(429, "RATE_LIMITED");
    forgot(&app.client(), "somebody.else@example.com").await.assert(202);

    let guesser = app.client();
    for number in 0..5 {
        reset(&guesser, &format!("dbt_guess-{number}"), OTHER).await.assert_refused(400, "INVALID_TOKEN");
    }
    reset(&guesser, "dbt_guess-5", OTHER).await.assert_refused(429, "RATE_LIMITED");

    // One token from many addresses.
    for _ in 0..5 {
        reset(&app.client(), "dbt_one", OTHER).await.assert_refused(400, "INVALID_TOKEN");
    }
    reset(&app.client(), "dbt_one", OTHER).await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn an_owner_who_was_guessed_at_gets_in_after_a_reset() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    for _ in 0..10 {
        app.client().login(&email, "a guess").await.assert(401);
    }
    app.client().login(&email, PASSWORD).await.assert_refused(429, "RATE_LIMITED");
    reset(&app.client(), &token, OTHER).await.assert(204);
    app.client().login(&email, OTHER).await.assert(200);
}

#[tokio::test]
async fn a_device_stays_known_after_a_reset() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let token = token_for(&app, &ada.email).await;
    reset(&app.client(), &token, OTHER).await.assert(204);
    for _ in 0..11 {
        app.client().login(&ada.email, "a guess").await;
    }
    app.client().login(&ada.email, OTHER).await.assert_refused(429, "RATE_LIMITED");
    let from_her_device = json!({ "email": ada.email, "password": OTHER, "known_device": ada.refresh_token });
    app.client().post("/v1/auth/login", &from_her_device).send().await.assert(200);
}

#[tokio::test]
async fn a_mail_that_waits_to_be_sent_brings_no_token_after_the_reset() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    // A mail server was away: the worker tries this one again in an hour.
    let later = (app.app.givens.now() + Duration::hours(1)).0;
    let put = "insert into mail_outbox (id, recipient, template, user_id, queued_at, next_attempt_at)
               values ($1, $2, 'reset_password', $3, $4, $4)";
    sqlx::query(put).bind(app.app.givens.new_id()).bind(&email).bind(id).bind(later).execute(&app.owner).await.unwrap();
    let pending =
        "insert into pending_email_changes (user_id, new_email, expires_at) values ($1, 'eve@example.com', $2)";
    sqlx::query(pending).bind(id).bind(later).execute(&app.owner).await.unwrap();
    reset(&app.client(), &token, OTHER).await.assert(204);
    let left = "select (select count(*) from mail_outbox where template = 'reset_password')
                     + (select count(*) from pending_email_changes)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 0, "nor does a change of address go on that somebody asked for before");
}

#[tokio::test]
async fn a_login_that_straddles_a_reset_opens_no_session() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let body = json!({ "token": token_for(&app, &email).await, "new_password": OTHER });
    let reset = app.client().post("/v1/auth/password/reset", &body);
    let login = app.client().post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD }));
    let (reset, login) = one_behind_the_other(&app, id, reset, login).await;
    reset.assert(204);
    login.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn no_reset_token_rests_in_the_database_or_the_log_in_plain_text() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    let token = token_for(&app, &email).await;
    let stored = "select (select count(*) from one_time_tokens t where t::text like '%' || $1 || '%')
                       + (select count(*) from security_events e where e::text like '%' || $1 || '%')";
    let stored: i64 = sqlx::query_scalar(stored).bind(&token).fetch_one(&app.owner).await.unwrap();
    assert_eq!(stored, 0);
    reset(&app.client(), &token, OTHER).await.assert(204);
    assert!(crate::support::lines_with(&token).is_empty());
    assert!(crate::support::lines_with(OTHER).is_empty());
}

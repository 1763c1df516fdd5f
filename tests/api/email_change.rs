//! An account's address moves only by word from the new mailbox, in a session of the account, and the old one is told.

use drawbridge::{
    features,
    security::{access::Role, session_token::PlainToken},
};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    passwords::OTHER,
    support::{Answer, Client, PASSWORD, TestApp, until},
};

const NEW: &str = "ada.king@example.com";

async fn ask(client: &Client, new: &str) -> Answer {
    client.post("/v1/users/me/email", &json!({ "new_email": new, "password": PASSWORD })).send().await
}

async fn confirm(client: &Client, token: &str) -> Answer {
    client.post("/v1/users/me/email/confirm", &json!({ "token": token })).send().await
}

/// As the worker does when it sends a mail.
async fn mint(app: &TestApp, token: &str, (user, recipient): (Uuid, &str), purpose: &str) {
    let put = "insert into one_time_tokens (hash, user_id, purpose, recipient, created_at, expires_at)
               values ($1, $2, $3, $4, $5, $6)";
    let (hash, now) = (PlainToken::presented(token).hash(), app.app.givens.now());
    let put = sqlx::query(put).bind(hash.as_bytes().to_vec()).bind(user).bind(purpose).bind(recipient).bind(now.0);
    put.bind((now + Duration::HOUR).0).execute(&app.owner).await.unwrap();
}

#[tokio::test]
async fn an_address_moves_when_the_new_mailbox_says_so_and_the_old_one_is_told_twice() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let before = ada.client.me().await;
    ask(&ada.client, NEW).await.assert(202);
    app.mail_saying(&ada.email, "Your e-mail address is about to change").await;
    let token = app.token_mailed_to(NEW).await;
    assert_eq!(ada.client.me().await.json()["email"], ada.email.as_str(), "nothing has changed yet");
    app.client().login(NEW, PASSWORD).await.assert(401);

    app.clock.forward(Duration::SECOND);
    confirm(&ada.client, &token).await.assert(204);
    let after = ada.client.me().await;
    assert_eq!(after.json()["email"], NEW);
    assert_ne!(
        (after.header("etag"), &after.json()["updated_at"]),
        (before.header("etag"), &before.json()["updated_at"])
    );
    app.mail_saying(&ada.email, "Your e-mail address was changed").await;
    app.client().login(NEW, PASSWORD).await.assert(200);
    app.client().login(&ada.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
    assert_eq!(app.events(ada.id, "user_updated").await, 1);
    confirm(&ada.client, &token).await.assert_refused(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_stolen_token_moves_no_address_and_guesses_no_password() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for _ in 0..10 {
        let body = json!({ "new_email": "eve@example.com", "password": "a guess" });
        let thief = app.client().with_token(&ada.access_token);
        thief.post("/v1/users/me/email", &body).send().await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    ask(&ada.client, NEW).await.assert_refused(429, "RATE_LIMITED");
    assert!(app.mails_to("eve@example.com").is_empty());
}

#[tokio::test]
async fn an_address_that_is_taken_is_answered_like_a_free_one_and_its_owner_is_told() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.person(Role::User).await, app.person(Role::User).await);
    let (free, taken) = (ask(&ada.client, NEW).await, ask(&ada.client, &grace.email.to_uppercase()).await);
    assert_eq!(free.assert(202).text(), taken.assert(202).text());
    let told = app.mail_to(&grace.email.to_uppercase()).await;
    assert!(told.contains("You already have an account") && !told.contains("dbt_"), "{told}");
    // What Ada can read about herself is the same for both.
    let events = "select type, details::text from security_events where user_id = $1 and type = 'authn_token_created'";
    let events: Vec<(String, String)> = sqlx::query_as(events).bind(ada.id).fetch_all(&app.owner).await.unwrap();
    assert_eq!((events.len(), &events[0]), (2, &events[1]));
}

#[tokio::test]
async fn a_token_for_somebody_elses_account_confirms_nothing_and_stays_good() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    ask(&ada.client, NEW).await.assert(202);
    let token = app.token_mailed_to(NEW).await;
    ask(&eve.client, NEW).await.assert(202);
    confirm(&eve.client, &token).await.assert_refused(400, "INVALID_TOKEN");
    confirm(&app.client(), &token).await.assert_refused(401, "UNAUTHENTICATED");
    confirm(&ada.client, &token).await.assert(204);
    assert_eq!(eve.client.me().await.json()["email"], eve.email.as_str());
}

#[tokio::test]
async fn the_last_request_counts_and_earlier_tokens_are_dead() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ask(&ada.client, "first@example.com").await.assert(202);
    let first = app.token_mailed_to("first@example.com").await;
    ask(&ada.client, "second@example.com").await.assert(202);
    let second = app.token_mailed_to("second@example.com").await;
    confirm(&ada.client, &first).await.assert_refused(400, "INVALID_TOKEN");
    // Nor does a token that went to the right mailbox for something else.
    mint(&app, "other", (ada.id, "second@example.com"), "reset_password").await;
    confirm(&ada.client, "other").await.assert_refused(400, "INVALID_TOKEN");
    confirm(&ada.client, &second).await.assert(204);
    assert_eq!(ada.client.me().await.json()["email"], "second@example.com");
}

#[tokio::test]
async fn a_confirmation_token_dies_after_an_hour_and_no_get_spends_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ask(&ada.client, NEW).await.assert(202);
    let token = app.token_mailed_to(NEW).await;
    let path = format!("/v1/users/me/email/confirm?token={token}");
    ada.client.get(&path).send().await.assert_refused(405, "METHOD_NOT_ALLOWED");
    app.clock.forward(Duration::HOUR);
    let ada = app.sign_in(ada.id, ada.email.clone()).await;
    confirm(&ada.client, &token).await.assert_refused(400, "INVALID_TOKEN");
    ask(&ada.client, NEW).await.assert(202);
    let token = until("another token", async || app.newest_token(NEW).filter(|newer| *newer != token)).await;
    confirm(&ada.client, &token).await.assert(204);
}

#[tokio::test]
async fn a_registration_that_nobody_confirmed_does_not_keep_an_owner_from_the_address() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.client());
    eve.register(NEW, "Eve", OTHER).await.assert(202);
    let of_eve = app.token_mailed_to(NEW).await;
    ask(&ada.client, NEW).await.assert(202);
    let token = until("the confirmation", async || app.newest_token(NEW).filter(|newer| *newer != of_eve)).await;
    confirm(&ada.client, &token).await.assert(204);
    eve.post("/v1/auth/verify-email", &json!({ "token": of_eve })).send().await.assert_refused(400, "INVALID_TOKEN");
    eve.login(NEW, OTHER).await.assert(401);
    app.client().login(NEW, PASSWORD).await.assert(200);
}

#[tokio::test]
async fn an_address_that_got_an_account_meanwhile_is_not_taken_from_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ask(&ada.client, NEW).await.assert(202);
    let token = app.token_mailed_to(NEW).await;
    app.client().register(NEW, "Grace", OTHER).await.assert(202);
    let verify = until("the verification", async || app.newest_token(NEW).filter(|newer| *newer != token)).await;
    app.client().post("/v1/auth/verify-email", &json!({ "token": verify })).send().await.assert(204);
    confirm(&ada.client, &token).await.assert_refused(400, "INVALID_TOKEN");
    app.client().login(NEW, OTHER).await.assert(200);
    assert_eq!(ada.client.me().await.json()["email"], ada.email.as_str());
}

#[tokio::test]
async fn of_twenty_confirmations_at_once_one_counts_and_two_accounts_never_share_an_address() {
    let settings = [("RATE_LIMIT_RECOVERY", "token-bucket 1000/1m"), ("RATE_LIMIT_WRITE", "token-bucket 1000/1m")];
    let app = TestApp::start_with(&settings, features::routes()).await;
    let (ada, grace) = (app.person(Role::User).await, app.person(Role::User).await);
    ask(&ada.client, NEW).await.assert(202);
    let of_ada = app.token_mailed_to(NEW).await;
    ask(&grace.client, NEW).await.assert(202);
    let of_grace = until("the other token", async || app.newest_token(NEW).filter(|newer| *newer != of_ada)).await;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (client, token) = if number % 2 == 0 { (&ada.client, &of_ada) } else { (&grace.client, &of_grace) };
        let (client, token) = (client.clone(), token.clone());
        racers.spawn(async move { confirm(&client, &token).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 204).map(Answer::refusal).collect();
    assert!(refused.iter().all(|refusal| *refusal == (400, "INVALID_TOKEN".to_owned())), "{refused:?}");
}

#[tokio::test]
async fn a_reset_token_that_went_to_the_old_address_is_dead() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let reset = async |token: &str| {
        let body = json!({ "token": token, "new_password": OTHER });
        app.client().post("/v1/auth/password/reset", &body).send().await
    };
    mint(&app, "before", (ada.id, &ada.email), "reset_password").await;
    ask(&ada.client, NEW).await.assert(202);
    confirm(&ada.client, &app.token_mailed_to(NEW).await).await.assert(204);
    reset("before").await.assert_refused(400, "INVALID_TOKEN");
    let left = "select (select count(*) from one_time_tokens) + (select count(*) from pending_email_changes)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 0);
    // And one that the worker minted only now, for a mail that was queued before.
    mint(&app, "after", (ada.id, &ada.email), "reset_password").await;
    reset("after").await.assert_refused(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn no_account_is_a_way_to_fill_a_strangers_mailbox() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    for asker in [&ada, &eve, &ada, &eve, &ada] {
        ask(&asker.client, "stranger@example.com").await.assert(202);
    }
    ask(&eve.client, "Stranger@example.com").await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_token_is_not_tried_without_end_from_however_many_addresses() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let elsewhere = || app.client().with_token(&ada.access_token);
    for _ in 0..5 {
        confirm(&elsewhere(), "dbt_one").await.assert_refused(400, "INVALID_TOKEN");
    }
    confirm(&elsewhere(), "dbt_one").await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn what_nobody_confirmed_is_not_kept() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    ask(&ada.client, NEW).await.assert(202);
    let waiting = async || -> i64 {
        sqlx::query_scalar("select count(*) from pending_email_changes").fetch_one(&app.owner).await.unwrap()
    };
    assert_eq!(waiting().await, 1);
    let now = app.app.givens.now() + Duration::days(2);
    drawbridge::database::housekeeping(&app.app.database, &app.app.settings.session, now).await.unwrap();
    assert_eq!(waiting().await, 0);
}

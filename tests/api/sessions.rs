//! Users look after their own sessions.

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Client, PASSWORD, Person, TestApp, until};

async fn sessions(client: &Client) -> Vec<Value> {
    let page = client.get("/v1/users/me/sessions").send().await.assert(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn current(client: &Client) -> String {
    let all = sessions(client).await;
    let id = all.iter().find(|session| session["current"] == true).unwrap()["id"].as_str();
    id.unwrap().to_owned()
}

async fn end(client: &Client, id: &str) -> crate::support::Answer {
    client.delete(&format!("/v1/users/me/sessions/{id}"), &json!({})).send().await
}

/// Somebody signed in three times, on a phone, a laptop and a tablet.
async fn three_devices(app: &TestApp) -> [Person; 3] {
    let phone = app.person(Role::User).await;
    app.clock.forward(Duration::minutes(1));
    let laptop = app.sign_in(phone.id, phone.email.clone()).await;
    app.clock.forward(Duration::minutes(1));
    let tablet = app.sign_in(phone.id, phone.email.clone()).await;
    [phone, laptop, tablet]
}

#[tokio::test]
async fn users_see_where_they_are_signed_in_and_which_session_this_is() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let login = json!({ "email": email, "password": PASSWORD });
    let at = |address: &str, agent: &str| {
        app.client()
            .post("/v1/auth/login", &login)
            .header("x-forwarded-for", address)
            .header("user-agent", agent)
            .send()
    };
    at("203.0.113.77", "Phone/1.0 <b>").await.assert(200);
    app.clock.forward(Duration::minutes(1));
    let tokens = at("2001:db8:1:2:3:4:5:6", "Laptop/2.0").await.assert(200).json();
    app.clock.forward(Duration::minutes(1));
    let tokens = app.client().refresh(tokens["refresh_token"].as_str().unwrap()).await.assert(200).json();
    let laptop = app.client().with_token(tokens["access_token"].as_str().unwrap());

    let answer = laptop.get("/v1/users/me/sessions").send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text().contains("203.0.113.77") && !answer.text().contains("2001:db8:1:2"), "{}", answer.text());
    let all = sessions(&laptop).await;
    let told = |session: &Value| {
        ["device", "address", "created_at", "last_seen_at", "current"].map(|name| session[name].clone())
    };
    let laptop_told =
        ["Laptop/2.0", "2001:db8:1::/48", "2026-03-01T12:01:00Z", "2026-03-01T12:02:00Z"].map(|t| json!(t));
    let phone_told =
        ["Phone/1.0 <b>", "203.0.113.0/24", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"].map(|t| json!(t));
    assert_eq!(told(&all[0]), [&laptop_told[..], &[json!(true)]].concat()[..], "the newest first");
    assert_eq!(told(&all[1]), [&phone_told[..], &[json!(false)]].concat()[..]);
    assert_eq!((all.len(), app.events(id, "authn_login_success").await), (2, 2));
}

#[tokio::test]
async fn sessions_that_are_over_are_not_listed_nor_anyone_elses() {
    let app = TestApp::start().await;
    let [phone, laptop, tablet] = three_devices(&app).await;
    app.person(Role::User).await;
    laptop.client.post("/v1/auth/logout", &json!({})).send().await.assert(204);
    assert_eq!(sessions(&tablet.client).await.len(), 2);
    let expired = current(&phone.client).await;
    sqlx::query("update sessions set expires_at = $2 where id = $1::uuid")
        .bind(&expired)
        .bind(app.app.givens.now().0)
        .execute(&app.owner)
        .await
        .unwrap();
    assert_eq!(sessions(&tablet.client).await.len(), 1);
    end(&tablet.client, &expired).await.assert_refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn ending_one_session_ends_it_at_once_and_no_other() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let [phone, laptop, tablet] = three_devices(&app).await;
    let elsewhere = phone.client.at(replica.address);
    elsewhere.me().await.assert(200);

    end(&laptop.client, &current(&phone.client).await).await.assert(204);
    phone.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&phone.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    until("the other replica knows", async || (elsewhere.me().await.status == 401).then_some(())).await;
    laptop.client.me().await.assert(200);
    tablet.client.me().await.assert(200);
    assert_eq!(app.events(phone.id, "authn_token_revoked").await, 1);
}

#[tokio::test]
async fn ending_the_current_session_is_a_sign_out() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    end(&ada.client, &current(&ada.client).await).await.assert(204);
    ada.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&ada.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn ending_the_others_leaves_only_this_one() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let [phone, laptop, tablet] = three_devices(&app).await;
    let stranger = app.person(Role::User).await;
    let elsewhere = phone.client.at(replica.address);
    elsewhere.me().await.assert(200);

    laptop.client.delete("/v1/users/me/sessions", &json!({})).send().await.assert(204);
    for other in [&phone, &tablet] {
        other.client.me().await.assert_refused(401, "UNAUTHENTICATED");
        app.client().refresh(&other.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    until("the other replica knows", async || (elsewhere.me().await.status == 401).then_some(())).await;
    laptop.client.me().await.assert(200);
    app.client().refresh(&laptop.refresh_token).await.assert(200);
    stranger.client.me().await.assert(200);
    assert_eq!(sessions(&laptop.client).await.len(), 1);
}

#[tokio::test]
async fn the_replica_where_a_session_is_ended_does_not_wait_for_its_own_announcement() {
    let app = TestApp::start().await;
    app.silence_announcements().await;
    let [phone, laptop, tablet] = three_devices(&app).await;
    let id = current(&phone.client).await;
    end(&laptop.client, &id).await.assert(204);
    phone.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    tablet.client.me().await.assert(200);
    laptop.client.delete("/v1/users/me/sessions", &json!({})).send().await.assert(204);
    tablet.client.me().await.assert_refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_strangers_session_cannot_be_told_from_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let [ada, eve, admin] = [Role::User, Role::Editor, Role::Admin].map(|role| app.person(role));
    let (ada, eve, admin) = (ada.await, eve.await, admin.await);
    let target = current(&ada.client).await;
    for attacker in [&eve, &admin] {
        let (strangers, nobodys) =
            (end(&attacker.client, &target).await, end(&attacker.client, &Uuid::max().to_string()).await);
        strangers.assert_refused(404, "NOT_FOUND");
        nobodys.assert_refused(404, "NOT_FOUND");
        let without_reference = |answer: &crate::support::Answer| answer.text().replace(&answer.reference(), "");
        assert_eq!(without_reference(&strangers), without_reference(&nobodys));
    }
    ada.client.me().await.assert(200);
    // One that has ended is gone too.
    let [phone, laptop, _] = three_devices(&app).await;
    let ended = current(&phone.client).await;
    end(&laptop.client, &ended).await.assert(204);
    end(&laptop.client, &ended).await.assert_refused(404, "NOT_FOUND");
    end(&laptop.client, "7").await.assert_refused(400, "VALIDATION_FAILED");
}

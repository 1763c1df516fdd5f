//! What owners hear by mail about their own account, and what they do not.

use std::collections::BTreeSet;

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, PASSWORD, Person, TestApp, until};

const NEW_DEVICE: (&str, &str) = ("new_device", "A new device signed in to your account");
const NEW_KEY: (&str, &str) = ("api_key_created", "An API key was created");

/// How many mails of a kind there are to this address, sent or not. The worker names a file before it forgets its row, so
/// whoever looks at the rows first sees each mail at least once.
async fn mails(app: &TestApp, email: &str, (template, subject): (&str, &str)) -> usize {
    let waiting = sqlx::query_scalar::<_, Uuid>("select id from mail_outbox where recipient = $1 and template = $2");
    let waiting = waiting.bind(email).bind(template).fetch_all(&app.owner).await.unwrap();
    let mut ids: BTreeSet<_> = waiting.iter().map(Uuid::to_string).collect();
    for file in std::fs::read_dir(app.folder.path().join("mail")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            continue;
        }
        let mail = std::fs::read_to_string(&path).unwrap();
        if mail.contains(&format!("To: {email}\r\n")) && mail.contains(&format!("Subject: {subject}\r\n")) {
            ids.insert(name);
        }
    }
    ids.len()
}

async fn login_with(app: &TestApp, email: &str, address: &str, agent: &str, known: Option<&str>) -> Answer {
    let mut body = json!({ "email": email, "password": PASSWORD });
    if let Some(token) = known {
        body["known_device"] = json!(token);
    }
    let request = app.client().post("/v1/auth/login", &body).header("x-forwarded-for", address);
    request.header("user-agent", agent).send().await
}

async fn login(app: &TestApp, email: &str, address: &str, agent: &str) -> Value {
    login_with(app, email, address, agent, None).await.assert(200).json()
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_sign_in_from_another_place_or_program_is_told_to_the_owner_and_the_first_of_all_is_not() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    for (address, agent, expected) in [
        ("203.0.113.77", "Phone/1.0", 0),
        ("203.0.113.9", "Phone/1.0", 0),     // the same network
        ("203.0.113.9", "Phone/2.10.3", 0),  // an update of the program
        ("198.51.100.7", "Phone/2.10.3", 1), // another network
        ("198.51.100.8", "Phone/2.10.3", 1), // which is known from now on
        ("203.0.113.77", "Laptop/1.0", 2),   // another program
        ("2001:db8:1::5", "Laptop/1.0", 3),
        ("2001:db8:1:2::6", "Laptop/1.0", 3),
        ("2001:db8:2::5", "Laptop/1.0", 4),
    ] {
        login(&app, &email, address, agent).await;
        assert_eq!(mails(&app, &email, NEW_DEVICE).await, expected, "{agent} at {address}");
    }
}

#[tokio::test]
async fn the_mail_says_when_and_from_which_network_and_not_from_which_address() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    login(&app, &email, "203.0.113.77", "Phone <b>/1.0").await;
    app.clock.forward(Duration::minutes(5));
    login(&app, &email, "198.51.100.7", "Phone <b>/1.0").await;
    let mail = app.mail_to(&email).await;
    for told in [NEW_DEVICE.1, "When: 2026-03-01 12:05 UTC", "From: 198.51.100.0/24", "If it was not you"] {
        assert!(mail.contains(told), "{told}: {mail}");
    }
    for untold in ["198.51.100.7", "Phone", "dbt_"] {
        assert!(!mail.contains(untold), "{untold}: {mail}");
    }
}

#[tokio::test]
async fn a_device_that_shows_its_last_refresh_token_is_known_wherever_it_is_and_one_of_another_account_is_not() {
    let app = TestApp::start().await;
    let ((_, email), (_, eves)) = (app.account(Role::User).await, app.account(Role::User).await);
    let first = login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    login_with(&app, &email, "198.51.100.7", "Changed/1.0", Some(refresh_token(&first))).await.assert(200);
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 0);

    let eve = login(&app, &eves, "192.0.2.1", "Phone/1.0").await;
    for (number, shown) in [refresh_token(&eve), "made up"].into_iter().enumerate() {
        let network = format!("192.0.{}.1", 10 + number);
        login_with(&app, &email, &network, "Phone/1.0", Some(shown)).await.assert(200);
        assert_eq!(mails(&app, &email, NEW_DEVICE).await, number + 1);
    }
}

#[tokio::test]
async fn a_device_that_was_thrown_out_is_new_again_even_with_its_last_token_and_one_that_signed_out_is_not() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let signed_out = login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    let client = app.client().with_token(signed_out["access_token"].as_str().unwrap());
    client.post("/v1/auth/logout", &json!({})).send().await.assert(204);
    login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 0);

    let thief = login(&app, &email, "198.51.100.7", "Thief/1.0").await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 1);
    let owner = app.sign_in(id, email.clone()).await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 2, "the test's own client is a device too");
    owner.client.delete("/v1/users/me/sessions", &json!({})).send().await.assert(204);
    login(&app, &email, "198.51.100.7", "Thief/1.0").await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 3);
    owner.client.delete("/v1/users/me/sessions", &json!({})).send().await.assert(204);
    login_with(&app, &email, "198.51.100.7", "Thief/1.0", Some(refresh_token(&thief))).await.assert(200);
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 4);
}

#[tokio::test]
async fn a_device_is_forgotten_thirty_days_after_its_last_session_and_its_return_is_told() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    // The session lives for thirty days, and the device is known for thirty more.
    app.clock.forward(Duration::days(60) - Duration::MICROSECOND);
    login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 0);
    app.clock.forward(Duration::days(60));
    login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 1, "this is not the first sign-in, though no session is left");
}

#[tokio::test]
async fn a_sign_in_that_fails_sends_no_mail() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    login(&app, &email, "203.0.113.77", "Phone/1.0").await;
    let body = json!({ "email": email, "password": "not the right one" });
    app.client().post("/v1/auth/login", &body).send().await.assert(401);
    sqlx::query("update users set status = 'suspended' where id = $1").bind(id).execute(&app.owner).await.unwrap();
    login_with(&app, &email, "198.51.100.7", "Thief/1.0", None).await.assert(401);
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 0);
}

/// Both have come as far as to the user's row, which somebody holds: neither may go on past it together with the other.
#[tokio::test]
async fn of_two_first_sign_ins_at_the_same_moment_both_succeed_and_the_second_is_told() {
    let app = TestApp::start().await;
    let (id, email) = app.account(Role::User).await;
    let mut held = app.owner.begin().await.unwrap();
    sqlx::query("select from users where id = $1 for share").bind(id).execute(&mut *held).await.unwrap();
    let both_wait = until("both wait", async || {
        let waiting = "select count(distinct pid) from pg_locks join pg_stat_activity using (pid)
                       where datname = current_database() and not granted";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&app.owner).await.unwrap();
        (waiting == 2).then_some(())
    });
    let (one, other, ()) = tokio::join!(
        login_with(&app, &email, "203.0.113.77", "Phone/1.0", None),
        login_with(&app, &email, "198.51.100.7", "Thief/1.0", None),
        async {
            both_wait.await;
            held.commit().await.unwrap();
        }
    );
    one.assert(200);
    other.assert(200);
    assert_eq!(mails(&app, &email, NEW_DEVICE).await, 1);
}

/// Whatever is written to the outbox of this kind fails from here on.
async fn refuse_mail(app: &TestApp, template: &str) {
    let statement = format!("alter table mail_outbox add check (template <> '{template}')");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&app.owner).await.unwrap();
}

async fn count(app: &TestApp, statement: &'static str, user: Uuid) -> i64 {
    sqlx::query_scalar(statement).bind(user).fetch_one(&app.owner).await.unwrap()
}

#[tokio::test]
async fn no_session_and_no_key_is_made_that_its_owner_is_not_told_of() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for template in [NEW_DEVICE.0, NEW_KEY.0] {
        refuse_mail(&app, template).await;
    }
    login_with(&app, &ada.email, "198.51.100.7", "Thief/1.0", None).await.assert_refused(500, "INTERNAL_ERROR");
    make_key(&app, &ada).await.assert_refused(500, "INTERNAL_ERROR");
    assert_eq!(count(&app, "select count(*) from sessions where user_id = $1", ada.id).await, 1);
    assert_eq!(count(&app, "select count(*) from api_keys where user_id = $1", ada.id).await, 0);
    assert_eq!(app.events(ada.id, "authn_key_created").await, 0);
}

async fn make_key(app: &TestApp, owner: &Person) -> Answer {
    let end = app.app.givens.now() + Duration::days(30);
    let body = json!({ "name": "Nightly backup", "scopes": ["profile:read"], "expires_at": end });
    owner.client.post("/v1/users/me/api-keys", &body).send().await
}

#[tokio::test]
async fn a_new_api_key_is_told_to_its_owner_and_not_shown_to_whoever_reads_the_mail() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada).await.assert(201).json();
    let mail = app.mail_to(&ada.email).await;
    assert_eq!(mails(&app, &ada.email, NEW_KEY).await, 1);
    assert!(mail.contains("revoke the key"), "a new password would end no key: {mail}");
    assert!(mail.contains(NEW_KEY.1) && mail.contains("When: 2026-03-01 12:00 UTC") && mail.contains("From: 10."));
    for untold in [key["key"].as_str().unwrap(), key["key_id"].as_str().unwrap(), "Nightly backup"] {
        assert!(!mail.contains(untold), "{untold}: {mail}");
    }
}

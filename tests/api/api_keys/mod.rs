//! Keys for programs: what one opens, what it never opens, and how it ends.

mod forged;
mod managing;

use drawbridge::{app, http::routes::Route, security::access::Role, types::Timestamp};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, Client, Person, TestApp, until};

const KEYS: &str = "/v1/users/me/api-keys";
const BOTH: [&str; 2] = ["profile:read", "profile:write"];

async fn ask_for(client: &Client, scopes: &[&str], expires_at: Timestamp) -> Answer {
    let body = json!({ "name": "Nightly backup", "scopes": scopes, "expires_at": expires_at });
    client.post(KEYS, &body).send().await
}

/// A key for a day, as the answer shows it.
async fn make_key(app: &TestApp, person: &Person, scopes: &[&str]) -> Value {
    let end = app.app.givens.now() + Duration::days(1);
    ask_for(&person.client, scopes, end).await.assert(201).json()
}

/// Someone who speaks with a key of this person's.
async fn program(app: &TestApp, person: &Person, scopes: &[&str]) -> Client {
    let key = make_key(app, person, scopes).await;
    app.client().with_key(key["key"].as_str().unwrap())
}

fn refused_without_hint(answer: &Answer, what: &str) {
    assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".to_owned()), "{what}");
    assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
}

#[tokio::test]
async fn the_life_of_a_key() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let end = app.app.givens.now() + Duration::days(90);
    let body = json!({ "name": "  Jose\u{301}'s backup ", "scopes": BOTH, "expires_at": end });
    let answer = ada.client.post(KEYS, &body).send().await;
    let made = answer.assert(201).json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), format!("{KEYS}/{id}"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(made["key_id"], key[..16]);
    assert_eq!((&made["name"], &made["scopes"]), (&json!("José's backup"), &json!(BOTH)));
    assert_eq!((&made["expires_at"], &made["last_used_at"]), (&json!(end), &Value::Null));

    let program = app.client().with_key(key);
    assert_eq!(program.me().await.assert(200).json()["id"], json!(ada.id));
    program.patch("/v1/users/me", &json!({ "name": "Ada King" })).send().await.assert(200);

    let list = ada.client.get(KEYS).send().await.assert(200).json();
    assert_eq!((&list["items"][0]["id"], &list["next_cursor"]), (&made["id"], &Value::Null));
    assert!(!list.to_string().contains(&key[16..]), "it is shown once");
    app.clock.forward(Duration::SECOND);
    let newer = make_key(&app, &ada, &BOTH).await;
    let list = ada.client.get(KEYS).send().await.assert(200).json();
    assert_eq!([&list["items"][0]["id"], &list["items"][1]["id"]], [&newer["id"], &made["id"]], "newest first");

    ada.client.request(axum::http::Method::DELETE, &format!("{KEYS}/{id}")).send().await.assert(204);
    refused_without_hint(&program.me().await, "revoked");
    let list = ada.client.get(KEYS).send().await.json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["id"]), (1, &newer["id"]));
    let again = ada.client.request(axum::http::Method::DELETE, &format!("{KEYS}/{id}")).send().await;
    again.assert_refused(404, "NOT_FOUND");
    for (event, times) in [("authn_key_created", 2), ("authn_key_revoked", 1)] {
        assert_eq!(app.events(ada.id, event).await, times, "{event}");
    }
}

#[tokio::test]
async fn a_revocation_works_on_another_replica_with_the_answer() {
    let app = TestApp::start().await;
    let other = app.replica_with(&[]).await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada, &BOTH).await;
    let elsewhere = app.client().with_key(key["key"].as_str().unwrap()).at(other.address);
    elsewhere.me().await.assert(200);
    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    ada.client.request(axum::http::Method::DELETE, &path).send().await.assert(204);
    refused_without_hint(&elsewhere.me().await, "revoked");
}

/// The contract's first rule about keys: one can never manage credentials, nor do anything else that wants a person.
#[tokio::test]
async fn no_route_that_wants_a_session_lets_a_key_in() {
    let app = TestApp::start().await;
    let ada = app.person(Role::Admin).await;
    let program = program(&app, &ada, &BOTH).await;
    let wanting = |route: &&std::sync::Arc<Route>| route.policy.wants_session();
    let table = app::table();
    assert!(table.iter().filter(wanting).count() >= 5, "the walk walks");
    for route in table.iter().filter(wanting) {
        let path = route.path.replace("{id}", &Uuid::nil().to_string());
        let request = program.request(route.method.clone(), &path);
        // Not even a valid form: who may not come in does not learn what the form is.
        let request = if route.takes_body { request.json(&json!({ "nonsense": 1 })) } else { request };
        assert_eq!(request.send().await.refusal(), (403, "FORBIDDEN".to_owned()), "{route}");
    }
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_name_and_the_refusal_names_the_one_that_is_missing() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let change = json!({ "name": "Ada King" });
    let reader = program(&app, &ada, &["profile:read"]).await;
    reader.me().await.assert(200);
    let refused = reader.patch("/v1/users/me", &change).send().await;
    refused.assert_refused(403, "INSUFFICIENT_SCOPE");
    assert_eq!(refused.header("www-authenticate"), r#"Bearer error="insufficient_scope", scope="profile:write""#);

    let writer = program(&app, &ada, &["profile:write"]).await;
    writer.patch("/v1/users/me", &change).send().await.assert(200);
    let refused = writer.me().await;
    refused.assert_refused(403, "INSUFFICIENT_SCOPE");
    assert_eq!(refused.header("www-authenticate"), r#"Bearer error="insufficient_scope", scope="profile:read""#);
    until("both refusals are written down", async || (app.events(ada.id, "authz_fail").await == 2).then_some(())).await;
}

#[tokio::test]
async fn a_key_ends_with_its_owner() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let program = program(&app, &ada, &BOTH).await;
    for (change, answer) in [
        ("update users set status = 'suspended' where id = $1", 401),
        ("update users set status = 'active' where id = $1", 200),
        ("update users set email_verified_at = null where id = $1", 401),
        ("update users set email_verified_at = now() where id = $1", 200),
    ] {
        sqlx::query(change).bind(ada.id).execute(&app.owner).await.unwrap();
        assert_eq!(program.me().await.status, answer, "{change}");
    }
    sqlx::query("delete from users where id = $1").bind(ada.id).execute(&app.owner).await.unwrap();
    refused_without_hint(&program.me().await, "deleted");
    let left: i64 = sqlx::query_scalar("select count(*) from api_keys").fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_key_ends_to_the_microsecond() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let end = app.app.givens.now() + Duration::hours(1);
    let key = ask_for(&ada.client, &BOTH, end).await.assert(201).json();
    let program = app.client().with_key(key["key"].as_str().unwrap());
    app.clock.forward(Duration::hours(1) - Duration::MICROSECOND);
    program.me().await.assert(200);
    let ada = app.sign_in(ada.id, ada.email).await;
    let list = async || ada.client.get(KEYS).send().await.assert(200).json()["items"].as_array().unwrap().len();
    assert_eq!(list().await, 1);
    app.clock.forward(Duration::MICROSECOND);
    refused_without_hint(&program.me().await, "expired");
    assert_eq!(list().await, 0);
}

#[tokio::test]
async fn the_last_use_is_written_at_most_once_a_minute() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let program = program(&app, &ada, &BOTH).await;
    let is_stamped = async |at: Timestamp| {
        until("the use is written down", async || {
            let last: Option<Timestamp> =
                sqlx::query_scalar("select last_used_at from api_keys").fetch_one(&app.owner).await.unwrap();
            (last == Some(at)).then_some(())
        })
        .await;
    };
    let first = app.app.givens.now();
    program.me().await.assert(200);
    is_stamped(first).await;

    app.clock.forward(Duration::MINUTE - Duration::MICROSECOND);
    program.me().await.assert(200);
    app.clock.forward(Duration::MICROSECOND);
    program.me().await.assert(200);
    is_stamped(first + Duration::MINUTE).await;
    let place: String = sqlx::query_scalar("select ctid::text from api_keys").fetch_one(&app.owner).await.unwrap();
    assert_eq!(place, "(0,3)", "the row as it was made, and two changes: the second use made none");
    let list = app.sign_in(ada.id, ada.email.clone()).await.client.get(KEYS).send().await.assert(200).json();
    assert_eq!(list["items"][0]["last_used_at"], json!(first + Duration::MINUTE));
}

#[tokio::test]
async fn every_route_with_a_scope_says_that_a_key_opens_it_and_no_other_does() {
    let app = TestApp::start().await;
    let document = app.client().get("/openapi.json").send().await.json();
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["name"], "X-API-Key");
    for route in app::table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let by_key = operation["security"].as_array().unwrap().contains(&json!({ "api_key": [] }));
        let has_scope = matches!(route.policy, drawbridge::security::access::Policy::Scope(_));
        assert_eq!(by_key, has_scope, "{route}");
    }
}

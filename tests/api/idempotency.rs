//! A request that is sent again with its `Idempotency-Key` is answered again, and done once.

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

use crate::support::{Answer, Client, TestApp};

async fn create(client: &Client, key: &str, title: &str) -> Answer {
    let body = json!({ "title": title, "body": "Down by day." });
    client.post("/v1/articles", &body).header("idempotency-key", key).send().await
}

async fn articles(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from articles").fetch_one(&app.owner).await.unwrap()
}

#[tokio::test]
async fn the_same_request_again_is_answered_as_the_first_time_and_done_once() {
    let app = TestApp::start().await;
    let client = app.person(Role::User).await.client;
    let first = create(&client, "8e03978e", "On bridges").await;
    first.assert(201);
    let path = first.header("location").to_owned();
    let change = client.patch(&path, &json!({ "title": "Changed since" })).header("if-match", first.header("etag"));
    change.send().await.assert(200);
    let again = create(&client, "8e03978e", "On bridges").await;
    again.assert(201);
    assert_eq!(again.json(), first.json(), "the answer of the first time, not the article of today");
    assert_eq!((again.header("location"), again.header("etag")), (first.header("location"), first.header("etag")));
    assert_eq!(articles(&app).await, 1);
}

#[tokio::test]
async fn of_many_at_once_on_two_replicas_one_does_it_and_all_get_its_answer() {
    let app = TestApp::start().await;
    let other = app.replica_with(&[]).await;
    let client = app.person(Role::User).await.client;
    let racers: JoinSet<_> = (0..20)
        .map(|number| if number % 2 == 0 { client.clone() } else { client.at(other.address) })
        .map(async |client: Client| create(&client, "8e03978e", "On bridges").await)
        .collect();
    let answers = racers.join_all().await;
    for answer in &answers {
        answer.assert(201);
        assert_eq!(answer.json(), answers[0].json());
    }
    assert_eq!(articles(&app).await, 1);
}

#[tokio::test]
async fn a_key_is_good_for_one_request_of_one_user_for_a_day() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let first = create(&ada.client, "8e03978e", "On bridges").await;
    create(&ada.client, "8e03978e", "On tunnels").await.assert_refused(409, "CONFLICT");
    let foreign = create(&eve.client, "8e03978e", "On bridges").await;
    assert_eq!(foreign.json()["owner_id"], eve.id.to_string(), "nobody gets another's answer");
    let without = ada.client.post("/v1/articles", &json!({ "title": "On bridges", "body": "Down by day." }));
    assert_ne!(without.send().await.json()["id"], first.json()["id"], "without a key nothing is a repetition");

    app.clock.forward(Duration::hours(24));
    let ada = app.sign_in(ada.id, ada.email).await;
    let later = create(&ada.client, "8e03978e", "On tunnels").await;
    later.assert(201);
    assert_eq!(create(&ada.client, "8e03978e", "On tunnels").await.json(), later.json());
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let app = TestApp::start().await;
    let client = app.person(Role::User).await.client;
    create(&client, "8e03978e", "").await.assert_refused(400, "VALIDATION_FAILED");
    create(&client, "8e03978e", "On bridges").await.assert(201);
}

#[tokio::test]
async fn a_key_that_is_empty_too_long_doubled_or_unreadable_is_refused() {
    let app = TestApp::start().await;
    let client = app.person(Role::User).await.client;
    for wrong in ["", &"k".repeat(201), "k\u{e9}y", "k\ty"] {
        let answer = create(&client, wrong, "On bridges").await;
        assert_eq!(answer.fields(), [("Idempotency-Key".to_owned(), "header".to_owned())], "{wrong:?}");
    }
    let body = json!({ "title": "On bridges", "body": "Down by day." });
    let twice = client.post("/v1/articles", &body).header("idempotency-key", "a").header("idempotency-key", "b");
    assert_eq!(twice.send().await.fields(), [("Idempotency-Key".to_owned(), "header".to_owned())]);
    create(&client, &"k".repeat(200), "On bridges").await.assert(201);
}

#[tokio::test]
async fn a_key_stands_nowhere_readable_and_its_row_goes_when_its_day_is_over() {
    let app = TestApp::start().await;
    let client = app.person(Role::User).await.client;
    create(&client, "4929-1234-5678-9012", "On bridges").await.assert(201);
    let kept: Vec<Value> =
        sqlx::query_scalar("select to_jsonb(r) from idempotent_requests r").fetch_all(&app.owner).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].to_string().contains("4929"));
    let session = &app.app.settings.session;
    let day = app.app.givens.now() + Duration::hours(24);
    drawbridge::database::housekeeping(&app.app.database, session, day).await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from idempotent_requests").fetch_one(&app.owner).await.unwrap();
    assert_eq!(left, 0);
}

//! The example resource: whose an article is, who reads it, and what happens when two write at once.

use axum::http::Method;
use drawbridge::security::access::{Role, Scope};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, TestApp};

const BOTH: [Scope; 2] = [Scope::ArticlesRead, Scope::ArticlesWrite];

fn draft() -> Value {
    json!({ "title": "On bridges", "body": "Down by day,\nup by night." })
}

async fn write(author: &Client) -> (String, String) {
    let answer = author.post("/v1/articles", &draft()).send().await;
    answer.assert(201);
    (answer.header("location").to_owned(), answer.header("etag").to_owned())
}

async fn publish(app: &TestApp, path: &str) {
    let editor = app.person(Role::Editor).await;
    editor.client.request(Method::POST, &format!("{path}/publish")).send().await.assert(200);
}

async fn articles(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from articles").fetch_one(&app.owner).await.unwrap()
}

#[tokio::test]
async fn an_article_is_found_where_its_creation_says_and_is_a_draft_of_its_author() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (path, etag) = write(&ada.client).await;
    let answer = ada.client.get(&path).send().await;
    answer.assert(200);
    assert_eq!(answer.header("etag"), etag, "the creation's ETag is good for a change");
    assert_eq!(answer.header("cache-control"), "no-store");
    let article = answer.json();
    assert_eq!(article["owner_id"], ada.id.to_string());
    assert_eq!((&article["title"], &article["body"]), (&draft()["title"], &draft()["body"]));
    assert_eq!(article["published_at"], Value::Null);
}

#[tokio::test]
async fn a_draft_is_to_a_stranger_as_an_id_that_nobody_has() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let (path, etag) = write(&ada.client).await;
    let nowhere = format!("/v1/articles/{}", app.app.givens.new_id());
    for path in [&path, &nowhere] {
        eve.client.get(path).send().await.assert_refused(404, "NOT_FOUND");
        let change = json!({ "title": "Mine now" });
        eve.client.patch(path, &change).header("if-match", &etag).send().await.assert_refused(404, "NOT_FOUND");
        eve.client.patch(path, &change).send().await.assert_refused(404, "NOT_FOUND");
        eve.client.request(Method::DELETE, path).send().await.assert_refused(404, "NOT_FOUND");
    }
    assert_eq!(eve.client.get("/v1/articles").send().await.json()["items"], json!([]));
    ada.client.get(&path).send().await.assert(200);
}

#[tokio::test]
async fn a_published_article_is_read_by_all_who_are_signed_in_and_changed_by_none_of_them() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let (path, _) = write(&ada.client).await;
    publish(&app, &path).await;
    let read = eve.client.get(&path).send().await;
    read.assert(200);
    assert_eq!(eve.client.get("/v1/articles").send().await.json()["items"][0]["id"], read.json()["id"]);
    let change = eve.client.patch(&path, &json!({ "title": "Mine now" })).header("if-match", read.header("etag"));
    change.send().await.assert_refused(404, "NOT_FOUND");
    eve.client.request(Method::DELETE, &path).send().await.assert_refused(404, "NOT_FOUND");
    app.client().get(&path).send().await.assert_refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_editor_reaches_every_draft_by_a_session_and_none_by_a_key() {
    let app = TestApp::start().await;
    let (ada, editor) = (app.person(Role::User).await, app.person(Role::Editor).await);
    let (path, etag) = write(&ada.client).await;
    assert_eq!(editor.client.get("/v1/articles").send().await.json()["items"].as_array().unwrap().len(), 1);
    let change = editor.client.patch(&path, &json!({ "title": "On drawbridges" })).header("if-match", &etag);
    let changed = change.send().await;
    changed.assert(200);
    assert_eq!(changed.json()["owner_id"], ada.id.to_string(), "it stays its author's");

    let key = app.program(editor.id, &BOTH).await;
    key.get(&path).send().await.assert_refused(404, "NOT_FOUND");
    assert_eq!(key.get("/v1/articles").send().await.json()["items"], json!([]));
    let change = key.patch(&path, &json!({ "title": "By key" })).header("if-match", changed.header("etag"));
    change.send().await.assert_refused(404, "NOT_FOUND");
    key.request(Method::DELETE, &path).send().await.assert_refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn only_editors_publish_and_doing_it_twice_changes_nothing() {
    let app = TestApp::start().await;
    let (ada, editor) = (app.person(Role::User).await, app.person(Role::Editor).await);
    let (path, _) = write(&ada.client).await;
    let publish = format!("{path}/publish");
    ada.client.request(Method::POST, &publish).send().await.assert_refused(403, "FORBIDDEN");
    let key = app.program(editor.id, &BOTH).await;
    key.request(Method::POST, &publish).send().await.assert_refused(403, "FORBIDDEN");
    let first = editor.client.request(Method::POST, &publish).send().await;
    first.assert(200);
    app.clock.forward(time::Duration::minutes(1));
    let again = editor.client.request(Method::POST, &publish).send().await;
    assert_eq!(again.json(), first.json());
}

#[tokio::test]
async fn a_change_names_the_version_it_was_made_against_and_of_two_at_once_one_wins() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (path, etag) = write(&ada.client).await;
    let change = |title: &str| ada.client.patch(&path, &json!({ "title": title }));
    change("Unread").send().await.assert_refused(428, "PRECONDITION_REQUIRED");
    change("Stale").header("if-match", "\"stale\"").send().await.assert_refused(412, "PRECONDITION_FAILED");
    change("Weak").header("if-match", &format!("W/{etag}")).send().await.assert_refused(412, "PRECONDITION_FAILED");

    let changes = (0..10).map(|number| change(&format!("Version {number}")).header("if-match", &etag).send());
    let answers = changes.collect::<JoinSet<_>>().join_all().await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    let lost = |answer: &&Answer| answer.status == 412;
    assert_eq!(answers.iter().filter(lost).count(), 9);
    assert_eq!(ada.client.get(&path).send().await.json(), won[0].json());
}

#[tokio::test]
async fn a_deletion_and_a_publication_against_an_old_version_are_refused() {
    let app = TestApp::start().await;
    let (ada, editor) = (app.person(Role::User).await, app.person(Role::Editor).await);
    let (path, old) = write(&ada.client).await;
    ada.client.patch(&path, &json!({ "body": "Rewritten" })).header("if-match", &old).send().await.assert(200);
    let publish = editor.client.request(Method::POST, &format!("{path}/publish")).header("if-match", &old);
    publish.send().await.assert_refused(412, "PRECONDITION_FAILED");
    let delete = |etag: &str| ada.client.request(Method::DELETE, &path).header("if-match", etag).send();
    delete(&old).await.assert_refused(412, "PRECONDITION_FAILED");
    delete("*").await.assert(204);
    ada.client.get(&path).send().await.assert_refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn nobody_writes_in_anothers_name_nor_publishes_by_a_field() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let (path, etag) = write(&eve.client).await;
    for (field, value) in [
        ("owner_id", json!(ada.id)),
        ("published_at", json!("2026-03-01T00:00:00Z")),
        ("id", json!(ada.id)),
        ("created_at", json!("2026-03-01T00:00:00Z")),
    ] {
        let mut sent = draft();
        sent[field] = value;
        let unknown = [(field.to_owned(), "unknown".to_owned())];
        assert_eq!(eve.client.post("/v1/articles", &sent).send().await.fields(), unknown);
        assert_eq!(eve.client.patch(&path, &sent).header("if-match", &etag).send().await.fields(), unknown);
    }
    assert_eq!(articles(&app).await, 1);
}

#[tokio::test]
async fn text_that_hides_or_turns_is_refused_and_ordinary_text_is_kept_as_it_is() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    for hidden in ["a\u{0}b", "a\u{202e}b", "a\u{2066}b", "a\u{7}b", "a\u{1b}[31mb", "a\u{2028}b", " \n\t", "\u{200b}"]
    {
        let answer = ada.client.post("/v1/articles", &json!({ "title": "Title", "body": hidden })).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        let answer = ada.client.post("/v1/articles", &json!({ "title": hidden, "body": "Body" })).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
    }
    for kept in
        ["<script>alert(1)</script>", "'; drop table articles; --", "tab\tand\r\nline", "नमस्ते 👩‍👩‍👧 привет", "🏴 1"]
    {
        let answer = ada.client.post("/v1/articles", &json!({ "title": "Title", "body": kept })).send().await;
        assert_eq!(answer.json()["body"], kept);
    }
}

#[tokio::test]
async fn pages_hold_every_article_that_the_caller_may_read_once_and_no_other() {
    let app =
        TestApp::start_with(&[("RATE_LIMIT_WRITE", "token-bucket 1000/1s")], drawbridge::features::routes()).await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let mut expected = Vec::new();
    for number in 0..12 {
        // Ids of one millisecond are in no order.
        app.clock.forward(time::Duration::MILLISECOND);
        let (path, _) = write(if number % 3 == 0 { &ada.client } else { &eve.client }).await;
        if number % 3 == 1 {
            sqlx::query("update articles set published_at = created_at where id = $1::uuid")
                .bind(path.rsplit('/').next())
                .execute(&app.owner)
                .await
                .unwrap();
        }
        if number % 3 < 2 {
            expected.insert(0, path.rsplit('/').next().unwrap().to_owned());
        }
    }
    let (mut found, mut next) = (Vec::new(), "/v1/articles?limit=3".to_owned());
    loop {
        let page = ada.client.get(&next).send().await.json();
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        eve.client.get(&format!("/v1/articles?cursor={cursor}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        next = format!("/v1/articles?limit=3&cursor={cursor}");
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_key_with_one_scope_reads_and_does_not_write() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let reader = app.program(ada.id, &[Scope::ArticlesRead]).await;
    let (path, etag) = write(&ada.client).await;
    reader.get(&path).send().await.assert(200);
    let refused = reader.post("/v1/articles", &draft()).send().await;
    refused.assert_refused(403, "INSUFFICIENT_SCOPE");
    assert!(refused.header("www-authenticate").contains(r#"scope="articles:write""#));
    let change = reader.patch(&path, &json!({ "title": "By key" })).header("if-match", &etag);
    change.send().await.assert_refused(403, "INSUFFICIENT_SCOPE");
    reader.request(Method::DELETE, &path).send().await.assert_refused(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn an_owner_who_leaves_takes_the_articles_along() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let (path, _) = write(&ada.client).await;
    publish(&app, &path).await;
    let body = json!({ "password": crate::support::PASSWORD });
    ada.client.delete("/v1/users/me", &body).send().await.assert(204);
    eve.client.get(&path).send().await.assert_refused(404, "NOT_FOUND");
}

//! `GET /v1/admin/security-events/stream`.

use std::collections::BTreeSet;

use drawbridge::security::{access::Role, audit::Event};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use super::{STREAM, admin, happens};
use crate::support::{Client, Stream, TestApp, until};

const ADA: Uuid = Uuid::from_u128(0xada);
const BOB: Uuid = Uuid::from_u128(0xb0b);
const NEAR: &str = "203.0.113.7";

async fn open(client: &Client, query: &str) -> Stream {
    let stream = client.get(&format!("{STREAM}{query}")).open().await;
    assert_eq!(stream.response.status(), 200);
    stream
}

async fn resume(client: &Client, last: &str) -> Stream {
    client.get(STREAM).header("last-event-id", last).open().await
}

/// The newest event's id, when so many have happened.
async fn some(app: &TestApp, count: usize) -> String {
    for _ in 0..count {
        happens(app, Event::UserUpdated, Some(ADA), NEAR).await;
    }
    sqlx::query_scalar("select event_id::text from security_event_chain order by position desc limit 1")
        .fetch_one(&app.owner)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_happens_is_told_as_it_is_listed_on_whichever_replica_it_happens() {
    let app = TestApp::start().await;
    let other = app.replica_with(&[]).await;
    let admin = admin(&app).await;
    let mut stream = open(&admin, "").await;
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(stream.response.headers()[name], value);
    }
    happens(&other, Event::LoginFail { reason: "wrong password" }, Some(BOB), NEAR).await;
    let told = loop {
        let told = stream.next().await.unwrap();
        // The start of a replica is an event as well.
        if told.name != "sys_startup" {
            break told;
        }
    };
    assert_eq!(told.name, "authn_login_fail");
    let listed = admin.get(&format!("/v1/admin/security-events?user_id={BOB}")).send().await.json();
    assert_eq!(listed["items"], json!([told.data]));
}

#[tokio::test]
async fn whoever_comes_back_loses_nothing_and_is_told_nothing_twice_on_whichever_replica() {
    let app = TestApp::start().await;
    let other = app.replica_with(&[]).await;
    let admin = admin(&app).await;
    let mut stream = open(&admin, "").await;
    let (mut seen, mut last) = (Vec::new(), String::new());
    for round in 0..4 {
        let here = [&app, &other][round % 2];
        let newest = some(&app, 3).await;
        if round > 0 {
            stream = resume(&admin.at(here.address), &last).await;
        }
        seen.extend(stream.up_to(&newest).await);
        last.clone_from(&stream.last_id);
        drop(stream);
        some(&other, 2).await;
        stream = resume(&admin.at(here.address), &last).await;
    }
    let newest = some(&app, 1).await;
    seen.extend(resume(&admin, &last).await.up_to(&newest).await);
    let all = "select event_id::text from security_event_chain order by position";
    let all: Vec<String> = sqlx::query_scalar(all).fetch_all(&app.owner).await.unwrap();
    let first = all.iter().position(|id| *id == seen[0]).unwrap();
    assert_eq!(seen, all[first..], "each once and in their order");
}

#[tokio::test]
async fn whoever_was_away_for_too_long_is_told_how_much_was_left_out() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let newest = some(&app, 530).await;
    let end: i64 = drawbridge::database::last_position(&app.app.database).await.unwrap();
    let mut stream = resume(&admin, "0").await;
    let gap = stream.next().await.unwrap();
    assert_eq!((gap.name.as_str(), &gap.data), ("gap", &json!({ "missed": end - 500 })));
    assert_eq!(stream.up_to(&newest).await.len(), 500);
    assert_eq!(stream.last_id, end.to_string());

    // An id from another trail, beyond the end of this one: it begins now.
    let mut stream = resume(&admin, &(end + 1000).to_string()).await;
    let newest = some(&app, 1).await;
    assert_eq!(stream.up_to(&newest).await, [newest]);
}

#[tokio::test]
async fn only_what_was_asked_for_is_told_and_what_was_not_is_no_gap() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let mut of_ada = open(&admin, &format!("?user_id={ADA}")).await;
    let mut failures = open(&admin, "?type=authn_login_fail").await;
    for (event, user) in [
        (Event::LoginFail { reason: "wrong password" }, BOB),
        (Event::UserUpdated, BOB),
        (Event::UserUpdated, ADA),
        (Event::LoginFail { reason: "wrong password" }, ADA),
    ] {
        happens(&app, event, Some(user), NEAR).await;
    }
    let mut told = Vec::new();
    for stream in [&mut of_ada, &mut failures] {
        for _ in 0..2 {
            let next = stream.next().await.unwrap();
            told.push((next.name, next.data["user_id"].clone()));
        }
    }
    let (updated, failed) = ("user_updated".to_owned(), "authn_login_fail".to_owned());
    let expected =
        [(updated, json!(ADA)), (failed.clone(), json!(ADA)), (failed.clone(), json!(BOB)), (failed, json!(ADA))];
    assert_eq!(told, expected);
    for wrong in ["?type=nothing", "?user_id=7", "?since=2026-03-01T00:00:00Z"] {
        admin.get(&format!("{STREAM}{wrong}")).send().await.assert_refused(400, "VALIDATION_FAILED");
    }
    for wrong in ["x", "-1", "1.5", "", "99999999999999999999"] {
        let refused = admin.get(STREAM).header("last-event-id", wrong).send().await;
        assert_eq!(refused.assert(400).fields()[0].0, "Last-Event-ID", "{wrong}");
    }
}

#[tokio::test]
async fn a_stream_is_what_was_asked_for_or_nothing() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    for fits in ["text/event-stream", "*/*", "text/*", "application/json, text/event-stream"] {
        admin.get(STREAM).header("accept", fits).send().await.assert(200);
    }
    for wrong in ["application/json", "text/html", "text/event-stream;q=0, */*"] {
        admin.get(STREAM).header("accept", wrong).send().await.assert_refused(406, "NOT_ACCEPTABLE");
    }
    admin.get(super::EVENTS).header("accept", "text/event-stream").send().await.assert_refused(406, "NOT_ACCEPTABLE");
}

/// Whatever takes the right away. No event of afterwards is told.
#[tokio::test]
async fn a_stream_ends_when_its_reader_may_read_no_more() {
    let app = TestApp::start().await;
    let ways = [
        "update sessions set ended_at = now(), end_reason = 'logout' where user_id = $1",
        "update users set status = 'suspended' where id = $1",
        "update users set role = 'editor' where id = $1",
        "delete from users where id = $1",
    ];
    for way in ways {
        let (id, _) = app.account(Role::Admin).await;
        let stream = open(&app.session(id, Role::Admin).await, "").await;
        sqlx::query(way).bind(id).execute(&app.owner).await.unwrap();
        stream.ends().await;
    }
    let stream = open(&admin(&app).await, "").await;
    app.clock.forward(Duration::minutes(11));
    stream.ends().await;
}

#[tokio::test]
async fn nothing_is_told_to_whom_it_may_not_be_told_any_more() {
    let app = TestApp::start().await;
    let (id, _) = app.account(Role::Admin).await;
    let client = app.session(id, Role::Admin).await;
    let mut stream = open(&client, "").await;
    sqlx::query("update users set role = 'editor' where id = $1").bind(id).execute(&app.owner).await.unwrap();
    until("the token has stopped", async || (client.me().await.status == 401).then_some(())).await;
    happens(&app, Event::UserDeleted, Some(ADA), NEAR).await;
    while let Some(told) = stream.next().await {
        assert_ne!(told.name, "user_deleted");
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_service_stops_and_when_it_cannot_ask_about_its_reader() {
    let app = TestApp::start().await;
    let stream = open(&admin(&app).await, "").await;
    app.lose_database().await;
    stream.ends().await;
    app.restore_database().await;
    let again = until("there is a stream again", async || {
        let stream = admin(&app).await.get(STREAM).open().await;
        (stream.response.status() == 200).then_some(stream)
    })
    .await;
    app.app.stop();
    again.ends().await;
}

#[tokio::test]
async fn nobody_takes_every_seat_and_a_seat_that_was_left_is_free() {
    let app = TestApp::start().await;
    let (id, _) = app.account(Role::Admin).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(open(&app.session(id, Role::Admin).await, "").await);
    }
    let ninth = app.session(id, Role::Admin).await;
    let refused = ninth.get(STREAM).send().await;
    assert!(refused.assert_refused(429, "RATE_LIMITED").header("retry-after").parse::<u32>().unwrap() > 0);
    let colleague = admin(&app).await;
    colleague.get(STREAM).send().await.assert(200);
    streams.pop();
    until("the seat is free", async || (ninth.get(STREAM).send().await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn many_readers_are_told_the_same() {
    let app = TestApp::start().await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(open(&admin(&app).await, "").await);
    }
    let newest = some(&app, 5).await;
    let mut told = BTreeSet::new();
    for stream in &mut streams {
        let seen = stream.up_to(&newest).await;
        told.insert(seen[seen.len() - 5..].to_vec());
    }
    assert_eq!(told.len(), 1);
}

//! `GET /v1/admin/security-events`.

use std::collections::BTreeSet;

use drawbridge::security::{
    access::Role,
    audit::{Event, Kind},
};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{EVENTS, admin, happens};
use crate::support::{Answer, Client, TestApp, until};

async fn list(client: &Client, query: &str) -> Answer {
    client.get(&format!("{EVENTS}?{query}")).send().await
}

/// What each of them is and about whom.
async fn found(client: &Client, query: &str) -> Vec<(String, Value)> {
    let page = list(client, query).await.assert(200).json();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| (item["type"].as_str().unwrap().to_owned(), item["user_id"].clone())).collect()
}

const ADA: Uuid = Uuid::from_u128(0xada);
const BOB: Uuid = Uuid::from_u128(0xb0b);
const NEAR: &str = "203.0.113.7";
const FAR: &str = "2001:db8::7";

/// Four events, an hour between each, the last of them now.
async fn four_events(app: &TestApp) {
    let events = [
        (Event::LoginSuccess, ADA, NEAR),
        (Event::LoginFail { reason: "wrong password" }, ADA, FAR),
        (Event::TokenReuse { session_id: BOB }, BOB, FAR),
        (Event::LoginFail { reason: "wrong password" }, BOB, NEAR),
    ];
    for (event, user, address) in events {
        app.clock.forward(Duration::hours(1));
        happens(app, event, Some(user), address).await;
    }
}

#[tokio::test]
async fn events_are_found_by_what_whom_where_from_and_when() {
    let app = TestApp::start().await;
    let started = app.app.givens.now();
    four_events(&app).await;
    let admin = admin(&app).await;
    let at = |hours: i64| (started + Duration::hours(hours)).to_string();
    let (success, fail, reuse) = ("authn_login_success", "authn_login_fail", "authn_token_reuse");
    for (query, expected) in [
        (format!("since={}", at(1)), vec![(fail, BOB), (reuse, BOB), (fail, ADA), (success, ADA)]),
        (format!("type={fail}"), vec![(fail, BOB), (fail, ADA)]),
        (format!("user_id={ADA}"), vec![(fail, ADA), (success, ADA)]),
        (format!("user_id={ADA}&type={fail}"), vec![(fail, ADA)]),
        (format!("client_address={FAR}"), vec![(reuse, BOB), (fail, ADA)]),
        (format!("severity=alarm&since={}", at(1)), vec![(reuse, BOB)]),
        (format!("severity=warning&since={}", at(1)), vec![(fail, BOB), (fail, ADA)]),
        (format!("severity=alarm&type={fail}"), vec![]),
        // The first moment belongs to it, the last does not.
        (format!("since={}&until={}", at(2), at(4)), vec![(reuse, BOB), (fail, ADA)]),
        (format!("since={}&until={}", at(2), at(2)), vec![]),
        (format!("since={}&until={}", at(4), at(1)), vec![]),
        (format!("until={}&user_id={ADA}", at(2)), vec![(success, ADA)]),
        ("since=9999-12-31T23:59:59Z".to_owned(), vec![]),
        ("until=0000-01-01T00:00:00Z".to_owned(), vec![]),
        (format!("user_id={}", Uuid::from_u128(7)), vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|(kind, user)| (kind.to_owned(), json!(user))).collect();
        assert_eq!(found(&admin, &query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn an_event_has_the_fields_of_the_contract_and_leads_to_the_line_of_its_request() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let refused = app.client().login("nobody@example.com", "not the password of anybody").await;
    let event = until("the event is written", async || {
        list(&admin, "type=authn_login_fail").await.json()["items"].get(0).cloned()
    })
    .await;
    let fields: BTreeSet<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let promised = ["id", "type", "at", "user_id", "client_address", "request_id", "reference", "details"];
    assert_eq!(fields, BTreeSet::from(promised));
    assert_eq!(event["reference"], refused.reference());
    assert_eq!(event["request_id"], refused.header("x-request-id"));
    assert!(event["at"].as_str().unwrap().ends_with('Z'), "{event}");
    assert_eq!(event["user_id"], Value::Null);
}

#[tokio::test]
async fn whatever_the_filters_do_not_know_is_refused_by_name() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    for (query, field, rule) in [
        ("type=authn_login", "type", "enum"),
        ("type=AUTHN_LOGIN_FAIL", "type", "enum"),
        ("type=", "type", "enum"),
        ("severity=debug", "severity", "enum"),
        ("user_id=7", "user_id", "uuid"),
        ("user_id=null", "user_id", "uuid"),
        ("client_address=somewhere", "client_address", "pattern"),
        ("client_address=%27%3B--", "client_address", "pattern"),
        ("since=yesterday", "since", "date_time"),
        ("until=2026-03-01", "until", "date_time"),
        ("limit=101", "limit", "maximum"),
        ("cursor=x", "cursor", "min_length"),
        ("request_id=x", "request_id", "unknown"),
    ] {
        let answer = list(&admin, query).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert!(answer.fields().iter().any(|(name, _)| name == field), "{query}: {:?}", answer.fields());
        let rules: Vec<_> = answer.fields().into_iter().map(|(_, rule)| rule).collect();
        assert!(rules.iter().any(|told| told == rule), "{query}: {rules:?}");
    }
    for kind in Kind::ALL {
        list(&admin, &format!("type={}", kind.name())).await.assert(200);
    }
}

#[tokio::test]
async fn a_long_trail_comes_page_by_page_each_event_once_also_across_months() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    for _ in 0..9 {
        app.clock.forward(Duration::days(7));
        happens(&app, Event::UserUpdated, Some(ADA), NEAR).await;
    }
    // The token is of long ago by now.
    let admin = super::admin(&app).await.beside(&admin);
    let filter = format!("user_id={ADA}&limit=4");
    let (mut seen, mut sizes, mut query) = (Vec::new(), Vec::new(), filter.clone());
    loop {
        let page = list(&admin, &query).await.assert(200).json();
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        seen.extend(items.iter().map(|item| item["at"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        list(&admin, &format!("user_id={BOB}&cursor={next}")).await.assert_refused(400, "VALIDATION_FAILED");
        query = format!("{filter}&cursor={next}");
    }
    assert_eq!(sizes, [4, 4, 1]);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
}

#[tokio::test]
async fn an_event_of_a_kind_that_is_no_more_is_listed_still() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    // A sign-in first: with its event the month has a partition, which the function would have made, not this insert.
    let person = app.person(Role::User).await;
    let old = "insert into security_events (id, at, type) values ($1, $2, 'of_long_ago')";
    let (id, now) = (app.app.givens.new_id(), app.app.givens.now());
    sqlx::query(old).bind(id).bind(now.0).execute(&app.owner).await.unwrap();
    assert!(found(&admin, "").await.iter().any(|(kind, _)| kind == "of_long_ago"));
    assert!(!found(&admin, &format!("user_id={}", person.id)).await.is_empty());
}

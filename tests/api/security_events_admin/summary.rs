//! `GET /v1/admin/security-summary`.

use drawbridge::security::audit::Event;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{SUMMARY, admin, happens};
use crate::support::{Client, TestApp};

const ADA: Uuid = Uuid::from_u128(0xada);
const BOB: Uuid = Uuid::from_u128(0xb0b);

async fn summary(client: &Client, query: &str) -> Value {
    client.get(&format!("{SUMMARY}{query}")).send().await.assert(200).json()
}

/// A type's own line.
fn line<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let types = summary["types"].as_array().unwrap();
    types.iter().find(|count| count["type"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn events_are_counted_by_type_step_by_step_up_to_now() {
    let app = TestApp::start().await;
    let failed = Event::LoginFail { reason: "wrong password" };
    happens(&app, failed, None, "203.0.113.1").await;
    app.clock.forward(Duration::hours(24));
    happens(&app, failed, None, "203.0.113.1").await;
    happens(&app, Event::TokenReuse { session_id: ADA }, Some(ADA), "203.0.113.1").await;
    app.clock.forward(Duration::minutes(48));
    happens(&app, failed, None, "203.0.113.1").await;
    happens(&app, Event::EventsSampled { count: 40 }, None, "").await;
    happens(&app, Event::EventsSampled { count: 2 }, None, "").await;
    happens(&app, Event::SharedLimitsLost, None, "").await;

    let summary = summary(&admin(&app).await, "").await;
    let fails = line(&summary, "authn_login_fail");
    assert_eq!((&fails["total"], &fails["severity"]), (&json!(2), &json!("warning")), "the first is of yesterday");
    let steps: Vec<_> = fails["steps"].as_array().unwrap().iter().map(|count| count.as_i64().unwrap()).collect();
    assert_eq!((steps.len(), steps[59], steps[57], steps.iter().sum::<i64>()), (60, 1, 1, 2));
    assert_eq!(summary["step_seconds"], 24 * 60);
    assert_eq!(summary["by_severity"]["alarm"], 1);
    assert_eq!(summary["by_severity"]["warning"], 2 + 3);
    assert_eq!(summary["sampled"], 42);
    assert_eq!(summary["open_sessions"], 1, "the administrator's");
    assert_eq!(line(&summary, "user_deleted"), &Value::Null);
}

#[tokio::test]
async fn whoever_was_refused_most_comes_first_and_ten_are_enough() {
    let app = TestApp::start().await;
    for number in 1..=12_u8 {
        for _ in 0..number {
            happens(&app, Event::LoginFail { reason: "no such account" }, None, &format!("203.0.113.{number}")).await;
        }
    }
    happens(&app, Event::AccessRefused { route: "/", code: "FORBIDDEN" }, Some(BOB), "203.0.113.12").await;
    // What is usual counts for nobody.
    for _ in 0..20 {
        happens(&app, Event::LoginSuccess, Some(ADA), "203.0.113.99").await;
    }
    let summary = summary(&admin(&app).await, "?hours=1").await;
    let addresses = summary["addresses"].as_array().unwrap();
    assert_eq!(addresses.len(), 10);
    assert_eq!((&addresses[0]["client_address"], &addresses[0]["count"]), (&json!("203.0.113.12"), &json!(13)));
    assert_eq!((&addresses[9]["client_address"], &addresses[9]["count"]), (&json!("203.0.113.3"), &json!(3)));
    let users = summary["users"].as_array().unwrap();
    assert_eq!((users.len(), &users[0]["user_id"], &users[0]["count"]), (1, &json!(BOB), &json!(1)));
}

#[tokio::test]
async fn it_tells_of_an_hour_up_to_a_week_and_of_no_other_time() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    for hours in [1, 24, 168] {
        let summary = summary(&admin, &format!("?hours={hours}")).await;
        assert_eq!(summary["step_seconds"], hours * 60);
        for counted in summary["types"].as_array().unwrap() {
            assert_eq!(counted["steps"].as_array().unwrap().len(), 60);
        }
    }
    for wrong in ["?hours=0", "?hours=169", "?hours=-1", "?hours=1.5", "?hours=x", "?since=2026-03-01T00:00:00Z"] {
        admin.get(&format!("{SUMMARY}{wrong}")).send().await.assert_refused(400, "VALIDATION_FAILED");
    }
}

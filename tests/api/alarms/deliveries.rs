//! What is told, how often, and by whom of several.

use std::collections::BTreeSet;

use drawbridge::security::audit::{Event, Origin};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use super::{OPERATOR, Post, REUSE, Receiver, SCAN, SECRET, attack, scan, settings, started, stopped};
use crate::support::until;

#[tokio::test]
async fn the_reuse_of_a_refresh_token_is_posted_as_the_trail_has_it() {
    let receiver = Receiver::start().await;
    let app = started(&settings(&receiver)).await;
    let victim = attack(&app).await;
    let post = receiver.wait_for(REUSE, 1).await.remove(0);
    let told = post.json();
    let event = sqlx::query_as("select id, request_id from security_events where type = $1").bind(REUSE);
    let (id, request): (Uuid, Uuid) = event.fetch_one(&app.owner).await.unwrap();
    let keys: BTreeSet<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    let contract = "at client_address count delivery details id reference request_id type user_id";
    assert_eq!(keys, contract.split(' ').collect());
    assert_eq!(told["id"], json!(id));
    assert_eq!(told["at"], json!("2026-03-01T12:00:00Z"));
    assert_eq!(told["user_id"], json!(victim.id));
    assert_eq!(told["request_id"], json!(request));
    assert!(told["client_address"].as_str().unwrap().starts_with("10."));
    assert!(told["details"]["session_id"].is_string());
    assert_eq!(told["count"], json!(1));
    assert_eq!(post.at, app.app.givens.now().unix());
}

#[tokio::test]
async fn the_operator_gets_a_mail_that_says_where_to_look() {
    let app = started(&[("ALERT_EMAIL", OPERATOR), ("REFRESH_GRACE", "0s")]).await;
    attack(&app).await;
    let mail = app.mail_to(OPERATOR).await;
    for told in [
        "Subject: Alarm: authn_token_reuse\r\n",
        "How many: 1 since 2026-03-01 12:00:00 UTC",
        "From:      10.0.",
        ".0/24",
        "http://localhost:3000/watchtower",
    ] {
        assert!(mail.contains(told), "{told}: {mail}");
    }
}

#[tokio::test]
async fn neither_tells_a_secret_or_whose_account_it_is() {
    let receiver = Receiver::start().await;
    let app = started(&[settings(&receiver).as_slice(), &[("ALERT_EMAIL", OPERATOR)]].concat()).await;
    let victim = attack(&app).await;
    let post = receiver.wait_for(REUSE, 1).await.remove(0);
    let mail = app.mail_to(OPERATOR).await;
    for text in [post.body, mail] {
        for secret in [&victim.email, &victim.refresh_token, &victim.access_token, SECRET, "of-the-receiver"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn ten_in_a_minute_are_told_together_when_the_minute_is_over() {
    let receiver = Receiver::start().await;
    let app = started(&settings(&receiver)).await;
    scan(&app);
    assert_eq!(receiver.wait_for(SCAN, 1).await[0].count(), 1);
    app.all_told().await;
    for _ in 0..10 {
        scan(&app);
    }
    app.ledger("select gathered = 10 from alarms").await;
    // To the last second of the minute; that another kind comes shows that the worker has looked.
    app.clock.forward(Duration::seconds(59));
    attack(&app).await;
    receiver.wait_for(REUSE, 1).await;
    assert_eq!(receiver.of(SCAN).len(), 1);
    app.clock.forward(Duration::seconds(1));
    let posts = receiver.wait_for(SCAN, 2).await;
    assert_eq!(posts[1].count(), 10);
    assert_ne!(posts[0].delivery(), posts[1].delivery());
}

#[tokio::test]
async fn of_two_replicas_one_tells() {
    let receiver = Receiver::start().await;
    let app = started(&settings(&receiver)).await;
    let other = app.replica_with(&settings(&receiver)).await;
    for _ in 0..8 {
        for replica in [&app, &other] {
            let origin = Origin::default();
            replica.app.audit.note(&origin, Event::EndpointScan { refused: 20 });
            replica.app.audit.note(&origin, Event::CredentialStuffing { accounts: 10 });
            replica.app.audit.note(&origin, Event::PasswordSpraying { networks: 10 });
        }
        app.ledger("select position = (select max(position) from security_event_chain) from alarm_cursors").await;
        app.all_told().await;
        app.clock.forward(Duration::minutes(1));
    }
    // What came a moment after the first of its kind waited for the next minute.
    let told = || receiver.posts().iter().map(Post::count).sum::<u64>();
    until("all are told", async || (told() >= 48).then_some(())).await;
    app.all_told().await;
    assert_eq!(told(), 48);
    let deliveries: BTreeSet<_> = receiver.posts().iter().map(Post::delivery).collect();
    assert_eq!(deliveries.len(), receiver.posts().len());
}

#[tokio::test]
async fn what_another_replica_holds_is_left_to_it_and_holds_up_nothing_else() {
    let receiver = Receiver::start().await;
    let settings = [settings(&receiver).as_slice(), &[("ALERT_EMAIL", OPERATOR)]].concat();
    let app = started(&settings).await;
    let _other = app.replica_with(&settings).await;
    let mut held = app.owner.begin().await.unwrap();
    let cursor = "select from alarm_cursors where channel = 'webhook' for update";
    sqlx::query(cursor).execute(&mut *held).await.unwrap();
    scan(&app);
    // The mail comes after the webhook: whoever sent it has been turned away there.
    app.mail_saying(OPERATOR, SCAN).await;
    assert!(receiver.posts().is_empty());
    held.rollback().await.unwrap();
    assert_eq!(receiver.wait_for(SCAN, 1).await[0].count(), 1);

    app.all_told().await;
    scan(&app);
    app.ledger("select gathered = 1 from alarms where channel = 'webhook'").await;
    let mut held = app.owner.begin().await.unwrap();
    let alarm = "select from alarms where channel = 'webhook' for update";
    sqlx::query(alarm).execute(&mut *held).await.unwrap();
    app.clock.forward(Duration::minutes(1));
    attack(&app).await;
    receiver.wait_for(REUSE, 1).await;
    assert_eq!(receiver.of(SCAN).len(), 1);
    held.rollback().await.unwrap();
    assert_eq!(receiver.wait_for(SCAN, 2).await[1].count(), 1);
}

#[tokio::test]
async fn what_was_before_the_first_start_is_history_and_what_nobody_was_there_to_tell_is_told_later() {
    let receiver = Receiver::start().await;
    let app = started(&[("REFRESH_GRACE", "0s")]).await;
    attack(&app).await;
    let follower = app.replica_with(&settings(&receiver)).await;
    scan(&follower);
    receiver.wait_for(SCAN, 1).await;
    assert!(receiver.of(REUSE).is_empty());
    stopped(follower).await;

    // This replica has nobody to tell, and must not read on for those who have.
    attack(&app).await;
    app.clock.forward(Duration::hours(1));
    let _restarted = app.replica_with(&settings(&receiver)).await;
    assert_eq!(receiver.wait_for(REUSE, 1).await[0].count(), 1);
}

#[tokio::test]
async fn what_is_found_a_day_later_is_no_alarm_any_more() {
    let receiver = Receiver::start().await;
    let app = started(&[("REFRESH_GRACE", "0s")]).await;
    stopped(app.replica_with(&settings(&receiver)).await).await;
    attack(&app).await;
    app.clock.forward(Duration::hours(24));
    let restarted = app.replica_with(&settings(&receiver)).await;
    scan(&restarted);
    receiver.wait_for(SCAN, 1).await;
    assert!(receiver.of(REUSE).is_empty());
}

//! Receivers that fail, hang, or are away for a day.

use time::Duration;

use super::{OPERATOR, REUSE, Receiver, Reply, SCAN, attack, scan, settings, started, stopped};
use crate::support::{lines_with, until};

#[tokio::test]
async fn what_fails_twice_comes_a_third_time_as_the_same_delivery_with_a_new_signature() {
    let receiver = Receiver::replying(|_, before| Reply::Status(if before < 2 { 500 } else { 200 })).await;
    let app = started(&settings(&receiver)).await;
    attack(&app).await;
    for attempt in 1..=2 {
        app.failed(attempt).await;
        // Meanwhile another one comes: it belongs to the next delivery.
        attack(&app).await;
        app.clock.forward(Duration::seconds(10));
    }
    let posts = receiver.wait_for(REUSE, 3).await;
    assert!(posts.iter().all(|post| post.body == posts[0].body && post.count() == 1));
    assert_eq!([posts[1].at, posts[2].at].map(|at| at - posts[0].at), [10, 20]);

    app.all_told().await;
    app.clock.forward(Duration::minutes(1));
    let next = receiver.wait_for(REUSE, 4).await.remove(3);
    assert_eq!(next.count(), 2);
    assert_ne!(next.delivery(), posts[0].delivery());
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_neither_requests_nor_other_kinds_nor_the_mail() {
    let receiver = Receiver::replying(|post, _| match post.kind().as_str() {
        REUSE => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    let app = started(&[settings(&receiver).as_slice(), &[("ALERT_EMAIL", OPERATOR)]].concat()).await;
    attack(&app).await;
    receiver.wait_for(REUSE, 1).await;
    scan(&app);
    receiver.wait_for(SCAN, 1).await;
    // Not because the receiver was given up in between: the first attempt, ten seconds at most, is still under way.
    let leased = "select ready_at > $1 from alarms where kind = $2 and channel = 'webhook'";
    let leased = sqlx::query_scalar(leased).bind((app.app.givens.now() + Duration::minutes(1)).0).bind(REUSE);
    let leased: bool = leased.fetch_one(&app.owner).await.unwrap();
    assert!(leased);
    app.mail_saying(OPERATOR, REUSE).await;
    app.mail_saying(OPERATOR, SCAN).await;
    let honest = app.person(drawbridge::security::access::Role::User).await;
    honest.client.me().await.assert(200);
}

#[tokio::test]
async fn mail_that_cannot_be_sent_holds_up_no_webhook_and_comes_later() {
    let receiver = Receiver::start().await;
    let app = started(&[settings(&receiver).as_slice(), &[("ALERT_EMAIL", OPERATOR)]].concat()).await;
    let (folder, away) = (app.folder.path().join("mail"), app.folder.path().join("away"));
    std::fs::rename(&folder, &away).unwrap();
    attack(&app).await;
    receiver.wait_for(REUSE, 1).await;
    app.failed(1).await;
    std::fs::rename(&away, &folder).unwrap();
    app.clock.forward(Duration::seconds(10));
    app.mail_saying(OPERATOR, REUSE).await;
    assert_eq!(receiver.of(REUSE).len(), 1);
}

#[tokio::test]
async fn what_was_under_way_when_the_service_stopped_is_told_by_the_next() {
    let receiver = Receiver::replying(|_, before| if before == 0 { Reply::Silence } else { Reply::Status(200) }).await;
    let app = started(&settings(&receiver)).await;
    let idle = app.replica_with(&[]).await;
    attack(&app).await;
    receiver.wait_for(REUSE, 1).await;
    stopped(app).await;
    let _restarted = idle.replica_with(&settings(&receiver)).await;
    // The one that died has leased it.
    idle.clock.forward(Duration::minutes(2));
    let posts = receiver.wait_for(REUSE, 2).await;
    assert_eq!(posts[0].delivery(), posts[1].delivery());
}

#[tokio::test]
async fn after_a_day_it_is_given_up_with_an_error_and_the_next_one_has_its_own_day() {
    let receiver = Receiver::replying(|_, before| Reply::Status(if before < 2 { 503 } else { 200 })).await;
    let app = started(&settings(&receiver)).await;
    attack(&app).await;
    app.failed(1).await;
    app.clock.forward(Duration::hours(24));
    let given_up = || lines_with("an alarm was given up");
    let lines = until("it is given up", async || Some(given_up()).filter(|lines| !lines.is_empty())).await;
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["event"], REUSE);
    assert_eq!(lines[0]["cause"], "the receiver answered 503");
    app.all_told().await;
    app.clock.forward(Duration::minutes(1));
    attack(&app).await;
    assert_eq!(receiver.wait_for(REUSE, 3).await[2].count(), 1);
}

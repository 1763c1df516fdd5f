//! Receivers that are not called: the webhook reaches nothing that the operator did not mean.

use time::Duration;

use super::{OPERATOR, REUSE, Receiver, Reply, SECRET, attack, settings, started};
use crate::support::lines_with;

/// One test, because all of this process's tests write to the same log.
#[tokio::test]
async fn without_the_switch_nothing_inside_is_called_and_the_log_says_so_once() {
    let refused = || lines_with("ALERT_WEBHOOK_ALLOW_PRIVATE is not 1").len();
    let receiver = Receiver::start().await;
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    for (number, url) in [receiver.url.as_str(), &by_name].into_iter().enumerate() {
        let app = started(&[
            ("ALERT_WEBHOOK_URL", url),
            ("ALERT_WEBHOOK_SECRET", SECRET),
            ("ALERT_EMAIL", OPERATOR),
            ("REFRESH_GRACE", "0s"),
        ])
        .await;
        attack(&app).await;
        for attempt in 1..=3 {
            app.failed(attempt).await;
            app.clock.forward(Duration::seconds(30));
        }
        assert_eq!(refused(), number + 1);
        app.mail_saying(OPERATOR, REUSE).await;
    }
    assert!(receiver.posts().is_empty());
}

#[tokio::test]
async fn a_redirect_to_another_place_is_not_followed() {
    let other = Receiver::start().await;
    let elsewhere = other.url.clone();
    let receiver = Receiver::replying(move |_, _| Reply::Redirect(elsewhere.clone())).await;
    let app = started(&settings(&receiver)).await;
    attack(&app).await;
    for attempt in 1..=3 {
        app.failed(attempt).await;
        app.clock.forward(Duration::seconds(30));
    }
    assert!(receiver.of(REUSE).len() >= 3);
    assert!(other.posts().is_empty());
}

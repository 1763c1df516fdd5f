//! Alarms: whoever is to be told is told, once, soon, and in spite of receivers that are slow, broken or hostile.

mod deliveries;
mod receiver;
mod refused;
mod retries;

use drawbridge::{
    features,
    security::{
        access::Role,
        audit::{Event, Origin},
    },
};
use time::Duration;

use self::receiver::{Post, Receiver, Reply};
use crate::support::{Person, TestApp, until};

const SECRET: &str = "a secret of the receiver's and ours alone";
const OPERATOR: &str = "operator@example.com";
const REUSE: &str = "authn_token_reuse";
const SCAN: &str = "anomaly_endpoint_scan";

/// A service that posts to this receiver. A spent refresh token is never honoured twice, so that one suffices for an alarm.
fn settings(receiver: &Receiver) -> [(&str, &str); 4] {
    [
        ("ALERT_WEBHOOK_URL", &receiver.url),
        ("ALERT_WEBHOOK_SECRET", SECRET),
        ("ALERT_WEBHOOK_ALLOW_PRIVATE", "1"),
        ("REFRESH_GRACE", "0s"),
    ]
}

async fn started(settings: &[(&str, &str)]) -> TestApp {
    TestApp::start_with(settings, features::routes()).await
}

/// Until nothing of it runs any more.
async fn stopped(app: TestApp) {
    let database = app.app.database.clone();
    drop(app);
    until("it has stopped", async || database.is_closed().then_some(())).await;
}

/// Somebody's spent refresh token is used again.
async fn attack(app: &TestApp) -> Person {
    let person = app.person(Role::User).await;
    app.client().refresh(&person.refresh_token).await.assert(200);
    app.client().refresh(&person.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    person
}

/// An alarm of another kind, as its detector would note it.
fn scan(app: &TestApp) {
    app.app.audit.note(&Origin::default(), Event::EndpointScan { refused: 20 });
}

impl TestApp {
    /// Waits until every delivery so far has come to its end.
    async fn all_told(&self) {
        self.ledger("select bool_and(delivery is null) from alarms").await;
    }

    /// Waits until a delivery has failed so often and its next attempt is set.
    async fn failed(&self, attempts: i32) {
        let soon = (self.app.givens.now() + Duration::minutes(1)).0;
        until("an attempt has failed", async || {
            let failed = "select count(*) from alarms where attempts = $1 and ready_at <= $2";
            let failed: i64 =
                sqlx::query_scalar(failed).bind(attempts).bind(soon).fetch_one(&self.owner).await.unwrap();
            (failed > 0).then_some(())
        })
        .await;
    }

    /// Waits until this is true of the tables of alarms.
    async fn ledger(&self, question: &'static str) {
        until(question, async || {
            let answer: Option<bool> = sqlx::query_scalar(question).fetch_one(&self.owner).await.unwrap();
            answer.unwrap_or_default().then_some(())
        })
        .await;
    }
}

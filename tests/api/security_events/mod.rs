//! The trail of security events: each kind is caused by what somebody does over HTTP, and stands there with the right
//! words about whose doing it was.

mod anomalies;
mod causes;
mod ordinary_day;
mod signs;

use serde_json::Value;

use crate::support::{TestApp, until};

/// The details of all events of this kind, in the order in which they were written.
async fn told(app: &TestApp, kind: &str) -> Vec<Value> {
    let told = "select details
                from security_events event
                join security_event_chain on event_id = event.id
                where type = $1
                order by position";
    sqlx::query_scalar(told).bind(kind).fetch_all(&app.owner).await.unwrap()
}

/// Waits for so many of this kind, and for whatever was noted before, so that more would be seen.
async fn until_told(app: &TestApp, kind: &str, count: usize) -> Vec<Value> {
    until(kind, async || (told(app, kind).await.len() >= count).then_some(())).await;
    all_written(app).await;
    told(app, kind).await
}

/// Waits until all that was noted before stands there: the queue of alarms goes first, and the other is in order.
async fn all_written(app: &TestApp) {
    let last = app.client().post("/v1/auth/refresh", &serde_json::json!({})).send().await;
    let written = async || {
        let row = sqlx::query_scalar::<_, i32>("select 1 from security_events where reference = $1");
        row.bind(last.reference()).fetch_optional(&app.owner).await.unwrap()
    };
    until("the queue is written", written).await;
}

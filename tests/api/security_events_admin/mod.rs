//! What administrators see of the trail: listed, as it happens, and counted.

mod list;
mod stream;
mod summary;

use drawbridge::security::{
    access::Role,
    audit::{self, Event, Origin},
};
use uuid::Uuid;

use crate::support::{Client, TestApp};

const EVENTS: &str = "/v1/admin/security-events";
const STREAM: &str = "/v1/admin/security-events/stream";
const SUMMARY: &str = "/v1/admin/security-summary";

/// Somebody on duty, without the events of a sign-in.
async fn admin(app: &TestApp) -> Client {
    app.session(app.account(Role::Admin).await.0, Role::Admin).await
}

/// One event, in the trail when this returns.
async fn happens(app: &TestApp, event: Event, user_id: Option<Uuid>, address: &str) {
    let origin = Origin { user_id, client_address: address.parse().ok(), ..Origin::default() };
    let mut tx = app.app.database.begin().await.unwrap();
    audit::record(&mut tx, &app.app.givens, &origin, event).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_trail_is_for_administrators_and_no_key_of_theirs_opens_it() {
    let app = TestApp::start().await;
    let (administrator, _) = app.account(Role::Admin).await;
    for path in [EVENTS, STREAM, SUMMARY] {
        app.client().get(path).send().await.assert_refused(401, "UNAUTHENTICATED");
        for role in [Role::User, Role::Editor] {
            let client = app.session(app.account(role).await.0, role).await;
            client.get(path).send().await.assert_refused(403, "FORBIDDEN");
        }
        let program = app.program(administrator, &drawbridge::security::access::Scope::ALL).await;
        program.get(path).send().await.assert_refused(403, "FORBIDDEN");
    }
}

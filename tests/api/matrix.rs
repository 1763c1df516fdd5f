//! Every route as every kind of caller, against one table that a reviewer reads (OWASP Authorization Testing Automation).
//!
//! The requests carry no valid body, so an admitted caller is told 400 where the route wants one: what is tested here is
//! who comes in, not what happens then.

use std::fmt::Write;

use drawbridge::{
    app,
    http::route::Route,
    security::access::{Role, Scope},
};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, Client, TestApp, UNLIMITED};

/// The table, as it was last agreed to. `UPDATE_EXPECT=1` writes it anew, for `git diff` to show what that changes.
const AGREED: &str = "tests/api/matrix.txt";

const CALLERS: [&str; 12] = [
    "anonymous",
    "expired",
    "revoked",
    "suspended",
    "unverified",
    "user",
    "other",
    "editor",
    "admin",
    "stale",
    "key",
    "readkey",
];

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_was_agreed() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    let mut table = format!("{:<46}", "");
    for caller in CALLERS {
        write!(table, "{caller:<11}").unwrap();
    }
    for route in app::table() {
        let line = format!("{:<7} {}", route.method.as_str(), route.path);
        write!(table, "\n{line:<46}").unwrap();
        for caller in CALLERS {
            write!(table, "{:<11}", ask(&app, &route, caller).await).unwrap();
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    let table = table.join("\n") + "\n";
    #[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests, and no setting")]
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(AGREED, &table).unwrap();
    }
    let agreed = std::fs::read_to_string(AGREED).unwrap();
    assert!(table == agreed, "{AGREED} says otherwise. If this is intended, set UPDATE_EXPECT=1. It is now:\n{table}");
}

/// A request of this caller to an object of a fresh user, who is the caller where the caller is "user".
async fn ask(app: &TestApp, route: &Route, caller: &str) -> String {
    let owner = app.account(Role::User).await.0;
    let client = client(app, owner, caller).await;
    let path = app.path(route, owner).await;
    let request = client.request(route.method.clone(), &path);
    let request =
        if route.takes_body { request.body("{}").header("content-type", "application/json") } else { request };
    told(&request.send().await)
}

/// The status, and the code where one status has several.
fn told(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match (status, answer.bytes.is_empty()) {
        (403, false) => match answer.refusal().1.as_str() {
            "INSUFFICIENT_SCOPE" => "403-scope".to_owned(),
            "REAUTHENTICATION_REQUIRED" => "403-stale".to_owned(),
            _ => "403".to_owned(),
        },
        _ => status.to_string(),
    }
}

async fn client(app: &TestApp, owner: Uuid, caller: &str) -> Client {
    let (now, long) = (Duration::ZERO, Duration::minutes(11));
    match caller {
        "anonymous" => app.client(),
        "expired" => app.session_of(owner, Role::User, long, now).await,
        // The token is good, but its user proved who they are eleven minutes ago.
        "stale" => app.session_of(owner, Role::User, now, long).await,
        "user" => app.session(owner, Role::User).await,
        "other" => somebody(app, Role::User).await,
        "editor" => somebody(app, Role::Editor).await,
        "admin" => somebody(app, Role::Admin).await,
        "revoked" => {
            let client = app.session(owner, Role::User).await;
            change(app, "update sessions set ended_at = now(), end_reason = 'logout' where user_id = $1", owner).await;
            client
        }
        "suspended" => {
            let client = app.session(owner, Role::User).await;
            change(app, "update users set status = 'suspended' where id = $1", owner).await;
            client
        }
        "unverified" => {
            let client = app.session(owner, Role::User).await;
            change(app, "update users set email_verified_at = null where id = $1", owner).await;
            client
        }
        "key" => app.program(owner, &Scope::ALL).await,
        "readkey" => {
            let reads: Vec<_> = Scope::ALL.into_iter().filter(|scope| scope.name().ends_with(":read")).collect();
            app.program(owner, &reads).await
        }
        _ => unreachable!("a caller of the list"),
    }
}

async fn somebody(app: &TestApp, role: Role) -> Client {
    app.session(app.account(role).await.0, role).await
}

async fn change(app: &TestApp, statement: &'static str, user: Uuid) {
    sqlx::query(statement).bind(user).execute(&app.owner).await.unwrap();
}

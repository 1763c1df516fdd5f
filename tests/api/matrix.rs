//! Every route as every kind of caller, against one table that a reviewer reads (OWASP Authorization Testing Automation).
//!
//! The requests carry no valid body, so an admitted caller is told 400 where the route wants one: what is tested here is
//! who comes in, not what happens then.

use std::fmt::Write;

use drawbridge::{
    app,
    http::route::Route,
    security::{
        access::{Role, Scope},
        api_key::ApiKey,
        jwt::Grant,
    },
    types::Givens,
};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, Client, MovableClock, TestApp, TestEntropy};

/// The table, as it was last agreed to.
const AGREED: &str = include_str!("matrix.txt");

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
    let agreed: Vec<_> = AGREED.lines().collect();
    assert!(table == agreed, "if this is intended, tests/api/matrix.txt becomes:\n{}\n", table.join("\n"));
}

/// A request of this caller to an object of a fresh user, who is the caller where the caller is "user".
async fn ask(app: &TestApp, route: &Route, caller: &str) -> String {
    let owner = app.account(Role::User).await.0;
    let client = client(app, owner, caller).await;
    let path = route.path.replace("{id}", &object(app, route.path, owner).await.to_string());
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
    let other = async |role| app.account(role).await.0;
    let now = Duration::ZERO;
    match caller {
        "anonymous" => app.client(),
        "expired" => session(app, owner, Role::User, Duration::minutes(11)).await.0,
        "stale" => session(app, owner, Role::User, Duration::ZERO).await.1,
        "user" => session(app, owner, Role::User, now).await.0,
        "other" => session(app, other(Role::User).await, Role::User, now).await.0,
        "editor" => session(app, other(Role::Editor).await, Role::Editor, now).await.0,
        "admin" => session(app, other(Role::Admin).await, Role::Admin, now).await.0,
        "revoked" => {
            let client = session(app, owner, Role::User, now).await.0;
            change(app, "update sessions set ended_at = now(), end_reason = 'logout' where user_id = $1", owner).await;
            client
        }
        "suspended" => {
            let client = session(app, owner, Role::User, now).await.0;
            change(app, "update users set status = 'suspended' where id = $1", owner).await;
            client
        }
        "unverified" => {
            let client = session(app, owner, Role::User, now).await.0;
            change(app, "update users set email_verified_at = null where id = $1", owner).await;
            client
        }
        "key" => app.client().with_key(&key(app, owner, &Scope::ALL).await),
        "readkey" => app.client().with_key(&key(app, owner, &[Scope::ProfileRead, Scope::ArticlesRead]).await),
        _ => unreachable!("a caller of the list"),
    }
}

async fn change(app: &TestApp, statement: &'static str, user: Uuid) {
    sqlx::query(statement).bind(user).execute(&app.owner).await.unwrap();
}

/// A session made by hand, and a token for it of some age: a login for each cell would hash passwords for minutes. The
/// second client's token is good, but its user proved who they are eleven minutes ago.
async fn session(app: &TestApp, user: Uuid, role: Role, age: Duration) -> (Client, Client) {
    let (id, now) = (app.app.givens.new_id(), app.app.givens.now());
    sqlx::query(
        "insert into sessions (id, user_id, auth_time, amr, client_address, created_at, refreshed_at, expires_at)
         values ($1, $2, $3, '{pwd}', '10.0.0.1', $3, $3, $4)",
    )
    .bind(id)
    .bind(user)
    .bind(now.0)
    .bind((now + Duration::days(30)).0)
    .execute(&app.owner)
    .await
    .unwrap();
    let issued = MovableClock::default();
    issued.forward(-age);
    let issue = |auth_age: Duration| {
        let scopes: Vec<_> = role.scopes().iter().map(|scope| scope.name()).collect();
        let grant = Grant {
            user_id: user,
            session_id: id,
            generation: 1,
            role: role.name(),
            scope: scopes.join(" "),
            auth_time: now - age - auth_age,
            amr: vec!["pwd".to_owned()],
            client_id: "first-party".to_owned(),
        };
        let token = app.app.jwt.issue(grant, &Givens::new(issued.clone(), TestEntropy)).unwrap();
        app.client().with_token(token.token.expose())
    };
    (issue(Duration::ZERO), issue(Duration::minutes(11)))
}

const UNLIMITED: [(&str, &str); 7] = [
    ("RATE_LIMIT_READ", "token-bucket 100000/1m"),
    ("RATE_LIMIT_WRITE", "token-bucket 100000/1m"),
    ("RATE_LIMIT_LOGIN", "token-bucket 100000/1m"),
    ("RATE_LIMIT_REGISTER", "token-bucket 100000/1m"),
    ("RATE_LIMIT_RECOVERY", "token-bucket 100000/1m"),
    ("RATE_LIMIT_TOKEN", "token-bucket 100000/1m"),
    ("RATE_LIMIT_EXPENSIVE", "token-bucket 100000/1m"),
];

/// A key of this user with these scopes.
async fn key(app: &TestApp, user: Uuid, scopes: &[Scope]) -> String {
    let ((key, key_id, hash), now) = (ApiKey::generate(&app.app.givens), app.app.givens.now());
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    sqlx::query(
        "insert into api_keys (id, key_id, hash, user_id, name, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, 'A key', $5, $6, $7)",
    )
    .bind(app.app.givens.new_id())
    .bind(key_id.as_str())
    .bind(hash)
    .bind(user)
    .bind(scopes)
    .bind(now.0)
    .bind((now + Duration::days(30)).0)
    .execute(&app.owner)
    .await
    .unwrap();
    key.expose().to_owned()
}

/// What the path's `{id}` names: something that is the owner's.
async fn object(app: &TestApp, path: &str, owner: Uuid) -> Uuid {
    let table = match path {
        _ if path.contains("/sessions/") => "select id from sessions where user_id = $1",
        _ if path.contains("/api-keys/") => {
            key(app, owner, &Scope::ALL).await;
            "select id from api_keys where user_id = $1"
        }
        _ if path.contains("/articles/") => return article(app, owner).await,
        _ => return owner,
    };
    if path.contains("/sessions/") {
        session(app, owner, Role::User, Duration::ZERO).await;
    }
    sqlx::query_scalar(table).bind(owner).fetch_one(&app.owner).await.unwrap()
}

/// A draft of the owner's.
async fn article(app: &TestApp, owner: Uuid) -> Uuid {
    let id = app.app.givens.new_id();
    sqlx::query(
        "insert into articles (id, owner_id, title, body, created_at, updated_at) values ($1, $2, 'T', 'B', $3, $3)",
    )
    .bind(id)
    .bind(owner)
    .bind(app.app.givens.now().0)
    .execute(&app.owner)
    .await
    .unwrap();
    id
}

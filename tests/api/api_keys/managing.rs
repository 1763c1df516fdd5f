//! Making, listing and revoking keys: only their owner, only just signed in, and not without end or number.

use drawbridge::security::access::{Role, Scope};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{BOTH, KEYS, ask_for, make_key};
use crate::support::{TestApp, until};

/// For tests that make more keys than a person may in an hour.
async fn start_without_limit() -> TestApp {
    TestApp::start_with(&[("RATE_LIMIT_EXPENSIVE", "fixed-window 1000/1h")], drawbridge::features::routes()).await
}

/// Keys that nobody holds, straight into the table.
async fn fill(app: &TestApp, owner: Uuid, count: i32, life: Duration) {
    let now = app.app.givens.now();
    sqlx::query(
        "insert into api_keys (id, key_id, hash, user_id, name, scopes, created_at, expires_at)
         select gen_random_uuid(), 'dbk_' || substr(md5(random()::text), 1, 12), sha256('x'), $1, 'x', '{profile:read}', $3, $4
         from generate_series(1, $2)",
    )
    .bind(owner)
    .bind(count)
    .bind(now.0)
    .bind((now + life).0)
    .execute(&app.owner)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_sign_in_that_is_not_fresh_makes_no_key_but_still_lists_and_revokes() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada, &BOTH).await;
    app.clock.forward(Duration::minutes(10) + Duration::MICROSECOND);
    let tokens = app.client().refresh(&ada.refresh_token).await.assert(200).json();
    let late = app.client().with_token(tokens["access_token"].as_str().unwrap());
    let end = app.app.givens.now() + Duration::days(1);
    ask_for(&late, &BOTH, end).await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
    assert_eq!(late.get(KEYS).send().await.assert(200).json()["items"].as_array().unwrap().len(), 1);
    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    late.request(axum::http::Method::DELETE, &path).send().await.assert(204);
}

#[tokio::test]
async fn a_strangers_key_cannot_be_told_from_none() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::Admin).await);
    let key = make_key(&app, &ada, &BOTH).await;
    let delete = |id: &str| eve.client.request(axum::http::Method::DELETE, &format!("{KEYS}/{id}"));
    delete(key["id"].as_str().unwrap()).send().await.assert_refused(404, "NOT_FOUND");
    delete(&Uuid::nil().to_string()).send().await.assert_refused(404, "NOT_FOUND");
    delete("1").send().await.assert_refused(400, "VALIDATION_FAILED");
    assert_eq!(eve.client.get(KEYS).send().await.assert(200).json()["items"], json!([]));
    app.client().with_key(key["key"].as_str().unwrap()).me().await.assert(200);
    assert_eq!(app.events(eve.id, "authn_key_revoked").await, 0);
}

#[tokio::test]
async fn the_list_is_read_page_by_page_and_a_cursor_is_its_owners() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    fill(&app, ada.id, 20, Duration::days(1)).await;
    fill(&app, eve.id, 1, Duration::days(1)).await;
    let (mut path, mut lengths, mut ids) = (format!("{KEYS}?limit=7"), Vec::new(), std::collections::BTreeSet::new());
    loop {
        let page = ada.client.get(&path).send().await.assert(200).json();
        let items = page["items"].as_array().unwrap();
        lengths.push(items.len());
        ids.extend(items.iter().map(|key| key["id"].to_string()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{KEYS}?limit=7&cursor={cursor}");
        eve.client.get(&path).send().await.assert_refused(400, "VALIDATION_FAILED");
    }
    assert_eq!((lengths, ids.len()), (vec![7, 7, 6], 20));
}

#[tokio::test]
async fn a_user_has_twenty_live_keys_at_most_also_when_two_are_asked_for_at_once() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    fill(&app, eve.id, 20, Duration::days(1)).await;
    fill(&app, ada.id, 5, Duration::MICROSECOND).await;
    app.clock.forward(Duration::MICROSECOND);
    fill(&app, ada.id, 19, Duration::days(1)).await;
    let end = app.app.givens.now() + Duration::days(1);
    let ask = || ask_for(&ada.client, &BOTH, end);
    // Both are held up where they reach for the user's row, so that both are under way before either is done.
    let mut row = app.owner.begin().await.unwrap();
    sqlx::query("select from users where id = $1 for update").bind(ada.id).execute(&mut *row).await.unwrap();
    let release = async {
        until("both wait", async || {
            let waiting = "select count(*) from pg_locks join pg_stat_activity using (pid)
                where not granted and datname = current_database()";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&app.owner).await.unwrap();
            (waiting == 2).then_some(())
        })
        .await;
        row.commit().await.unwrap();
    };
    let (one, other, ()) = tokio::join!(ask(), ask(), release);
    let mut statuses = [one, other].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "neither those that have expired nor another's count");
    let list = ada.client.get(KEYS).send().await.assert(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 20);
    let path = format!("{KEYS}/{}", items[7]["id"].as_str().unwrap());
    ada.client.request(axum::http::Method::DELETE, &path).send().await.assert(204);
    ask().await.assert(201);
    ask().await.assert_refused(409, "CONFLICT");
}

#[tokio::test]
async fn a_key_has_an_end_in_the_future_and_within_a_year() {
    let app = start_without_limit().await;
    let ada = app.person(Role::User).await;
    let now = app.app.givens.now();
    for (life, rule) in [
        (Duration::ZERO, "minimum"),
        (-Duration::MICROSECOND, "minimum"),
        (-Duration::days(10_000), "minimum"),
        (Duration::days(365) + Duration::MICROSECOND, "maximum"),
        (Duration::days(100_000), "maximum"),
    ] {
        let refused = ask_for(&ada.client, &BOTH, now + life).await;
        refused.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.fields(), [("expires_at".to_owned(), rule.to_owned())], "{life}");
    }
    for life in [Duration::MICROSECOND, Duration::days(365)] {
        ask_for(&ada.client, &BOTH, now + life).await.assert(201);
    }
    let elsewhere = json!({ "name": "x", "scopes": BOTH, "expires_at": "2026-03-01T23:30:00.5-10:30" });
    let made = ada.client.post(KEYS, &elsewhere).send().await.assert(201).json();
    assert_eq!(made["expires_at"], "2026-03-02T10:00:00.5Z");
}

#[tokio::test]
async fn a_form_that_is_wrong_makes_no_key() {
    let app = start_without_limit().await;
    let ada = app.person(Role::User).await;
    let good = json!({ "name": "Backup", "scopes": BOTH, "expires_at": "2026-04-01T00:00:00Z" });
    let wrong = [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("name", json!("back\u{202e}up")),
        ("name", json!("\u{0}")),
        ("name", Value::Null),
        ("scopes", json!([])),
        ("scopes", json!("profile:read")),
        ("scopes", json!(["profile:read", "profile:read"])),
        ("scopes", json!(["profile:read", "profile:write", "profile:read"])),
        ("scopes.0", json!(["admin"])),
        ("scopes.0", json!(["profile:read profile:write"])),
        ("scopes.0", json!([1])),
        ("expires_at", json!("2026-04-01")),
        ("expires_at", json!("2026-02-30T00:00:00Z")),
        ("expires_at", json!("never")),
        ("expires_at", json!(1_775_000_000)),
        ("expires_at", Value::Null),
        ("expires_at", json!("2026-03-01T23:59:60+00:00 ")),
        ("user_id", json!(Uuid::nil())),
        ("role", json!("admin")),
    ];
    for (field, value) in wrong {
        let mut body = good.clone();
        body[field.trim_end_matches(".0")] = value;
        let refused = ada.client.post(KEYS, &body).send().await;
        refused.assert_refused(400, "VALIDATION_FAILED");
        assert!(refused.fields().iter().all(|(told, _)| told == field), "{field}: {:?} of {body}", refused.fields());
    }
    for field in ["name", "scopes", "expires_at"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let refused = ada.client.post(KEYS, &body).send().await;
        assert_eq!(refused.fields(), [(field.to_owned(), "required".to_owned())]);
    }
    assert_eq!(ada.client.get(KEYS).send().await.json()["items"], json!([]));
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let mut body = good.clone();
    body["scopes"] = json!(all);
    ada.client.post(KEYS, &body).send().await.assert(201);
}

#[tokio::test]
async fn a_user_makes_ten_keys_an_hour_from_however_many_places() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let end = app.app.givens.now() + Duration::days(1);
    for _ in 0..10 {
        ask_for(&ada.client, &BOTH, end).await.assert(201);
    }
    let elsewhere = app.sign_in(ada.id, ada.email.clone()).await;
    let limited = ask_for(&elsewhere.client, &BOTH, end).await;
    limited.assert_refused(429, "RATE_LIMITED");
    assert!(!limited.header("retry-after").is_empty());
    let eve = app.person(Role::User).await;
    ask_for(&eve.client, &BOTH, end).await.assert(201);
}

/// What the service must never do, it cannot do, whatever a request talks it into.
#[tokio::test]
async fn the_service_cannot_widen_prolong_move_or_erase_a_key() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    make_key(&app, &ada, &BOTH).await;
    for statement in [
        "update api_keys set scopes = '{profile:read,profile:write}'",
        "update api_keys set expires_at = expires_at + interval '1 day'",
        "update api_keys set user_id = gen_random_uuid()",
        "update api_keys set hash = sha256('x')",
        "delete from api_keys",
    ] {
        let refused = sqlx::query(statement).execute(&app.app.database).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
}

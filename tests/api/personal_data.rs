//! What users see of what is held about them, what nobody else sees of it, and what is left when they are gone.

use std::collections::{BTreeMap, BTreeSet};

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Client, PASSWORD, Person, TestApp, until};

const ACTIVITY: &str = "/v1/users/me/activity";
const EXPORT: &str = "/v1/users/me/export";

async fn activity(client: &Client) -> Vec<Value> {
    client.get(ACTIVITY).send().await.assert(200).json()["items"].as_array().unwrap().clone()
}

/// The newest event of this kind; one that belongs to no transaction is written a moment later.
async fn newest(client: &Client, kind: &str) -> Value {
    let look = async || activity(client).await.into_iter().find(|event| event["type"] == kind);
    until("the event is written", look).await
}

async fn make_key(app: &TestApp, owner: &Person) -> Value {
    let end = app.app.givens.now() + Duration::days(30);
    let body = json!({ "name": "Nightly backup", "scopes": ["profile:read"], "expires_at": end });
    owner.client.post("/v1/users/me/api-keys", &body).send().await.assert(201).json()
}

#[tokio::test]
async fn owners_see_what_happened_on_their_account_newest_first_and_from_which_network() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.clock.forward(Duration::minutes(1));
    let guess = json!({ "email": ada.email, "password": "is it this one, perhaps?" });
    let stranger = app.client().post("/v1/auth/login", &guess).header("x-forwarded-for", "198.51.100.7");
    stranger.send().await.assert(401);
    newest(&ada.client, "authn_login_fail").await;
    app.clock.forward(Duration::minutes(1));
    let key = make_key(&app, &ada).await;

    let answer = ada.client.get(ACTIVITY).send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text().contains("198.51.100.7"), "{}", answer.text());
    let events = activity(&ada.client).await;
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["authn_key_created", "authn_login_fail", "authn_login_success"]);
    assert_eq!(events[0]["details"], json!({ "key": key["id"] }));
    let failed = &events[1];
    assert_eq!((&failed["address"], &failed["at"]), (&json!("198.51.100.0/24"), &json!("2026-03-01T12:01:00Z")));
    assert_eq!((&failed["details"], &failed["by_administrator"]), (&json!({}), &json!(false)), "nor why it failed");
}

#[tokio::test]
async fn what_an_administrator_did_is_shown_and_not_who_it_was_nor_where_they_sat() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.person(Role::User).await, app.person(Role::Admin).await);
    let change = admin.client.patch(&format!("/v1/admin/users/{}", ada.id), &json!({ "role": "editor" }));
    change.header("x-forwarded-for", "192.0.2.99").send().await.assert(200);
    let tokens = app.client().refresh(&ada.refresh_token).await.assert(200).json();
    let ada_now = app.client().with_token(tokens["access_token"].as_str().unwrap());
    let changed = newest(&ada_now, "authz_change").await;
    assert_eq!((&changed["by_administrator"], &changed["address"]), (&json!(true), &Value::Null));
    assert_eq!(changed["details"], json!({ "role": "editor" }));
    let export = ada_now.get(EXPORT).send().await.assert(200).text();
    for text in [ada_now.get(ACTIVITY).send().await.text(), export] {
        assert!(!text.contains(&admin.id.to_string()) && !text.contains("192.0.2"), "{text}");
    }
}

/// A detail that somebody adds to an event one day stays inside until it is listed.
#[tokio::test]
async fn only_listed_details_of_an_event_are_shown_whatever_stands_in_the_trail() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let details = json!({ "reason": "canary", "by": null, "code": "canary", "route": "canary", "new": "canary",
        "email": "canary@example.com", "role": 7, "sessions": "canary", "purpose": "reset_password" });
    sqlx::query("insert into security_events (id, at, type, user_id, details) values ($1, $2, 'odd', $3, $4)")
        .bind(app.app.givens.new_id())
        .bind(app.app.givens.now().0)
        .bind(ada.id)
        .bind(details)
        .execute(&app.owner)
        .await
        .unwrap();
    let odd = newest(&ada.client, "odd").await;
    assert_eq!(odd["details"], json!({ "purpose": "reset_password" }));
    assert_eq!(odd.as_object().unwrap().len(), 6, "{odd}");
}

#[tokio::test]
async fn nobody_sees_the_activity_or_the_data_of_another() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::Admin).await);
    make_key(&app, &ada).await;
    leave_something_pending(&app, &ada).await;
    let own = ada.client.get(EXPORT).send().await.assert(200).json();
    let session = own["sessions"]["items"][0]["id"].as_str().unwrap();
    for path in [ACTIVITY, EXPORT] {
        let seen = eve.client.get(path).send().await.assert(200).text();
        for adas in [&ada.id.to_string(), &ada.email, session, "authn_key_created", "Nightly backup", "verify_email"] {
            assert!(!seen.contains(adas), "{path}: {adas}");
        }
        for named in [format!("{path}?user_id={}", ada.id), format!("{path}?id={}", ada.id)] {
            eve.client.get(&named).send().await.assert_refused(400, "VALIDATION_FAILED");
        }
        eve.client.get(&path.replace("me", &ada.id.to_string())).send().await.assert_refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_cursor_of_somebody_elses_activity_or_one_that_was_made_up_leads_nowhere() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    app.clock.forward(Duration::minutes(1));
    for person in [&ada, &eve] {
        app.client().login(&person.email, "is it this one, perhaps?").await.assert(401);
        newest(&person.client, "authn_login_fail").await;
    }
    let page = async |client: &Client, query: &str| client.get(&format!("{ACTIVITY}?{query}")).send().await;
    let first = page(&ada.client, "limit=1").await.assert(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = page(&ada.client, &format!("limit=1&cursor={cursor}")).await.assert(200).json();
    assert_eq!(
        (&first["items"][0]["type"], &second["items"][0]["type"]),
        (&json!("authn_login_fail"), &json!("authn_login_success"))
    );
    assert_eq!(second["next_cursor"], Value::Null);
    for forged in [cursor, &"A".repeat(64), "1"] {
        let answer = page(&eve.client, &format!("cursor={forged}")).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn an_api_key_reads_neither_and_a_sign_in_that_is_not_fresh_no_export() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada).await;
    let program = app.client().with_key(key["key"].as_str().unwrap());
    for path in [ACTIVITY, EXPORT] {
        program.get(path).send().await.assert_refused(403, "FORBIDDEN");
        app.client().get(path).send().await.assert_refused(401, "UNAUTHENTICATED");
    }
    app.clock.forward(Duration::minutes(10) + Duration::MICROSECOND);
    let tokens = app.client().refresh(&ada.refresh_token).await.assert(200).json();
    let late = app.client().with_token(tokens["access_token"].as_str().unwrap());
    late.get(EXPORT).send().await.assert_refused(403, "REAUTHENTICATION_REQUIRED");
    late.get(ACTIVITY).send().await.assert(200);
    assert_eq!(app.events(ada.id, "sensitive_read").await, 0);
}

#[tokio::test]
async fn an_export_is_a_file_for_its_owner_that_leaves_a_mark_and_is_not_to_be_had_all_day() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let answer = ada.client.get(EXPORT).send().await;
    answer.assert(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"drawbridge-export-2026-03-01.json\"");
    assert_eq!(newest(&ada.client, "sensitive_read").await["details"], json!({ "export": true }));
    for _ in 1..10 {
        ada.client.get(EXPORT).send().await.assert(200);
    }
    ada.client.get(EXPORT).send().await.assert_refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn no_secret_stands_in_an_export_not_even_as_a_hash() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada).await;
    app.client().post("/v1/auth/verify-email/resend", &json!({ "email": ada.email })).send().await.assert(202);
    let mut secrets: Vec<String> = sqlx::query_scalar(
        "select password_hash from users where id = $1
         union all select encode(hash, 'hex') from refresh_tokens
         union all select encode(hash, 'hex') from api_keys
         union all select encode(hash, 'hex') from one_time_tokens
         union all select encode(secret, 'hex') from service_keys",
    )
    .bind(ada.id)
    .fetch_all(&app.owner)
    .await
    .unwrap();
    assert!(secrets.len() >= 4, "{secrets:?}");
    secrets.extend([ada.access_token.clone(), ada.refresh_token.clone(), PASSWORD.to_owned()]);
    secrets.push(key["key"].as_str().unwrap().to_owned());
    let export = ada.client.get(EXPORT).send().await.assert(200).text();
    for secret in secrets {
        assert!(!export.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn a_list_that_is_too_long_for_the_export_says_so_and_has_the_newest() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let fill = async |count: i64| {
        sqlx::query(
            "insert into security_events (id, at, type, user_id)
             select gen_random_uuid(), $3, 'filler', $1 from generate_series(1, $2)",
        )
        .bind(ada.id)
        .bind(count)
        .bind(app.app.givens.now().0)
        .execute(&app.owner)
        .await
        .unwrap();
    };
    // One is there already: the sign-in.
    fill(9_999).await;
    let whole = ada.client.get(EXPORT).send().await.assert(200).json();
    assert_eq!(
        (whole["activity"]["items"].as_array().unwrap().len(), &whole["activity"]["complete"]),
        (10_000, &json!(true))
    );
    let cut = ada.client.get(EXPORT).send().await.assert(200).json();
    assert_eq!(
        (cut["activity"]["items"].as_array().unwrap().len(), &cut["activity"]["complete"]),
        (10_000, &json!(false))
    );
}

/// Tables that hold something about a user, and where in the export their rows stand.
const EXPORTED: &[(&str, &str)] = &[
    ("users", "/account"),
    ("sessions", "/sessions/items/0"),
    ("api_keys", "/api_keys/items/0"),
    ("mail_outbox", "/mails/items/0"),
    ("one_time_tokens", "/one_time_tokens/items/0"),
    ("pending_email_changes", "/email_changes/items/0"),
    ("articles", "/articles/items/0"),
    ("security_events", "/activity/items/0"),
];

/// Tables, and columns of those above, that are left out, each with its reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("refresh_tokens", "hashes and seals; the time of the last use stands with the session"),
    ("totp_secrets", "a secret; that there is one stands with the account"),
    ("totp_guesses", "counts of a day; each wrong code stands in the activity"),
    ("recovery_codes", "secrets"),
    ("mfa_challenges", "a sign-in of five minutes"),
    ("idempotent_requests", "answers that the user was given, for a day"),
    ("users.password_hash", "a secret"),
    ("users.password_generation", "a counter that ends older proofs; says nothing about anybody"),
    ("pending_email_changes.user_id", "the account's id"),
    ("articles.owner_id", "the account's id"),
    ("one_time_tokens.recipient", "the account's address, or the one that waits to be confirmed"),
    ("sessions.user_id", "the same everywhere: the account's id"),
    ("sessions.generation", "a counter that ends older tokens; says nothing about anybody"),
    ("api_keys.user_id", "the account's id"),
    ("api_keys.hash", "a secret"),
    ("mail_outbox.id", "names a row that is gone in a moment"),
    ("mail_outbox.user_id", "the account's id"),
    ("one_time_tokens.hash", "a secret"),
    ("one_time_tokens.user_id", "the account's id"),
    ("security_events.user_id", "the account's id"),
    ("security_events.client_address", "shortened to a network, as `address`: some are of strangers"),
    ("security_events.request_id", "leads into the service's log"),
    ("security_events.reference", "leads into the service's log; it was given to whoever made the request"),
    ("security_events.details", "those that are meant for the owner, as `details`"),
];

/// Every table that refers to users, however far round, or has a column for somebody's id or address.
async fn tables_about_users(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "with recursive about (oid) as (
             select 'users'::regclass::oid
             union
             select conrelid from pg_constraint join about on confrelid = about.oid where contype = 'f'
         )
         select relname::text, attname::text
         from pg_class
         join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
         where relkind in ('r', 'p')
           and not relispartition
           and relnamespace = 'public'::regnamespace
           and (pg_class.oid in (select oid from about)
                or pg_class.oid in (
                    select attrelid from pg_attribute
                    where attname ~ '(^|_)(user|owner|account|email|recipient|address|principal|subject)(_id)?$'
                ))
         order by 1, 2",
    )
    .fetch_all(&app.owner)
    .await
    .unwrap();
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    for (table, column) in columns {
        tables.entry(table).or_default().push(column);
    }
    tables
}

/// Rows that are gone too soon to be exported otherwise: a mail that waits, a token in one, an address to be confirmed. And
/// something of the person's own.
async fn leave_something_pending(app: &TestApp, person: &Person) {
    let later = (app.app.givens.now() + Duration::days(1)).0;
    sqlx::query(
        "insert into mail_outbox (id, recipient, template, user_id, queued_at, next_attempt_at)
         values ($1, $2, 'password_changed', $3, $4, $4), ($5, upper($2), 'already_registered', null, $4, $4)",
    )
    .bind(app.app.givens.new_id())
    .bind(&person.email)
    .bind(person.id)
    .bind(later)
    .bind(app.app.givens.new_id())
    .execute(&app.owner)
    .await
    .unwrap();
    sqlx::query(
        "insert into one_time_tokens (hash, user_id, purpose, recipient, created_at, expires_at)
         values (sha256('x'), $1, 'verify_email', $3, $2, $2)",
    )
    .bind(person.id)
    .bind(later)
    .bind(&person.email)
    .execute(&app.owner)
    .await
    .unwrap();
    sqlx::query(
        "insert into pending_email_changes (user_id, new_email, expires_at) values ($1, 'canary@example.org', $2)",
    )
    .bind(person.id)
    .bind(later)
    .execute(&app.owner)
    .await
    .unwrap();
    app.written("articles", person.id).await;
}

#[tokio::test]
async fn every_table_and_column_about_a_user_is_in_the_export_or_left_out_for_a_reason() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    make_key(&app, &ada).await;
    leave_something_pending(&app, &ada).await;
    let export = ada.client.get(EXPORT).send().await.assert(200).json();
    let (exported, left_out) =
        (EXPORTED.iter().copied().collect::<BTreeMap<_, _>>(), LEFT_OUT.iter().copied().collect::<BTreeMap<_, _>>());
    let mut forgotten = Vec::new();
    for (table, columns) in tables_about_users(&app).await {
        if left_out.contains_key(table.as_str()) {
            continue;
        }
        let Some(item) = exported.get(table.as_str()).and_then(|place| export.pointer(place)) else {
            forgotten.push(table);
            continue;
        };
        let columns = columns.into_iter().map(|column| (format!("{table}.{column}"), item.get(&column).is_some()));
        let untold = columns.filter(|(name, told)| !told && !left_out.contains_key(name.as_str()));
        forgotten.extend(untold.map(|(name, _)| name));
    }
    assert_eq!(forgotten, [""; 0], "about users, and neither in the export nor left out for a reason");
    let mails = export["mails"]["items"].as_array().unwrap();
    let mails: BTreeSet<_> = mails.iter().map(|mail| mail["template"].as_str().unwrap()).collect();
    assert!(
        mails.contains("password_changed") && mails.contains("already_registered"),
        "by the address too: {mails:?}"
    );
    let complete = |list: &str| export[list]["complete"] == json!(true);
    assert!(
        ["sessions", "api_keys", "mails", "one_time_tokens", "email_changes", "activity"].into_iter().all(complete)
    );
    assert_eq!(export["account"]["email"], json!(ada.email));
    assert!(export["sessions"]["items"][0]["client_address"].as_str().unwrap().starts_with("10."), "whole");
}

/// Every place in the database where one of these texts stands, in any column of any table.
async fn places_of(app: &TestApp, texts: &[&str]) -> BTreeSet<String> {
    let tables = "select relname::text
                  from pg_class
                  where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&app.owner).await.unwrap();
    let mut places = BTreeSet::new();
    for table in tables {
        let statement = format!(
            "select field.key from {table} as row, jsonb_each_text(to_jsonb(row)) as field (key, value)
             where exists (select from unnest($1::text[]) as text where position(lower(text) in lower(value)) > 0)"
        );
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            .fetch_all(&app.owner)
            .await
            .unwrap();
        places.extend(found.into_iter().map(|column| format!("{table}.{column}")));
    }
    places
}

/// Somebody with a name and an address that stand nowhere else, who leaves traces wherever a user can.
async fn somebody_who_was_everywhere(app: &TestApp) -> Person {
    let (id, _) = app.account(Role::User).await;
    let email = format!("Canary.Bird.{}@example.com", id.simple());
    let renamed = sqlx::query("update users set email = $2, name = 'Canary Bird' where id = $1").bind(id).bind(&email);
    renamed.execute(&app.owner).await.unwrap();
    let login = json!({ "email": email, "password": PASSWORD });
    let at = |address: &str| app.client().post("/v1/auth/login", &login).header("x-forwarded-for", address).send();
    at("203.0.113.77").await.assert(200);
    let person = app.sign_in(id, email).await;
    app.client().login(&person.email, "is it this one, perhaps?").await.assert(401);
    app.client().register(&person.email.to_lowercase(), "Canary Bird", "another long enough phrase").await.assert(202);
    person.client.patch("/v1/users/me", &json!({ "name": "Canary Bird" })).send().await.assert(200);
    person.client.patch("/v1/users/me", &json!({ "name": "Canary", "role": "admin" })).send().await.assert(400);
    make_key(app, &person).await;
    person.client.get(EXPORT).send().await.assert(200);
    leave_something_pending(app, &person).await;
    // Events that belong to no transaction are in by now.
    newest(&person.client, "input_validation_fail").await;
    person
}

const TRACES: [&str; 3] = ["canary", "bird", "203.0.113.77"];

/// The trail keeps addresses, for whoever has to find an attacker later; docs/personal-data.md says how long and why.
const STAYS: [&str; 1] = ["security_events.client_address"];

#[tokio::test]
async fn who_leaves_is_nowhere_in_the_database_any_more_but_as_an_id_and_an_address_on_the_trail() {
    let app = TestApp::start().await;
    let person = somebody_who_was_everywhere(&app).await;
    let before = places_of(&app, &TRACES).await;
    for place in ["users.email", "users.name", "sessions.client_address", "mail_outbox.recipient"] {
        assert!(before.contains(place), "the search finds nothing at {place}: {before:?}");
    }
    person.client.delete("/v1/users/me", &json!({ "password": PASSWORD })).send().await.assert(204);
    assert_eq!(places_of(&app, &TRACES).await, BTreeSet::from(STAYS.map(str::to_owned)));
    let ids = places_of(&app, &[&person.id.to_string()]).await;
    assert_eq!(ids, BTreeSet::from(["security_events.user_id".to_owned()]), "an id that names nobody");
    assert_eq!(app.events(person.id, "user_deleted").await, 1);
}

#[tokio::test]
async fn whom_an_administrator_deletes_is_gone_as_completely() {
    let app = TestApp::start().await;
    let (person, admin) = (somebody_who_was_everywhere(&app).await, app.person(Role::Admin).await);
    admin.client.delete(&format!("/v1/admin/users/{}", person.id), &json!({})).send().await.assert(204);
    assert_eq!(places_of(&app, &TRACES).await, BTreeSet::from(STAYS.map(str::to_owned)));
}

#[tokio::test]
async fn whoever_registers_the_address_of_somebody_who_left_sees_nothing_of_them() {
    let app = TestApp::start().await;
    let person = somebody_who_was_everywhere(&app).await;
    person.client.delete("/v1/users/me", &json!({ "password": PASSWORD })).send().await.assert(204);
    let newcomer = app.client();
    newcomer.register(&person.email, "Somebody Else", PASSWORD).await.assert(202);
    let token = until("the newcomer's own mail", async || {
        let mail = app.mail_to(&person.email).await;
        mail.contains("Confirm").then_some(())?;
        Some(app.token_mailed_to(&person.email).await)
    });
    let token = token.await;
    app.clock.forward(Duration::minutes(1));
    newcomer.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
    app.clock.forward(Duration::minutes(1));
    let tokens = newcomer.login(&person.email, PASSWORD).await.assert(200).json();
    let newcomer = newcomer.with_token(tokens["access_token"].as_str().unwrap());
    let kinds: Vec<_> =
        activity(&newcomer).await.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["authn_login_success", "user_updated", "user_created"]);
    let export = newcomer.get(EXPORT).send().await.assert(200).json();
    assert_eq!(export["api_keys"]["items"], json!([]));
}

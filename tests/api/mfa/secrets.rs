//! What is kept, what is written down, and under which key.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use drawbridge::features;
use serde_json::json;
use time::Duration;

use super::*;
use crate::support::lines_with;

const OLD: &str = "old:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

/// Every row of every table, as text.
async fn dump(app: &TestApp) -> String {
    let tables: Vec<String> =
        sqlx::query_scalar("select table_name::text from information_schema.tables where table_schema = 'public'")
            .fetch_all(&app.owner)
            .await
            .unwrap();
    assert!(tables.len() > 8, "{tables:?}");
    let mut dump = String::new();
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("select coalesce(string_agg(t::text, ' '), '') from {table} t"));
        dump += &sqlx::query_scalar::<_, String>(rows).fetch_one(&app.owner).await.unwrap();
    }
    dump.to_lowercase()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[tokio::test]
async fn neither_the_database_nor_the_log_holds_a_secret_a_recovery_code_or_a_challenges_token() {
    let app = TestApp::start().await;
    let ada = app.person(drawbridge::security::access::Role::User).await;
    let begun = begin(&ada.client).await.json();
    let secret = begun["secret"].as_str().unwrap();
    let phone = Phone::scan(&begun["secret"]);
    let codes = texts(&confirm(&ada.client, &phone.code(&app)).await.json()["recovery_codes"]);
    let mfa_token = challenge(&app, &ada.email).await;
    answer(&app, &mfa_token, &codes[0]).await.assert(200);
    let pending = challenge(&app, &ada.email).await;
    app.clock.forward(STEP);
    let stepped_up = reauthenticate(&ada.client, PASSWORD, Some(&phone.code(&app))).await;
    let refresh_token = token(&stepped_up, "refresh_token");

    let raw = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let mut secrets = vec![secret.to_owned(), hex(&raw), hex(secret.as_bytes()), mfa_token, pending, refresh_token];
    secrets.extend(
        codes.iter().flat_map(|code| [code.clone(), code.replace('-', ""), hex(code.replace('-', "").as_bytes())]),
    );
    let all: Vec<_> = secrets.iter().flat_map(|secret| [secret.clone(), hex(secret.as_bytes())]).collect();
    let dump = dump(&app).await;
    for secret in all {
        assert!(!dump.contains(&secret.to_lowercase()), "{secret} stands in the database");
        assert!(lines_with(&secret).is_empty(), "{secret} stands in the log");
    }
    assert!(lines_with("otpauth").is_empty());
}

#[tokio::test]
async fn what_is_kept_of_codes_and_challenges_is_none_of_them() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    challenge(&app, &ada.email).await;
    let kept =
        "select encode(hash, 'hex') from recovery_codes union all select encode(hash, 'hex') from mfa_challenges";
    let kept: Vec<String> = sqlx::query_scalar(kept).fetch_all(&app.owner).await.unwrap();
    assert_eq!(kept.len(), 11);
    let token = challenge(&app, &ada.email).await;
    answer(&app, &token, &kept[0][..24]).await.assert_refused(401, "INVALID_CREDENTIALS");
    answer(&app, &token, &kept[0]).await.assert_refused(401, "INVALID_CREDENTIALS");
    answer(&app, &kept[10], &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_key_is_rotated_without_anybody_scanning_anew() {
    let app = TestApp::start_with(&[("DATA_ENCRYPTION_KEYS", OLD)], features::routes()).await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let under = async || -> String {
        let id = "select convert_from(substr(sealed, 2, get_byte(sealed, 0)), 'UTF8') from totp_secrets";
        sqlx::query_scalar(id).fetch_one(&app.owner).await.unwrap()
    };
    assert_eq!(under().await, "old");
    let both = app.replica_with(&[("DATA_ENCRYPTION_KEYS", &format!("{NEW},{OLD}"))]).await;
    sign_in(&both, &ada.email, &phone.wrong_code(&app)).await.assert(401);
    assert_eq!(under().await, "old", "a wrong code renews nothing");
    sign_in(&both, &ada.email, &phone.code(&app)).await.assert(200);
    assert_eq!(under().await, "new");

    app.clock.forward(STEP);
    let without_old = app.replica_with(&[("DATA_ENCRYPTION_KEYS", NEW)]).await;
    sign_in(&without_old, &ada.email, &phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn a_lost_key_is_our_trouble_and_lets_nobody_in() {
    let app = TestApp::start_with(&[("DATA_ENCRYPTION_KEYS", OLD)], features::routes()).await;
    let Careful { person: ada, phone, recovery_codes } = careful(&app).await;
    let without = app.replica_with(&[("DATA_ENCRYPTION_KEYS", NEW)]).await;
    sign_in(&without, &ada.email, &phone.code(&app)).await.assert_refused(500, "INTERNAL_ERROR");
    sign_in(&without, &ada.email, &recovery_codes[0]).await.assert(200);
}

#[tokio::test]
async fn what_is_over_is_cleared_away_and_nothing_that_is_still_needed() {
    let app = TestApp::start().await;
    let ada = careful(&app).await;
    let bob = app.person(drawbridge::security::access::Role::User).await;
    begin(&bob.client).await.assert(201);
    sign_in(&app, &ada.person.email, &ada.phone.wrong_code(&app)).await.assert(401);
    let clear = async || {
        drawbridge::database::housekeeping(&app.app.database, &app.app.settings.session, app.app.givens.now())
            .await
            .unwrap();
        let rows = "select (select count(*) from mfa_challenges), (select count(*) from totp_secrets),
                           (select count(*) from totp_guesses)";
        sqlx::query_as::<_, (i64, i64, i64)>(rows).fetch_one(&app.owner).await.unwrap()
    };
    assert_eq!(clear().await, (1, 2, 1));
    app.clock.forward(Duration::minutes(5));
    assert_eq!(clear().await, (0, 2, 1));
    app.clock.forward(Duration::minutes(27));
    assert_eq!(clear().await, (0, 1, 1), "the secret in use stays");
    app.clock.forward(Duration::days(1));
    assert_eq!(clear().await, (0, 1, 0));
    sign_in(&app, &ada.person.email, &ada.phone.code(&app)).await.assert(200);
}

#[tokio::test]
async fn the_seal_of_a_step_up_is_dropped_when_the_grace_is_over() {
    let app = TestApp::start().await;
    let ada = app.person(drawbridge::security::access::Role::User).await;
    reauthenticate(&ada.client, PASSWORD, None).await.assert(200);
    app.clock.forward(Duration::minutes(2));
    drawbridge::database::housekeeping(&app.app.database, &app.app.settings.session, app.app.givens.now())
        .await
        .unwrap();
    let sealed = "select count(*) from refresh_tokens where successor is not null";
    assert_eq!(sqlx::query_scalar::<_, i64>(sealed).fetch_one(&app.owner).await.unwrap(), 0);
}

#[tokio::test]
async fn deleting_the_account_leaves_nothing_of_the_second_factor() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    sign_in(&app, &ada.email, &phone.wrong_code(&app)).await.assert(401);
    ada.client.delete("/v1/users/me", &json!({ "password": PASSWORD })).send().await.assert(204);
    let left = "select (select count(*) from mfa_challenges) + (select count(*) from totp_secrets)
                     + (select count(*) from totp_guesses) + (select count(*) from recovery_codes)";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&app.owner).await.unwrap(), 0);
}

//! What is no key, and where none is looked for or left lying.

use aws_lc_rs::digest::{SHA256, digest};
use drawbridge::security::access::Role;
use serde_json::json;

use super::{BOTH, KEYS, make_key, refused_without_hint};
use crate::support::{Client, TestApp, lines_with, until};

#[tokio::test]
async fn a_text_that_never_was_a_key_does_not_reach_the_database() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada, &BOTH).await["key"].as_str().unwrap().to_owned();
    app.lose_database().await;
    let last = if key.ends_with('0') { "1" } else { "0" };
    let typo = format!("{}{last}", &key[..key.len() - 1]);
    for text in [&typo, &key[..key.len() - 1], &key[..16], "", "dbk_", &"x".repeat(20_000)] {
        refused_without_hint(&app.client().with_key(text).me().await, text);
    }
    app.client().with_key(&key).me().await.assert_refused(503, "SERVICE_UNAVAILABLE");
}

/// As anybody can make one: the checksum is no security.
fn with_checksum(head: &str) -> String {
    let sum = digest(&SHA256, head.as_bytes());
    let mut number = u128::from_le_bytes(sum.as_ref()[..16].try_into().unwrap());
    let digits = (0..6).map(|_| {
        let digit = u32::try_from(number % 36).unwrap();
        number /= 36;
        char::from_digit(digit, 36).unwrap()
    });
    format!("{head}_{}", digits.collect::<String>())
}

#[tokio::test]
async fn the_name_of_a_key_alone_opens_nothing() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person(Role::User).await, app.person(Role::User).await);
    let (hers, other) = (make_key(&app, &ada, &BOTH).await, make_key(&app, &eve, &BOTH).await);
    let (hers, other) = (hers["key"].as_str().unwrap(), other["key"].as_str().unwrap());
    assert_eq!(with_checksum(&hers[..60]), hers, "the sum is the service's");
    for secret in [&other[17..60], &"A".repeat(43), &hers[17..60].to_lowercase()] {
        let forged = with_checksum(&format!("{}_{secret}", &hers[..16]));
        refused_without_hint(&app.client().with_key(&forged).me().await, secret);
    }
    app.client().with_key(hers).me().await.assert(200);
}

#[tokio::test]
async fn two_credentials_are_none() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada, &BOTH).await["key"].as_str().unwrap().to_owned();
    let program = app.client().with_key(&key);
    let me = |client: &Client| client.get("/v1/users/me");
    let both = [
        me(&ada.client).header("x-api-key", &key),
        me(&ada.client).header("x-api-key", ""),
        me(&program).header("authorization", "Bearer x"),
        me(&program).header("authorization", ""),
    ];
    for request in both {
        let answer = request.send().await;
        answer.assert_refused(401, "UNAUTHENTICATED");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    }
    for keys in [me(&program).header("x-api-key", &key), me(&program).header("X-Api-Key", "x")] {
        refused_without_hint(&keys.send().await, "two keys");
    }
    refused_without_hint(&app.client().with_key(&format!("{key}, {key}")).me().await, "two keys in one line");
}

#[tokio::test]
async fn a_key_is_read_from_its_own_header_alone() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let key = make_key(&app, &ada, &BOTH).await["key"].as_str().unwrap().to_owned();
    let anyone = app.client();
    for name in ["api_key", "x-api-key", "apikey", "key", "access_token"] {
        let in_query = anyone.get(&format!("/v1/users/me?{name}={key}")).send().await;
        refused_without_hint(&in_query, name);
        let in_cookie = anyone.get("/v1/users/me").header("cookie", &format!("{name}={key}")).send().await;
        refused_without_hint(&in_cookie, name);
        let in_body = anyone.patch("/v1/users/me", &json!({ "name": "Ada", name: key })).send().await;
        refused_without_hint(&in_body, name);
    }
    let form = anyone.request(axum::http::Method::PATCH, "/v1/users/me").body(format!("api_key={key}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded").send().await;
    form.assert_refused(415, "UNSUPPORTED_MEDIA_TYPE");
    for scheme in ["Bearer ", "Basic ", "ApiKey ", ""] {
        let answer = anyone.get("/v1/users/me").header("authorization", &format!("{scheme}{key}")).send().await;
        answer.assert_refused(401, "UNAUTHENTICATED");
    }
    let token = app.client().with_key(&ada.access_token).me().await;
    refused_without_hint(&token, "a token in a key's header");
}

#[tokio::test]
async fn a_use_that_is_refused_is_none() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let hers = make_key(&app, &ada, &BOTH).await["key"].as_str().unwrap().to_owned();
    let forged = with_checksum(&format!("{}_{}", &hers[..16], "A".repeat(43)));
    app.client().with_key(&forged).me().await.assert(401);
    let good = make_key(&app, &ada, &BOTH).await["key"].as_str().unwrap().to_owned();
    app.client().with_key(&good).me().await.assert(200);
    let used = async || {
        let used = sqlx::query_scalar("select key_id from api_keys where last_used_at is not null");
        used.fetch_all(&app.owner).await.unwrap() as Vec<String>
    };
    until("the good one is written down", async || used().await.contains(&good[..16].to_owned()).then_some(())).await;
    assert_eq!(used().await, [&good[..16]]);
}

#[tokio::test]
async fn the_secret_stands_nowhere() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let made = make_key(&app, &ada, &["profile:read"]).await;
    let key = made["key"].as_str().unwrap();
    let program = app.client().with_key(key);
    program.me().await.assert(200);
    program.get(KEYS).send().await.assert(403);
    program.get(&format!("/v1/users/me?key={key}")).send().await.assert(400);
    program.post("/v1/auth/login", &json!({ key: key })).send().await.assert(400);
    app.client().with_key(&format!("{key}x")).me().await.assert(401);
    let secret = &key[17..60];
    assert!(lines_with(secret).is_empty(), "{:?}", lines_with(secret));

    let tables: Vec<String> =
        sqlx::query_scalar("select table_name::text from information_schema.tables where table_schema = 'public'")
            .fetch_all(&app.owner)
            .await
            .unwrap();
    assert!(tables.iter().any(|table| table == "api_keys"));
    for table in tables {
        let look = format!("select count(*) from {table} where {table}::text like '%' || $1 || '%'");
        let found: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(look)).bind(secret).fetch_one(&app.owner).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
}

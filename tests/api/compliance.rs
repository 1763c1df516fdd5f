//! What `docs/compliance/` claims and no other test is about.

use std::fs;

use axum::http::Method;
use drawbridge::{
    app,
    security::{access::Role, jwt::Grant},
};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, Client, PASSWORD, TestApp, UNLIMITED, lines_with};

fn document() -> Value {
    serde_json::from_str(&fs::read_to_string("openapi.json").unwrap()).unwrap()
}

/// Every operation, as `get /v1/users/me`, with what the document says of it.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// ASVS 6.2.10: a password ends when its owner, or somebody who may, says so.
#[tokio::test]
async fn a_password_is_good_however_old_it_is() {
    let app = TestApp::start().await;
    let (_, email) = app.account(Role::User).await;
    app.clock.forward(Duration::days(3650));
    app.client().login(&email, PASSWORD).await.assert(200);
}

/// ASVS 6.2.8: what lies behind the 72nd byte counts too, and so does each capital.
#[tokio::test]
async fn a_password_counts_to_its_last_letter() {
    let app = TestApp::start().await;
    let (whole, client) =
        ("Every word of this counts, whether or not anybody reads as far as its end. ".repeat(2), app.client());
    let long = &whole[..128];
    client.register("ada@example.com", "Ada Lovelace", long).await.assert(202);
    let token = app.token_mailed_to("ada@example.com").await;
    client.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
    for wrong in [&long[..127], &whole[..129], &long[..72], &long.to_lowercase(), &long.to_uppercase()] {
        client.login("ada@example.com", wrong).await.assert_refused(401, "INVALID_CREDENTIALS");
    }
    client.login("ada@example.com", long).await.assert(200);
}

/// ASVS 6.3.2. The users of development are made by the program around the service, and there for development alone.
#[tokio::test]
async fn a_new_service_has_no_account() {
    let app = TestApp::start().await;
    let accounts: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&app.owner).await.unwrap();
    assert_eq!(accounts, 0);
    for name in ["admin", "root", "sa", "test", "user", "drawbridge"] {
        for password in [name.to_owned(), "password".to_owned(), PASSWORD.to_owned()] {
            app.client()
                .login(&format!("{name}@example.com"), &password)
                .await
                .assert_refused(401, "INVALID_CREDENTIALS");
        }
    }
}

/// ASVS 10.3.2: what a token was granted decides, not what its user could have been granted.
#[tokio::test]
async fn a_token_opens_only_what_its_scope_names() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (_, claims, _) = crate::tokens::parts(&ada.access_token);
    let with = |scope: &str| {
        let grant = Grant {
            user_id: ada.id,
            session_id: claims["sid"].as_str().unwrap().parse().unwrap(),
            generation: 1,
            role: Role::User.name(),
            scope: scope.to_owned(),
            auth_time: app.app.givens.now(),
            amr: vec!["pwd".to_owned()],
            client_id: "first-party".to_owned(),
        };
        app.client().with_token(app.app.jwt.issue(grant, &app.app.givens).unwrap().token.expose())
    };
    let rename = async |client: &Client| client.patch("/v1/users/me", &json!({ "name": "Ada King" })).send().await;
    let reader = with("profile:read");
    reader.me().await.assert(200);
    rename(&reader).await.assert_refused(403, "INSUFFICIENT_SCOPE");
    with("").me().await.assert_refused(403, "INSUFFICIENT_SCOPE");
    with("profile").me().await.assert_refused(403, "INSUFFICIENT_SCOPE");
    rename(&with("profile:read profile:write")).await.assert(200);
}

/// ASVS 6.2.6 and 6.2.7, for the one page of ours that asks for a password.
#[tokio::test]
async fn where_a_page_asks_for_a_password_it_is_hidden_and_may_come_from_a_manager() {
    let app = TestApp::start().await;
    let page = app.client().get("/watchtower").send().await.assert(200).text();
    let inputs = page.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap());
    let fields: Vec<_> = inputs.filter(|input| input.contains("password")).collect();
    assert_eq!(fields.len(), 1);
    assert!(
        fields[0].contains(r#"type="password""#) && fields[0].contains(r#"autocomplete="current-password""#),
        "{}",
        fields[0]
    );
    for route in app::table().iter().filter(|route| route.path.starts_with("/watchtower")) {
        let text = app.client().get(route.path).send().await.text();
        assert!(!text.contains("paste") && !text.contains("oncopy"), "{} meddles with the clipboard", route.path);
    }
}

/// ASVS 14.2.1: what stands in an address stands in the logs of everybody in between.
#[tokio::test]
async fn no_parameter_of_an_address_is_a_secret() {
    let (document, mut seen) = (document(), 0);
    for (operation, told) in operations(&document) {
        for parameter in told["parameters"].as_array().into_iter().flatten() {
            let parameter = match parameter["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).unwrap(),
                None => parameter,
            };
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "header" {
                continue;
            }
            seen += 1;
            for secret in ["token", "password", "secret", "code", "key", "session"] {
                assert!(!name.to_lowercase().contains(secret), "{operation} takes {name} in the address");
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// ASVS 3.7.2 and 3.3.1: nothing is sent elsewhere, and nothing is left in the browser. That no test comes upon a status that
/// the document does not have, `support/contract.rs` sees to.
#[tokio::test]
async fn no_answer_leads_elsewhere_or_sets_a_cookie() {
    for (operation, told) in operations(&document()) {
        for (status, response) in told["responses"].as_object().unwrap() {
            assert!(!status.starts_with('3'), "{operation} may answer {status}");
            assert!(!response.to_string().to_lowercase().contains("set-cookie"), "{operation} {status}");
        }
    }
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    let ada = app.person(Role::Admin).await;
    for route in app::table().iter().filter(|route| route.method == Method::GET && !route.path.contains('{')) {
        let request = ada.client.get(route.path).header("cookie", "session=1; __Host-token=2");
        if route.path.ends_with("/stream") {
            continue;
        }
        let answer = request.send().await;
        assert!(!answer.headers.contains_key("set-cookie") && !answer.status.is_redirection(), "{route}");
    }
}

/// ASVS 4.1.1: what comes back is what it says it is, and whoever must guess an alphabet is told it.
#[tokio::test]
async fn every_body_says_what_it_is() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    let admin = app.person(Role::Admin).await;
    let mut kinds = Vec::new();
    for route in app::table() {
        if route.method != Method::GET || route.path.contains('{') || route.path.ends_with("/stream") {
            continue;
        }
        let answer = admin.client.get(route.path).send().await;
        let kind = answer.header("content-type").to_owned();
        match kind.as_str() {
            "application/json" => assert!(answer.json().is_object() || answer.json().is_array(), "{route}"),
            "text/html; charset=utf-8" => assert!(answer.text().starts_with("<!doctype html>"), "{route}"),
            "text/javascript; charset=utf-8" | "text/css; charset=utf-8" | "text/plain; charset=utf-8" => {}
            other => panic!("{route} is {other:?}"),
        }
        kinds.push(kind);
    }
    kinds.sort();
    kinds.dedup();
    assert!(kinds.len() >= 4, "{kinds:?}");
}

/// ASVS 13.4.1 and 13.4.3: there is no folder behind the paths.
#[tokio::test]
async fn no_folder_and_no_file_of_the_machine_is_served() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    for path in [
        "/docs/",
        "/watchtower/",
        "/static/",
        "/.git/HEAD",
        "/.git/config",
        "/.svn/entries",
        "/.env",
        "/.data/keys",
        "/Cargo.toml",
        "/src/main.rs",
        "/server-status",
        "/debug/pprof/",
        "/metrics",
        "/actuator/env",
        "/docs/../Cargo.toml",
        "/docs/%2e%2e/Cargo.toml",
    ] {
        app.client().get(path).send().await.assert_refused(404, "NOT_FOUND");
    }
}

/// ASVS 1.2.4: what would be SQL in a query that somebody put together is a text like any other, wherever text is taken.
#[tokio::test]
async fn what_would_be_sql_stays_text_wherever_it_is_sent() {
    let app = TestApp::start_with(&UNLIMITED, drawbridge::features::routes()).await;
    let (ada, admin) = (app.person(Role::User).await, app.person(Role::Admin).await);
    let users =
        async || -> i64 { sqlx::query_scalar("select count(*) from users").fetch_one(&app.owner).await.unwrap() };
    let before = users().await;
    for sql in [
        "x' or '1'='1",
        "x'; drop table users; --",
        "x\\'; delete from users; --",
        "$1",
        "x') union select id from users --",
    ] {
        let name = ada.client.patch("/v1/users/me", &json!({ "name": sql })).send().await.assert(200).json();
        assert_eq!(name["name"], sql);
        let encoded = sql.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        for list in ["/v1/admin/users?email=", "/v1/admin/users?cursor=", "/v1/admin/security-events?type="] {
            admin.client.get(&format!("{list}{encoded}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        }
        ada.client.get(&format!("/v1/users/{encoded}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        app.client().login(&format!("{}{sql}", ada.email), PASSWORD).await.assert_refused(400, "VALIDATION_FAILED");
        app.client().login(&ada.email, sql).await.assert_refused(401, "INVALID_CREDENTIALS");
        app.client().refresh(sql).await.assert_refused(401, "INVALID_CREDENTIALS");
        app.client().with_key(sql).me().await.assert_refused(401, "UNAUTHENTICATED");
    }
    assert_eq!(users().await, before);
}

/// ASVS 1.2.1 and 3.2.1: an answer that quotes markup is JSON that no browser takes for a page.
#[tokio::test]
async fn markup_comes_back_as_text_in_json_that_is_no_page() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let markup = "</script><img src=x onerror=alert(1)>\"}";
    let answer = ada.client.patch("/v1/users/me", &json!({ "name": markup })).send().await;
    let sent = (&answer.assert(200).json()["name"], answer.header("content-type"));
    assert_eq!(sent, (&json!(markup), "application/json"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

/// ASVS 1.3.11 and 1.3.7: whoever registers a stranger's address chooses no word of the mail.
#[tokio::test]
async fn no_mail_repeats_what_somebody_typed_but_the_address_it_goes_to() {
    let app = TestApp::start().await;
    let name = "Claim {token} at evil.example";
    app.client().register("ada@example.com", name, PASSWORD).await.assert(202);
    let mail = app.mail_to("ada@example.com").await;
    assert!(!mail.contains("evil.example") && !mail.contains("Claim"), "{mail}");
    let split = json!({ "email": "ada@example.com\r\nBcc: eve@example.com", "name": "Ada", "password": PASSWORD });
    let answer = app.client().post("/v1/auth/register", &split).send().await;
    answer.assert_refused(400, "VALIDATION_FAILED");
    assert_eq!(answer.fields(), [("email".to_owned(), "email".to_owned())]);
}

/// ASVS 13.2.2: what the service has no need for, it cannot be talked into.
#[tokio::test]
async fn the_service_can_neither_change_the_schema_nor_read_other_roles() {
    let app = TestApp::start().await;
    for statement in [
        "create table spoils (id int)",
        "alter table users add column spoils int",
        "drop table users",
        "truncate users",
        "alter table users disable trigger all",
        "create role eve",
        "create function spoils() returns int language sql as 'select 1'",
        "select rolpassword from pg_authid",
        "select pg_read_file('/etc/passwd')",
        "copy users to program 'true'",
    ] {
        let refused = sqlx::query(statement).execute(&app.app.database).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}: {refused}");
    }
}

/// ASVS 16.2.2.
#[tokio::test]
async fn every_time_in_log_and_trail_is_utc_and_says_so() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let is_utc = |time: &Value| time.as_str().is_some_and(|time| time.ends_with('Z') && time.contains('T'));
    let events = admin.client.get("/v1/admin/security-events").send().await;
    let lines = lines_with(events.header("x-request-id"));
    assert!(!lines.is_empty() && lines.iter().all(|line| is_utc(&line["time"])), "{lines:?}");
    let events = events.assert(200).json();
    let events = events["items"].as_array().unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| is_utc(&event["at"])), "{events:?}");
}

/// ASVS 7.6.2 and 6.4.3: what a mailed token opens is not a session.
#[tokio::test]
async fn nobody_is_signed_in_by_anything_but_signing_in() {
    let document = document();
    // The schemas that hold a refresh token, and the one that may be either.
    assert!(document["components"]["schemas"]["SignIn"].to_string().contains("/schemas/Tokens"));
    let signs_in = |told: &Value| {
        let answers = told["responses"].to_string();
        answers.contains("/schemas/Tokens") || answers.contains("/schemas/SignIn")
    };
    let mut found: Vec<_> = operations(&document).filter(|(_, told)| signs_in(told)).map(|(name, _)| name).collect();
    found.sort();
    assert_eq!(
        found,
        ["post /v1/auth/login", "post /v1/auth/mfa", "post /v1/auth/reauthenticate", "post /v1/auth/refresh"]
    );
}

/// API3:2023: who reads whom sees the fields of the document and no other.
#[tokio::test]
async fn a_user_is_shown_by_the_fields_that_were_agreed_and_by_no_other() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.person(Role::User).await, app.person(Role::Admin).await);
    let fields =
        |answer: &Answer| -> Vec<String> { answer.assert(200).json().as_object().unwrap().keys().cloned().collect() };
    let agreed = ["created_at", "email", "email_verified", "id", "mfa_enabled", "name", "role", "status", "updated_at"];
    let by_id = format!("/v1/users/{}", ada.id);
    let asked = async |client: &Client, path: &str| fields(&client.get(path).send().await);
    assert_eq!(asked(&ada.client, "/v1/users/me").await, agreed);
    assert_eq!(asked(&admin.client, &by_id).await, agreed);
    assert_eq!(asked(&admin.client, &format!("/v1/admin/users/{}", ada.id)).await, agreed);
}

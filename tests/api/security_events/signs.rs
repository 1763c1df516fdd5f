//! Signs of malice in a request: told once, and of the request nothing but that it was so.

use axum::http::Method;
use drawbridge::{features, security::access::Role};
use serde_json::{Value, json};
use time::Duration;

use super::until_told;
use crate::support::TestApp;

#[tokio::test]
async fn an_attack_tool_is_told_by_the_name_on_our_list_and_once_a_minute() {
    let app = TestApp::start().await;
    let eve = app.client();
    for _ in 0..20 {
        let request = eve.get("/v1/users/me/sessions").header("user-agent", "SQLMap/1.8 {}\"<script> bob@example.com");
        request.send().await.assert(401);
    }
    assert_eq!(until_told(&app, "malicious_attack_tool", 1).await, [json!({ "tool": "sqlmap" })]);
    app.clock.forward(Duration::MINUTE);
    eve.get("/health/live").header("user-agent", "nikto").send().await.assert(200);
    let told = until_told(&app, "malicious_attack_tool", 2).await;
    assert_eq!(told, [json!({ "tool": "sqlmap" }), json!({ "tool": "nikto" })]);
}

#[tokio::test]
async fn a_strangers_page_is_told_once_a_minute_and_a_page_of_ours_never() {
    let settings =
        [("CORS_ALLOWED_ORIGINS", "https://app.example.com"), ("PUBLIC_URL", "https://api.example.com/base")];
    let app = TestApp::start_with(&settings, features::routes()).await;
    let own = format!("http://{}", app.address);
    for origin in ["https://app.example.com", "https://api.example.com", &own] {
        app.client().get("/health/live").header("origin", origin).send().await.assert(200);
    }
    assert_eq!(until_told(&app, "malicious_cors", 0).await, [Value::Null; 0]);
    let victim = app.client();
    let preflight = victim.request(Method::OPTIONS, "/v1/users/me").header("access-control-request-method", "PATCH");
    preflight.header("origin", "https://evil.example").send().await.assert(204);
    victim.get("/v1/users/me").header("origin", "https://evil.example").send().await.assert(401);
    app.client().get("/v1/users/me").header("origin", "null").send().await.assert(401);
    let told = until_told(&app, "malicious_cors", 2).await;
    assert_eq!(told, [json!({ "route": "-" }), json!({ "route": "/v1/users/me" })]);
}

#[tokio::test]
async fn fields_that_no_schema_has_are_told_beside_the_refusal_and_wrong_values_are_not() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await.client;
    ada.patch("/v1/users/me", &json!({ "name": 7 })).send().await.assert(400);
    assert_eq!(until_told(&app, "input_validation_fail", 1).await[0]["route"], "/v1/users/me");
    ada.patch("/v1/users/me", &json!({ "name": "Ada", "role_secret": "admin" })).send().await.assert(400);
    ada.get("/v1/users/me/sessions?secret=1").send().await.assert(400);
    let told = until_told(&app, "malicious_extraneous", 2).await;
    assert_eq!(told, [json!({ "route": "/v1/users/me" }), json!({ "route": "/v1/users/me/sessions" })]);
}

#[tokio::test]
async fn a_thing_that_is_not_there_is_a_refused_access_and_a_path_that_is_not_there_is_none() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person(Role::User).await, app.person(Role::User).await);
    for path in [format!("/v1/users/{}", bob.id), format!("/v1/users/{}", uuid::Uuid::nil()), "/v1/no".to_owned()] {
        ada.client.get(&path).send().await.assert_refused(404, "NOT_FOUND");
    }
    app.client().get("/v1/no").send().await.assert(404);
    let told = until_told(&app, "authz_fail", 2).await;
    assert_eq!(told, vec![json!({ "route": "/v1/users/{id}", "code": "NOT_FOUND" }); 2]);
    assert_eq!(app.events(ada.id, "authz_fail").await, 2);
}

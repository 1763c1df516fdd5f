//! What a machine, or a stranger, asks first.

use axum::http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn health_tells_nothing_but_health() {
    let app = TestApp::start().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(app.client().get(path).send().await.assert(200).json(), json!({ "status": "ok" }));
    }
    let index = app.client().get("/").send().await.assert(200).json();
    assert_eq!(index.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn readiness_ends_when_the_service_is_asked_to_stop() {
    let app = TestApp::start().await;
    app.app.stop();
    app.client().get("/health/ready").send().await.assert_refused(503, "SERVICE_UNAVAILABLE");
    app.client().get("/health/live").send().await.assert(200);
}

#[tokio::test]
async fn a_contact_for_weaknesses_is_published_where_one_was_named() {
    let app = TestApp::start().await;
    app.client().get("/.well-known/security.txt").send().await.assert_refused(404, "NOT_FOUND");
    let named = app.replica_with(&[("SECURITY_CONTACT", "mailto:security@example.com")]).await;
    let text = named.client().get("/.well-known/security.txt").send().await.assert(200).text();
    assert!(text.starts_with("Contact: mailto:security@example.com\nExpires: 2026-08-28T12:00:00Z\n"), "{text}");
}

#[tokio::test]
async fn the_reference_page_runs_without_anything_inline_or_foreign() {
    let app = TestApp::start().await;
    let page = app.client().get("/docs").send().await;
    let csp = page.assert(200).header("content-security-policy");
    assert!(!csp.contains("unsafe") && !csp.contains("http") && csp.starts_with("default-src 'none'"), "{csp}");
    let html = page.text();
    assert!(!html.contains("<style") && !html.contains("://"), "{html}");
    for file in html.split('"').filter(|part| part.starts_with("/docs/")) {
        app.client().get(file).send().await.assert(200);
    }
}

#[tokio::test]
async fn options_names_the_methods_and_head_answers_like_get() {
    let app = TestApp::start().await;
    let options = app.client().request(Method::OPTIONS, "/v1/users/me").send().await;
    assert_eq!(options.assert(204).header("allow"), "GET, PATCH, DELETE, HEAD, OPTIONS");
    app.client().request(Method::OPTIONS, "/nowhere").send().await.assert(404);
    let head = app.client().request(Method::HEAD, "/health/live").send().await;
    assert!(head.assert(200).bytes.is_empty());
}

#[tokio::test]
async fn a_known_origin_is_granted_its_path_and_a_foreign_one_nothing() {
    let app =
        TestApp::start_with(&[("CORS_ALLOWED_ORIGINS", "https://app.example.com")], drawbridge::features::routes())
            .await;
    let preflight = |origin: &str| {
        let request = app.client().request(Method::OPTIONS, "/v1/users/me").header("origin", origin);
        request.header("access-control-request-method", "PATCH").send()
    };
    let known = preflight("https://app.example.com").await;
    assert_eq!(known.assert(204).header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(known.header("access-control-allow-methods"), "GET, PATCH, DELETE");
    let grants = |answer: &crate::support::Answer| {
        answer.headers.keys().filter(|name| name.as_str().starts_with("access-control")).count()
    };
    for foreign in ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"] {
        assert_eq!(grants(preflight(foreign).await.assert(204)), 0, "{foreign}");
    }
    let refused = app.client().get("/v1/users/me").header("origin", "https://app.example.com").send().await;
    assert_eq!(
        refused.assert(401).header("access-control-allow-origin"),
        "https://app.example.com",
        "a page may read that it was refused"
    );
}

#[tokio::test]
async fn a_flood_from_one_address_is_refused_and_its_neighbour_is_served() {
    let app =
        TestApp::start_with(&[("RATE_LIMIT_FLOOD", "token-bucket 1/1m burst 5")], drawbridge::features::routes()).await;
    let (flood, neighbour) = (app.client(), app.client());
    for left in (0..5).rev() {
        let answer = flood.get("/nowhere").send().await;
        assert_eq!(answer.assert(404).header("x-ratelimit-remaining"), left.to_string());
        assert!(!answer.header("x-ratelimit-reset").is_empty());
    }
    let refused = flood.get("/health/live").send().await;
    refused.assert_refused(429, "RATE_LIMITED");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    neighbour.get("/health/live").send().await.assert(200);
}

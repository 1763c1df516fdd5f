//! What stands on every answer, on every route, of every status. `support/contract.rs` says what that is and looks at
//! each answer on its way back; here the statuses are brought about.

use axum::{body::Body, http::Method};
use drawbridge::{
    app, features,
    security::{access::Policy, transport::Secure},
    types::{Givens, System},
};
use sqlx::AssertSqlSafe;
use tower::ServiceExt;

use super::visitors;
use crate::support::{TestApp, UNLIMITED, config};

#[tokio::test]
async fn every_route_is_refused_in_every_general_way_with_every_header() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    for visitor in visitors(&app).await {
        for visit in visitor.refusals(&app).await {
            let answer = visit.request.send().await;
            assert_eq!(answer.status, visit.status, "{}: {}: {}", visitor.route, visit.what, answer.text());
        }
    }
}

#[tokio::test]
async fn every_route_answers_whom_it_admits_with_every_header() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    for visitor in visitors(&app).await {
        if visitor.route.method == Method::GET {
            let head = visitor.client.request(Method::HEAD, &visitor.path).send().await;
            assert!(head.bytes.is_empty(), "{}", visitor.route);
        }
        visitor.client.request(Method::OPTIONS, &visitor.path).send().await.assert(204);
        let answer = visitor.asks(&app, &visitor.client).send().await;
        // The examples of the document are nobody's password and nobody's token, so not all of it succeeds.
        assert!(answer.status.as_u16() < 500, "{}: {}", visitor.route, answer.text());
        if visitor.route.policy != Policy::Public && answer.status.is_client_error() {
            let (status, code) = answer.refusal();
            assert!(status != 403 && code != "UNAUTHENTICATED", "{}: {}", visitor.route, answer.text());
        }
    }
}

/// The same requests while the database is of another form, and then while it is away.
#[tokio::test]
async fn every_route_fails_with_every_header() {
    let app = TestApp::start_with(&UNLIMITED, features::routes()).await;
    let visitors = visitors(&app).await;
    let walk = async |status, code| {
        for visitor in &visitors {
            let answer = visitor.asks(&app, &visitor.client).send().await;
            if visitor.route.policy == Policy::Public {
                // Some of them ask the database nothing.
                assert!(answer.status.as_u16() <= status, "{}: {}", visitor.route, answer.text());
            } else {
                assert_eq!(answer.refusal(), (status, String::from(code)), "{}: {}", visitor.route, answer.text());
            }
        }
    };
    rename(&app, "users", "people").await;
    walk(500, "INTERNAL_ERROR").await;
    rename(&app, "people", "users").await;
    app.lose_database().await;
    walk(503, "SERVICE_UNAVAILABLE").await;
}

async fn rename(app: &TestApp, from: &str, to: &str) {
    sqlx::query(AssertSqlSafe(format!("alter table {from} rename to {to}"))).execute(&app.owner).await.unwrap();
}

#[tokio::test]
async fn every_route_promises_over_tls_that_there_will_be_tls() {
    let (app, folder) = (TestApp::start().await, tempfile::tempdir().unwrap());
    let givens = Givens::new(System, System);
    let routes = features::routes();
    let service = app::build(config(&folder, &UNLIMITED), givens, app.app.database.clone(), routes).await.unwrap();
    for route in app::table() {
        let request = axum::http::Request::builder()
            .method(&route.method)
            .uri(route.path)
            .header("host", "x")
            .extension(Secure(true))
            .body(Body::empty())
            .unwrap();
        let answer = service.router.clone().oneshot(request).await.unwrap();
        let promised: Vec<_> = answer.headers().get_all("strict-transport-security").iter().collect();
        assert_eq!(promised, ["max-age=63072000; includeSubDomains"], "{route}");
    }
}

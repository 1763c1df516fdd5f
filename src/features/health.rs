//! `GET /health/live`, `GET /health/ready`, `GET /`, `GET /.well-known/security.txt`: what a machine, or a stranger, wants
//! to know first. None of them says what the service is made of.

use std::time::Duration;

use axum::{
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::{
    error::{Result, problems},
    http::{
        answer::{Private, Shared},
        caller::Caller,
        openapi::{Operation, Output},
        routes::{About, Limit, Routes},
    },
    security::access::Public,
    state::App,
};

/// How long readiness waits for the database, and no longer for Redis: an orchestrator asks often, and a late yes is a no.
const PATIENCE: Duration = Duration::from_secs(1);

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/health/live",              Public, Limit::Flood, live,         &LIVE)
        .get("/health/ready",             Public, Limit::Flood, ready,        &READY)
        .get("/",                         Public, Limit::Read,  index,        &INDEX)
        .get("/.well-known/security.txt", Public, Limit::Read,  security_txt, &SECURITY_TXT)
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Health {
    #[schemars(extend("const" = "ok"))]
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Index {
    #[schemars(extend("const" = "/docs"))]
    docs: &'static str,
    #[schemars(extend("const" = "/openapi.json"))]
    openapi: &'static str,
    #[schemars(extend("const" = "/health/ready"))]
    health: &'static str,
}

const LIVE: About = About {
    summary: "Is the process alive",
    description: "Touches nothing: a database that is away is no reason to restart this process.",
    problems: &[],
};

async fn live(_: Caller<Public>) -> Private<Health> {
    Private(Health { status: "ok" })
}

const READY: About = About {
    summary: "Can it serve requests",
    description: "200 when all that it depends on answers within a second and the process is not stopping.",
    problems: &[],
};

async fn ready(_: Caller<Public>, State(app): State<App>) -> Result<Private<Health>> {
    let answer = sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&app.database);
    let (answered, shared) = tokio::join!(tokio::time::timeout(PATIENCE, answer), app.limits.ready());
    if app.is_stopping() {
        return Err(problems::SERVICE_UNAVAILABLE.because("the process is stopping"));
    }
    answered.map_err(|_| problems::SERVICE_UNAVAILABLE.because("the database did not answer within a second"))??;
    if !shared {
        return Err(problems::SERVICE_UNAVAILABLE.because("Redis does not answer"));
    }
    Ok(Private(Health { status: "ok" }))
}

const INDEX: About = About { summary: "Find your way", description: "Links to what there is to read.", problems: &[] };

async fn index(_: Caller<Public>) -> Shared<Index> {
    Shared(Index { docs: "/docs", openapi: "/openapi.json", health: "/health/ready" }, 3600)
}

const SECURITY_TXT: About = About {
    summary: "Report a vulnerability",
    description: "Whom to tell about a weakness (RFC 9116). 404 where `SECURITY_CONTACT` is not set.",
    problems: &[problems::NOT_FOUND],
};

/// RFC 9116 wants an end: a contact that nobody looks after any more should not be found for ever.
const CONTACT_LIFE: time::Duration = time::Duration::days(180);

async fn security_txt(_: Caller<Public>, State(app): State<App>) -> Result<Text> {
    let contact = app.settings.security_contact.as_deref().ok_or(problems::NOT_FOUND)?;
    let ends = (app.givens.now() + CONTACT_LIFE).0.replace_nanosecond(0).map_err(anyhow::Error::from)?;
    let ends = ends.format(&Rfc3339).map_err(anyhow::Error::from)?;
    let canonical = format!("{}/.well-known/security.txt", app.settings.public_url);
    Ok(Text(format!("Contact: {contact}\nExpires: {ends}\nCanonical: {canonical}\n")))
}

struct Text(String);

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")], self.0).into_response()
    }
}

impl Output for Text {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_file(axum::http::StatusCode::OK, "text/plain");
    }
}

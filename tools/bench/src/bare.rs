//! The least that answers the same question: axum, sqlx and the query of `GET /v1/users/me`. It asks nobody who they
//! are, counts nothing, logs nothing and waits for ever. Nobody should run this; it is the floor to measure from.

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use drawbridge::{config::Config, database, types::Timestamp};
use serde::Serialize;
use sqlx::PgPool;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::process::parent_gone;

/// Taken from the handler's own file, so that the two cannot drift apart.
fn query() -> &'static str {
    let handler = include_str!("../../../src/features/accounts/me.rs");
    let query = handler.split_once("r#\"").and_then(|(_, rest)| rest.split_once("\"#"));
    query.expect("a query in `accounts/me.rs`").0
}

#[derive(Serialize)]
struct User {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    status: String,
    email_verified: bool,
    mfa_enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// In the order of the query.
type Row = (Uuid, String, String, String, String, bool, bool, Timestamp, Timestamp);

pub async fn run() -> anyhow::Result<()> {
    let config = Config::load()?;
    let located = config.database.url.context("DATABASE_URL")?;
    let pool = database::pool(located, config.database.pool_size);
    let listener = TcpListener::bind(config.transport.listen).await?;
    tokio::select! {
        outcome = axum::serve(listener, router(pool)) => Ok(outcome?),
        () = parent_gone() => Ok(()),
    }
}

pub fn router(pool: PgPool) -> Router {
    Router::new().route("/users/{id}", get(user)).with_state(pool)
}

async fn user(State(pool): State<PgPool>, Path(id): Path<Uuid>) -> Result<Json<User>, StatusCode> {
    let row: Option<Row> =
        sqlx::query_as(query()).bind(id).fetch_optional(&pool).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let (id, email, name, role, status, email_verified, mfa_enabled, created_at, updated_at) =
        row.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(User { id, email, name, role, status, email_verified, mfa_enabled, created_at, updated_at }))
}

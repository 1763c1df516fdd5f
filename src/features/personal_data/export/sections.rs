//! The parts of the export, one for each table. Fields have the names of their columns.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    features::personal_data::event_view::{EventView, Row},
    http::user_view::Status,
    security::access::Role,
    types::{Email, Timestamp},
};

/// Rows of each kind at most. More would make one request a burden to everyone else; nobody who uses the service as it
/// is meant comes near.
pub(super) const MOST: i64 = 10_000;

/// The newest of a kind, and whether those are all.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "{T}List")]
pub struct Section<T> {
    #[schemars(length(max = 10_000))]
    items: Vec<T>,
    complete: bool,
}

impl<T> Section<T> {
    /// Of one row more than is shown.
    pub(super) fn of(mut items: Vec<T>) -> Self {
        let most = usize::try_from(MOST).unwrap_or_default();
        let complete = items.len() <= most;
        items.truncate(most);
        Self { items, complete }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedAccount")]
pub struct Account {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    #[schemars(length(max = 254))]
    email: Email,
    #[schemars(length(max = 400), example = &"Ada Lovelace")]
    name: String,
    role: Role,
    status: Status,
    email_verified_at: Option<Timestamp>,
    /// Since when a second factor is asked for; null where none is.
    mfa_enabled_at: Option<Timestamp>,
    first_signed_in_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub async fn account(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at as "email_verified_at: _", mfa_enabled_at as "mfa_enabled_at: _",
               first_signed_in_at as "first_signed_in_at: _", created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
        "#,
        user,
    )
    .fetch_optional(tx)
    .await
}

/// A session, also one that is over, until it is cleared away thirty days later.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedSession")]
pub struct Session {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    /// What the browser or program called itself.
    #[schemars(length(max = 200), extend("examples" = ["curl/8.5.0"]))]
    user_agent: Option<String>,
    /// Whole, other than in the list of sessions: this is what is held.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f.:]+$"), extend("examples" = ["203.0.113.7"]))]
    client_address: String,
    auth_time: Timestamp,
    /// How you proved who you are (RFC 8176).
    #[schemars(length(max = 8), inner(length(max = 16), regex(pattern = "^[a-z]+$")), extend("examples" = [["pwd"]]))]
    amr: Vec<String>,
    created_at: Timestamp,
    refreshed_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
    #[schemars(length(max = 32), regex(pattern = "^[a-z_]+$"), extend("examples" = ["logout"]))]
    end_reason: Option<String>,
}

pub async fn sessions(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<Session>> {
    let rows = sqlx::query_as!(
        Session,
        r#"
        select id, user_agent, client_address, auth_time as "auth_time: _", amr, created_at as "created_at: _",
               refreshed_at as "refreshed_at: _", expires_at as "expires_at: _", ended_at as "ended_at: _", end_reason
        from sessions
        where user_id = $1
        order by id desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

/// A key, also one that was revoked, without its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedApiKey")]
pub struct ApiKey {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    /// The beginning of the key. It opens nothing.
    #[schemars(length(max = 16), regex(pattern = "^dbk_[0-9a-z]{12}$"), example = &"dbk_7k2m9x4q1b8d")]
    key_id: String,
    #[schemars(length(max = 400), example = &"Nightly backup")]
    name: String,
    #[schemars(length(max = 16), inner(length(max = 32), regex(pattern = "^[a-z]+:[a-z]+$")), extend("examples" = [["profile:read"]]))]
    scopes: Vec<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

pub async fn api_keys(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<ApiKey>> {
    let rows = sqlx::query_as!(
        ApiKey,
        r#"
        select id, key_id, name, scopes, created_at as "created_at: _", expires_at as "expires_at: _",
               last_used_at as "last_used_at: _", revoked_at as "revoked_at: _"
        from api_keys
        where user_id = $1
        order by id desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

/// The same as the list of activity shows.
pub async fn activity(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<EventView>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, type, at as "at: _", client_address, details
        from security_events
        where user_id = $1
        order by id desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    let rows = rows.fetch_all(tx).await?;
    Ok(Section::of(rows.into_iter().map(EventView::from).collect()))
}

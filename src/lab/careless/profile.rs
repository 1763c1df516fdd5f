//! `PATCH /v1/users/me`, in five ways to forget something.

use axum::{Json, body::Bytes, extract::State, routing::patch};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Error, Result, problems},
    http::{answer::Tagged, caller::Caller, etag::IfMatch, input::Valid, user_view::UserView},
    lab::pillar::Line,
    security::{
        access::{ReadProfile, WriteProfile},
        input::NAME,
    },
    state::App,
};

macro_rules! change_me {
    ($name:ident $handler:ident) => {
        pub const $name: [Line; 1] = [Line { method: "PATCH", path: "/v1/users/me", handler: || patch($handler) }];
    };
}
change_me!(ANY_SCOPE change_with_any_scope);
change_me!(ANY_FIELD change_any_field);
change_me!(ANY_JSON change_by_any_json);
change_me!(ANY_SQL change_by_sql);
change_me!(ANY_VERSION change_any_version);

/// As the service's own has it.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMe {
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    name: String,
}

// ANCHOR: api-key-scope
/// "A key is its owner's, so it may do what its owner may." It was given away to read.
async fn change_with_any_scope(
    caller: Caller<ReadProfile>,
    State(app): State<App>,
    condition: IfMatch,
    Valid(change): Valid<ChangeMe>,
) -> Result<Tagged<UserView>> {
    condition.admits(&super::user(&app.database, caller.id()).await?)?;
    rename(&app, caller.id(), &change.name).await
}
// ANCHOR_END: api-key-scope

// ANCHOR: mass-assignment
/// "One type for the row and for what changes it: what is not sent stays as it is."
#[derive(Deserialize)]
struct User {
    name: Option<String>,
    email: Option<String>,
    role: Option<String>,
    status: Option<String>,
}

async fn change_any_field(
    caller: Caller<WriteProfile>,
    State(app): State<App>,
    condition: IfMatch,
    Json(user): Json<User>,
) -> Result<Tagged<UserView>> {
    condition.admits(&super::user(&app.database, caller.id()).await?)?;
    sqlx::query(
        "update users
         set name = coalesce($2, name), email = coalesce($3, email), role = coalesce($4, role),
             status = coalesce($5, status), updated_at = $6
         where id = $1",
    )
    .bind(caller.id())
    .bind(user.name)
    .bind(user.email)
    .bind(user.role)
    .bind(user.status)
    .bind(app.givens.now().0)
    .execute(&app.database)
    .await?;
    super::user(&app.database, caller.id()).await.map(Tagged)
}
// ANCHOR_END: mass-assignment

// ANCHOR: strict-json
/// "It is JSON, and the parser reads it." It keeps the last of two equal keys; the filter in front has judged the first.
async fn change_by_any_json(
    caller: Caller<WriteProfile>,
    State(app): State<App>,
    condition: IfMatch,
    body: Bytes,
) -> Result<Tagged<UserView>> {
    condition.admits(&super::user(&app.database, caller.id()).await?)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| problems::MALFORMED_JSON)?;
    let change: ChangeMe = serde_json::from_value(body).map_err(|_| problems::VALIDATION_FAILED)?;
    change.validate().map_err(|_| Error::field("name", "invalid", "is not valid"))?;
    rename(&app, caller.id(), &change.name).await
}
// ANCHOR_END: strict-json

// ANCHOR: sql-parameters
/// "It has been validated." A name may hold an apostrophe: `Ada', role = 'admin`.
async fn change_by_sql(
    caller: Caller<WriteProfile>,
    State(app): State<App>,
    condition: IfMatch,
    Valid(change): Valid<ChangeMe>,
) -> Result<Tagged<UserView>> {
    condition.admits(&super::user(&app.database, caller.id()).await?)?;
    let statement =
        format!("update users set name = '{}', updated_at = now() where id = '{}'", change.name, caller.id());
    // sqlx takes literals alone. Whoever writes this has been asked whether they are sure.
    sqlx::query(AssertSqlSafe(statement)).execute(&app.database).await?;
    super::user(&app.database, caller.id()).await.map(Tagged)
}
// ANCHOR_END: sql-parameters

// ANCHOR: if-match
/// "Nobody edits one profile in two places." The header is sent, and not read: the later change wins, unseen.
async fn change_any_version(
    caller: Caller<WriteProfile>,
    State(app): State<App>,
    Valid(change): Valid<ChangeMe>,
) -> Result<Tagged<UserView>> {
    rename(&app, caller.id(), &change.name).await
}
// ANCHOR_END: if-match

async fn rename(app: &App, user: Uuid, name: &str) -> Result<Tagged<UserView>> {
    sqlx::query("update users set name = $2, updated_at = $3 where id = $1")
        .bind(user)
        .bind(name)
        .bind(app.givens.now().0)
        .execute(&app.database)
        .await?;
    super::user(&app.database, user).await.map(Tagged)
}

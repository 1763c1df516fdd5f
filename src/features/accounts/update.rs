//! `PATCH /v1/users/me`: users change what they may change about themselves, which is their name.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{
        answer::Tagged,
        caller::Caller,
        etag::IfMatch,
        input::Valid,
        routes::About,
        user_view::{Status, UserView},
    },
    security::{
        access::{Role, WriteProfile},
        audit::{self, Event},
        input::{NAME, normalise_name},
    },
    state::App,
};

// ANCHOR: mass-assignment
/// What changes. Nothing else can: a field that is not listed here is refused, so `role` cannot be smuggled in.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMe {
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    #[schemars(example = &"Ada King")]
    name: String,
}
// ANCHOR_END: mass-assignment

pub const ABOUT: About = About {
    summary: "Change yourself",
    description: "With `If-Match`, only if nothing changed since you read it.",
    problems: &[],
};

pub async fn update(
    caller: Caller<WriteProfile>,
    State(app): State<App>,
    condition: IfMatch,
    Valid(change): Valid<ChangeMe>,
) -> Result<Tagged<UserView>> {
    let mut tx = app.database.begin().await?;
    let mut user = lock(&mut tx, caller.id()).await?;
    condition.admits(&user)?;

    user.name = normalise_name(&change.name);
    user.updated_at = app.givens.now();
    sqlx::query!("update users set name = $2, updated_at = $3 where id = $1", user.id, user.name, user.updated_at.0,)
        .execute(&mut *tx)
        .await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::UserUpdated).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}

/// The row is locked from the look at its version to the change, so that of two changes against one version one loses.
async fn lock(tx: &mut PgConnection, id: Uuid) -> Result<UserView> {
    let user = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
        for update
        "#,
        id,
    )
    .fetch_optional(tx)
    .await?;
    user.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))
}

//! Tokens from mails, which are looked up and never taken away.

use axum::{extract::State, routing::post};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::Row;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, input::Valid, revocation},
    lab::pillar::Line,
    security::{access::Public, audit::Origin, password::NewPassword, session_token::PlainToken},
    state::App,
    types::Email,
};

pub const LINES: [Line; 2] = [
    Line { method: "POST", path: "/v1/auth/verify-email", handler: || post(verify) },
    Line { method: "POST", path: "/v1/auth/password/reset", handler: || post(reset) },
];

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VerifyEmail {
    #[validate(length(min = 1, max = 512))]
    token: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResetPassword {
    #[validate(length(min = 1, max = 512))]
    token: String,
    #[validate(nested)]
    new_password: NewPassword,
}

/// Whose token it is.
struct Owner {
    id: Uuid,
    email: Email,
    name: String,
}

// ANCHOR: one-time-token
/// "It expires in half an hour. That is soon enough." It stands in a mailbox, a history and a proxy's log until then.
async fn owner_of(app: &App, token: &str, purposes: &[&str]) -> Result<Owner> {
    let found = sqlx::query(
        "select users.id, users.email, users.name
         from one_time_tokens
         join users on users.id = one_time_tokens.user_id
         where one_time_tokens.hash = $1
           and one_time_tokens.purpose = any($2)
           and one_time_tokens.expires_at > $3",
    )
    .bind(PlainToken::presented(token).hash().as_bytes())
    .bind(purposes)
    .bind(app.givens.now().0)
    .fetch_optional(&app.database)
    .await?
    .ok_or(problems::INVALID_TOKEN)?;
    Ok(Owner { id: found.try_get(0)?, email: found.try_get(1)?, name: found.try_get(2)? })
}

async fn reset(_: Caller<Public>, State(app): State<App>, Valid(input): Valid<ResetPassword>) -> Result<NoContent> {
    let owner = owner_of(&app, &input.token, &["reset_password", "set_password"]).await?;
    input.new_password.check("new_password", &owner.email, &owner.name)?;
    let hash = app.passwords.hash(&input.new_password).await?;
    let mut tx = app.database.begin().await?;
    sqlx::query("update users set password_hash = $2, password_generation = password_generation + 1 where id = $1")
        .bind(owner.id)
        .bind(hash.as_str())
        .execute(&mut *tx)
        .await?;
    revocation::end_sessions(&mut tx, &app.givens, &Origin::default(), owner.id, None, "password_reset").await?;
    tx.commit().await?;
    app.sessions.forget(owner.id);
    Ok(NoContent)
}
// ANCHOR_END: one-time-token

async fn verify(_: Caller<Public>, State(app): State<App>, Valid(input): Valid<VerifyEmail>) -> Result<NoContent> {
    let owner = owner_of(&app, &input.token, &["verify_email"]).await?;
    sqlx::query("update users set email_verified_at = coalesce(email_verified_at, $2) where id = $1")
        .bind(owner.id)
        .bind(app.givens.now().0)
        .execute(&app.database)
        .await?;
    Ok(NoContent)
}

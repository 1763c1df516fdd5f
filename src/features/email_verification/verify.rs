//! `POST /v1/auth/verify-email`: the token from the mail comes back.
//!
//! By POST only: mail programs and scanners follow links, and a GET that consumed the token would spend it before its
//! owner saw it.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, input::Valid, routes::About},
    security::{
        access::Public,
        audit::{self, Event},
        input::TEXT,
        session_token::{PlainToken, TokenHash},
    },
    state::App,
    types::Timestamp,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {
    #[validate(length(min = 1, max = 512), regex(path = *TEXT))]
    #[schemars(example = &"dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI")]
    token: String,
}

pub const ABOUT: About = About {
    summary: "Verify an e-mail address",
    description: "Confirms the address with the token from the mail: once, within 24 hours.",
    problems: &[problems::INVALID_TOKEN],
};

pub async fn verify(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<VerifyEmail>,
) -> Result<NoContent> {
    let (hash, now) = (PlainToken::presented(&input.token).hash(), app.givens.now());
    let mut tx = app.database.begin().await?;
    let user = redeem(&mut tx, &hash, now).await?.ok_or(problems::INVALID_TOKEN)?;
    sqlx::query!(
        "update users set email_verified_at = $2, updated_at = $2 where id = $1 and email_verified_at is null",
        user,
        now.0,
    )
    .execute(&mut *tx)
    .await?;
    let origin = audit::Origin { user_id: Some(user), ..caller.context().origin() };
    audit::record(&mut tx, &app.givens, &origin, Event::EmailVerified).await?;
    tx.commit().await?;
    Ok(NoContent)
}

// ANCHOR: one-time-token
/// Whose token it was. Deleting is the check: of two requests at once, one finds the row. Its siblings from other mails
/// go too.
async fn redeem(tx: &mut PgConnection, hash: &TokenHash, now: Timestamp) -> Result<Option<Uuid>> {
    let user = sqlx::query_scalar!(
        r#"
        delete from one_time_tokens
        where hash = $1
          and purpose = 'verify_email'
          and expires_at > $2
        returning user_id
        "#,
        hash.as_bytes(),
        now.0,
    )
    .fetch_optional(&mut *tx)
    .await?;
    sqlx::query!("delete from one_time_tokens where user_id = $1 and purpose = 'verify_email'", user)
        .execute(tx)
        .await?;
    Ok(user)
}
// ANCHOR_END: one-time-token

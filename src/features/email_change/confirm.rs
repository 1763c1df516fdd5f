//! `POST /v1/users/me/email/confirm`: the token from the new mailbox comes back, in a session of the same account.
//!
//! Both are needed: the session alone does not show that the address is the user's, and the token alone, which whoever
//! reads that mailbox holds, must move nobody's account. Somebody else's token is refused, and stays good for its owner.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{OnConstraint, Result, problems},
    http::{answer::NoContent, caller::Caller, gate, input::Valid, revocation, routes::About},
    mail::Template,
    security::{
        access::Session,
        audit::{self, Event},
        input::TEXT,
        rate_limit::{Class, Key},
        session_token::{PlainToken, TokenHash},
    },
    state::App,
    types::{Email, Timestamp},
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmEmail {
    #[validate(length(min = 1, max = 512), regex(path = *TEXT))]
    #[schemars(example = &"dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI")]
    token: String,
}

pub const ABOUT: About = About {
    summary: "Confirm the new e-mail address",
    description: "With the token that was mailed to it: once, within an hour, signed in to the account that asked.",
    problems: &[problems::INVALID_TOKEN],
};

pub async fn confirm(
    caller: Caller<Session>,
    State(app): State<App>,
    Valid(input): Valid<ConfirmEmail>,
) -> Result<NoContent> {
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Text(&input.token)).await?;
    let (token, now) = (PlainToken::presented(&input.token).hash(), app.givens.now());
    let mut tx = app.database.begin().await?;
    let old = lock(&mut tx, caller.id()).await?;
    let new = redeem(&mut tx, &token, caller.id(), now).await?.ok_or(problems::INVALID_TOKEN)?;
    make_room(&mut tx, &app, &caller, &new).await?;
    write(&mut tx, caller.id(), &new, now).await?;
    // Those to the old address open nothing any more, and what else was asked for was asked for from there.
    revocation::revoke_mailed_tokens(&mut tx, &app.outbox, caller.id()).await?;
    let (owner, client) = ((caller.id(), &old), caller.context().client_address());
    app.outbox.notify(&mut tx, &app.givens, Template::EmailChanged, owner, client).await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::EmailChanged).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(NoContent)
}

async fn lock(tx: &mut PgConnection, id: Uuid) -> Result<Email> {
    let email = sqlx::query_scalar!(r#"select email as "email: Email" from users where id = $1 for update"#, id)
        .fetch_optional(tx)
        .await?;
    email.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))
}

/// The address that is now proved: the token went there, and it is the one that was asked for last.
async fn redeem(tx: &mut PgConnection, token: &TokenHash, user: Uuid, now: Timestamp) -> Result<Option<Email>> {
    let email = sqlx::query_scalar!(
        r#"
        delete from one_time_tokens
        using pending_email_changes
        where one_time_tokens.hash = $1
          and one_time_tokens.purpose = 'change_email'
          and one_time_tokens.user_id = $2
          and one_time_tokens.expires_at > $3
          and pending_email_changes.user_id = one_time_tokens.user_id
          and pending_email_changes.new_email = one_time_tokens.recipient
        returning pending_email_changes.new_email as "email: Email"
        "#,
        token.as_bytes(),
        user,
        now.0,
    )
    .fetch_optional(tx)
    .await?;
    Ok(email)
}

/// A registration of this address that nobody has confirmed goes: who reads the mailbox has just said whose it is.
async fn make_room(tx: &mut PgConnection, app: &App, caller: &Caller<Session>, new: &Email) -> Result<()> {
    let squatter = sqlx::query_scalar!(
        r#"
        delete from users
        where lower(email) = $2
          and id <> $1
          and email_verified_at is null
          and password_hash is not null
        returning id
        "#,
        caller.id(),
        new.folded(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(squatter) = squatter {
        audit::record(tx, &app.givens, &caller.context().origin_about(squatter), Event::UserDeleted).await?;
    }
    Ok(())
}

/// Should the address have got an account since it was asked for, the index says so, and the answer is that of any token
/// which is good for nothing any more.
async fn write(tx: &mut PgConnection, id: Uuid, new: &Email, now: Timestamp) -> Result<()> {
    let written = sqlx::query!(
        "update users set email = $2, email_verified_at = $3, updated_at = $3 where id = $1",
        id,
        new.as_str(),
        now.0,
    )
    .execute(tx)
    .await;
    written.map(drop).on_constraint("users_email_key", problems::INVALID_TOKEN)
}

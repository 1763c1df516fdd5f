//! `POST /v1/auth/password/reset`: the token from the mail sets a password, of a forgotten account or of an invited one.
//!
//! By POST only, for mail scanners follow links. It signs nobody in and leaves two-factor authentication as it is: a
//! mailbox is one proof, and an account that asks for two gets two. Nobody knows who was in the account before, so all
//! that opens it ends: sessions, API keys, other tokens, and a change of address under way.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, gate, input::Valid, revocation, routes::About},
    mail::Template,
    security::{
        access::Public,
        audit::{self, Event, Origin},
        input::TEXT,
        password::{NewPassword, PasswordHash},
        rate_limit::{Class, Key},
        session_token::{PlainToken, TokenHash},
    },
    state::App,
    types::{Email, Timestamp},
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    #[validate(length(min = 1, max = 512), regex(path = *TEXT))]
    #[schemars(example = &"dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI")]
    token: String,
    #[validate(nested)]
    new_password: NewPassword,
}

pub const ABOUT: About = About {
    summary: "Set a new password",
    description: "With the token from a mail: once, within 30 minutes, or 7 days for an invitation. A password that is \
        refused does not spend it. Ends every session, revokes the API keys, and signs nobody in.",
    problems: &[problems::INVALID_TOKEN],
};

/// Whom a token was mailed to.
struct Owner {
    id: Uuid,
    email: Email,
    name: String,
}

pub async fn reset(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<ResetPassword>,
) -> Result<NoContent> {
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Text(&input.token)).await?;
    let token = PlainToken::presented(&input.token).hash();
    let owner = find(&app, &token).await?.ok_or(problems::INVALID_TOKEN)?;
    // Both may fail, and the token has not been spent yet: its owner thinks of a better password, or tries again.
    input.new_password.check("new_password", &owner.email, &owner.name)?;
    let hash = app.passwords.hash(&input.new_password).await?;

    let now = app.givens.now();
    let mut tx = app.database.begin().await?;
    let email = redeem(&mut tx, &token, owner.id, now).await?.ok_or(problems::INVALID_TOKEN)?;
    write(&mut tx, owner.id, &hash, now).await?;
    let origin = Origin { user_id: Some(owner.id), ..caller.context().origin() };
    audit::record(&mut tx, &app.givens, &origin, Event::PasswordReset).await?;
    revocation::end_sessions(&mut tx, &app.givens, &origin, owner.id, None, "password_reset").await?;
    revoke_keys(&mut tx, owner.id, now).await?;
    revocation::revoke_mailed_tokens(&mut tx, &app.outbox, owner.id).await?;
    let client = caller.context().client_address();
    app.outbox.notify(&mut tx, &app.givens, Template::PasswordChanged, (owner.id, &email), client).await?;
    tx.commit().await?;
    app.sessions.forget(owner.id);
    // Whoever guessed at the old password has used up what the owner now needs.
    app.limits.clear(Class::Login, &Key::Email(&email)).await;
    app.outbox.wake();
    Ok(NoContent)
}

/// Looked at, and left alone. A token of another purpose is none, nor is one that went to an address which the account no
/// longer has.
async fn find(app: &App, token: &TokenHash) -> Result<Option<Owner>> {
    let owner = sqlx::query_as!(
        Owner,
        r#"
        select users.id, users.email as "email: _", users.name
        from one_time_tokens
        join users on users.id = one_time_tokens.user_id
        where one_time_tokens.hash = $1
          and one_time_tokens.purpose in ('reset_password', 'set_password')
          and one_time_tokens.expires_at > $2
          and lower(one_time_tokens.recipient) = lower(users.email)
          and users.status = 'active'
        "#,
        token.as_bytes(),
        app.givens.now().0,
    )
    .fetch_optional(&app.database)
    .await?;
    Ok(owner)
}

// ANCHOR: one-time-token
/// Spends it, if all that was found is still so. The account is locked first and the token then taken, as by everyone who
/// takes both: of two uses at once one finds it gone, and no two wait for each other.
async fn redeem(tx: &mut PgConnection, token: &TokenHash, user: Uuid, now: Timestamp) -> Result<Option<Email>> {
    let email = sqlx::query_scalar!(
        r#"select email as "email: Email" from users where id = $1 and status = 'active' for update"#,
        user
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(email) = email else { return Ok(None) };
    let spent = sqlx::query!(
        r#"
        delete from one_time_tokens
        where hash = $1
          and purpose in ('reset_password', 'set_password')
          and expires_at > $2
          and lower(recipient) = $3
        "#,
        token.as_bytes(),
        now.0,
        email.folded(),
    )
    .execute(tx)
    .await?;
    Ok((spent.rows_affected() == 1).then_some(email))
}
// ANCHOR_END: one-time-token

/// Who holds the token reads the mailbox, so an invited account's address is verified by this.
async fn write(tx: &mut PgConnection, user: Uuid, hash: &PasswordHash, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update users
        set password_hash = $2,
            password_generation = password_generation + 1,
            email_verified_at = coalesce(email_verified_at, $3),
            updated_at = $3
        where id = $1
        "#,
        user,
        hash.as_str(),
        now.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn revoke_keys(tx: &mut PgConnection, user: Uuid, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("update api_keys set revoked_at = $2 where user_id = $1 and revoked_at is null", user, now.0)
        .execute(tx)
        .await?;
    Ok(())
}

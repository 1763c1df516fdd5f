//! `POST /v1/users/me/mfa/totp/confirm`: the app has the secret, as a code of it shows. From here on a password alone opens
//! nothing.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use super::{recovery_codes::RecoveryCodesView, store};
use crate::{
    error::{Result, problems},
    http::{answer::Private, caller::Caller, gate, input::Valid, revocation, routes::About, second_factor},
    mail::Template,
    security::{
        access::Session,
        audit::{self, Event},
        input::TEXT,
        rate_limit::{Class, Key},
        totp::{PENDING, TotpCode},
    },
    state::App,
    types::Timestamp,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConfirmTotp")]
pub struct Confirm {
    /// What the app shows.
    #[validate(length(min = 1, max = 64), regex(path = *TEXT))]
    #[schemars(example = &"123456")]
    code: String,
}

pub const ABOUT: About = About {
    summary: "Turn two-factor authentication on",
    description: "With a code of the secret that this session asked for. Answers with ten recovery codes, shown this once, \
        and ends your other sessions.",
    problems: &[problems::INVALID_CREDENTIALS, problems::CONFLICT],
};

pub async fn confirm(
    caller: Caller<Session>,
    State(app): State<App>,
    Valid(input): Valid<Confirm>,
) -> Result<Private<RecoveryCodesView>> {
    // No more guesses than a forgotten password gets.
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Principal(caller.id())).await?;
    let (user, session, now) = (caller.id(), caller.session_id()?, app.givens.now());
    let mut tx = app.database.begin().await?;
    let account = store::lock(&mut tx, user).await?;
    let sealed = if account.mfa_enabled { None } else { pending(&mut tx, user, session, now).await? };
    let sealed = sealed.ok_or(problems::CONFLICT.because("no secret waits to be confirmed here"))?;
    let (secret, _) = second_factor::unseal(&app, user, &sealed)?;
    let step = TotpCode::read(&input.code).and_then(|code| secret.step_of(&code, now));
    let step = step.ok_or_else(|| {
        let reason = "wrong code for a confirmation";
        app.audit.note(&caller.context().refusal(None), Event::MfaFail { reason });
        problems::INVALID_CREDENTIALS.because(reason)
    })?;

    turn_on(&mut tx, user, step, now).await?;
    let codes = store::new_recovery_codes(&mut tx, &app, user).await?;
    let (origin, client) = (caller.context().origin(), caller.context().client_address());
    audit::record(&mut tx, &app.givens, &origin, Event::MfaEnabled).await?;
    revocation::end_sessions(&mut tx, &app.givens, &origin, user, Some(session), "revoked").await?;
    app.outbox.notify(&mut tx, &app.givens, Template::MfaEnabled, (user, &account.email), client).await?;
    tx.commit().await?;
    app.sessions.forget(user);
    app.outbox.wake();
    Ok(Private(RecoveryCodesView::from(codes)))
}

/// Of this session alone: who asked for the secret had just proved who they are, and who holds another session's token has
/// not.
async fn pending(tx: &mut PgConnection, user: Uuid, session: Uuid, now: Timestamp) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "select sealed from totp_secrets where user_id = $1 and session_id = $2 and created_at > $3",
        user,
        session,
        (now - PENDING).0,
    )
    .fetch_optional(tx)
    .await
}

/// This code is spent like any other: whoever looked over the shoulder cannot sign in with it.
async fn turn_on(tx: &mut PgConnection, user: Uuid, step: i64, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("update totp_secrets set last_step = $2 where user_id = $1", user, step).execute(&mut *tx).await?;
    sqlx::query!("update users set mfa_enabled_at = $2, updated_at = $2 where id = $1", user, now.0)
        .execute(tx)
        .await?;
    Ok(())
}

//! `DELETE /v1/users/me/mfa/totp`: back to the password alone, for whoever has both factors and no less. A lost phone's owner
//! has recovery codes; without those, the people who run the service (`drawbridge user reset-mfa`).

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use super::store;
use crate::{
    error::{Result, problems},
    http::{
        answer::NoContent,
        caller::Caller,
        input::Valid,
        password_check::check_password,
        routes::About,
        second_factor::{self, Holder},
    },
    mail::Template,
    security::{
        access::Fresh,
        audit::{self, Event},
        input::TEXT,
        password::Password,
    },
    state::App,
    types::Timestamp,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TurnOffTotp")]
pub struct TurnOff {
    #[validate(nested)]
    password: Password,
    /// Of the app, or a recovery code.
    #[validate(length(min = 1, max = 64), regex(path = *TEXT))]
    #[schemars(example = &"123456")]
    code: String,
}

pub const ABOUT: About = About {
    summary: "Turn two-factor authentication off",
    description: "With the password and a code, or a recovery code. Ends your other sessions.",
    problems: &[problems::INVALID_CREDENTIALS],
};

pub async fn disable(caller: Caller<Fresh>, State(app): State<App>, Valid(input): Valid<TurnOff>) -> Result<NoContent> {
    let (user, session, now) = (caller.id(), caller.session_id()?, app.givens.now());
    let context = caller.context();
    check_password(&app, context, user, &input.password, "wrong password for turning the second factor off").await?;
    let holder = Holder { user_id: user, session: Some(session) };
    let (mut tx, _) = second_factor::spend(&app, context, holder, &input.code).await?;
    let account = store::lock(&mut tx, user).await?;
    turn_off(&mut tx, user, now).await?;
    audit::record(&mut tx, &app.givens, &context.origin(), Event::MfaDisabled).await?;
    store::end_other_sessions(&mut tx, &app, &context.origin(), user, session, now).await?;
    let owner = (user, &account.email);
    app.outbox.notify(&mut tx, &app.givens, Template::MfaDisabled, owner, context.client_address()).await?;
    tx.commit().await?;
    app.sessions.forget(user);
    app.outbox.wake();
    Ok(NoContent)
}

/// What was half-way through a sign-in goes by itself: a challenge stands on the second factor that it was made for.
async fn turn_off(tx: &mut PgConnection, user: Uuid, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("update users set mfa_enabled_at = null, updated_at = $2 where id = $1", user, now.0)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("delete from totp_secrets where user_id = $1", user).execute(&mut *tx).await?;
    sqlx::query!("delete from recovery_codes where user_id = $1", user).execute(tx).await?;
    Ok(())
}

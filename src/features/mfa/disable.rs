//! `DELETE /v1/users/me/mfa/totp`: back to the password alone, for whoever has both factors and no less. A lost phone's owner
//! has recovery codes; without those, the people who run the service (`drawbridge user reset-mfa`).

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{
        answer::NoContent,
        caller::Caller,
        input::Valid,
        password_check::check_password,
        revocation,
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
    let (user, session) = (caller.id(), caller.session_id()?);
    let context = caller.context();
    check_password(&app, context, user, &input.password, "wrong password for turning the second factor off").await?;
    let holder = Holder { user_id: user, session: Some(session) };
    let (mut tx, _) = second_factor::spend(&app, context, holder, &input.code).await?;
    let email = second_factor::turn_off(&mut tx, user, app.givens.now()).await?;
    let email = email.ok_or(problems::INVALID_CREDENTIALS.because("no second factor"))?;
    let origin = context.origin();
    audit::record(&mut tx, &app.givens, &origin, Event::MfaDisabled).await?;
    revocation::end_sessions(&mut tx, &app.givens, &origin, user, Some(session), "revoked").await?;
    let client = context.client_address();
    app.outbox.notify(&mut tx, &app.givens, Template::MfaDisabled, (user, &email), client).await?;
    tx.commit().await?;
    app.sessions.forget(user);
    app.outbox.wake();
    Ok(NoContent)
}

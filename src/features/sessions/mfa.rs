//! `POST /v1/auth/mfa`: the second step of a sign-in.
//!
//! A wrong code and a challenge that is unknown, spent, expired or somebody else's are answered alike.

use axum::{extract::State, http::HeaderMap};
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use super::{
    challenge::{self, Challenged},
    open::{self, User},
    tokens::Tokens,
};
use crate::{
    error::{Result, problems},
    http::{
        answer::Private,
        caller::Caller,
        gate,
        input::Valid,
        routes::About,
        second_factor::{self, Holder},
        watch,
    },
    security::{
        access::Public,
        audit::Event,
        input::TEXT,
        rate_limit::{Class, Key},
        session_token::PlainToken,
    },
    state::App,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mfa {
    /// What the sign-in answered.
    #[validate(length(min = 1, max = 2048), regex(path = *TEXT))]
    #[schemars(example = &"dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI")]
    mfa_token: String,
    /// Of the authenticator app, or a recovery code.
    #[validate(length(min = 1, max = 64), regex(path = *TEXT))]
    #[schemars(example = &"123456")]
    code: String,
}

pub const ABOUT: About = About {
    summary: "Sign in with a code",
    description: "The second step where two-factor authentication is on. A code works once; five tries a challenge, within \
        five minutes.",
    problems: &[problems::INVALID_CREDENTIALS],
};

pub async fn mfa(
    caller: Caller<Public>,
    State(app): State<App>,
    headers: HeaderMap,
    Valid(input): Valid<Mfa>,
) -> Result<Private<Tokens>> {
    let context = caller.context();
    let hash = PlainToken::presented(&input.mfa_token).hash();
    let challenge = format!("mfa {}", uuid::Uuid::from_slice(&hash.as_bytes()[..16]).unwrap_or_default());
    gate::charge_subject(&app, context, Class::Recovery, &Key::Text(&challenge)).await?;
    // As at a refresh: fifty codes at once wait here, and not with a connection of the pool in hand.
    let _turn = app.turn(&hash).await;
    let challenged = challenge::take_try(&app, &hash).await?.ok_or_else(|| {
        let reason = "no such challenge, or it is over";
        app.audit.note(&context.refusal(None), Event::MfaFail { reason });
        problems::INVALID_CREDENTIALS.because(reason)
    })?;
    let holder = Holder { user_id: challenged.user_id, session: challenged.known_device };
    let (mut tx, factor) = second_factor::spend(&app, context, holder, &input.code).await.inspect_err(|error| {
        if error.problem() == problems::INVALID_CREDENTIALS {
            watch::login_failed(&app, context, &challenged.email, Some(challenged.user_id));
        }
    })?;
    challenge::finish(&mut tx, &hash).await?;
    let Challenged { user_id, role, password_generation, .. } = challenged;
    let user = User { id: user_id, role, password_generation };
    let tokens = open::open_in(tx, &app, context, user, factor.amr(), &headers, challenged.known_device).await?;
    // Only now was the password's try a sign-in of the owner's.
    let tried = challenged.known_device.map_or(Key::Email(&challenged.email), Key::Principal);
    app.limits.clear(Class::Login, &tried).await;
    Ok(Private(tokens))
}

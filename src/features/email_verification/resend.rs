//! `POST /v1/auth/verify-email/resend`: the mail got lost.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::{
    error::Result,
    http::{
        answer::{Accepted, Message},
        caller::Caller,
        gate,
        input::Valid,
        routes::About,
    },
    mail::Template,
    security::{
        access::Public,
        audit::{self, Event},
        input::EMAIL,
        rate_limit::{Class, Key},
    },
    state::App,
    types::Email,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(example = &"ada@example.com")]
    email: String,
}

pub const ABOUT: About = About {
    summary: "Send the verification mail again",
    description: "The answer is the same whether or not there is anything to verify.",
    problems: &[],
};

const ANSWER: Message = Message { message: "If the address waits to be verified, a mail is on its way." };

pub async fn resend(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Resend>,
) -> Result<Accepted<Message>> {
    let email = Email::trimmed(&input.email);
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Email(&email)).await?;

    let mut tx = app.database.begin().await?;
    let user = sqlx::query!(
        r#"select id, email as "email: Email" from users where lower(email) = $1 and email_verified_at is null"#,
        email.folded(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let (recipient, id) = user.as_ref().map_or((&email, None), |user| (&user.email, Some(user.id)));
    app.outbox.put_or_pretend(&mut tx, &app.givens, Template::VerifyEmail, recipient, id).await?;
    let origin = audit::Origin { user_id: id, ..caller.context().origin() };
    audit::record(&mut tx, &app.givens, &origin, Event::VerificationRequested).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Accepted(ANSWER))
}

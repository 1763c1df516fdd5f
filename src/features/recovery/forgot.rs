//! `POST /v1/auth/password/forgot`: somebody wants to set a password without knowing the old one.
//!
//! Who has an account must not show, neither in the answer nor in its time. Nothing is sent to a suspended account, nor
//! for a registration that nobody has confirmed: what its password is worth is for the verification to say, and there is
//! nothing in it yet that could be lost. Who was invited, and lost the mail, is invited again.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
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
pub struct Forgot {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(example = &"ada@example.com")]
    email: String,
}

pub const ABOUT: About = About {
    summary: "Ask for a new password",
    description: "Mails a token to set one, good for 30 minutes. The answer is the same, and takes as long, whether or \
        not there is an account.",
    problems: &[],
};

const ANSWER: Message = Message { message: "If there is an account with this address, a mail is on its way." };

pub async fn forgot(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Forgot>,
) -> Result<Accepted<Message>> {
    let email = Email::trimmed(&input.email);
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Email(&email)).await?;

    let mut tx = app.database.begin().await?;
    let owner = find(&mut tx, &email).await?;
    // To the address as the account has it, and never as it was asked for.
    let (template, recipient, id) = owner.as_ref().map_or((Template::ResetPassword, &email, None), Owner::mail);
    app.outbox.put_or_pretend(&mut tx, &app.givens, template, recipient, id).await?;
    let origin = audit::Origin { user_id: id, ..caller.context().origin() };
    audit::record(&mut tx, &app.givens, &origin, Event::ResetRequested).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Accepted(ANSWER))
}

struct Owner {
    id: Uuid,
    email: Email,
    invited: bool,
}

impl Owner {
    fn mail(&self) -> (Template, &Email, Option<Uuid>) {
        let template = if self.invited { Template::Invitation } else { Template::ResetPassword };
        (template, &self.email, Some(self.id))
    }
}

async fn find(tx: &mut PgConnection, email: &Email) -> Result<Option<Owner>> {
    let owner = sqlx::query_as!(
        Owner,
        r#"
        select id, email as "email: _", email_verified_at is null as "invited!"
        from users
        where lower(email) = $1
          and status = 'active'
          and (email_verified_at is not null or password_hash is null)
        "#,
        email.folded(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(owner)
}

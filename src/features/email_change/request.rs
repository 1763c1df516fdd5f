//! `POST /v1/users/me/email`: a user wants another address.
//!
//! Nothing changes yet but that the old address is told, at once: if it was not its owner who asked, there is still time.
//! Whether the new address is free must not show, or every account were a way to ask who else has one. So the same is
//! written and recorded either way, and only the mail to that address differs.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use time::Duration;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{
        answer::{Accepted, Message},
        caller::Caller,
        gate,
        input::Valid,
        password_check::check_password,
        routes::About,
    },
    mail::Template,
    security::{
        access::Session,
        audit::{self, Event},
        input::EMAIL,
        password::Password,
        rate_limit::{Class, Key},
    },
    state::App,
    types::Email,
};

/// Longer than a mail that is tried again and again may take, and the life of the token in it.
const WAITS: Duration = Duration::days(2);

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(example = &"ada.king@example.com")]
    new_email: String,
    #[validate(nested)]
    password: Password,
}

pub const ABOUT: About = About {
    summary: "Ask for another e-mail address",
    description: "Mails a token to the new address, good for an hour, and a notice to the old one. The answer is the \
        same whether or not the new address is taken. The last request counts.",
    problems: &[problems::INVALID_CREDENTIALS],
};

const ANSWER: Message = Message { message: "If the address can be used, a mail to it is on its way." };

pub async fn request(
    caller: Caller<Session>,
    State(app): State<App>,
    Valid(input): Valid<ChangeEmail>,
) -> Result<Accepted<Message>> {
    let wrong = "wrong password for a change of address";
    let proved = check_password(&app, caller.context(), caller.id(), &input.password, wrong).await?;
    let new = Email::trimmed(&input.new_email);
    // By address as when a password is forgotten: no account is a way to fill a stranger's mailbox.
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Email(&new)).await?;

    let mut tx = app.database.begin().await?;
    let old = lock(&mut tx, caller.id(), proved).await?;
    replace_pending(&mut tx, &app, caller.id(), &new).await?;
    let (template, user) = if is_taken(&mut tx, caller.id(), &new).await? {
        (Template::AlreadyRegistered, None)
    } else {
        (Template::ConfirmEmail, Some(caller.id()))
    };
    app.outbox.put(&mut tx, &app.givens, template, &new, user).await?;
    let (owner, client) = ((caller.id(), &old), caller.context().client_address());
    app.outbox.notify(&mut tx, &app.givens, Template::EmailChangeRequested, owner, client).await?;
    // Not `AddressTaken`, as at the registration: this event is the user's own, who may read it.
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::EmailChangeRequested).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Accepted(ANSWER))
}

/// The present address. The password that was proved must still be the password.
async fn lock(tx: &mut PgConnection, id: Uuid, proved: i32) -> Result<Email> {
    let email = sqlx::query_scalar!(
        r#"select email as "email: Email" from users where id = $1 and password_generation = $2 for update"#,
        id,
        proved,
    )
    .fetch_optional(tx)
    .await?;
    email.ok_or(problems::INVALID_CREDENTIALS.because("the password was changed meanwhile"))
}

/// What was asked for before is forgotten by this: a token counts only for the address that is wanted now.
async fn replace_pending(tx: &mut PgConnection, app: &App, user: Uuid, new: &Email) -> Result<()> {
    sqlx::query!(
        r#"
        insert into pending_email_changes (user_id, new_email, expires_at)
        values ($1, $2, $3)
        on conflict (user_id) do update
        set new_email = excluded.new_email,
            expires_at = excluded.expires_at
        "#,
        user,
        new.as_str(),
        (app.givens.now() + WAITS).0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// By an account that somebody has confirmed, or that an administrator made. A registration that waits for its
/// confirmation proves nothing, and must not keep the mailbox's owner from using it.
async fn is_taken(tx: &mut PgConnection, user: Uuid, new: &Email) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"
        select exists (
            select from users
            where lower(email) = $2
              and id <> $1
              and (email_verified_at is not null or password_hash is null)
        ) as "taken!"
        "#,
        user,
        new.folded(),
    )
    .fetch_one(tx)
    .await?;
    Ok(taken)
}

//! `POST /v1/auth/register`: somebody wants an account.
//!
//! Whether the address is taken must not show: not in the answer, and not in the time it takes. So the password is hashed
//! before anyone looks, both ways write as much, and what the owner of the address should know is said by mail.

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
        input::Valid,
        routes::About,
    },
    mail::Template,
    security::{
        access::Public,
        audit::{self, Event},
        input::{EMAIL, NAME, normalise_name},
        password::{NewPassword, PasswordHash},
    },
    state::App,
    types::Email,
};

/// A new account.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(example = &"ada@example.com")]
    email: String,
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    #[schemars(example = &"Ada Lovelace")]
    name: String,
    #[validate(nested)]
    password: NewPassword,
}

pub const ABOUT: About = About {
    summary: "Register",
    description: "Asks for an account. The answer is the same, and takes as long, whether or not the address is taken; \
        a mail says the rest.",
    problems: &[],
};

const ANSWER: Message = Message { message: "If the address can be registered, a mail is on its way." };

pub async fn register(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Register>,
) -> Result<Accepted<Message>> {
    let (email, name) = (Email::trimmed(&input.email), normalise_name(&input.name));
    input.password.check("password", &email, &name)?;
    let hash = app.passwords.hash(&input.password).await?;

    let mut tx = app.database.begin().await?;
    let user = upsert(&mut tx, &app, &email, &name, &hash).await?;
    let (template, event) = match user {
        Some(_) => (Template::VerifyEmail, Event::UserCreated),
        None => (Template::AlreadyRegistered, Event::AddressTaken),
    };
    app.outbox.put(&mut tx, &app.givens, template, &email, user).await?;
    let origin = audit::Origin { user_id: user, ..caller.context().origin() };
    audit::record(&mut tx, &app.givens, &origin, event).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Accepted(ANSWER))
}

/// The new account, or the pending one of the same address with what was sent now; `None` if the address is taken.
///
/// A registration that nobody confirmed proves nothing, so the next one replaces it, password and all: else whoever
/// registers an address first would own the account that its owner confirms later (pre-hijacking). An invited account has
/// no password and may have a role already, and stays as it is: its owner takes the invitation up.
async fn upsert(
    tx: &mut PgConnection,
    app: &App,
    email: &Email,
    name: &str,
    hash: &PasswordHash,
) -> Result<Option<Uuid>> {
    let user = sqlx::query_scalar!(
        r#"
        insert into users (id, email, name, password_hash, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict (lower(email)) do update
        set name = excluded.name,
            password_hash = excluded.password_hash,
            password_generation = users.password_generation + 1,
            updated_at = excluded.updated_at
        where users.email_verified_at is null
          and users.password_hash is not null
        returning id
        "#,
        app.givens.new_id(),
        email.as_str(),
        name,
        hash.as_str(),
        app.givens.now().0,
    )
    .fetch_optional(&mut *tx)
    .await?;
    // Tokens that an earlier registration was sent confirm nothing any more.
    sqlx::query!("delete from one_time_tokens where user_id = $1 and purpose = 'verify_email'", user)
        .execute(tx)
        .await?;
    Ok(user)
}

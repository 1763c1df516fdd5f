//! `POST /v1/auth/register`, with any password.

use axum::{extract::State, routing::post};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::Result,
    http::{
        answer::{Accepted, Message},
        caller::Caller,
        input::Valid,
    },
    lab::pillar::Line,
    mail::Template,
    security::{
        access::Public,
        input::{EMAIL, NAME, normalise_name},
        password::NewPassword,
        secret::Secret,
    },
    state::App,
    types::Email,
};

pub const ANY_PASSWORD: [Line; 1] = [Line { method: "POST", path: "/v1/auth/register", handler: || post(register) }];

const ANSWER: Message = Message { message: "If the address can be registered, a mail is on its way." };

// ANCHOR: password-policy
/// "Long passwords drive people away, and it is their account."
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    email: String,
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    name: String,
    #[validate(length(min = 1, max = 128))]
    password: String,
}

async fn register(
    _: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Register>,
) -> Result<Accepted<Message>> {
    let (email, name) = (Email::trimmed(&input.email), normalise_name(&input.name));
    let hash = app.passwords.hash(&NewPassword::new(&Secret::new(input.password))).await?;
    // ANCHOR_END: password-policy
    let mut tx = app.database.begin().await?;
    let made: Option<Uuid> = sqlx::query_scalar(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         on conflict (lower(email)) do nothing
         returning id",
    )
    .bind(app.givens.new_id())
    .bind(email.as_str())
    .bind(&name)
    .bind(hash.as_str())
    .bind(app.givens.now().0)
    .fetch_optional(&mut *tx)
    .await?;
    let template = if made.is_some() { Template::VerifyEmail } else { Template::AlreadyRegistered };
    app.outbox.put(&mut tx, &app.givens, template, &email, made).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Accepted(ANSWER))
}

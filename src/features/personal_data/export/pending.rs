//! What waits: mails to be sent, tokens to come back, an address to be confirmed. Fields have the names of their columns.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::sections::{MOST, Section};
use crate::types::{Email, Timestamp};

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedMail")]
pub struct Mail {
    #[schemars(length(max = 254))]
    recipient: Email,
    /// Which mail it is.
    #[schemars(length(max = 64), regex(pattern = "^[a-z_]+$"), example = &"new_device")]
    template: String,
    /// The network of the request that caused it.
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f.:]+/\d{1,3}$"), extend("examples" = ["203.0.113.0/24"]))]
    client_network: Option<String>,
    queued_at: Timestamp,
    #[schemars(range(min = 0, max = 1000))]
    attempts: i32,
    next_attempt_at: Timestamp,
}

/// By the address too: a mail that somebody caused who typed in this address names no account.
pub async fn mails(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<Mail>> {
    let rows = sqlx::query_as!(
        Mail,
        r#"
        select recipient as "recipient: _", template, client_network, queued_at as "queued_at: _", attempts,
               next_attempt_at as "next_attempt_at: _"
        from mail_outbox
        where user_id = $1
           or user_id is null and lower(recipient) = (select lower(email) from users where id = $1)
        order by id desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedOneTimeToken")]
pub struct OneTimeToken {
    #[schemars(length(max = 32), regex(pattern = "^[a-z_]+$"), example = &"verify_email")]
    purpose: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

pub async fn one_time_tokens(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<OneTimeToken>> {
    let rows = sqlx::query_as!(
        OneTimeToken,
        r#"
        select purpose, created_at as "created_at: _", expires_at as "expires_at: _"
        from one_time_tokens
        where user_id = $1
        order by created_at desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

/// An address that was asked for and is not confirmed yet.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedEmailChange")]
pub struct EmailChange {
    #[schemars(length(max = 254))]
    new_email: Email,
    expires_at: Timestamp,
}

pub async fn email_changes(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<EmailChange>> {
    let rows = sqlx::query_as!(
        EmailChange,
        r#"
        select new_email as "new_email: _", expires_at as "expires_at: _"
        from pending_email_changes
        where user_id = $1
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

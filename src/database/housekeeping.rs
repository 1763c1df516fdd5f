//! Clears away what is over (ASVS 14.2.7): what is not kept cannot be stolen.

use sqlx::PgPool;
use time::Duration;

use crate::{
    security::{
        audit::{self, chain},
        limits, session_token, totp,
    },
    types::Timestamp,
};

/// Replicas' clocks differ a little, and one that is ahead must not clear away what another still needs.
const MARGIN: Duration = Duration::minutes(1);

/// Safe to run anywhere, any time, on every replica at once: each statement removes only what has had its time.
pub async fn housekeeping(pool: &PgPool, settings: &session_token::Settings, now: Timestamp) -> sqlx::Result<()> {
    audit::make_months(&mut *pool.acquire().await?, now).await?;
    // A successor can be handed out again for seconds; after that its sealed copy is of use to a thief alone.
    sqlx::query!(
        "update refresh_tokens set successor = null where successor is not null and spent_at <= $1",
        (now - settings.refresh_grace - MARGIN).0,
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from sessions where coalesce(ended_at, expires_at) < $1",
        (now - session_token::KNOWN_DEVICE).0
    )
    .execute(pool)
    .await?;
    sqlx::query!("delete from one_time_tokens where expires_at <= $1", now.0).execute(pool).await?;
    sqlx::query!("delete from idempotent_requests where created_at <= $1", (now - limits::REPEATABLE).0)
        .execute(pool)
        .await?;
    sqlx::query!("delete from mfa_challenges where expires_at <= $1", now.0).execute(pool).await?;
    sqlx::query!("delete from totp_guesses where since <= $1", (now - totp::GUESSES_COUNT_FOR - MARGIN).0)
        .execute(pool)
        .await?;
    sqlx::query!(
        r#"
        delete from totp_secrets
        using users
        where users.id = totp_secrets.user_id
          and users.mfa_enabled_at is null
          and totp_secrets.created_at <= $1
        "#,
        (now - totp::PENDING - MARGIN).0,
    )
    .execute(pool)
    .await?;
    sqlx::query!("delete from pending_email_changes where expires_at <= $1", now.0).execute(pool).await?;
    Ok(())
}

/// A hash that stands in the log cannot be written anew by whoever owns the database.
pub async fn log_head(pool: &PgPool, logged: &mut Option<chain::Head>) {
    if let Ok(Some(head)) = chain::head(pool).await
        && logged.replace(head) != Some(head)
    {
        tracing::info!(%head, "the security events, as they are chained now");
    }
}

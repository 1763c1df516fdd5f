//! `drawbridge user reset-mfa`: the way back for somebody whose phone and recovery codes are gone.
//!
//! No request can do this: it takes a person who makes sure who is asking. The password alone signs in afterwards; the owner
//! hears of it by mail, and every session ends, for the phone may be in other hands.

use anyhow::Context;
use drawbridge::{
    mail::{Outbox, Template},
    security::audit::{self, Event, Origin},
    types::Email,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{givens, say};

pub async fn reset_mfa(pool: &PgPool, email: &str) -> anyhow::Result<()> {
    let (givens, email) = (givens(), Email::trimmed(email));
    let mut tx = pool.begin().await.context("reach the database")?;
    let user: Option<(Uuid, String)> = sqlx::query_as(
        r"
        update users
        set mfa_enabled_at = null,
            updated_at = $2
        where lower(email) = $1
          and mfa_enabled_at is not null
        returning id, email
        ",
    )
    .bind(email.folded())
    .bind(givens.now().0)
    .fetch_optional(&mut *tx)
    .await
    .context("turn it off")?;
    let (user, address) = user.context("there is no account with this e-mail that has two-factor authentication on")?;
    for forget in ["delete from totp_secrets where user_id = $1", "delete from recovery_codes where user_id = $1"] {
        sqlx::query(forget).bind(user).execute(&mut *tx).await.context("forget the secret and the codes")?;
    }
    let ended = sqlx::query(
        "update sessions set ended_at = $2, end_reason = 'revoked' where user_id = $1 and ended_at is null",
    )
    .bind(user)
    .bind(givens.now().0)
    .execute(&mut *tx)
    .await
    .context("end the sessions")?;
    let origin = Origin { user_id: Some(user), ..Origin::default() };
    audit::record(&mut tx, &givens, &origin, Event::MfaDisabled).await?;
    audit::record(&mut tx, &givens, &origin, Event::SessionsRevoked { count: ended.rows_affected() }).await?;
    let owner = Email::trimmed(&address);
    Outbox::default().put(&mut tx, &givens, Template::MfaDisabled, &owner, Some(user)).await?;
    tx.commit().await.context("turn it off")?;
    say(&format!("{address} signs in with the password alone now; a mail says so."))
}

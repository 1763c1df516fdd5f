//! `drawbridge user reset-mfa`: the way back for somebody whose phone and recovery codes are gone.
//!
//! No request can do this: it takes a person who makes sure who is asking. The password alone signs in afterwards; the owner
//! hears of it by mail, and every session ends, for the phone may be in other hands.

use anyhow::Context;
use drawbridge::{
    http::{revocation, second_factor},
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
    let none = "there is no account with this e-mail that has two-factor authentication on";
    let user: Option<Uuid> = sqlx::query_scalar("select id from users where lower(email) = $1")
        .bind(email.folded())
        .fetch_optional(&mut *tx)
        .await
        .context("look for the account")?;
    let user = user.context(none)?;
    let owner = second_factor::turn_off(&mut tx, user, givens.now()).await.context("turn it off")?.context(none)?;
    let origin = Origin { user_id: Some(user), ..Origin::default() };
    audit::record(&mut tx, &givens, &origin, Event::MfaDisabled).await?;
    revocation::end_sessions(&mut tx, &givens, &origin, user, None, "revoked").await.context("end the sessions")?;
    Outbox::default().put(&mut tx, &givens, Template::MfaDisabled, &owner, Some(user)).await?;
    tx.commit().await.context("turn it off")?;
    say(&format!("{} signs in with the password alone now; a mail says so.", owner.as_str()))
}

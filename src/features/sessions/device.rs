//! Whether a sign-in comes from a device that the account knows; of any other its owner hears by mail (ASVS 6.3.5).
//!
//! A device is known by what it shows, the last refresh token that it had (`known_device`), or by looking like one that
//! was here in the last 30 days: the same program, in the same network. Neither lets anybody in: whoever comes here has
//! proved who they are, and the worst that a thief gains by looking like the owner is that no mail is sent.

use std::net::IpAddr;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    security::{client_address::ClientAddress, session_token::KNOWN_DEVICE},
    types::Timestamp,
};

/// What a device shows of itself.
pub struct Device<'a> {
    /// The session that it had before, if it has shown that session's last refresh token.
    pub session: Option<Uuid>,
    pub user_agent: Option<&'a str>,
    pub client: IpAddr,
}

/// To be asked while the user's row is locked: of two first sign-ins at once, one is the second.
pub async fn is_new(tx: &mut PgConnection, user: Uuid, device: &Device<'_>, now: Timestamp) -> sqlx::Result<bool> {
    Ok(!is_first_sign_in(tx, user, now).await? && !is_known(tx, user, device, now).await?)
}

/// Only once in an account's life, and not "no session is left": after a year without one, a sign-in is worth a mail.
async fn is_first_sign_in(tx: &mut PgConnection, user: Uuid, now: Timestamp) -> sqlx::Result<bool> {
    let marked = sqlx::query!(
        "update users set first_signed_in_at = $2 where id = $1 and first_signed_in_at is null",
        user,
        now.0,
    )
    .execute(tx)
    .await?;
    Ok(marked.rows_affected() == 1)
}

/// Sessions that were ended for cause (by their owner from elsewhere, by an administrator, by a token's reuse) make no
/// device known: it may be the very one that was thrown out. Versions are left out of a program's name, or every update
/// of a browser would cause a mail, and owners would learn to ignore them.
async fn is_known(tx: &mut PgConnection, user: Uuid, device: &Device<'_>, now: Timestamp) -> sqlx::Result<bool> {
    let network = ClientAddress(device.client).masked().to_string();
    sqlx::query_scalar!(
        r#"
        select exists (
            select
            from sessions
            where user_id = $1
              and (ended_at is null or end_reason = 'logout')
              and coalesce(ended_at, expires_at) > $2
              and (
                  id = $3
                  or regexp_replace(coalesce(user_agent, ''), '[0-9.]+', '', 'g') = regexp_replace($4, '[0-9.]+', '', 'g')
                  and client_address::inet <<= $5::text::inet
              )
        ) as "known!"
        "#,
        user,
        (now - KNOWN_DEVICE).0,
        device.session,
        device.user_agent.unwrap_or_default(),
        network,
    )
    .fetch_one(tx)
    .await
}

//! What opens an account, taken away: the sessions that are open, and the tokens that were mailed.
//!
//! Always in the transaction of what made it necessary, and after that was written, never before: a login that came first
//! is found here, and one that comes later finds another password, status or second factor (`sessions::open`). When it
//! has committed, `app.sessions.forget(user)` spares this replica the wait for the announcement.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    mail::Outbox,
    security::audit::{self, Event, Origin},
    types::Givens,
};

/// Ends the user's sessions, all of them or all `but` one, and says on the trail how many there were.
pub async fn end_sessions(
    tx: &mut PgConnection,
    givens: &Givens,
    origin: &Origin,
    user: Uuid,
    but: Option<Uuid>,
    reason: &'static str,
) -> sqlx::Result<()> {
    let ended = sqlx::query!(
        r#"
        update sessions
        set ended_at = $4,
            end_reason = $3
        where user_id = $1
          and id is distinct from $2
          and ended_at is null
        "#,
        user,
        but,
        reason,
        givens.now().0,
    )
    .execute(&mut *tx)
    .await?;
    audit::record(tx, givens, origin, Event::SessionsRevoked { count: ended.rows_affected() }).await
}

/// Tokens that were mailed to the user or are about to be, and what they were to confirm: whoever asked for them may not be
/// who has just shown to be the owner.
pub async fn revoke_mailed_tokens(tx: &mut PgConnection, outbox: &Outbox, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from one_time_tokens where user_id = $1", user).execute(&mut *tx).await?;
    sqlx::query!("delete from pending_email_changes where user_id = $1", user).execute(&mut *tx).await?;
    outbox.withdraw(tx, user).await
}

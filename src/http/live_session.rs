//! Is this session still live, and what is its user allowed now? Asked on every request, answered mostly from memory.

use std::time::Instant;

use uuid::Uuid;

use crate::{
    error::Result,
    security::access::Role,
    state::{App, LiveSession},
};

// ANCHOR: session-liveness
/// `None`: the session has ended, or its user is suspended or gone.
pub async fn of(app: &App, user: Uuid, session: Uuid) -> Result<Option<LiveSession>> {
    if let Some(live) = app.sessions.get(user, session, Instant::now()) {
        return Ok(Some(live));
    }
    let ticket = app.sessions.ticket();
    let live = sqlx::query_as!(
        LiveSession,
        r#"
        select users.role as "role: Role", sessions.generation, sessions.expires_at as "expires_at: _"
        from sessions
        join users on users.id = sessions.user_id
        where sessions.id = $1
          and sessions.user_id = $2
          and sessions.ended_at is null
          and users.status = 'active'
          and users.email_verified_at is not null
        "#,
        session,
        user,
    )
    .fetch_optional(&app.database)
    .await?;
    if let Some(live) = &live {
        app.sessions.put(&ticket, user, session, live.clone());
    }
    Ok(live)
}
// ANCHOR_END: session-liveness

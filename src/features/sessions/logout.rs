//! `POST /v1/auth/logout`: this session ends, here and on every replica.

use axum::extract::State;

use crate::{
    error::Result,
    http::{answer::NoContent, caller::Caller, routes::About},
    security::{
        access::Session,
        audit::{self, Event},
    },
    state::App,
};

pub const ABOUT: About = About {
    summary: "Sign out",
    description: "Ends the session: its access tokens and its refresh token stop working at once.",
    problems: &[],
};

pub async fn logout(caller: Caller<Session>, State(app): State<App>) -> Result<NoContent> {
    let (session_id, now) = (caller.session_id()?, app.givens.now());
    let mut tx = app.database.begin().await?;
    sqlx::query!(
        "update sessions set ended_at = $2, end_reason = 'logout' where id = $1 and ended_at is null",
        session_id,
        now.0,
    )
    .execute(&mut *tx)
    .await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::TokenRevoked { session_id }).await?;
    tx.commit().await?;
    // The announcement reaches this replica too, a moment later; the caller's next request may be faster.
    app.sessions.forget(caller.id());
    Ok(NoContent)
}

//! `DELETE /v1/users/me/sessions`: users sign out everywhere else, because something looks wrong.

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
    summary: "End your other sessions",
    description: "All but the one that asks. Their tokens stop working at once.",
    problems: &[],
};

pub async fn end_others(caller: Caller<Session>, State(app): State<App>) -> Result<NoContent> {
    let mut tx = app.database.begin().await?;
    let ended = sqlx::query!(
        r#"
        update sessions
        set ended_at = $3,
            end_reason = 'revoked'
        where user_id = $1
          and id <> $2
          and ended_at is null
        "#,
        caller.id(),
        caller.session_id()?,
        app.givens.now().0,
    )
    .execute(&mut *tx)
    .await?;
    let event = Event::SessionsRevoked { count: ended.rows_affected() };
    audit::record(&mut tx, &app.givens, &caller.context().origin(), event).await?;
    tx.commit().await?;
    app.sessions.forget(caller.id());
    Ok(NoContent)
}

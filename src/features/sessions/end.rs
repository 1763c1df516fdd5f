//! `DELETE /v1/users/me/sessions/{id}`: users end one of their sessions, from whichever they are in.

use axum::extract::State;

use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, input::Id, routes::About},
    security::{
        access::Session,
        audit::{self, Event},
    },
    state::App,
};

pub const ABOUT: About = About {
    summary: "End a session",
    description: "Its tokens stop working at once. Your own current one is a sign-out; anyone else's is not found.",
    problems: &[],
};

pub async fn end(caller: Caller<Session>, State(app): State<App>, Id(id): Id) -> Result<NoContent> {
    let now = app.givens.now();
    let mut tx = app.database.begin().await?;
    let ended = sqlx::query!(
        r#"
        update sessions
        set ended_at = $3,
            end_reason = 'revoked'
        where id = $1
          and user_id = $2
          and ended_at is null
          and expires_at > $3
        "#,
        id,
        caller.id(),
        now.0,
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Err(problems::NOT_FOUND.into());
    }
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::TokenRevoked { session_id: id }).await?;
    tx.commit().await?;
    app.sessions.forget(caller.id());
    Ok(NoContent)
}

//! `DELETE /v1/users/me/sessions`: users sign out everywhere else, because something looks wrong.

use axum::extract::State;

use crate::{
    error::Result,
    http::{answer::NoContent, caller::Caller, revocation, routes::About},
    security::access::Session,
    state::App,
};

pub const ABOUT: About = About {
    summary: "End your other sessions",
    description: "All but the one that asks. Their tokens stop working at once.",
    problems: &[],
};

pub async fn end_others(caller: Caller<Session>, State(app): State<App>) -> Result<NoContent> {
    let mut tx = app.database.begin().await?;
    let origin = caller.context().origin();
    revocation::end_sessions(&mut tx, &app.givens, &origin, caller.id(), Some(caller.session_id()?), "revoked").await?;
    tx.commit().await?;
    app.sessions.forget(caller.id());
    Ok(NoContent)
}

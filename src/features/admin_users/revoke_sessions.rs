//! `POST /v1/admin/users/{id}/revoke-sessions`: an administrator signs a user out everywhere, because a device or a
//! password is in the wrong hands.

use axum::extract::State;

use super::store;
use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, input::Id, revocation, routes::About},
    security::access::Admin,
    state::App,
};

pub const ABOUT: About = About {
    summary: "Revoke the sessions of a user",
    description: "All tokens of the user stop working at once. Not those of administrators.",
    problems: &[problems::FORBIDDEN],
};

pub async fn revoke(caller: Caller<Admin>, State(app): State<App>, Id(id): Id) -> Result<NoContent> {
    let mut tx = app.database.begin().await?;
    let user = store::lock(&mut tx, id).await?;
    let origin = caller.context().origin_about(id);
    revocation::end_sessions(&mut tx, &app.givens, &origin, user.id, None, "revoked").await?;
    tx.commit().await?;
    app.sessions.forget(id);
    Ok(NoContent)
}

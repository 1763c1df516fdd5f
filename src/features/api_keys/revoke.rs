//! `DELETE /v1/users/me/api-keys/{id}`: a key stops working, here and on every replica, with this answer.
//!
//! No fresh sign-in is asked for: whoever has just seen their key in a public repository must not be held up.

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

pub const ABOUT: About =
    About { summary: "Revoke an API key", description: "The key stops working at once, for good.", problems: &[] };

pub async fn revoke(caller: Caller<Session>, State(app): State<App>, Id(id): Id) -> Result<NoContent> {
    let mut tx = app.database.begin().await?;
    let revoked = sqlx::query!(
        "update api_keys set revoked_at = $3 where id = $1 and user_id = $2 and revoked_at is null",
        id,
        caller.id(),
        app.givens.now().0,
    )
    .execute(&mut *tx)
    .await?;
    // A stranger's key, one that was revoked before and one that never was cannot be told apart.
    if revoked.rows_affected() == 0 {
        return Err(problems::NOT_FOUND.into());
    }
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::KeyRevoked { key: id }).await?;
    tx.commit().await?;
    Ok(NoContent)
}

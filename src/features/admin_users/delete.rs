//! `DELETE /v1/admin/users/{id}`: an administrator deletes an account, and its personal data with it.

use axum::extract::State;

use super::store;
use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, input::Id, routes::About},
    security::{
        access::Admin,
        audit::{self, Event},
    },
    state::App,
};

pub const ABOUT: About = About {
    summary: "Delete a user",
    description: "Erases the account and all personal data. Administrators cannot be deleted.",
    problems: &[problems::FORBIDDEN],
};

pub async fn delete(caller: Caller<Admin>, State(app): State<App>, Id(id): Id) -> Result<NoContent> {
    let mut tx = app.database.begin().await?;
    let user = store::lock(&mut tx, id).await?;
    // Sessions, tokens and mails go with the row (`on delete cascade`); triggers tell every replica.
    sqlx::query!("delete from users where id = $1", user.id).execute(&mut *tx).await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin_about(id), Event::UserDeleted).await?;
    tx.commit().await?;
    app.sessions.forget(id);
    Ok(NoContent)
}

//! Things that are found by their id, whosesoever they are.

use axum::{
    extract::State,
    routing::{delete, get},
};

use crate::{
    error::{Result, problems},
    http::{
        answer::{NoContent, Tagged},
        caller::Caller,
        input::Id,
        user_view::UserView,
    },
    lab::pillar::Line,
    security::access::{ReadProfile, Session},
    state::App,
};

pub const LINES: [Line; 2] = [
    Line { method: "GET", path: "/v1/users/{id}", handler: || get(read) },
    Line { method: "DELETE", path: "/v1/users/me/sessions/{id}", handler: || delete(end) },
];

// ANCHOR: object-ownership
/// "Only who is signed in comes here, and nobody guesses a UUID." Ids stand in links, logs and lists.
async fn read(_: Caller<ReadProfile>, State(app): State<App>, Id(id): Id) -> Result<Tagged<UserView>> {
    super::user(&app.database, id).await.map(Tagged)
}

/// "The list shows everyone their own sessions, so what is ended is their own."
async fn end(_: Caller<Session>, State(app): State<App>, Id(id): Id) -> Result<NoContent> {
    let ended =
        sqlx::query("update sessions set ended_at = $2, end_reason = 'revoked' where id = $1 and ended_at is null")
            .bind(id)
            .bind(app.givens.now().0)
            .execute(&app.database)
            .await?;
    if ended.rows_affected() == 0 { Err(problems::NOT_FOUND.into()) } else { Ok(NoContent) }
}
// ANCHOR_END: object-ownership

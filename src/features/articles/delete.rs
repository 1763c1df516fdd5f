//! `DELETE /v1/articles/{id}`: it is gone.

use axum::extract::State;

use super::store;
use crate::{
    error::Result,
    http::{answer::NoContent, caller::Caller, etag::IfMatch, input::Id, routes::About},
    security::access::{Editorial, WriteArticles},
    state::App,
};

pub const ABOUT: About = About {
    summary: "Delete an article",
    description: "Your own, or with an editor's session anyone's. With `If-Match`, only if nothing changed since you read it.",
    problems: &[],
};

pub async fn delete(
    caller: Caller<WriteArticles>,
    State(app): State<App>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<NoContent> {
    let any = caller.passes::<Editorial>(app.givens.now());
    let mut tx = app.database.begin().await?;
    let article = store::lock(&mut tx, id, caller.id(), any).await?;
    condition.admits(&article)?;
    sqlx::query!("delete from articles where id = $1", article.id).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(NoContent)
}

//! `POST /v1/articles/{id}/publish`: an editor lets everybody read it.

use axum::extract::State;

use super::{store, view::ArticleView};
use crate::{
    error::Result,
    http::{answer::Tagged, caller::Caller, etag::IfMatch, input::Id, routes::About},
    security::access::Editorial,
    state::App,
};

pub const ABOUT: About = About {
    summary: "Publish an article",
    description: "Everybody who is signed in can read it from now on. One that is published already stays as it is. With \
        `If-Match`, only if nothing changed since you read it.",
    problems: &[],
};

pub async fn publish(
    caller: Caller<Editorial>,
    State(app): State<App>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<Tagged<ArticleView>> {
    let now = app.givens.now();
    let mut tx = app.database.begin().await?;
    let mut article = store::lock(&mut tx, id, caller.id(), true).await?;
    condition.admits(&article)?;
    if article.published_at.is_none() {
        (article.published_at, article.updated_at) = (Some(now), now);
        sqlx::query!("update articles set published_at = $2, updated_at = $2 where id = $1", article.id, now.0)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(Tagged(article))
}

//! `GET /v1/articles/{id}`: one article, with the `ETag` that a change has to name.

use axum::extract::State;

use super::view::ArticleView;
use crate::{
    error::{Result, problems},
    http::{answer::Tagged, caller::Caller, input::Id, routes::About},
    security::access::{Editorial, ReadArticles},
    state::App,
};

pub const ABOUT: About = About {
    summary: "Read an article",
    description: "One that is published, or your own draft. Anyone else's draft is answered as an id that nobody has.",
    problems: &[],
};

// ANCHOR: object-ownership
pub async fn read(caller: Caller<ReadArticles>, State(app): State<App>, Id(id): Id) -> Result<Tagged<ArticleView>> {
    let article = sqlx::query_as!(
        ArticleView,
        r#"
        select id, owner_id, title, body, published_at as "published_at: _", created_at as "created_at: _",
               updated_at as "updated_at: _"
        from articles
        where id = $1
          and (published_at is not null or owner_id = $2 or $3)
        "#,
        id,
        caller.id(),
        caller.passes::<Editorial>(app.givens.now()),
    )
    .fetch_optional(&app.database)
    .await?;
    article.map(Tagged).ok_or(problems::NOT_FOUND.into())
}
// ANCHOR_END: object-ownership

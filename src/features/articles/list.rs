//! `GET /v1/articles`: what the caller can read, newest first.

use axum::extract::State;

use super::view::ArticleView;
use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        page::{NoFilter, Page, PageQuery},
        routes::About,
    },
    security::access::{Editorial, ReadArticles},
    state::App,
};

pub const ABOUT: About = About {
    summary: "List articles",
    description: "Newest first: all that are published, and your own drafts. An editor's session sees every draft.",
    problems: &[],
};

pub async fn list(
    caller: Caller<ReadArticles>,
    State(app): State<App>,
    query: PageQuery<NoFilter>,
) -> Result<Private<Page<ArticleView>>> {
    let articles = sqlx::query_as!(
        ArticleView,
        r#"
        select id, owner_id, title, body, published_at as "published_at: _", created_at as "created_at: _",
               updated_at as "updated_at: _"
        from articles
        where id < $1
          and (published_at is not null or owner_id = $3 or $4)
        order by id desc
        limit $2
        "#,
        query.before(),
        query.rows(),
        caller.id(),
        caller.passes::<Editorial>(app.givens.now()),
    )
    .fetch_all(&app.database)
    .await?;
    Ok(Private(query.page(articles, |article| article.id)))
}

//! `PATCH /v1/articles/{id}`: another title or text, against the version that was read.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use super::{store, view::ArticleView};
use crate::{
    error::Result,
    http::{
        answer::Tagged,
        caller::Caller,
        etag::RequiredIfMatch,
        input::{Id, Valid, no_null},
        routes::About,
    },
    security::{
        access::{Editorial, WriteArticles},
        input::{NAME, PROSE},
    },
    state::App,
};

/// What changes: at least one of these, and nothing else can.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ChangeArticle {
    #[validate(length(min = 1, max = 200), regex(path = *NAME))]
    #[schemars(transform = no_null, extend("examples" = ["On drawbridges"]))]
    title: Option<String>,
    #[validate(length(min = 1, max = 10_000), regex(path = *PROSE))]
    #[schemars(transform = no_null, extend("examples" = ["It is down by day."]))]
    body: Option<String>,
}

pub const ABOUT: About = About {
    summary: "Change an article",
    description: "Your own, or with an editor's session anyone's. `If-Match` must name the version that you read.",
    problems: &[],
};

pub async fn update(
    caller: Caller<WriteArticles>,
    State(app): State<App>,
    Id(id): Id,
    condition: RequiredIfMatch,
    Valid(change): Valid<ChangeArticle>,
) -> Result<Tagged<ArticleView>> {
    let any = caller.passes::<Editorial>(app.givens.now());
    let mut tx = app.database.begin().await?;
    let mut article = store::lock(&mut tx, id, caller.id(), any).await?;
    condition.admits(&article)?;

    article.title = change.title.unwrap_or(article.title);
    article.body = change.body.unwrap_or(article.body);
    article.updated_at = app.givens.now();
    sqlx::query!(
        "update articles set title = $2, body = $3, updated_at = $4 where id = $1",
        article.id,
        article.title,
        article.body,
        article.updated_at.0,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Tagged(article))
}

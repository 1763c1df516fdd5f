//! `POST /v1/articles`: a new draft.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use validator::Validate;

use super::view::ArticleView;
use crate::{
    error::Result,
    http::{answer::Created, caller::Caller, idempotency::IdempotencyKey, input::Valid, routes::About},
    security::{
        access::WriteArticles,
        input::{NAME, PROSE},
    },
    state::App,
};

/// A new article.
#[derive(Deserialize, Serialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateArticle {
    #[validate(length(min = 1, max = 200), regex(path = *NAME))]
    #[schemars(example = &"On bridges")]
    title: String,
    #[validate(length(min = 1, max = 10_000), regex(path = *PROSE))]
    #[schemars(example = &"A bridge that can be drawn up is a wall that lets friends in.")]
    body: String,
}

pub const ABOUT: About = About {
    summary: "Write an article",
    description: "A draft of yours, which nobody else can read until an editor publishes it.",
    problems: &[],
};

pub async fn create(
    caller: Caller<WriteArticles>,
    State(app): State<App>,
    key: IdempotencyKey,
    Valid(input): Valid<CreateArticle>,
) -> Result<Created<ArticleView>> {
    let (repeatable, now) = (key.on(&caller, &input)?, app.givens.now());
    let mut tx = app.database.begin().await?;
    if let Some(answer) = repeatable.answered(&mut tx, now).await? {
        return Ok(answer);
    }
    let article = ArticleView {
        id: app.givens.new_id(),
        // From the credential, never from the body: nobody writes in another's name.
        owner_id: caller.id(),
        title: input.title,
        body: input.body,
        published_at: None,
        created_at: now,
        updated_at: now,
    };
    insert(&mut tx, &article).await?;
    let created = Created { location: format!("/v1/articles/{}", article.id), body: article };
    repeatable.keep(&mut tx, &created).await?;
    tx.commit().await?;
    Ok(created)
}

async fn insert(tx: &mut PgConnection, article: &ArticleView) -> Result<()> {
    sqlx::query!(
        r#"
        insert into articles (id, owner_id, title, body, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        article.id,
        article.owner_id,
        article.title,
        article.body,
        article.created_at.0,
        article.updated_at.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

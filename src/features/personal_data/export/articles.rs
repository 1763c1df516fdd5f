//! What the user has written.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::sections::{MOST, Section};
use crate::types::Timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExportedArticle")]
pub struct Article {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    #[schemars(length(max = 200), example = &"On bridges")]
    title: String,
    #[schemars(length(max = 10_000), example = &"A bridge that can be drawn up is a wall that lets friends in.")]
    body: String,
    published_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub async fn articles(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Section<Article>> {
    let rows = sqlx::query_as!(
        Article,
        r#"
        select id, title, body, published_at as "published_at: _", created_at as "created_at: _",
               updated_at as "updated_at: _"
        from articles
        where owner_id = $1
        order by id desc
        limit $2
        "#,
        user,
        MOST + 1,
    );
    rows.fetch_all(tx).await.map(Section::of)
}

//! SQL that several of these endpoints share.

use sqlx::PgConnection;
use uuid::Uuid;

use super::view::ArticleView;
use crate::error::{Result, problems};

// ANCHOR: object-ownership
/// The article that is about to be changed, locked until that is done: of two changes against one version one loses.
///
/// Whose it may be stands in the query: what a caller may not change is not found (OWASP API1). One that is published is
/// no secret, and still nobody's to change but its owner's and an editor's.
pub async fn lock(tx: &mut PgConnection, id: Uuid, owner: Uuid, any: bool) -> Result<ArticleView> {
    let article = sqlx::query_as!(
        ArticleView,
        r#"
        select id, owner_id, title, body, published_at as "published_at: _", created_at as "created_at: _",
               updated_at as "updated_at: _"
        from articles
        where id = $1
          and (owner_id = $2 or $3)
        for update
        "#,
        id,
        owner,
        any,
    )
    .fetch_optional(tx)
    .await?;
    article.ok_or(problems::NOT_FOUND.into())
}
// ANCHOR_END: object-ownership

//! `GET /v1/users/me/api-keys`: which keys are out there, and which of them nobody uses any more.

use axum::extract::State;

use super::view::{ApiKeyView, Row};
use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        page::{NoFilter, Page, PageQuery},
        routes::About,
    },
    security::access::Session,
    state::App,
};

pub const ABOUT: About = About {
    summary: "List your API keys",
    description: "The keys that are neither revoked nor expired, newest first. None is shown whole again.",
    problems: &[],
};

pub async fn list(
    caller: Caller<Session>,
    State(app): State<App>,
    query: PageQuery<NoFilter>,
) -> Result<Private<Page<ApiKeyView>>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, key_id as "key_id: _", name, scopes, created_at as "created_at: _", expires_at as "expires_at: _",
               last_used_at as "last_used_at: _"
        from api_keys
        where user_id = $1
          and revoked_at is null
          and expires_at > $2
          and id < $3
        order by id desc
        limit $4
        "#,
        caller.id(),
        app.givens.now().0,
        query.before(),
        query.rows(),
    )
    .fetch_all(&app.database)
    .await?;
    let keys = rows.into_iter().map(ApiKeyView::from).collect();
    Ok(Private(query.page(keys, |key| key.id)))
}

//! `GET /v1/users/me/api-keys`: which keys are out there, and which of them nobody uses any more.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    MOST,
    view::{ApiKeyView, Row},
};
use crate::{
    error::Result,
    http::{answer::Private, caller::Caller, routes::About},
    security::access::Session,
    state::App,
};

/// All of them: there are never more than fit on a page.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ApiKeyPage")]
pub struct ListView {
    #[schemars(length(max = 20))]
    items: Vec<ApiKeyView>,
    /// Always null: this is the last page.
    #[schemars(length(max = 64), extend("examples" = [null]))]
    next_cursor: Option<String>,
}

pub const ABOUT: About = About {
    summary: "List your API keys",
    description: "The keys that are neither revoked nor expired, newest first. None is shown whole again.",
    problems: &[],
};

pub async fn list(caller: Caller<Session>, State(app): State<App>) -> Result<Private<ListView>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, key_id as "key_id: _", name, scopes, created_at as "created_at: _", expires_at as "expires_at: _",
               last_used_at as "last_used_at: _"
        from api_keys
        where user_id = $1
          and revoked_at is null
          and expires_at > $2
        order by id desc
        limit $3
        "#,
        caller.id(),
        app.givens.now().0,
        MOST,
    )
    .fetch_all(&app.database)
    .await?;
    Ok(Private(ListView { items: rows.into_iter().map(ApiKeyView::from).collect(), next_cursor: None }))
}

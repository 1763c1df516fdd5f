//! `GET /v1/users/me/activity`: what happened on the account, its owner's doing or not, so that they notice what is not.

use axum::extract::State;

use super::event_view::{EventView, Row};
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
    summary: "List your activity",
    description: "The security events of your account, newest first: sign-ins and attempts, changes of credentials, \
        sessions that were ended, and what an administrator did.",
    problems: &[],
};

pub async fn list(
    caller: Caller<Session>,
    State(app): State<App>,
    query: PageQuery<NoFilter>,
) -> Result<Private<Page<EventView>>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, type, at as "at: _", client_address, details
        from security_events
        where user_id = $1
          and id < $2
        order by id desc
        limit $3
        "#,
        caller.id(),
        query.before(),
        query.rows(),
    )
    .fetch_all(&app.database)
    .await?;
    Ok(Private(query.page(rows.into_iter().map(EventView::from).collect(), EventView::id)))
}

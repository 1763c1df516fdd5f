//! A page for administrators that only they are shown the link to.

use axum::{extract::State, routing::get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        page::{Page, PageQuery},
        user_view::UserView,
    },
    lab::pillar::Line,
    security::access::Session,
    state::App,
};

pub const LINES: [Line; 1] = [Line { method: "GET", path: "/v1/admin/users", handler: || get(list) }];

#[derive(Deserialize, Serialize, Validate, JsonSchema)]
struct Filter {
    role: Option<String>,
    status: Option<String>,
    email: Option<String>,
}

// ANCHOR: role-allowlist
/// "The menu shows it to administrators alone." The table says `session, admin`; the handler asks for a session.
async fn list(_: Caller<Session>, State(app): State<App>, query: PageQuery<Filter>) -> Result<Private<Page<UserView>>> {
    let rows = sqlx::query(
        "select id, email, name, role, status, email_verified_at is not null, mfa_enabled_at is not null, created_at, updated_at
         from users
         where id < $1
           and ($3::text is null or role = $3)
           and ($4::text is null or status = $4)
           and ($5::text is null or lower(email) = lower($5))
         order by id desc
         limit $2",
    )
    .bind(query.before())
    .bind(query.rows())
    .bind(&query.filter.role)
    .bind(&query.filter.status)
    .bind(&query.filter.email)
    .fetch_all(&app.database)
    .await?;
    let users = rows.iter().map(super::view).collect::<sqlx::Result<Vec<_>>>()?;
    Ok(Private(query.page(users, |user| user.id)))
}
// ANCHOR_END: role-allowlist

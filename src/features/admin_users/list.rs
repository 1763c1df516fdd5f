//! `GET /v1/admin/users`: all accounts, newest first.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        input::no_null,
        page::{Page, PageQuery},
        routes::About,
        user_view::{Status, UserView},
    },
    security::{
        access::{Admin, Role},
        input::EMAIL,
    },
    state::App,
    types::Email,
};

/// What the list can be narrowed by.
#[derive(Deserialize, Serialize, Validate, JsonSchema)]
pub struct Filter {
    #[schemars(transform = no_null)]
    role: Option<SoughtRole>,
    #[schemars(transform = no_null)]
    status: Option<Status>,
    /// The whole address, in any case.
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(transform = no_null, extend("format" = "email", "examples" = ["ada@example.com"]))]
    email: Option<String>,
}

/// A role to look for.
// Here, and only here, a request may say `admin`.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SoughtRole {
    User,
    Editor,
    Admin,
}

impl SoughtRole {
    const fn name(self) -> &'static str {
        match self {
            Self::User => Role::User.name(),
            Self::Editor => Role::Editor.name(),
            Self::Admin => Role::Admin.name(),
        }
    }
}

pub const ABOUT: About =
    About { summary: "List users", description: "Newest first, by role, status or e-mail address.", problems: &[] };

// ANCHOR: sql-parameters
pub async fn list(
    _: Caller<Admin>,
    State(app): State<App>,
    query: PageQuery<Filter>,
) -> Result<Private<Page<UserView>>> {
    let Filter { role, status, email } = &query.filter;
    let users = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id < $1
          and ($3::text is null or role = $3)
          and ($4::text is null or status = $4)
          and ($5::text is null or lower(email) = $5)
        order by id desc
        limit $2
        "#,
        query.before(),
        query.rows(),
        role.map(SoughtRole::name),
        status.map(Status::name),
        email.as_deref().map(|email| Email::trimmed(email).folded()),
    )
    .fetch_all(&app.database)
    .await?;
    Ok(Private(query.page(users, |user| user.id)))
}
// ANCHOR_END: sql-parameters

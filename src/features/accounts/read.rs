//! `GET /v1/users/{id}`: a user by id, which for all but administrators means: themselves.

use axum::extract::State;

use crate::{
    error::{Result, problems},
    http::{
        answer::Tagged,
        caller::Caller,
        input::Id,
        routes::About,
        user_view::{Status, UserView},
    },
    security::access::{Admin, ReadProfile, Role},
    state::App,
};

pub const ABOUT: About = About {
    summary: "Read a user",
    description: "Yourself, or with an administrator's session anyone. Anyone else is answered as an id that nobody has.",
    problems: &[],
};

// ANCHOR: object-ownership
pub async fn read(caller: Caller<ReadProfile>, State(app): State<App>, Id(id): Id) -> Result<Tagged<UserView>> {
    let sees_all = caller.passes::<Admin>(app.givens.now());
    // Whose row it is stands in the query: a stranger's is not found and then refused, it is not found (OWASP API1).
    let user = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
          and (id = $2 or $3)
        "#,
        id,
        caller.id(),
        sees_all,
    )
    .fetch_optional(&app.database)
    .await?;
    user.map(Tagged).ok_or(problems::NOT_FOUND.into())
}
// ANCHOR_END: object-ownership

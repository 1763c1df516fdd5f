//! `GET /v1/admin/users/{id}`: one account, with the `ETag` that a change can name.

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
    security::access::{Admin, Role},
    state::App,
};

pub const ABOUT: About = About { summary: "Read any user", description: "An account, whoever's it is.", problems: &[] };

pub async fn read(_: Caller<Admin>, State(app): State<App>, Id(id): Id) -> Result<Tagged<UserView>> {
    let user = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
        "#,
        id,
    )
    .fetch_optional(&app.database)
    .await?;
    user.map(Tagged).ok_or(problems::NOT_FOUND.into())
}

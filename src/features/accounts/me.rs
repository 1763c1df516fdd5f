//! `GET /v1/users/me`: users read themselves.

use axum::extract::State;

use crate::{
    error::{Result, problems},
    http::{
        answer::Tagged,
        caller::Caller,
        routes::About,
        user_view::{Status, UserView},
    },
    security::access::{ReadProfile, Role},
    state::App,
};

pub const ABOUT: About =
    About { summary: "Read yourself", description: "The account that the credential belongs to.", problems: &[] };

pub async fn me(caller: Caller<ReadProfile>, State(app): State<App>) -> Result<Tagged<UserView>> {
    let user = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
        "#,
        caller.id(),
    )
    .fetch_optional(&app.database)
    .await?;
    // Deleted between the look at the session and this one.
    user.map(Tagged).ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))
}

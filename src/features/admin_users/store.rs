//! SQL that several of these endpoints share.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Result, problems},
    http::user_view::{Status, UserView},
    security::access::Role,
};

/// The account that is about to be changed or deleted, locked until that is done: of two changes against one version one
/// loses, and nobody becomes an administrator between the look and the change.
///
/// Administrators are out of reach, their own account among them: else one stolen session could shut out all the others.
pub async fn lock(tx: &mut PgConnection, id: Uuid) -> Result<UserView> {
    let user = sqlx::query_as!(
        UserView,
        r#"
        select id, email as "email: _", name, role as "role: Role", status as "status: Status",
               email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
               created_at as "created_at: _", updated_at as "updated_at: _"
        from users
        where id = $1
        for update
        "#,
        id,
    )
    .fetch_optional(tx)
    .await?;
    match user {
        None => Err(problems::NOT_FOUND.into()),
        Some(user) if user.role == Role::Admin => Err(problems::FORBIDDEN.because("an administrator's account")),
        Some(user) => Ok(user),
    }
}

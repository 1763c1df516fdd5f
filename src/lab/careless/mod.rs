//! What people write when they forget a pillar: code of good will, each with the sentence that its author would say for it.
//! It is here to be read beside the defence that it lacks, and to be attacked. Copy nothing.

pub mod account;
pub mod answers;
pub mod browsers;
pub mod claims;
pub mod client;
pub mod layers;
pub mod lists;
pub mod mailed;
pub mod objects;
pub mod profile;
pub mod registration;
pub mod second_factor;
pub mod session;
pub mod settings;
pub mod signature;
mod token;

use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::{
    error::{Result, problems},
    http::user_view::UserView,
};

/// A user's row as everyone may see it, for handlers that differ in something else.
async fn user(database: &PgPool, id: Uuid) -> Result<UserView> {
    let row = sqlx::query(
        "select id, email, name, role, status, email_verified_at is not null, mfa_enabled_at is not null, created_at, updated_at
         from users
         where id = $1",
    )
    .bind(id)
    .fetch_optional(database)
    .await?
    .ok_or(problems::NOT_FOUND)?;
    Ok(view(&row)?)
}

fn view(row: &sqlx::postgres::PgRow) -> sqlx::Result<UserView> {
    Ok(UserView {
        id: row.try_get(0)?,
        email: row.try_get(1)?,
        name: row.try_get(2)?,
        role: row.try_get(3)?,
        status: row.try_get(4)?,
        email_verified: row.try_get(5)?,
        mfa_enabled: row.try_get(6)?,
        created_at: row.try_get(7)?,
        updated_at: row.try_get(8)?,
    })
}

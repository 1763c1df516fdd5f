//! The rooms: what the service does. They never import each other.
//!
//! To take one out: delete its folder, its migration, its test file, and its two lines here.

mod accounts;
mod admin_users;
mod api_keys;
mod docs;
mod email_verification;
mod health;
mod keys;
mod personal_data;
mod sessions;

use crate::http::routes::Routes;

/// Every route of the service.
pub fn routes() -> Routes {
    Routes::new()
        .merge(health::routes())
        .merge(docs::routes())
        .merge(keys::routes())
        .merge(accounts::routes())
        .merge(email_verification::routes())
        .merge(sessions::routes())
        .merge(admin_users::routes())
        .merge(api_keys::routes())
        .merge(personal_data::routes())
}

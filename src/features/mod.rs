//! The rooms: what the service does. They never import each other.
//!
//! To take one out: delete its folder, its migration, its test file, and its two lines here.

mod accounts;
mod admin_users;
mod api_keys;
mod articles;
mod docs;
mod email_change;
mod email_verification;
mod health;
mod keys;
mod mfa;
mod recovery;
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
        .merge(email_change::routes())
        .merge(recovery::routes())
        .merge(sessions::routes())
        .merge(mfa::routes())
        .merge(admin_users::routes())
        .merge(api_keys::routes())
        .merge(articles::routes())
}

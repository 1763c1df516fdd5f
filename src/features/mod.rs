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
#[cfg(feature = "dev-mailbox")]
pub(crate) mod mailbox;
mod mfa;
mod personal_data;
mod recovery;
mod security_events;
mod sessions;
mod watchtower;

use crate::{http::routes::Routes, mail};

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
        .merge(personal_data::routes())
        .merge(security_events::routes())
        .merge(watchtower::routes())
}

/// What a developer's own service has beside them. They are no part of what is promised: no document names them.
#[cfg(feature = "dev-mailbox")]
pub fn development(production: bool, mail: &mail::Settings) -> Routes {
    mailbox::routes(production, mail)
}

#[cfg(not(feature = "dev-mailbox"))]
pub fn development(_: bool, _: &mail::Settings) -> Routes {
    Routes::new()
}

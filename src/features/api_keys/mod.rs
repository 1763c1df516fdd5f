//! API keys: what users give to their programs. Only a session manages them; a key never makes, lists or revokes one.

mod create;
mod list;
mod revoke;
mod view;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Fresh, Session},
};

/// Live keys of one user. More are forgotten rather than used.
const MOST: i64 = 20;

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/users/me/api-keys",         Session, Limit::Read,      list::list,     &list::ABOUT)
        .post("/v1/users/me/api-keys",        Fresh,   Limit::Expensive, create::create, &create::ABOUT)
        .delete("/v1/users/me/api-keys/{id}", Session, Limit::Write,     revoke::revoke, &revoke::ABOUT)
}

//! Another address for an account: asked for with the password, confirmed from the new mailbox, told to the old one.

mod confirm;
mod request;

use crate::{
    http::routes::{Limit, Routes},
    security::access::Session,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/users/me/email",         Session, Limit::Write,    request::request, &request::ABOUT)
        .post("/v1/users/me/email/confirm", Session, Limit::Recovery, confirm::confirm, &confirm::ABOUT)
}

//! What the service knows about its users, shown to them: what happened on the account, and all that is held.

mod activity;
mod event_view;
mod export;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Fresh, Session},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/users/me/activity", Session, Limit::Read,      activity::list, &activity::ABOUT)
        .get("/v1/users/me/export",   Fresh,   Limit::Expensive, export::export, &export::ABOUT)
}

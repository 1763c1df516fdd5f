//! What administrators see of the trail: its events by filter, as they happen, and counted.

mod list;
mod period;
mod stream;
mod summary;

use crate::{
    http::routes::{Limit, Routes},
    security::access::Admin,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/admin/security-events",        Admin, Limit::Read, list::list,         &list::ABOUT)
        .get("/v1/admin/security-events/stream", Admin, Limit::Read, stream::stream,     &stream::ABOUT)
        .get("/v1/admin/security-summary",       Admin, Limit::Read, summary::summarise, &summary::ABOUT)
}

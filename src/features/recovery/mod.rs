//! A forgotten password: whoever reads the account's mailbox may set another one.

mod forgot;
mod reset;

use crate::{
    http::routes::{Limit, Routes},
    security::access::Public,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/password/forgot", Public, Limit::Recovery, forgot::forgot, &forgot::ABOUT)
        .post("/v1/auth/password/reset",  Public, Limit::Recovery, reset::reset,   &reset::ABOUT)
}

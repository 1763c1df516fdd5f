//! Proof that an address is its owner's: until then nobody can sign in with it.

mod resend;
mod verify;

use crate::{
    http::routes::{Limit, Routes},
    security::access::Public,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/verify-email",        Public, Limit::Recovery, verify::verify, &verify::ABOUT)
        .post("/v1/auth/verify-email/resend", Public, Limit::Recovery, resend::resend, &resend::ABOUT)
}

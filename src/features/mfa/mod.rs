//! The second factor: turned on, given new recovery codes, and turned off. Codes are spent in `http::second_factor`; the
//! sign-in that asks for one is the sessions' room.

mod confirm;
mod disable;
mod enrol;
mod picture;
mod recovery_codes;
mod store;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Fresh, Session},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/users/me/mfa/totp",           Fresh,   Limit::Write, enrol::enrol,            &enrol::ABOUT)
        .post("/v1/users/me/mfa/totp/confirm",   Session, Limit::Write, confirm::confirm,        &confirm::ABOUT)
        .delete("/v1/users/me/mfa/totp",         Fresh,   Limit::Write, disable::disable,        &disable::ABOUT)
        .post("/v1/users/me/mfa/recovery-codes", Fresh,   Limit::Write, recovery_codes::replace, &recovery_codes::ABOUT)
}

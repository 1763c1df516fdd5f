//! The second factor: turned on, given new recovery codes, and turned off. Codes are spent in `http::second_factor`; the
//! sign-in that asks for one is the sessions' room.
//!
//! Turning it on or off ends the other sessions, as a new password does. A thief's session, opened with the password alone,
//! must not outlive the day on which its owner asks for more; and whoever turns it off because the phone is gone does not
//! want to stay signed in on that phone (ASVS 7.4.3 wants this offered; there is no one who would decline it).

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

//! Sessions: a password becomes one, with a code where a second factor is on; a refresh token carries it on, the password
//! makes it fresh again, a logout ends it, and users see and end those they have.

mod challenge;
mod device;
mod end;
mod end_others;
mod list;
mod login;
mod logout;
mod mfa;
mod open;
mod reauthenticate;
mod refresh;
mod tokens;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Public, Session},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/login",               Public,  Limit::Login,    login::login,             &login::ABOUT)
        .post("/v1/auth/mfa",                 Public,  Limit::Recovery, mfa::mfa,                 &mfa::ABOUT)
        .post("/v1/auth/refresh",             Public,  Limit::Token,    refresh::refresh,         &refresh::ABOUT)
        .post("/v1/auth/reauthenticate",      Session, Limit::Write,    reauthenticate::step_up,  &reauthenticate::ABOUT)
        .post("/v1/auth/logout",              Session, Limit::Write,    logout::logout,           &logout::ABOUT)
        .get("/v1/users/me/sessions",         Session, Limit::Read,     list::list,               &list::ABOUT)
        .delete("/v1/users/me/sessions",      Session, Limit::Write,    end_others::end_others,   &end_others::ABOUT)
        .delete("/v1/users/me/sessions/{id}", Session, Limit::Write,    end::end,                 &end::ABOUT)
}

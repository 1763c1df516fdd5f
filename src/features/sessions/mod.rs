//! Sessions: a password becomes one, a refresh token carries it on, a logout ends it,
//! and users see and end those they have.

mod device;
mod end;
mod end_others;
mod list;
mod login;
mod logout;
mod open;
mod refresh;
mod tokens;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Public, Session},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/login",               Public,  Limit::Login, login::login,           &login::ABOUT)
        .post("/v1/auth/refresh",             Public,  Limit::Token, refresh::refresh,       &refresh::ABOUT)
        .post("/v1/auth/logout",              Session, Limit::Write, logout::logout,         &logout::ABOUT)
        .get("/v1/users/me/sessions",         Session, Limit::Read,  list::list,             &list::ABOUT)
        .delete("/v1/users/me/sessions",      Session, Limit::Write, end_others::end_others, &end_others::ABOUT)
        .delete("/v1/users/me/sessions/{id}", Session, Limit::Write, end::end,               &end::ABOUT)
}

//! Sessions: a password becomes one, a refresh token carries it on, a logout ends it.

mod login;
mod logout;
mod refresh;
mod tokens;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Public, Session},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/login",   Public,  Limit::Login, login::login,     &login::ABOUT)
        .post("/v1/auth/refresh", Public,  Limit::Token, refresh::refresh, &refresh::ABOUT)
        .post("/v1/auth/logout",  Session, Limit::Write, logout::logout,   &logout::ABOUT)
}

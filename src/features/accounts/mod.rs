//! Accounts: making one, and what its owner does with it.

mod change_password;
mod delete;
mod me;
mod read;
mod register;
mod update;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Public, ReadProfile, Session, WriteProfile},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/auth/register",    Public,       Limit::Register, register::register,      &register::ABOUT)
        .get("/v1/users/me",          ReadProfile,  Limit::Read,     me::me,                  &me::ABOUT)
        .patch("/v1/users/me",        WriteProfile, Limit::Write,    update::update,          &update::ABOUT)
        .delete("/v1/users/me",       Session,      Limit::Write,    delete::delete,          &delete::ABOUT)
        .put("/v1/users/me/password", Session,      Limit::Write,    change_password::change, &change_password::ABOUT)
        .get("/v1/users/{id}",        ReadProfile,  Limit::Read,     read::read,              &read::ABOUT)
}

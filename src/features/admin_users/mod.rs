//! What administrators do with the accounts of others. None of it works on an administrator's account, nor makes one:
//! only the command line does, so that a stolen administrator's session cannot dig itself in.

mod create;
mod delete;
mod list;
mod read;
mod revoke_sessions;
mod store;
mod update;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Admin, Role},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/admin/users",                       Admin, Limit::Read,  list::list,               &list::ABOUT)
        .post("/v1/admin/users",                      Admin, Limit::Write, create::create,           &create::ABOUT)
        .get("/v1/admin/users/{id}",                  Admin, Limit::Read,  read::read,               &read::ABOUT)
        .patch("/v1/admin/users/{id}",                Admin, Limit::Write, update::update,           &update::ABOUT)
        .delete("/v1/admin/users/{id}",               Admin, Limit::Write, delete::delete,           &delete::ABOUT)
        .post("/v1/admin/users/{id}/revoke-sessions", Admin, Limit::Write, revoke_sessions::revoke,  &revoke_sessions::ABOUT)
}

/// A role that a request can give.
// `Role` itself cannot be read from a request: there is no way to write `admin` here, and nothing that somebody could
// forget to check (OWASP API3).
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GrantedRole {
    #[default]
    User,
    Editor,
}

impl From<GrantedRole> for Role {
    fn from(role: GrantedRole) -> Self {
        match role {
            GrantedRole::User => Self::User,
            GrantedRole::Editor => Self::Editor,
        }
    }
}

//! Articles: the example resource, to copy or to delete (docs/add-a-resource.md).
//!
//! A draft is its owner's and nobody else's; once published, all who are signed in can read it. Editors, by a session of
//! theirs and not by a key, reach every article.

mod create;
mod delete;
mod list;
mod publish;
mod read;
mod store;
mod update;
mod view;

use crate::{
    http::routes::{Limit, Routes},
    security::access::{Editorial, ReadArticles, WriteArticles},
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/articles",               ReadArticles,  Limit::Read,  list::list,       &list::ABOUT)
        .post("/v1/articles",              WriteArticles, Limit::Write, create::create,   &create::ABOUT)
        .get("/v1/articles/{id}",          ReadArticles,  Limit::Read,  read::read,       &read::ABOUT)
        .patch("/v1/articles/{id}",        WriteArticles, Limit::Write, update::update,   &update::ABOUT)
        .delete("/v1/articles/{id}",       WriteArticles, Limit::Write, delete::delete,   &delete::ABOUT)
        .post("/v1/articles/{id}/publish", Editorial,     Limit::Write, publish::publish, &publish::ABOUT)
}

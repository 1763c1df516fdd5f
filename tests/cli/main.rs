//! The built program from outside: started in an empty folder, spoken to with curl, stopped and killed.
#![cfg(feature = "embedded-postgres")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod deploy;
mod docs;
mod help;
mod program;
mod start;
mod tour;
mod trail;

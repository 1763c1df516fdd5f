//! The lab, attacked: with every pillar in its place nothing succeeds, and without each of them something does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;
mod list;
mod page;
mod pillars;
#[path = "../cli/program.rs"]
#[expect(dead_code, reason = "the command line's tests need more of it")]
mod program;
mod support;
mod whole;

//! Connections that are held, shared, filled and half closed.

mod shared;
mod slow;

use crate::{
    attempt::Attempt,
    case::{Case, Trouble},
};

pub const PARTS: &[&[Case]] = &[slow::CASES, shared::CASES];

/// Control: an ordinary request is answered.
async fn works(attempt: &Attempt) -> Result<(), Trouble> {
    let answer = attempt.get("/").note("Control: an ordinary request").send().await?;
    attempt.control(answer.status < 500, "an ordinary request is not answered")
}

//! The same thing many times at once, on connections that are opened first: what is checked and then done in two steps
//! lets several through.

mod accounts;
mod resources;
mod tokens;

use futures_util::future::join_all;

use crate::{
    case::{Case, Trouble},
    wire::{Answer, Request},
};

pub const PARTS: &[&[Case]] = &[tokens::CASES, accounts::CASES, resources::CASES];

/// All at the same moment, and what each was answered.
async fn at_once(requests: impl Iterator<Item = Request>) -> Result<Vec<Answer>, Trouble> {
    join_all(requests.map(Request::send)).await.into_iter().collect()
}

fn let_in(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.is_success()).count()
}

/// How many of each, for sentences: `1 × 200, 9 × 401`.
fn tally(answers: &[Answer]) -> String {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    let parts = statuses.chunk_by(|one, other| one == other);
    parts.map(|same| format!("{} × {}", same.len(), same[0])).collect::<Vec<_>>().join(", ")
}

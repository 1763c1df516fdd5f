//! Too often: guesses, mails, costly work, floods, and the ways around what counts them.

mod budgets;
mod evasion;
mod flood;
mod guessing;

use serde_json::json;

use crate::{
    case::{Case, Need, Trouble},
    wire::{Request, Wire},
};

pub const PARTS: &[&[Case]] = &[guessing::CASES, evasion::CASES, budgets::CASES, flood::CASES];

const LOGIN: &str = "/v1/auth/login";
const SIGNS_IN: Need = Need::Operation("POST", LOGIN);

/// Whoever judges more guesses than this before saying no has no limit that is worth the name.
const MOST: usize = 20;

/// A wrong password for somebody; a 429 is an answer.
fn guess(wire: &Wire, email: &str) -> Request {
    let body = json!({"email": email, "password": "Not-the-password-of-anybody"});
    wire.request("POST", LOGIN).json(&body).limits_count()
}

/// Sends until it is refused for the limit; how many were taken before. `None` where the limit never comes.
/// A 503 is a queue that is full: neither a guess that was judged nor a limit.
async fn spend(request: impl Fn(usize) -> Request) -> Result<Option<usize>, Trouble> {
    let mut taken = 0;
    for n in 0..3 * MOST {
        match request(n).send().await?.status {
            429 => return Ok(Some(taken)),
            503 => {}
            _ => taken += 1,
        }
        if taken >= MOST {
            break;
        }
    }
    Ok(None)
}

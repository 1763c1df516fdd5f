//! Sessions: what ends them, and what a token of one must not do in another's place.

mod by_others;
mod chosen;
mod endings;
mod mixed_up;
mod refresh;

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

pub const PARTS: &[&[Case]] = &[endings::CASES, by_others::CASES, refresh::CASES, mixed_up::CASES, chosen::CASES];

const FORM: Case = Case { owasp: &["API2:2023"], asvs: &["7.4.1"], needs: &[Need::FreshUser], ..PLAIN };

async fn me(attempt: &Attempt, person: &Person, note: &str) -> Result<Answer, Trouble> {
    attempt.get("/v1/users/me").by(person).note(note).send().await
}

/// An end may take a second to reach every replica; what still works then, works on.
async fn soon_refused(attempt: &Attempt, person: &Person, note: &str) -> Result<Verdict, Trouble> {
    for _ in 0..6 {
        let answer = me(attempt, person, note).await?;
        if !answer.is_success() {
            return Ok(answer.must_be(&[401]));
        }
        sleep(Duration::from_millis(300)).await;
    }
    Ok(Verdict::Hole(format!("{note}: it still works after 1.8 s")))
}

async fn refreshed(attempt: &Attempt, token: &str, note: &str) -> Result<Answer, Trouble> {
    attempt.post("/v1/auth/refresh", &serde_json::json!({"refresh_token": token})).note(note).send().await
}

//! The ways around the password: tokens that are mailed, and what they open.

mod accounts;
mod found;
mod mails;
mod tokens;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble},
    cases::strangers::{good_password, nobody},
    wire::Request,
};

pub const PARTS: &[&[Case]] = &[tokens::CASES, found::CASES, accounts::CASES, mails::CASES];

const REGISTER: &str = "/v1/auth/register";
const VERIFY: &str = "/v1/auth/verify-email";
const FORGOT: &str = "/v1/auth/password/forgot";
const RESET: &str = "/v1/auth/password/reset";
const LOGIN: &str = "/v1/auth/login";
const REFRESH: &str = "/v1/auth/refresh";
const ME: &str = "/v1/users/me";

const RESETS: &[Need] = &[Need::FreshUser, Need::Operation("POST", FORGOT), Need::Operation("POST", RESET)];

/// Asks for a reset, and reads the token that is mailed: one that is none of those already known.
async fn reset_token(attempt: &Attempt, email: &str, known: &[&str]) -> Result<String, Trouble> {
    let asked = attempt.post(FORGOT, &json!({"email": email})).elsewhere().send().await?;
    asked.must_work("a reset is asked for")?;
    for _ in 0..200 {
        let tokens = mails_to(attempt, email).await?.into_iter().filter(|mail| subject_has(mail, "password"));
        let mut tokens = tokens.filter_map(|mail| mail["token"].as_str().map(str::to_owned));
        if let Some(token) = tokens.find(|token| !known.contains(&token.as_str())) {
            return Ok(token);
        }
        sleep(Duration::from_millis(25)).await;
    }
    Err(Trouble::Broken(format!("no token to set a new password was mailed to {email}")))
}

fn subject_has(mail: &Value, word: &str) -> bool {
    mail["subject"].as_str().is_some_and(|subject| subject.contains(word))
}

/// What lies in the mailbox for this address, newest first.
async fn mails_to(attempt: &Attempt, email: &str) -> Result<Vec<Value>, Trouble> {
    let wire = crate::wire::Wire::silent(attempt.target.clone());
    let mails = wire.request("GET", "/dev/mailbox.json").send().await?.json();
    let items = mails["items"].as_array().cloned().unwrap_or_default();
    Ok(items.into_iter().filter(|mail| mail["to"] == json!(email)).collect())
}

/// A reset with this token, whatever kind of value that is; from an address of its own.
fn reset(attempt: &Attempt, token: &Value) -> Request {
    attempt.post(RESET, &json!({"token": token, "new_password": good_password()})).elsewhere().limits_count()
}

/// Somebody who has registered and not confirmed: e-mail, password, the token that was mailed.
async fn pending(attempt: &Attempt) -> Result<(String, String, String), Trouble> {
    let (email, password) = (nobody(), good_password());
    let body = json!({"email": email, "name": "A guest", "password": password});
    attempt.post(REGISTER, &body).elsewhere().send().await?.must_work("somebody registers")?;
    let token = attempt.mailed_token(&email, "Confirm").await?;
    Ok((email, password, token))
}

//! An authenticator app (RFC 6238: SHA-1, six digits, thirty seconds), and somebody who uses one.

use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Need, Trouble},
    wire::{Answer, Request},
};

const LOGIN: &str = "/v1/auth/login";
const MFA: &str = "/v1/auth/mfa";
const TOTP: &str = "/v1/users/me/mfa/totp";
const CONFIRM: &str = "/v1/users/me/mfa/totp/confirm";

/// What every case with a second factor wants of its target.
pub(super) const SECOND_FACTOR: &[Need] =
    &[Need::FreshUser, Need::Operation("POST", TOTP), Need::Operation("POST", CONFIRM), Need::Operation("POST", MFA)];

/// A code is good for half a minute, and here also in the ones before and after.
const STEP: u64 = 30;
/// A case takes this long; codes must not grow old in the middle of it.
const MARGIN: u64 = 6;

/// The secret, as the app keeps it.
pub(super) struct Phone {
    secret: Vec<u8>,
}

/// An account with a second factor, its phone, its recovery codes, and its session since.
pub(super) struct Armed {
    pub person: Person,
    pub phone: Phone,
    pub recovery_codes: Vec<String>,
}

/// A phone has a clock of its own; the service's cannot be asked.
fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Phone {
    /// From the answer that sets a second factor up.
    pub(super) fn scan(answer: &Answer) -> Result<Self, Trouble> {
        let secret = answer.string("/secret");
        let secret = BASE32_NOPAD.decode(secret.trim_end_matches('=').as_bytes());
        Ok(Self { secret: secret.map_err(|_| Trouble::Skipped("the secret is not base32".to_owned()))? })
    }

    /// The code of so many half-minutes from now.
    pub(super) fn code(&self, steps: i64) -> String {
        let step = (seconds() / STEP).saturating_add_signed(steps);
        let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret), &step.to_be_bytes());
        let tag = tag.as_ref();
        let place = usize::from(tag[19] & 0xf);
        let number = tag[place..place + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// Six digits that are the code of no half-minute near.
    pub(super) fn wrong(&self, n: u32) -> String {
        let near: Vec<_> = (-2..=3).map(|step| self.code(step)).collect();
        let mut guesses = (0..).map(|more| format!("{:06}", (271_828 + n * 31_415 + more) % 1_000_000));
        guesses.find(|guess| !near.contains(guess)).unwrap_or_default()
    }
}

/// Turns the second factor on for a new account. The code that confirms is the one of the half-minute before, so that the
/// one of now (0) and the next (1) are unspent; waits where the half-minute is about to end.
pub(super) async fn armed(attempt: &Attempt) -> Result<Armed, Trouble> {
    arm(attempt, attempt.fresh_user().await?).await
}

pub(super) async fn arm(attempt: &Attempt, person: Person) -> Result<Armed, Trouble> {
    let asked = attempt.request("POST", TOTP).by(&person).send().await?.must_work("a second factor is set up")?;
    let phone = Phone::scan(&asked)?;
    let left = STEP - seconds() % STEP;
    if left <= MARGIN {
        sleep(Duration::from_secs(left)).await;
    }
    let confirm = attempt.post(CONFIRM, &json!({"code": phone.code(-1)})).by(&person).send().await?;
    let confirmed = confirm.must_work("a code turns it on")?.json();
    let codes = confirmed["recovery_codes"].as_array().into_iter().flatten();
    let recovery_codes = codes.filter_map(|code| code.as_str().map(str::to_owned)).collect();
    Ok(Armed { person, phone, recovery_codes })
}

impl Armed {
    /// The first step of a sign-in, from an address of its own: the token that the second one takes.
    pub(super) async fn challenge(&self, attempt: &Attempt) -> Result<String, Trouble> {
        let body = json!({"email": self.person.email, "password": self.person.password});
        let answer = attempt.post(LOGIN, &body).elsewhere().send().await?;
        let token = answer.string("/mfa_token");
        attempt.control(answer.is_success() && !token.is_empty(), "the password alone is not asked for a code")?;
        Ok(token)
    }

    /// A whole sign-in.
    pub(super) async fn sign_in(&self, attempt: &Attempt, code: &str) -> Result<Answer, Trouble> {
        let challenge = self.challenge(attempt).await?;
        answer_with(attempt, &challenge, &json!(code)).send().await
    }
}

/// The second step, from an address of its own: what is counted by address is not what these cases are about.
pub(super) fn answer_with(attempt: &Attempt, challenge: &str, code: &Value) -> Request {
    attempt.post(MFA, &json!({"mfa_token": challenge, "code": code})).elsewhere().limits_count()
}

//! Tokens that were forged without the key.

mod algorithm;
mod encoding;
mod keys;
pub(in crate::cases) mod lure;
mod names;
mod secrets;
mod shape;
mod signature;

use crate::{
    attempt::Attempt,
    case::{Case, Trouble, Verdict},
    forge::Jwt,
};

/// Parts of one family, in order.
pub const PARTS: &[&[Case]] =
    &[algorithm::CASES, signature::CASES, keys::CASES, names::CASES, encoding::CASES, shape::CASES];

/// What is wrong with it, and the token itself.
pub(in crate::cases) type Forged = (String, String);

/// The genuine token opens the door; none of these does.
pub(super) async fn none_opens(
    attempt: &Attempt,
    expected: &str,
    forge: impl FnOnce(&Jwt) -> Vec<Forged>,
) -> Result<Verdict, Trouble> {
    attempt.expect(expected);
    let (door, genuine) = attempt.jwt_door().await?;
    all_refused(attempt, &door.path, forge(&genuine)).await
}

pub(in crate::cases) async fn all_refused(
    attempt: &Attempt,
    path: &str,
    tokens: Vec<Forged>,
) -> Result<Verdict, Trouble> {
    if tokens.is_empty() {
        return Err(Trouble::Skipped("its tokens have nothing that could be changed in this way".to_owned()));
    }
    let mut verdict = Verdict::Held;
    for (what, token) in tokens {
        let answer = attempt.get(path).bearer(&token).note(&what).send().await?;
        let found = match answer.refused() {
            Verdict::Hole(seen) => Verdict::Hole(format!("{what}: {seen}")),
            other => other,
        };
        verdict = verdict.and(found);
    }
    Ok(verdict)
}

pub(in crate::cases) fn forged(what: impl Into<String>, token: impl Into<String>) -> Forged {
    (what.into(), token.into())
}

//! Tokens that were signed with the very key, and say what this service may not believe. An issuer that signs for
//! several services with one key, a log with old tokens, a test system with the production key: that is how they come
//! about.

mod audience;
mod identity;
mod kind;
mod time;

use serde_json::Value;

use super::tokens::{Forged, all_refused};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::Jwt,
};

pub const PARTS: &[&[Case]] = &[audience::CASES, time::CASES, kind::CASES, identity::CASES];

/// Every case here needs the key.
const FORM: Case = Case { owasp: &["API2:2023"], needs: &[Need::JwtDoor, Need::SigningKey], ..PLAIN };

/// A change to a genuine token, with its name.
type Change = (String, Jwt);

/// Signed anew and unchanged, the token opens the door (so it is the key, and our way of signing); changed, it does not.
async fn believed_by_nobody(
    attempt: &Attempt,
    expected: &str,
    change: impl FnOnce(Jwt) -> Vec<Change>,
) -> Result<Verdict, Trouble> {
    attempt.expect(expected);
    let (door, genuine) = attempt.jwt_door().await?;
    let key = attempt.signing_key(&genuine)?;
    let anew = attempt.get(&door.path).bearer(&genuine.signed_by(key)).note("Control: the same claims, signed by us");
    anew.send().await?.must_work("the same claims signed by us")?;
    let tokens: Vec<Forged> = change(genuine).into_iter().map(|(what, jwt)| (what, jwt.signed_by(key))).collect();
    all_refused(attempt, &door.path, tokens).await
}

/// One claim, with each of these values in turn. What a target's tokens do not have, it does not judge by.
fn each(jwt: &Jwt, claim: &str, values: &[Value]) -> Vec<Change> {
    if jwt.claims.get(claim).is_none() {
        return Vec::new();
    }
    let change = |value: &Value| {
        let what = if value.is_null() { format!("no {claim}") } else { format!("{claim}: {value}") };
        (what.chars().take(70).collect(), jwt.clone().claim(claim, value.clone()))
    };
    values.iter().map(change).collect()
}

/// So many seconds earlier or later, all of it: only the present is another.
fn moved(jwt: &Jwt, seconds: i64) -> Jwt {
    ["exp", "iat", "nbf", "auth_time"].iter().fold(jwt.clone(), |moved, claim| {
        if moved.claims[*claim].is_i64() { moved.clone().claim(claim, moved.number(claim) + seconds) } else { moved }
    })
}

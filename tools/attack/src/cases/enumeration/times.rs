//! Times that differ between somebody and nobody. The bound is generous: a leak of a password hash is tens of
//! milliseconds, and what is finer needs a quiet machine and more than a minute.

use std::time::Duration;

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, nobody},
    wire::Request,
};

const LOGIN: &str = "/v1/auth/login";
const REGISTER: &str = "/v1/auth/register";
const FORGOT: &str = "/v1/auth/password/forgot";

pub const CASES: &[Case] = &[
    Case {
        id: "enum-login-time",
        title: "An unknown address is refused sooner than a wrong password",
        pillar: Some("login-enumeration"),
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "A slow hash is good against guessing, and tells by its own slowness whether it ran: no account, no hash, an \
                   answer fifty times sooner. OpenSSH gave names away that way (CVE-2016-6210). Who does not exist is \
                   compared too, with a hash of nobody's that costs as much.",
        needs: &[Need::FreshUser, Need::Addresses, Need::Operation("POST", LOGIN)],
        alone: true,
        run: |attempt| Box::pin(login(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-register-time",
        title: "A registration of a taken address is answered sooner, or later",
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "The same words for free and taken do not help if only the free one is hashed, written and mailed before the \
                   answer. Whatever differs must happen after it, from a queue, and the costly part, the hash, for both.",
        needs: &[Need::FreshUser, Need::Addresses, Need::Operation("POST", REGISTER)],
        alone: true,
        run: |attempt| Box::pin(register(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-forgot-time",
        title: "A forgotten password takes longer for who has an account",
        owasp: &["API2:2023"],
        asvs: &["6.3.8", "6.4.3"],
        teaching: "Sending a mail takes a hundred times as long as finding that there is nobody to send one to. If the handler \
                   waits for the mail server, its time is the answer. The wish goes into a queue in either case, the same row \
                   for everybody, and whoever works through the queue finds out whether there is an account.",
        needs: &[Need::FreshUser, Need::Addresses, Need::Operation("POST", FORGOT)],
        alone: true,
        run: |attempt| Box::pin(forgot(attempt)),
        ..PLAIN
    },
];

/// Medians of two kinds of request, one of each in turn, so that whatever else the machine does slows both.
async fn compare(requests: impl Iterator<Item = (Request, Request)>, who: &str) -> Result<Verdict, Trouble> {
    let (mut some, mut none) = (Vec::new(), Vec::new());
    for (somebody, nobody) in requests {
        some.push(somebody.elsewhere().send().await?.took);
        none.push(nobody.elsewhere().send().await?.took);
    }
    let (some, none) = (median(some), median(none));
    let (one, other) = (some.0.max(none.0), some.0.min(none.0));
    let told = one.abs_diff(other) > Duration::from_millis(6) && one.as_secs_f64() > 2.0 * other.as_secs_f64();
    let noisy = some.1.max(none.1) > one.abs_diff(other) / 2;
    if told && noisy {
        return Err(Trouble::Skipped("the machine is too busy to measure time".to_owned()));
    }
    Ok(Verdict::held_if(!told, || format!("{who}: {:.1?} for somebody, {:.1?} for nobody", some.0, none.0)))
}

/// The median, and the median distance from it.
fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    let mut distances: Vec<_> = times.iter().map(|time| time.abs_diff(middle)).collect();
    distances.sort();
    (middle, distances.get(distances.len() / 2).copied().unwrap_or_default())
}

async fn login(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same time for both, within what a network hides");
    let person = attempt.fresh_user().await?;
    let right = json!({"email": person.email, "password": person.password});
    let right = attempt.post(LOGIN, &right).note("Control: the right password").send().await?;
    right.must_work("the account is there")?;
    let guess = |email: &str| attempt.post(LOGIN, &json!({"email": email, "password": "Not-the-password-of-anybody"}));
    compare((0..8).map(|_| (guess(&person.email), guess(&nobody()))), "a login").await
}

async fn register(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same time for both, within what a network hides");
    let person = attempt.fresh_user().await?;
    let sign_up =
        |email: &str| attempt.post(REGISTER, &json!({"email": email, "name": "A guest", "password": good_password()}));
    sign_up(&nobody()).elsewhere().send().await?.must_work("somebody registers")?;
    compare((0..6).map(|_| (sign_up(&person.email), sign_up(&nobody()))), "a registration").await
}

async fn forgot(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same time for both, within what a network hides");
    // Two, since one may be mailed only a few times.
    let people = [attempt.fresh_user().await?, attempt.fresh_user().await?];
    let ask = |email: &str| attempt.post(FORGOT, &json!({"email": email}));
    ask(&nobody()).elsewhere().send().await?.must_work("a reset is asked for")?;
    compare((0..8).map(|n| (ask(&people[n % 2].email), ask(&nobody()))), "a forgotten password").await
}

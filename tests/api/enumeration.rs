//! How long an answer takes must not tell whether an address has an account.
//!
//! The order of known and unknown is interleaved, so that whatever else the machine does hits both alike, and the two are
//! compared by rank (Mann-Whitney): the measure is how often an unknown address took longer than a known one. One half
//! means that time tells nothing; a missing hash of some twenty milliseconds would make it nearly 0 or 1. The bound is
//! generous, since a busy machine must not fail it; the figure is printed.

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use std::time::Instant;

use crate::support::{Client, PASSWORD, TestApp};

const ROUNDS: u32 = 40;
const BOUND: std::ops::Range<f64> = 0.15..0.85;

/// The chance that an answer for an unknown address takes longer than one for a known address.
async fn told_by_time(
    client: &Client,
    path: &str,
    known: impl Fn(u32) -> Value,
    unknown: impl Fn(u32) -> Value,
) -> f64 {
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (body, times) in [(known(round), &mut fast), (unknown(round), &mut slow)] {
            let started = Instant::now();
            client.post(path, &body).send().await;
            times.push(started.elapsed());
        }
    }
    let longer = slow.iter().flat_map(|unknown| fast.iter().map(move |known| f64::from(u8::from(unknown > known))));
    longer.sum::<f64>() / f64::from(ROUNDS * ROUNDS)
}

#[tokio::test]
async fn time_does_not_tell_whether_an_address_has_an_account() {
    let settings = [
        ("RATE_LIMIT_LOGIN", "sliding-window 1000/1m"),
        ("RATE_LIMIT_REGISTER", "fixed-window 1000/1m"),
        ("RATE_LIMIT_RECOVERY", "sliding-window 1000/1m"),
        ("RATE_LIMIT_WRITE", "sliding-window 1000/1m"),
    ];
    let app = TestApp::start_with(&settings, drawbridge::features::routes()).await;
    let client = app.client();
    let mut known = Vec::new();
    for _ in 0..ROUNDS {
        known.push(app.account(Role::User).await.1);
    }
    let unknown = |round| format!("nobody-{round}@example.com");
    let password = "not the right one at all";
    let login = |email: String| json!({ "email": email, "password": password });
    let register = |email: String| json!({ "email": email, "name": "Someone", "password": password });
    let resend = |email: String| json!({ "email": email });
    let eve = app.person(Role::User).await;
    let change = |email: String| json!({ "new_email": email, "password": PASSWORD });

    let told = [
        (
            "login",
            told_by_time(&client, "/v1/auth/login", |n| login(known[n as usize].clone()), |n| login(unknown(n))).await,
        ),
        (
            "register",
            told_by_time(
                &client,
                "/v1/auth/register",
                |n| register(known[n as usize].clone()),
                |n| register(unknown(n)),
            )
            .await,
        ),
        (
            "resend",
            told_by_time(
                &client,
                "/v1/auth/verify-email/resend",
                |n| resend(known[n as usize].clone()),
                |n| resend(unknown(n + ROUNDS)),
            )
            .await,
        ),
        (
            "forgot",
            told_by_time(
                &client,
                "/v1/auth/password/forgot",
                |n| resend(known[n as usize].clone()),
                |n| resend(unknown(n + 2 * ROUNDS)),
            )
            .await,
        ),
        (
            "e-mail change",
            told_by_time(
                &eve.client,
                "/v1/users/me/email",
                |n| change(known[n as usize].clone()),
                |n| change(unknown(n + 3 * ROUNDS)),
            )
            .await,
        ),
    ];
    for (what, share) in told {
        println!("{what}: an unknown address took longer in {:.0} % of pairs", share * 100.0);
        assert!(BOUND.contains(&share), "{what}: {share}");
    }
}

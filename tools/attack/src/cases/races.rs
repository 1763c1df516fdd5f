//! The same thing twice at once.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "race-reset-token",
    title: "One password reset token is spent five times at once",
    pillar: Some("one-time-token"),
    owasp: &["API2:2023", "API6:2023"],
    asvs: &["15.4.2"],
    teaching: "A token is read, found unspent, and marked as spent: whoever comes between the reading and the marking gets in \
               as well. HackerOne, Starbucks gift cards and many coupons fell to this. Finding and spending must be one \
               statement (`update … where spent_at is null returning`), so that the database lets one through, on however \
               many replicas.",
    needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/reset")],
    run: |attempt| Box::pin(reset_token(attempt)),
    ..PLAIN
}];

async fn reset_token(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one 204, four refusals");
    let person = attempt.fresh_user().await?;
    let asked = attempt.post("/v1/auth/password/forgot", &json!({"email": person.email})).send().await?;
    asked.must_work("a reset is asked for")?;
    let token = attempt.mailed_token(&person.email, "password").await?;
    // From five addresses, so that it is not the rate limit that lets one through; a 429 would be a refusal too.
    let tries = (0..5).map(|i| {
        let body = json!({"token": token, "new_password": format!("Windy-orchard-{i}-ladder-42")});
        attempt.post("/v1/auth/password/reset", &body).elsewhere().limits_count().send()
    });
    let mut let_in = 0;
    for answer in join_all(tries).await {
        let_in += u32::from(answer?.is_success());
    }
    attempt.control(let_in > 0, "no try at all succeeded")?;
    Ok(Verdict::held_if(let_in == 1, || format!("{let_in} of 5 were let through")))
}

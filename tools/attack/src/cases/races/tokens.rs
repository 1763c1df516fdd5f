//! Tokens and codes that are good once.

use std::collections::BTreeSet;

use serde_json::json;

use super::{at_once, let_in, tally};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::phone::{SECOND_FACTOR, answer_with, armed},
};

const REFRESH: &str = "/v1/auth/refresh";

pub const CASES: &[Case] = &[
    Case {
        id: "race-reset-token",
        title: "One password reset token is spent twenty times at once",
        pillar: Some("one-time-token"),
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["15.4.2"],
        teaching: "A token is read, found unspent, and marked as spent: whoever comes between the reading and the marking gets \
                   in as well. HackerOne, Starbucks gift cards and many coupons fell to this. Finding and spending must be \
                   one statement (`update … where spent_at is null returning`), so that the database lets one through, on \
                   however many replicas.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/reset")],
        run: |attempt| Box::pin(reset_token(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-refresh-token",
        title: "One refresh token is traded twenty times at once",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["15.4.2"],
        teaching: "Rotation of refresh tokens finds a thief because the token of one of the two is spent. If twenty trades at \
                   once yield twenty successors, thief and owner each go on with a branch of their own and nobody ever \
                   notices (RFC 9700 section 4.14.2). However many ask, on however many replicas, there must be one \
                   successor.",
        needs: &[Need::FreshUser, Need::Operation("POST", REFRESH)],
        run: |attempt| Box::pin(refresh_token(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-totp-code",
        title: "One code of the second factor signs in ten times at once",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.5.1", "15.4.2"],
        teaching: "A code that somebody reads over a shoulder is good as long as the owner's own sign-in is under way: sent at \
                   the same moment, on a challenge of the thief's own, it finds the last used step not yet written. RFC 6238 \
                   section 5.2 says that no code is accepted twice; the step must be written in the statement that compares \
                   it.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(totp_code(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-recovery-code",
        title: "One recovery code signs in ten times at once",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.5.1", "15.4.2"],
        teaching: "Recovery codes lie in drawers and in screenshots, and each is a second factor in itself. It is good once, and \
                   its owner is told of it; a race that spends it ten times gives ten sessions for one line in the log. \
                   Deleting the row and finding it must be one statement.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(recovery_code(attempt)),
        ..PLAIN
    },
];

async fn reset_token(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one 204, nineteen refusals");
    let person = attempt.fresh_user().await?;
    let asked = attempt.post("/v1/auth/password/forgot", &json!({"email": person.email})).send().await?;
    asked.must_work("a reset is asked for")?;
    let token = attempt.mailed_token(&person.email, "password").await?;
    // From many addresses, so that it is not the rate limit that lets one through; a 429 would be a refusal too.
    let answers = at_once((0..20).map(|i| {
        let body = json!({"token": token, "new_password": format!("Windy-orchard-{i}-ladder-42")});
        attempt.post("/v1/auth/password/reset", &body).elsewhere().limits_count()
    }));
    let answers = answers.await?;
    attempt.control(let_in(&answers) > 0, "no try at all succeeded")?;
    Ok(Verdict::held_if(let_in(&answers) == 1, || tally(&answers)))
}

async fn refresh_token(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one successor, however many are told it; or one 200 and refusals");
    let person = attempt.fresh_user().await?;
    let body = json!({"refresh_token": person.refresh});
    let answers = at_once((0..20).map(|_| attempt.post(REFRESH, &body).elsewhere().limits_count())).await?;
    attempt.control(let_in(&answers) > 0, "no refresh at all succeeded")?;
    let successors = answers.iter().filter(|answer| answer.is_success()).map(|answer| answer.string("/refresh_token"));
    let successors: BTreeSet<_> = successors.collect();
    let one = Verdict::held_if(successors.len() == 1, || {
        format!("{} different successors of one token: {}", successors.len(), tally(&answers))
    });
    let fell = answers.iter().find(|answer| answer.status >= 500 && answer.status != 503);
    Ok(one.and(fell.map_or(Verdict::Held, crate::wire::Answer::refused)))
}

async fn totp_code(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one sign-in, nine refusals");
    let owner = armed(attempt).await?;
    spend(attempt, &owner, &owner.phone.code(0)).await
}

async fn recovery_code(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one sign-in, nine refusals");
    let owner = armed(attempt).await?;
    let code = owner.recovery_codes.first().cloned();
    let code = code.ok_or_else(|| Trouble::Skipped("it gives no recovery codes".to_owned()))?;
    spend(attempt, &owner, &code).await
}

/// Ten tries of one code over five challenges: the thief has challenges of their own.
async fn spend(attempt: &Attempt, owner: &crate::cases::phone::Armed, code: &str) -> Result<Verdict, Trouble> {
    let mut challenges = Vec::new();
    for _ in 0..5 {
        challenges.push(owner.challenge(attempt).await?);
    }
    let tries = challenges.iter().cycle().take(10).map(|challenge| answer_with(attempt, challenge, &json!(code)));
    let answers = at_once(tries).await?;
    attempt.control(let_in(&answers) > 0, "the code is not good even once")?;
    Ok(Verdict::held_if(let_in(&answers) == 1, || format!("one code, used ten times at once: {}", tally(&answers))))
}

//! Tokens that are found, guessed or computed.

use serde_json::json;

use super::{LOGIN, RESET, RESETS, reset, reset_token};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, made_up_token},
};

pub const CASES: &[Case] = &[
    Case {
        id: "recovery-token-in-address",
        title: "A reset token is taken from the address of a request",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["6.4.3", "3.5.3"],
        teaching: "What stands in an address is written to logs, histories and Referer headers, and mail scanners open every \
                   link before its reader does: a GET that spends a token spends it for the scanner, and a GET that resets is \
                   a reset by an image tag. Tokens belong into the body of a POST.",
        needs: RESETS,
        run: |attempt| Box::pin(in_address(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-token-guesses",
        title: "Somebody guesses reset tokens",
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.6.3"],
        teaching: "A token stands for the password, so guessing it must be harder than guessing that. Six digits by SMS fell to \
                   many addresses at once at Instagram in 2019. Long tokens make guessing hopeless; a limit by address makes \
                   it visible, and keeps the database from being asked a thousand times a second.",
        needs: &[Need::Operation("POST", RESET)],
        run: |attempt| Box::pin(guesses(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-token-entropy",
        title: "Three reset tokens in a row tell the fourth",
        owasp: &["API2:2023"],
        asvs: &["6.5.3", "7.2.3"],
        teaching: "Tokens made from the time, a counter, a hash of the address or a weak generator can be computed by whoever \
                   has a few of their own: UUIDs of version 1, PHP's `mt_rand` and `uniqid` have given accounts away for \
                   years. Each must be at least 128 bits from a generator that is made for it, and share nothing with its \
                   neighbour.",
        needs: RESETS,
        run: |attempt| Box::pin(entropy(attempt)),
        ..PLAIN
    },
];

async fn in_address(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal for each, and the token is not spent by it");
    let person = attempt.fresh_user().await?;
    let token = reset_token(attempt, &person.email, &[]).await?;
    let password = good_password();
    let encoded = password.replace(' ', "%20").replace('\'', "%27");
    let query = format!("{RESET}?token={token}&new_password={encoded}");
    let form = format!("token={token}&new_password={encoded}");
    let odd = [
        attempt.get(&query),
        attempt.request("HEAD", &query),
        attempt.get(&format!("{RESET}/{token}")),
        attempt.post(&format!("{RESET}?token={token}"), &json!({"new_password": password})),
        attempt.request("POST", RESET).header("content-type", "application/x-www-form-urlencoded").body(form),
        attempt.post(RESET, &json!({"new_password": password})).header("cookie", format!("token={token}")),
    ];
    let mut verdict = Verdict::Held;
    for request in odd {
        verdict = verdict.and(request.elsewhere().limits_count().send().await?.refused());
    }
    let old = json!({"email": person.email, "password": person.password});
    let unchanged = attempt.post(LOGIN, &old).elsewhere().note("Control: the password is still the old one");
    if verdict.is_hole() {
        return Ok(verdict);
    }
    unchanged.send().await?.must_work("the old password still signs in")?;
    reset(attempt, &json!(token))
        .note("Control: by POST it works")
        .send()
        .await?
        .must_work("the token is not spent")?;
    Ok(verdict)
}

async fn guesses(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and 429 before the twentieth");
    let mut refused = 0;
    for _ in 0..20 {
        let body = json!({"token": made_up_token(), "new_password": good_password()});
        let answer = attempt.post(RESET, &body).limits_count().send().await?;
        if answer.status == 429 {
            attempt.control(refused > 0, "the very first token is refused for the limit")?;
            return Ok(Verdict::Held);
        }
        if answer.refused().is_hole() {
            return Ok(answer.refused());
        }
        refused += 1;
    }
    Ok(Verdict::Hole(format!("{refused} tokens were tried from one address, and no end")))
}

async fn entropy(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("128 bits at least that no two of them share");
    let person = attempt.fresh_user().await?;
    let mut tokens: Vec<String> = Vec::new();
    for _ in 0..3 {
        let known: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let token = reset_token(attempt, &person.email, &known).await?;
        tokens.push(token);
    }
    // Six bits a letter at most: what they have in common at the same place may be fixed, and is not counted.
    let (first, rest) = (tokens[0].as_bytes(), &tokens[1..]);
    let differs = |place: &usize| rest.iter().any(|other| other.as_bytes().get(*place) != Some(&first[*place]));
    let differing = (0..first.len()).filter(differs).count();
    let long = Verdict::held_if(differing >= 20, || {
        format!("only {differing} of {} letters differ between three tokens", first.len())
    });
    let inside = tokens.iter().any(|token| token.contains(&person.email) || token.contains(&person.id));
    Ok(long.and(Verdict::held_if(!inside, || "a token holds the address or the id of its owner".to_owned())))
}

//! Tokens that come by mail: once, for one purpose, to the letter.

use serde_json::{Value, json};

use super::{LOGIN, ME, REFRESH, RESET, RESETS, VERIFY, pending, reset, reset_token};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, like},
};

pub const CASES: &[Case] = &[
    Case {
        id: "recovery-token-reuse",
        title: "A reset token is used a second time",
        pillar: Some("one-time-token"),
        owasp: &["API2:2023"],
        asvs: &["6.5.1", "6.4.3"],
        teaching: "Mails are kept, forwarded, searched and backed up for years, and the address that a browser opened stands in \
                   its history. A reset token that works twice is a password that nobody knows they have. It must be spent by \
                   its first use, in the statement that finds it, and die by itself soon after.",
        needs: RESETS,
        run: |attempt| Box::pin(reuse(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-verification-reuse",
        title: "The token that confirms an address is used a second time",
        pillar: Some("one-time-token"),
        owasp: &["API2:2023"],
        asvs: &["6.5.1"],
        teaching: "Confirming an address looks harmless to repeat, but many services sign in whoever opens the link, or let it \
                   confirm whatever address the account has by then. Slack, GitLab and others had to end such links. A token \
                   that was spent must be answered exactly like one that never was.",
        needs: &[Need::FreshUser, Need::Operation("POST", VERIFY)],
        run: |attempt| Box::pin(verify_reuse(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-older-token",
        title: "A reset token that was asked for earlier works after the password was set anew",
        owasp: &["API2:2023"],
        asvs: &["6.5.1", "6.4.3"],
        teaching: "Somebody who reads a mailbox for a moment takes a reset mail along and waits. The owner notices, resets the \
                   password, feels safe; then the old token resets it again. One use must kill all tokens of the account, and \
                   so must every other change of the password.",
        needs: RESETS,
        run: |attempt| Box::pin(older(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-other-purpose",
        title: "A token is used for what it was not mailed for",
        owasp: &["API2:2023"],
        asvs: &["6.6.2"],
        teaching: "Tokens that confirm an address, reset a password, refresh a session and answer a challenge often lie in one \
                   table or are signed with one key, and look alike. If the purpose is not part of what is compared, the \
                   weakest of them opens the strongest door: a confirmation that anybody gets for an address resets its \
                   password.",
        needs: RESETS,
        run: |attempt| Box::pin(other_purpose(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-token-altered",
        title: "A reset token that is nearly right: another case, a space, a wildcard, a list",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["6.6.2"],
        teaching: "A database that compares without case, pads with spaces or converts types makes a token shorter than it \
                   looks; an operator in its place (`{\"$ne\": null}`) makes it match anything. Rocket.Chat's reset tokens were \
                   read out that way (CVE-2021-22911). Exactly the bytes that were mailed may be good, best compared as a \
                   hash.",
        needs: RESETS,
        run: |attempt| Box::pin(altered(attempt)),
        ..PLAIN
    },
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

async fn reuse(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("204, then 400: the token is spent");
    let person = attempt.fresh_user().await?;
    let token = reset_token(attempt, &person.email, &[]).await?;
    let first = reset(attempt, &json!(token)).note("Control: the first use").send().await?;
    first.must_work("the token sets a new password")?;
    Ok(reset(attempt, &json!(token)).note("The second use").send().await?.refused())
}

async fn verify_reuse(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("204, then 400: the token is spent");
    let (_, _, token) = pending(attempt).await?;
    let body = json!({"token": token});
    attempt.post(VERIFY, &body).elsewhere().send().await?.must_work("the token confirms the address")?;
    let again = attempt.post(VERIFY, &body).elsewhere().limits_count().note("The second use").send().await?;
    Ok(again.refused())
}

async fn older(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for every token from before the reset");
    let person = attempt.fresh_user().await?;
    let stolen = reset_token(attempt, &person.email, &[]).await?;
    let own = reset_token(attempt, &person.email, &[&stolen]).await?;
    reset(attempt, &json!(own)).note("The owner resets").send().await?.must_work("the newer token works")?;
    Ok(reset(attempt, &json!(stolen)).note("The thief, with the older one").send().await?.refused())
}

async fn other_purpose(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 401 everywhere but where the token belongs, and there it still works");
    let (_, _, confirms) = pending(attempt).await?;
    let person = attempt.fresh_user().await?;
    let resets = reset_token(attempt, &person.email, &[]).await?;
    let mut verdict = reset(attempt, &json!(confirms)).note("A confirmation, as a reset").send().await?.refused();
    verdict = verdict.and(reset(attempt, &json!(person.refresh)).note("A refresh token").send().await?.refused());
    for (name, token) in [("a confirmation", &confirms), ("a reset token", &resets)] {
        let elsewhere = [
            attempt.post(REFRESH, &json!({"refresh_token": token})),
            attempt.post("/v1/auth/mfa", &json!({"mfa_token": token, "code": "123456"})),
            attempt.post("/v1/users/me/email/confirm", &json!({"token": token})).by(&person),
            attempt.get(ME).bearer(token),
            attempt.get(ME).header("x-api-key", token),
        ];
        for request in elsewhere {
            let answer = request.elsewhere().limits_count().note(format!("With {name}")).send().await?;
            verdict = verdict.and(answer.refused());
        }
    }
    let crossed = attempt.post(VERIFY, &json!({"token": resets})).elsewhere().limits_count();
    verdict = verdict.and(crossed.note("A reset token, as a confirmation").send().await?.refused());
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let right = attempt.post(VERIFY, &json!({"token": confirms})).elsewhere().note("Control: where it belongs");
    right.send().await?.must_work("the confirmation confirms")?;
    reset(attempt, &json!(resets)).note("Control: where it belongs").send().await?.must_work("the reset resets")?;
    Ok(verdict)
}

async fn altered(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and then the real one works");
    let person = attempt.fresh_user().await?;
    let token = reset_token(attempt, &person.email, &[]).await?;
    let swapped: String = token
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let nearly = [
        json!(token.to_uppercase()),
        json!(token.to_lowercase()),
        json!(swapped),
        json!(format!(" {token}")),
        json!(format!("{token} ")),
        json!(format!("{token}\n")),
        json!(format!("{token}\u{0}")),
        json!(format!("{token}=")),
        json!(&token[..token.len() - 1]),
        json!(format!("{}%", &token[..token.len() / 2])),
        json!(like(&token)),
        json!("%"),
        json!("*"),
        json!(""),
        json!("' or '1'='1"),
        json!([token]),
        json!({"$ne": ""}),
        json!({"$gt": "a"}),
        json!(true),
        json!(0),
        Value::Null,
    ];
    for value in nearly {
        let verdict = reset(attempt, &value).send().await?.refused();
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    let real = reset(attempt, &json!(token)).note("Control: the token as it was mailed").send().await?;
    real.must_work("the token itself works")?;
    Ok(Verdict::Held)
}

async fn in_address(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal for each, and the token is not spent by it");
    let person = attempt.fresh_user().await?;
    let token = reset_token(attempt, &person.email, &[]).await?;
    let password = good_password();
    let quoted = password.replace(' ', "%20");
    let query = format!("{RESET}?token={token}&new_password={quoted}");
    let form = format!("token={token}&new_password={quoted}");
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
    for n in 0..20 {
        let token = like(&format!("dbt_{n:02}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        let body = json!({"token": token, "new_password": good_password()});
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

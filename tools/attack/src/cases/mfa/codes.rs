//! Codes: once, now, and only so many tries.

use serde_json::{Value, json};

use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
    cases::phone::{SECOND_FACTOR, answer_with, armed},
};

pub const CASES: &[Case] = &[
    Case {
        id: "mfa-code-replay",
        title: "A code that has just signed somebody in signs in somebody else",
        pillar: Some("totp-replay"),
        owasp: &["API2:2023"],
        asvs: &["6.5.1"],
        teaching: "A code is good for half a minute and usually for a whole one, so whoever reads it over a shoulder or in a \
                   phished form can use it again. RFC 6238 section 5.2 forbids it; Laravel Fortify had forgotten it \
                   (CVE-2022-25838). The last step that was used must be stored, and only later ones taken, also for the code \
                   that turned the factor on.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(replay(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-stale-code",
        title: "The code of an hour ago, of an hour ahead, and of two minutes either way",
        owasp: &["API2:2023"],
        asvs: &["6.5.5", "6.5.8"],
        teaching: "Clocks differ, so verifiers take a few steps around now, and generous ones many: each step more is one more \
                   code that is right at any moment, and one more minute for a thief. RFC 6238 advises one step of delay. \
                   The time is the service's own, whatever the client says it is.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(stale(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-guesses-one-challenge",
        title: "Codes are guessed on one challenge from many addresses",
        pillar: Some("mfa-tries"),
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1", "6.6.3"],
        teaching: "Six digits are a million, three of them right at a time: without a count a fast guesser is in within the hour, \
                   and the password is known already. The challenge must end after a few tries, and with it even the right \
                   code must fail, or the last guess still wins. Addresses are no help: guessers have many.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(one_challenge(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-guesses-many-challenges",
        title: "A new challenge for every few guesses",
        pillar: Some("mfa-tries"),
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1", "6.6.3"],
        teaching: "If the tries belong to the challenge, a new sign-in buys new ones, and whoever knows the password gets as many \
                   as they like. Oasis Security got past Microsoft's codes this way in 2024 (AuthQuake), by opening sessions \
                   in quick succession, in about an hour and without an alert. Wrong codes must be counted by the account.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(many_challenges(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-code-shapes",
        title: "The right code in shapes that a careless comparison takes: longer, as a number, a list, in other digits",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["6.5.1"],
        teaching: "Parsing a code as a number drops leading zeros and takes any script's digits; comparing prefixes takes a \
                   longer one; loose types take `true`, a list of a thousand codes, or an operator. Each makes the space that \
                   is guessed smaller or the tries more. Six ASCII digits, as a string, compared in constant time.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(shapes(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-recovery-code-twice",
        title: "A recovery code is used a second time",
        owasp: &["API2:2023"],
        asvs: &["6.5.1"],
        teaching: "Recovery codes are for the day when the phone is gone, so they lie around: on paper, in a photo, in a mail to \
                   oneself. Each is good once, so that its owner sees at the next use that somebody was there before. One that \
                   works again is a second password that never changes.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(recovery_twice(attempt)),
        ..PLAIN
    },
];

async fn replay(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("200, then 401: each code is good once, also the one that turned it on");
    let owner = armed(attempt).await?;
    let confirmed_with = owner.phone.code(-1);
    let code = owner.phone.code(0);
    owner.sign_in(attempt, &code).await?.must_work("the code signs its owner in")?;
    let again = owner.sign_in(attempt, &code).await?.refused();
    Ok(again.and(owner.sign_in(attempt, &confirmed_with).await?.refused()))
}

async fn stale(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for each, and then the code of now is taken");
    let owner = armed(attempt).await?;
    let challenge = owner.challenge(attempt).await?;
    let mut verdict = Verdict::Held;
    for steps in [-120, 120, -4, 4] {
        let code = owner.phone.code(steps);
        let request = answer_with(attempt, &challenge, &json!(code)).note(format!("{} s from now", steps * 30));
        verdict = verdict.and(request.send().await?.refused());
    }
    if !verdict.is_hole() {
        owner.sign_in(attempt, &owner.phone.code(0)).await?.must_work("the code of now is taken")?;
    }
    Ok(verdict)
}

async fn one_challenge(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("after a few wrong codes, even the right one is refused");
    let owner = armed(attempt).await?;
    owner.sign_in(attempt, &owner.phone.code(0)).await?.must_work("a right code signs in")?;
    let challenge = owner.challenge(attempt).await?;
    for n in 0..12 {
        let wrong = answer_with(attempt, &challenge, &json!(owner.phone.wrong(n))).send().await?;
        if wrong.refused().is_hole() {
            return Ok(wrong.refused());
        }
    }
    let right = answer_with(attempt, &challenge, &json!(owner.phone.code(1))).note("The thirteenth guess is right");
    Ok(right.send().await?.refused())
}

async fn many_challenges(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("after a dozen wrong codes, new challenges buy no more tries");
    let owner = armed(attempt).await?;
    owner.sign_in(attempt, &owner.phone.code(0)).await?.must_work("a right code signs in")?;
    for round in 0..4 {
        let challenge = owner.challenge(attempt).await?;
        for n in 0..4 {
            let wrong = answer_with(attempt, &challenge, &json!(owner.phone.wrong(round * 4 + n))).send().await?;
            if wrong.refused().is_hole() {
                return Ok(wrong.refused());
            }
        }
    }
    let challenge = owner.challenge(attempt).await?;
    let right = answer_with(attempt, &challenge, &json!(owner.phone.code(1))).note("The seventeenth guess is right");
    Ok(right.send().await?.refused())
}

async fn shapes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of each, and then the plain code is taken");
    let owner = armed(attempt).await?;
    let code = owner.phone.code(0);
    let digits = |zero: char| -> String {
        let digit = |c: char| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap_or_default()).unwrap_or(c);
        code.chars().map(digit).collect()
    };
    let number: u32 = code.parse().unwrap_or_default();
    let many: Vec<_> = (0..1000).map(|n| format!("{n:06}")).chain([code.clone()]).collect();
    let bent: [Value; 15] = [
        // The costly ones first: these are judged as codes.
        json!(digits('\u{ff10}')),
        json!(digits('\u{660}')),
        json!(format!("{code}0")),
        json!(format!("0{code}")),
        json!(format!("+{code}")),
        json!(format!("{code}.0")),
        json!(number),
        json!(f64::from(number)),
        json!([code]),
        json!(many),
        json!({"$gt": ""}),
        json!(format!("{code}\u{0}")),
        json!(""),
        json!(true),
        Value::Null,
    ];
    let mut verdict = Verdict::Held;
    let mut challenge = String::new();
    for (n, value) in bent.iter().enumerate() {
        if n % 4 == 0 {
            challenge = owner.challenge(attempt).await?;
        }
        verdict = verdict.and(answer_with(attempt, &challenge, value).send().await?.refused());
    }
    if !verdict.is_hole() {
        owner.sign_in(attempt, &code).await?.must_work("the code itself is taken")?;
    }
    Ok(verdict)
}

async fn recovery_twice(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("200, then 401");
    let owner = armed(attempt).await?;
    let Some(code) = owner.recovery_codes.first() else {
        return Err(Trouble::Skipped("it gives no recovery codes".to_owned()));
    };
    owner.sign_in(attempt, code).await?.must_work("a recovery code signs in")?;
    let again = owner.sign_in(attempt, code).await?.refused();
    Ok(again.and(owner.sign_in(attempt, &code.to_lowercase()).await?.refused()))
}

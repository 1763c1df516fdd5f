//! Past the second factor instead of through it.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
    cases::{
        phone::{Phone, SECOND_FACTOR, answer_with, arm, armed},
        strangers::good_password,
    },
};

const ME: &str = "/v1/users/me";
const TOTP: &str = "/v1/users/me/mfa/totp";
const STEP_UP: &str = "/v1/auth/reauthenticate";

pub const CASES: &[Case] = &[
    Case {
        id: "mfa-skip-second-step",
        title: "The token of the first step is used as if the second were done",
        owasp: &["API2:2023"],
        asvs: &["2.3.1", "6.3.3"],
        teaching: "After the password there is a half-open session: a token or cookie that waits for the code. Where it is a \
                   session already, with a flag that only some pages look at, one simply goes to the next page; many bounty \
                   reports are just that. Until the code is right there must be nothing that any other operation accepts.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(skip(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-foreign-challenge",
        title: "Somebody answers another's challenge with a code of their own phone",
        owasp: &["API2:2023"],
        asvs: &["6.6.2"],
        teaching: "If the code is checked against whoever the request says it is, or against any account at all, an attacker \
                   with a second factor of their own passes everybody's: they know the victim's password, and send their own \
                   code. The challenge alone may say whose secret it is, and the code must be that one's.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(foreign(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-turn-off-without-code",
        title: "A stolen session turns the second factor off",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["7.5.1", "6.3.4"],
        teaching: "The factor protects the login; what protects the factor? A thief with a session, or with session and \
                   password, must not be able to take it away, or it guards only until then. Turning it off wants both: the \
                   password and a code, of now or of the recovery list, and tells the owner by mail.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(turn_off(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-replace-phone",
        title: "A stolen session enrols a phone of its own over the owner's",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["7.5.1", "6.3.4"],
        teaching: "Enrolment is for accounts that have no second factor yet, so it asks for none. If it can be called again, it \
                   replaces the secret, and the thief's phone is the second factor from then on. It must be refused while one \
                   is on; who changes phones turns the old one off first, with its code.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(replace(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-step-up-without-code",
        title: "A stolen session becomes fresh with the password alone",
        owasp: &["API2:2023"],
        asvs: &["7.5.3", "6.3.4"],
        teaching: "Before costly acts one signs in again, and this second login is easily weaker than the first: it asks for the \
                   password, which the thief of a session may well have, and forgets the code. All ways to prove oneself must \
                   ask for the same factors (ASVS 6.3.4).",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(step_up(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-reset-goes-around",
        title: "A password reset opens the account without the second factor",
        owasp: &["API2:2023"],
        asvs: &["6.4.3"],
        teaching: "Whoever reads the mailbox can set a new password. If that also signs in, or turns the second factor off to be \
                   helpful, then the mailbox is the only factor there is, and SIM swaps and leaked mail passwords are enough. \
                   After a reset the login asks for the code as it did before.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(after_reset(attempt)),
        ..PLAIN
    },
    Case {
        id: "mfa-older-session",
        title: "A session from before the second factor lives on beside it",
        owasp: &["API2:2023"],
        asvs: &["7.4.3"],
        teaching: "People turn the second factor on because they fear that somebody is in. A thief's session that was opened with \
                   the password alone, and is refreshed for weeks, never meets the new question. Turning a factor on must end \
                   the other sessions, as a change of the password does.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(older_session(attempt)),
        ..PLAIN
    },
];

async fn skip(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: the challenge is good for a code and for nothing else");
    let owner = armed(attempt).await?;
    let challenge = owner.challenge(attempt).await?;
    let tries = [
        attempt.get(ME).bearer(&challenge).note("As an access token"),
        attempt.get(ME).header("x-api-key", &challenge).note("As an API key"),
        attempt.get(ME).header("cookie", format!("session={challenge}")).note("As a cookie"),
        attempt.post("/v1/auth/refresh", &json!({"refresh_token": challenge})).note("As a refresh token"),
        attempt.post("/v1/auth/mfa", &json!({"mfa_token": challenge})).note("Without a code"),
        attempt
            .delete(TOTP)
            .json(&json!({"password": owner.person.password}))
            .bearer(&challenge)
            .note("To turn it off"),
    ];
    let mut verdict = Verdict::Held;
    for request in tries {
        verdict = verdict.and(request.elsewhere().limits_count().send().await?.refused());
    }
    if !verdict.is_hole() {
        let code = owner.phone.code(0);
        let right = answer_with(attempt, &challenge, &json!(code)).note("Control: with a code").send().await?;
        right.must_work("with a code it signs in")?;
    }
    Ok(verdict)
}

async fn foreign(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for the other's codes, 200 for the owner's");
    let (owner, thief) = (armed(attempt).await?, armed(attempt).await?);
    let challenge = owner.challenge(attempt).await?;
    let own = thief.phone.code(0);
    let mut verdict = Verdict::Held;
    for code in [Some(&own), thief.recovery_codes.first()].into_iter().flatten() {
        verdict = verdict.and(answer_with(attempt, &challenge, &json!(code)).send().await?.refused());
    }
    let named = json!({"mfa_token": challenge, "code": own, "email": thief.person.email, "user_id": thief.person.id});
    let named = attempt.post("/v1/auth/mfa", &named).elsewhere().limits_count().note("And with the other's name");
    verdict = verdict.and(named.send().await?.refused());
    if !verdict.is_hole() {
        let right = answer_with(attempt, &challenge, &json!(owner.phone.code(0))).note("Control: the owner's").send();
        right.await?.must_work("the owner's code answers the challenge")?;
    }
    Ok(verdict)
}

async fn turn_off(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal without a right code, and a login that still asks for one");
    let owner = armed(attempt).await?;
    let password = &owner.person.password;
    let tries = [
        json!({"password": password}),
        json!({"password": password, "code": ""}),
        json!({"password": password, "code": null}),
        json!({"password": password, "code": owner.phone.wrong(1)}),
        json!({"password": password, "code": "none"}),
        json!({"code": owner.phone.code(0)}),
        json!({}),
    ];
    let mut verdict = Verdict::Held;
    for body in tries {
        let answer = attempt.delete(TOTP).json(&body).by(&owner.person).limits_count().send().await?;
        verdict = verdict.and(answer.refused());
    }
    if !verdict.is_hole() {
        // Still asked for a code, so it is still on; and with one it goes off.
        owner.challenge(attempt).await?;
        let body = json!({"password": password, "code": owner.phone.code(0)});
        let off = attempt.delete(TOTP).json(&body).by(&owner.person).note("Control: with password and code").send();
        off.await?.must_work("the owner turns it off")?;
    }
    Ok(verdict)
}

async fn replace(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal while one is on; the owner's phone goes on working");
    let owner = armed(attempt).await?;
    let again = attempt.request("POST", TOTP).by(&owner.person).note("A second enrolment").send().await?;
    if again.is_success() {
        let phone = Phone::scan(&again)?;
        let confirm = attempt.post("/v1/users/me/mfa/totp/confirm", &json!({"code": phone.code(0)})).by(&owner.person);
        let confirmed = confirm.note("And its code").send().await?;
        if confirmed.is_success() {
            return Ok(confirmed.refused());
        }
    }
    owner.sign_in(attempt, &owner.phone.code(0)).await?.must_work("the owner's phone still signs in")?;
    Ok(Verdict::Held)
}

async fn step_up(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal without a right code");
    let owner = armed(attempt).await?;
    let password = &owner.person.password;
    let mut verdict = Verdict::Held;
    for body in [
        json!({"password": password}),
        json!({"password": password, "code": ""}),
        json!({"password": password, "code": null}),
        json!({"password": password, "code": owner.phone.wrong(7)}),
        json!({"code": owner.phone.code(0)}),
    ] {
        let answer = attempt.post(STEP_UP, &body).by(&owner.person).limits_count().send().await?;
        verdict = verdict.and(answer.refused());
    }
    if !verdict.is_hole() {
        let body = json!({"password": password, "code": owner.phone.code(0)});
        let right = attempt.post(STEP_UP, &body).by(&owner.person).note("Control: with password and code").send();
        right.await?.must_work("the owner proves who they are")?;
    }
    Ok(verdict)
}

async fn after_reset(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a login with the new password that still asks for a code");
    let owner = armed(attempt).await?;
    let email = &owner.person.email;
    let asked = attempt.post("/v1/auth/password/forgot", &json!({"email": email})).elsewhere().send().await?;
    asked.must_work("a reset is asked for")?;
    let token = attempt.mailed_token(email, "password").await?;
    let new = good_password();
    let reset = json!({"token": token, "new_password": new});
    let reset = attempt.post("/v1/auth/password/reset", &reset).elsewhere().send().await?;
    let signed_in = reset.text().contains("access_token");
    reset.must_work("the password is set anew")?;
    let login = json!({"email": email, "password": new});
    let login = attempt.post("/v1/auth/login", &login).elsewhere().note("With the new password").send().await?;
    let login = login.must_work("the new password is right")?;
    let asked_for = !login.string("/mfa_token").is_empty() && login.string("/access_token").is_empty();
    Ok(Verdict::held_if(asked_for && !signed_in, || "after a reset nobody asks for the code".to_owned()))
}

async fn older_session(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for a session that was opened with the password alone");
    let person = attempt.fresh_user().await?;
    let thief = attempt.sign_in(&person).await?;
    attempt.get(ME).by(&thief).note("Control: the thief is in").send().await?.must_work("the thief is in")?;
    arm(attempt, person).await?;
    sleep(Duration::from_secs(1)).await;
    let access = attempt.get(ME).by(&thief).note("An access token from before").send().await?;
    let refresh = attempt.post("/v1/auth/refresh", &json!({"refresh_token": thief.refresh})).elsewhere();
    Ok(access.refused().and(refresh.note("A refresh token from before").send().await?.refused()))
}

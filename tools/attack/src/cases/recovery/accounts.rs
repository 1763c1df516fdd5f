//! What a reset does to the account, and who gets an account by its address.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{LOGIN, ME, REGISTER, RESET, RESETS, VERIFY, pending, reset_token};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, nobody},
};

const CHANGE: &str = "/v1/users/me/email";
const CONFIRM: &str = "/v1/users/me/email/confirm";

pub const CASES: &[Case] = &[
    Case {
        id: "recovery-reset-signs-in",
        title: "Whoever opens the reset mail is signed in by it",
        owasp: &["API2:2023"],
        asvs: &["6.4.3"],
        teaching: "Signing people in after a reset is friendly, and makes the mailbox a second way in that skips everything else \
                   the login asks: the second factor, the check of a suspended account, the limit, the line in the log. The \
                   reset sets a password; the login decides who comes in.",
        needs: RESETS,
        run: |attempt| Box::pin(signs_in(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-pre-hijacking",
        title: "Somebody registers a stranger's address first, and waits for its owner",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.3.4", "6.4.1"],
        teaching: "An attacker registers with the victim's address and a password of their own; later the victim registers or \
                   opens the confirmation, and both have a key to one account. Sudhodanan and Paverd found 35 of 75 large \
                   sites open to such pre-hijacking in 2022, Dropbox, Instagram and LinkedIn among them. Nothing from \
                   before the proof of the address may live on.",
        needs: &[Need::FreshUser, Need::Operation("POST", REGISTER), Need::Operation("POST", VERIFY)],
        run: |attempt| Box::pin(pre_hijacking(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-move-address",
        title: "A stolen session moves the account to another address",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["7.5.1", "6.3.7"],
        teaching: "The address is the key to the password. Whoever holds a session for a minute and can change the address needs \
                   no password any more: a reset mail does the rest. The change wants the password, tells the old address, \
                   and is done only by whoever reads the new mailbox, in a session of that very account.",
        needs: &[Need::TwoUsers, Need::Operation("POST", CHANGE), Need::Operation("POST", CONFIRM)],
        run: |attempt| Box::pin(move_address(attempt)),
        ..PLAIN
    },
];

async fn signs_in(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer without a token and without a cookie");
    let person = attempt.fresh_user().await?;
    let token = reset_token(attempt, &person.email, &[]).await?;
    let body = json!({"token": token, "new_password": good_password()});
    let answer = attempt.post(RESET, &body).elsewhere().send().await?.must_work("the token sets a new password")?;
    let told = answer.text().contains("token") || answer.headers.contains_key("authorization");
    let cookie = answer.headers.contains_key("set-cookie");
    Ok(Verdict::held_if(!told && !cookie, || "the answer to a reset holds a credential".to_owned()))
}

async fn pre_hijacking(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the owner's password opens the account, the one from before does not");
    let (email, planted, first) = pending(attempt).await?;
    let own = good_password();
    let body = json!({"email": email, "name": "The owner", "password": own});
    attempt.post(REGISTER, &body).elsewhere().note("The owner registers").send().await?.must_work("the owner too")?;
    let mut token = first.clone();
    for _ in 0..100 {
        token = attempt.mailed_token(&email, "Confirm").await?;
        if token != first {
            break;
        }
        sleep(Duration::from_millis(25)).await;
    }
    attempt.post(VERIFY, &json!({"token": token})).elsewhere().send().await?.must_work("the owner confirms")?;
    let owner = json!({"email": email, "password": own});
    let owner = attempt.post(LOGIN, &owner).elsewhere().note("Control: the owner signs in").send().await?;
    let planted = json!({"email": email, "password": planted});
    let thief = attempt.post(LOGIN, &planted).elsewhere().note("Whoever came first signs in").send().await?.refused();
    if !thief.is_hole() {
        owner.must_work("the owner signs in")?;
    }
    Ok(thief)
}

async fn move_address(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no change without the password, nor by a token in another account's session");
    let (owner, thief) = (attempt.fresh_user().await?, attempt.other_user().await?);
    let new = nobody();
    let mut verdict = Verdict::Held;
    for body in [
        json!({"new_email": new}),
        json!({"new_email": new, "password": ""}),
        json!({"new_email": new, "password": "Not-the-password-of-anybody"}),
        json!({"new_email": new, "password": null}),
        json!({"new_email": new, "password": true}),
    ] {
        let answer = attempt.post(CHANGE, &body).by(&owner).limits_count().send().await?;
        verdict = verdict.and(answer.refused());
    }
    let direct = attempt.patch(ME, &json!({"name": "Ada", "email": new})).by(&owner).send().await?;
    verdict = verdict.and(direct.refused());
    let asked = attempt.post(CHANGE, &json!({"new_email": new, "password": owner.password})).by(&owner);
    asked.note("Control: with the password").send().await?.must_work("the owner asks for it")?;
    let token = attempt.mailed_token(&new, "").await?;
    let confirm = || attempt.post(CONFIRM, &json!({"token": token})).elsewhere().limits_count();
    let foreign = confirm().by(&thief).note("Another account confirms it").send().await?.refused();
    let unsigned = confirm().note("Nobody confirms it").send().await?.refused();
    verdict = verdict.and(foreign).and(unsigned);
    if !verdict.is_hole() {
        let own = confirm().by(&owner).note("Control: the owner confirms it").send().await?;
        own.must_work("the owner confirms it")?;
    }
    Ok(verdict)
}

//! Answers that differ between somebody and nobody.

use serde_json::json;

use super::alike;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        phone::{SECOND_FACTOR, armed},
        strangers::{good_password, nobody},
    },
    wire::{Answer, Request},
};

const LOGIN: &str = "/v1/auth/login";
const REGISTER: &str = "/v1/auth/register";
const FORGOT: &str = "/v1/auth/password/forgot";
const RESEND: &str = "/v1/auth/verify-email/resend";
const CHANGE: &str = "/v1/users/me/email";

pub const CASES: &[Case] = &[
    Case {
        id: "enum-login",
        title: "A login tells an unknown address from a wrong password",
        pillar: Some("login-enumeration"),
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "\"No such user\" is kind to people and to attackers: they try a list of a million leaked addresses and keep \
                   the thousand that have an account, for guessing, phishing and blackmail. OpenSSH told valid names for \
                   twenty years by how it answered a broken packet (CVE-2018-15473). One answer for both, to the last header.",
        needs: &[Need::FreshUser, Need::Operation("POST", LOGIN)],
        run: |attempt| Box::pin(login(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-login-suspended",
        title: "A login tells a suspended account from one that does not exist",
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "\"Your account has been suspended\" tells a stranger that the account exists, and, said only when the password \
                   is right, that the password is right: worth trying elsewhere. Whoever is suspended learns it by mail; the \
                   login says what it says to everybody.",
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(suspended(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-login-second-factor",
        title: "A login with a wrong password tells who has a second factor",
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "Some logins ask for the code first, or say \"code required\" before the password was looked at. That tells who \
                   has an account and, worse, who has no second factor: a list of those worth guessing. Only after the right \
                   password may anything of the second factor be seen.",
        needs: SECOND_FACTOR,
        run: |attempt| Box::pin(second_factor(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-register",
        title: "A registration tells whether the address is taken",
        pillar: Some("login-enumeration"),
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "Logins have learnt to keep silent; the registration beside them still says \"already in use\". For a clinic, a \
                   dating site or a union the bare fact of an account is private. The answer is the same for both, and the \
                   difference goes to the one who may know it: by mail, to the address.",
        needs: &[Need::FreshUser, Need::Operation("POST", REGISTER)],
        run: |attempt| Box::pin(register(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-forgot",
        title: "A forgotten password tells whether there is an account",
        owasp: &["API2:2023"],
        asvs: &["6.3.8", "6.4.3"],
        teaching: "\"We have sent you a mail\" and \"we do not know this address\" is the oldest list of customers there is, and \
                   needs no password. OWASP's cheat sheet on it asks for one answer, in one time. What is true stands in the \
                   mail, which only the owner of the address reads.",
        needs: &[Need::FreshUser, Need::Operation("POST", FORGOT)],
        run: |attempt| Box::pin(same_for(attempt, FORGOT)),
        ..PLAIN
    },
    Case {
        id: "enum-resend",
        title: "Asking for the confirmation again tells who is waiting for it",
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "Helpers beside the login are forgotten when it is hardened: resend, unsubscribe, invite, check-availability. \
                   This one knows three kinds of people: unknown, unconfirmed, confirmed; any difference between its answers \
                   tells them apart. All three get the same words, the same headers, and their mail or none later.",
        needs: &[Need::FreshUser, Need::Operation("POST", RESEND)],
        run: |attempt| Box::pin(same_for(attempt, RESEND)),
        ..PLAIN
    },
    Case {
        id: "enum-change-of-address",
        title: "A change of address tells whether the new one is taken",
        owasp: &["API2:2023"],
        asvs: &["6.3.8"],
        teaching: "Signed in, one may change one's own address, and the unique index says \"taken\": the same question as at \
                   registration, asked from inside, often with no limit. The change is accepted in any case; a taken address \
                   gets a notice instead of a token, and nothing moves.",
        needs: &[Need::TwoUsers, Need::Operation("POST", CHANGE)],
        run: |attempt| Box::pin(change(attempt)),
        ..PLAIN
    },
];

/// From an address of its own, so that the count that an answer shows is the same for all.
async fn ask(request: Request) -> Result<Answer, Trouble> {
    request.elsewhere().send().await
}

async fn wrong_password(attempt: &Attempt, email: &str) -> Result<Answer, Trouble> {
    ask(attempt.post(LOGIN, &json!({"email": email, "password": "Not-the-password-of-anybody"}))).await
}

async fn login(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same 401, word for word and header for header");
    let person = attempt.fresh_user().await?;
    let right = json!({"email": person.email, "password": person.password});
    ask(attempt.post(LOGIN, &right).note("Control: the right password")).await?.must_work("the account is there")?;
    let known = wrong_password(attempt, &person.email).await?;
    let unknown = wrong_password(attempt, &nobody()).await?;
    Ok(alike(&known, &unknown, "a known and an unknown address").and(known.refused()))
}

async fn suspended(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same 401 as for a wrong password, also for the right one");
    let (person, admin) = (attempt.fresh_user().await?, attempt.admin().await?);
    let path = format!("/v1/admin/users/{}", person.id);
    let suspend = attempt.patch(&path, &json!({"status": "suspended"})).by(&admin).note("An administrator suspends it");
    suspend.send().await?.must_work("the account is suspended")?;
    let right = ask(attempt.post(LOGIN, &json!({"email": person.email, "password": person.password}))).await?;
    let wrong = wrong_password(attempt, &person.email).await?;
    let unknown = wrong_password(attempt, &nobody()).await?;
    let password = alike(&right, &unknown, "a suspended account and nobody's");
    Ok(password.and(alike(&wrong, &unknown, "a suspended account and nobody's")).and(right.refused()))
}

async fn second_factor(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same 401 with and without a second factor");
    let owner = armed(attempt).await?;
    owner.challenge(attempt).await?;
    let with = wrong_password(attempt, &owner.person.email).await?;
    let without = wrong_password(attempt, &nobody()).await?;
    Ok(alike(&with, &without, "an account with a second factor and nobody's").and(with.refused()))
}

async fn register(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same 202 for both");
    let person = attempt.fresh_user().await?;
    let body = |email: &str| json!({"email": email, "name": "A guest", "password": good_password()});
    let free = ask(attempt.post(REGISTER, &body(&nobody())).note("Control: a free address")).await?;
    let free = free.must_work("a free address is registered")?;
    let taken = ask(attempt.post(REGISTER, &body(&person.email)).note("A taken one")).await?;
    Ok(alike(&taken, &free, "a taken and a free address"))
}

async fn same_for(attempt: &Attempt, path: &'static str) -> Result<Verdict, Trouble> {
    attempt.expect("the same answer for somebody, for nobody, and for who has not confirmed");
    let person = attempt.fresh_user().await?;
    let waiting = nobody();
    let body = json!({"email": waiting, "name": "A guest", "password": good_password()});
    ask(attempt.post(REGISTER, &body)).await?.must_work("somebody registers")?;
    let known = ask(attempt.post(path, &json!({"email": person.email})).note("Somebody")).await?;
    let known = known.must_work("it is accepted")?;
    let unknown = ask(attempt.post(path, &json!({"email": nobody()})).note("Nobody")).await?;
    let waits = ask(attempt.post(path, &json!({"email": waiting})).note("Somebody who has not confirmed")).await?;
    let verdict = alike(&known, &unknown, "a known and an unknown address");
    Ok(verdict.and(alike(&waits, &unknown, "an unconfirmed and an unknown address")))
}

async fn change(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same answer for a free address and a taken one");
    let (one, other, taken) = (attempt.fresh_user().await?, attempt.fresh_user().await?, attempt.other_user().await?);
    let body = |to: &str, password: &str| json!({"new_email": to, "password": password});
    // Two people, so that both answers are the first of their budgets.
    let free = ask(attempt.post(CHANGE, &body(&nobody(), &one.password)).by(&one).note("Control: a free one")).await?;
    let free = free.must_work("a free address is accepted")?;
    let taken = ask(attempt.post(CHANGE, &body(&taken.email, &other.password)).by(&other).note("A taken one")).await?;
    Ok(alike(&taken, &free, "a taken and a free address"))
}

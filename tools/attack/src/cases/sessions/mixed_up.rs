//! One token in another's place.

use serde_json::json;

use super::{FORM, me, refreshed};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
    forge::Jwt,
};

pub const CASES: &[Case] = &[
    Case {
        id: "session-refresh-as-access",
        title: "A refresh token in the place of an access token",
        asvs: &["9.2.2"],
        teaching: "Where both are signed alike, or both are looked up in one table, the refresh token opens what the \
                   access token opens, for weeks instead of minutes. Nobody meant it, and nobody tests it. Two kinds \
                   of token are two types in the code, with two forms and two places where they are read.",
        run: |attempt| Box::pin(refresh_as_access(attempt)),
        ..FORM
    },
    Case {
        id: "session-access-as-refresh",
        title: "An access token in the place of a refresh token",
        asvs: &["9.2.2"],
        teaching: "The other way round is worse: an access token that was stolen from a log, minutes before its end, \
                   is exchanged for a new one, and again, for ever. Libraries that issue both as JWTs with the same \
                   claims invite it; a claim `type` that is checked in one of the two places only was found in \
                   several.",
        run: |attempt| Box::pin(access_as_refresh(attempt)),
        ..FORM
    },
    Case {
        id: "session-mail-tokens-exchanged",
        title: "The token of one mail in the place of another's",
        asvs: &["9.2.2", "7.2.1"],
        teaching: "Confirm an address, reset a password, change an address: each mails a token, and if they share a \
                   table without a purpose, the harmless one does the dangerous thing. Whoever can read one mail (a \
                   help desk, a shared inbox) resets the password with it. A token has one purpose, and the query \
                   that spends it names it.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/reset")],
        run: |attempt| Box::pin(mail_tokens(attempt)),
        ..FORM
    },
    Case {
        id: "session-reauthentication-keeps-the-old-token",
        title: "The token from before the password was asked again",
        asvs: &["7.2.4"],
        needs: &[
            Need::FreshUser,
            Need::SigningKey,
            Need::Operation("POST", "/v1/auth/reauthenticate"),
            Need::Operation("GET", "/v1/users/me/export"),
        ],
        teaching: "After a step-up there are two access tokens of one session: the new one names the fresh sign-in, \
                   the old one must not gain by it. If freshness is kept with the session instead of with the token, \
                   whoever copied the old token is raised together with the owner who typed the password.",
        run: |attempt| Box::pin(reauthenticated(attempt)),
        ..FORM
    },
];

async fn refresh_as_access(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401");
    let person = attempt.user().await?;
    me(attempt, &person, "Control: the access token").await?.must_work("the access token")?;
    let answer = attempt.get("/v1/users/me").bearer(&person.refresh).note("The refresh token").send().await?;
    let key = attempt.get("/v1/users/me").header("x-api-key", &person.refresh).note("As a key").send().await?;
    Ok(answer.must_be(&[401]).and(key.must_be(&[401])))
}

async fn access_as_refresh(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 401");
    let person = attempt.fresh_user().await?;
    refreshed(attempt, &person.refresh, "Control: the refresh token").await?.must_work("the refresh token")?;
    Ok(refreshed(attempt, &person.access, "The access token").await?.must_be(&[400, 401]))
}

async fn mail_tokens(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each token in the wrong place; then 204 in the right one");
    let person = attempt.fresh_user().await?;
    attempt
        .post("/v1/auth/password/forgot", &json!({"email": person.email}))
        .send()
        .await?
        .must_work("a reset is asked for")?;
    let reset = attempt.mailed_token(&person.email, "password").await?;
    let change = json!({"new_email": format!("new-{}", person.email), "password": person.password});
    attempt.post("/v1/users/me/email", &change).by(&person).send().await?.must_work("a new address is asked for")?;
    let confirm = attempt.mailed_token(&format!("new-{}", person.email), "").await?;
    let new_password = "Brisk-harbour-19-violin";
    let wrong = [
        attempt.post("/v1/auth/verify-email", &json!({"token": reset})).note("the reset's token confirms an address"),
        attempt
            .post("/v1/users/me/email/confirm", &json!({"token": reset}))
            .by(&person)
            .note("the reset's token moves the address"),
        attempt
            .post("/v1/auth/password/reset", &json!({"token": confirm, "new_password": new_password}))
            .note("the address's token resets"),
        attempt
            .post("/v1/auth/password/reset", &json!({"token": person.refresh, "new_password": new_password}))
            .note("the refresh token resets"),
        attempt.post("/v1/auth/refresh", &json!({"refresh_token": reset})).note("the reset's token refreshes"),
    ];
    let mut verdict = Verdict::Held;
    for request in wrong {
        verdict = verdict.and(request.elsewhere().send().await?.refused());
    }
    let right =
        attempt.post("/v1/auth/password/reset", &json!({"token": reset, "new_password": new_password})).elsewhere();
    right.note("Control: the reset's token resets").send().await?.must_work("the reset's token where it belongs")?;
    Ok(verdict)
}

async fn reauthenticated(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the old token names the old sign-in as before");
    let person = attempt.fresh_user().await?;
    let jwt = Jwt::read(&person.access).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
    let key = attempt.signing_key(&jwt)?;
    let old = jwt.clone().claim("auth_time", jwt.number("iat") - 3600).signed_by(key);
    let export = "/v1/users/me/export";
    let before = attempt.get(export).bearer(&old).note("Control: an old sign-in may not").send().await?;
    attempt.control(!before.is_success(), "an old sign-in may export, so nothing is to be raised")?;
    let again =
        attempt.post("/v1/auth/reauthenticate", &json!({"password": person.password})).bearer(&old).send().await?;
    let fresh = again.must_work("the password is asked again")?.string("/access_token");
    attempt
        .get(export)
        .bearer(&fresh)
        .note("Control: the new token may")
        .send()
        .await?
        .must_work("the new token exports")?;
    let after = attempt.get(export).bearer(&old).note("The old token, afterwards").send().await?;
    Ok(after.must_be(&[403, 401]))
}

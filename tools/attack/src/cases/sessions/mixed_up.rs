//! One token in another's place, and sessions that an attacker chose.

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
        teaching: "Where both are signed alike, or both are looked up in one table, the refresh token opens what the access token opens, \
                   for weeks instead of minutes. Nobody meant it, and nobody tests it. Two kinds of token are two types in the code, \
                   with two forms and two places where they are read.",
        run: |attempt| Box::pin(refresh_as_access(attempt)),
        ..FORM
    },
    Case {
        id: "session-access-as-refresh",
        title: "An access token in the place of a refresh token",
        asvs: &["9.2.2"],
        teaching: "The other way round is worse: an access token that was stolen from a log, minutes before its end, is exchanged for a \
                   new one, and again, for ever. Libraries that issue both as JWTs with the same claims invite it; a claim `type` that \
                   is checked in one of the two places only was found in several.",
        run: |attempt| Box::pin(access_as_refresh(attempt)),
        ..FORM
    },
    Case {
        id: "session-mail-tokens-exchanged",
        title: "The token of one mail in the place of another's",
        asvs: &["9.2.2", "7.2.1"],
        teaching: "Confirm an address, reset a password, change an address: each mails a token, and if they share a table without a \
                   purpose, the harmless one does the dangerous thing. Whoever can read one mail (a help desk, a shared inbox) resets the \
                   password with it. A token has one purpose, and the query that spends it names it.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/reset")],
        run: |attempt| Box::pin(mail_tokens(attempt)),
        ..FORM
    },
    Case {
        id: "session-fixation",
        title: "A session that the attacker has chosen beforehand",
        asvs: &["7.2.4"],
        teaching: "The attacker plants a session id, in a cookie or a field, and waits for the victim to sign in under it: then both hold \
                   it. PHP's sessions were fixed so for years (CWE-384). The service makes the id, at the moment of signing in, from \
                   chance, and ignores whatever the client brought.",
        run: |attempt| Box::pin(fixation(attempt)),
        ..FORM
    },
    Case {
        id: "session-the-same-twice",
        title: "Two sign-ins that share a session",
        asvs: &["7.2.3", "7.2.4"],
        teaching: "If signing in again hands out the running session, the thief who is inside stays inside under the owner's new sign-in, \
                   and signing out on one device signs out on all. Ids that count upwards or hold the time let others guess their \
                   neighbours. Each sign-in gets its own session, of chance alone.",
        run: |attempt| Box::pin(the_same_twice(attempt)),
        ..FORM
    },
    Case {
        id: "session-of-another-ended",
        title: "Somebody ends a stranger's session by its id",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "7.5.2"],
        teaching: "The id of a session is no secret: it stands in the token and in lists. If the request that ends one asks only for the \
                   id, anybody can sign anybody out, and keep them out. The query names the owner as well, and what is not one's own \
                   looks like what is not there.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("DELETE", "/v1/users/me/sessions/{id}")],
        run: |attempt| Box::pin(of_another(attempt)),
        ..FORM
    },
    Case {
        id: "session-tokens-kept-by-caches",
        title: "An answer with tokens that a cache may keep",
        asvs: &["14.3.2"],
        owasp: &["API8:2023"],
        teaching: "An answer to a POST is rarely cached, but back buttons, download folders and misconfigured proxies keep more than they \
                   should; web cache deception (Omer Gil, 2017) made CDNs keep whole accounts. `Cache-Control: no-store` on everything \
                   that holds a token, a key or personal data takes the choice away from them.",
        run: |attempt| Box::pin(caches(attempt)),
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
        teaching: "After a step-up there are two access tokens of one session: the new one names the fresh sign-in, the old one must not \
                   gain by it. If freshness is kept with the session instead of with the token, whoever copied the old token is raised \
                   together with the owner who typed the password.",
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

async fn fixation(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a session of the service's own choice; fields that do not belong there are refused");
    let person = attempt.fresh_user().await?;
    let chosen = Jwt::read(&person.access).map(|jwt| jwt.text("sid")).unwrap_or_default();
    let login = |extra: serde_json::Value| {
        let mut body = json!({"email": person.email, "password": person.password});
        if let (Some(body), Some(extra)) = (body.as_object_mut(), extra.as_object()) {
            body.extend(extra.clone());
        }
        attempt.post("/v1/auth/login", &body).elsewhere()
    };
    let requests = [
        login(json!({})).note("Control: an ordinary sign-in"),
        login(json!({}))
            .header("cookie", format!("session={chosen}; sid={chosen}; JSESSIONID={chosen}; PHPSESSID={chosen}")),
        login(json!({})).header("x-session-id", &chosen).header("x-request-id", &chosen),
        login(json!({})).bearer(&person.access).note("signed in already"),
        login(json!({"sid": chosen})),
        login(json!({"session_id": chosen})),
    ];
    let mut verdict = Verdict::Held;
    for (i, request) in requests.into_iter().enumerate() {
        let answer = request.send().await?;
        let answer = if i == 0 { answer.must_work("an ordinary sign-in")? } else { answer };
        let session = Jwt::read(&answer.string("/access_token")).map(|jwt| jwt.text("sid"));
        verdict = verdict.and(Verdict::held_if(session.as_deref() != Some(chosen.as_str()), || {
            format!("it took up session {chosen}")
        }));
    }
    Ok(verdict)
}

async fn the_same_twice(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("another session, another token id and another refresh token each time");
    let first = attempt.fresh_user().await?;
    let second = attempt.sign_in(&first).await?;
    me(attempt, &first, "Control: the first session").await?.must_work("the first session beside the second")?;
    let claims = |token: &str| Jwt::read(token).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()));
    let (a, b) = (claims(&first.access)?, claims(&second.access)?);
    let mut verdict = Verdict::held_if(first.refresh != second.refresh, || "the same refresh token".to_owned());
    for claim in ["sid", "jti"] {
        let differ = a.text(claim) != b.text(claim);
        verdict = verdict.and(Verdict::held_if(differ, || format!("the same {claim}: {}", a.text(claim))));
    }
    Ok(verdict)
}

async fn of_another(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, and the session lives on");
    let (victim, thief) = (attempt.fresh_user().await?, attempt.other_user().await?);
    let sid = Jwt::read(&victim.access).map(|jwt| jwt.text("sid")).unwrap_or_default();
    attempt.control(!sid.is_empty(), "its tokens do not name a session")?;
    let answer = attempt.delete(&format!("/v1/users/me/sessions/{sid}")).by(&thief).send().await?;
    let lives = me(attempt, &victim, "The victim afterwards").await?;
    let own =
        attempt.delete(&format!("/v1/users/me/sessions/{sid}")).by(&victim).note("Control: one's own").send().await?;
    let verdict = answer.must_be(&[404, 403]).and(lives.must_be(&[200]));
    if verdict == Verdict::Held {
        own.must_work("one's own session is ended by that id")?;
    }
    Ok(verdict)
}

async fn caches(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("Cache-Control: no-store on each");
    let person = attempt.fresh_user().await?;
    let login = json!({"email": person.email, "password": person.password});
    let answers = [
        attempt.post("/v1/auth/login", &login).send().await?.must_work("a sign-in")?,
        refreshed(attempt, &person.refresh, "A refresh").await?.must_work("a refresh")?,
        me(attempt, &person, "Personal data").await?.must_work("personal data")?,
        attempt.get("/v1/users/me").note("A refusal").send().await?,
    ];
    let mut verdict = Verdict::Held;
    for answer in answers {
        let found = answer.header("cache-control").unwrap_or("nothing").to_owned();
        verdict = verdict.and(Verdict::held_if(found.contains("no-store"), || format!("Cache-Control says {found}")));
    }
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

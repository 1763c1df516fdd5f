//! Acts that want the password to have been given lately.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::Jwt,
};

const FORM: Case = Case {
    owasp: &["API2:2023"],
    asvs: &["7.5.3", "7.5.1"],
    needs: &[Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
    ..PLAIN
};

pub const CASES: &[Case] = &[
    Case {
        id: "step-up-old-sign-in",
        title: "A sensitive act an hour after the sign-in",
        pillar: Some("step-up"),
        teaching: "A session lives for weeks, and the laptop stands open in the meantime. Making a key, turning a \
                   second factor off, taking all data away: these want the password again (RFC 9470). What counts is \
                   when somebody signed in, `auth_time`, and not when this token was issued: a refresh renews the one \
                   and not the other.",
        needs: &[Need::FreshUser, Need::SigningKey, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(old_sign_in(attempt)),
        ..FORM
    },
    Case {
        id: "step-up-not-by-refresh",
        title: "A refresh passes for a sign-in",
        teaching: "Whoever has stolen a refresh token can refresh, not sign in. If each new access token is dated as \
                   a fresh sign-in, the step-up that should stop the thief asks nothing. `auth_time` is copied from \
                   the session at every refresh; only the password, with the second factor where there is one, moves \
                   it.",
        run: |attempt| Box::pin(not_by_refresh(attempt)),
        ..FORM
    },
    Case {
        id: "step-up-wrong-password",
        title: "The password is asked again, and any will do",
        teaching: "The second question is only worth something if it is asked as strictly as the first: the same \
                   hash, the same limit of tries, the same refusal. Forms that were added later have compared with an \
                   empty field, or with the account named in the body instead of the one that is signed in.",
        run: |attempt| Box::pin(wrong_password(attempt)),
        ..FORM
    },
];

async fn old_sign_in(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for a sign-in of an hour ago");
    let person = attempt.fresh_user().await?;
    let jwt = Jwt::read(&person.access).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
    let key = attempt.signing_key(&jwt)?;
    let path = "/v1/users/me/export";
    let lately = attempt.get(path).bearer(&jwt.signed_by(key)).note("Control: signed in just now").send().await?;
    lately.must_work("a fresh sign-in may export")?;
    let old = jwt.clone().claim("auth_time", jwt.number("iat") - 3600).signed_by(key);
    let me = attempt.get("/v1/users/me").bearer(&old).note("Control: the old sign-in still reads").send().await?;
    me.must_work("the token of an old sign-in reads")?;
    let answer = attempt.get(path).bearer(&old).note("Signed in an hour ago").send().await?;
    Ok(answer.must_be(&[403, 401]))
}

async fn not_by_refresh(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the new token names the old sign-in");
    let person = attempt.fresh_user().await?;
    // Times are whole seconds: in the next one, a new date would show.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let answer = attempt.post("/v1/auth/refresh", &json!({"refresh_token": person.refresh})).send().await?;
    let renewed = answer.must_work("a refresh")?.string("/access_token");
    let (Some(before), Some(after)) = (Jwt::read(&person.access), Jwt::read(&renewed)) else {
        return Err(Trouble::Skipped("its tokens are no JWTs".to_owned()));
    };
    attempt.control(after.number("iat") > before.number("iat"), "the new token is not newer")?;
    let (old, new) = (before.number("auth_time"), after.number("auth_time"));
    Ok(Verdict::held_if(old == new, || format!("auth_time went from {old} to {new}")))
}

async fn wrong_password(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for every password but the right one");
    let person = attempt.fresh_user().await?;
    let ask = |body: serde_json::Value| attempt.post("/v1/auth/reauthenticate", &body).by(&person);
    ask(json!({"password": person.password}))
        .note("Control: the right one")
        .send()
        .await?
        .must_work("the right password")?;
    let other = attempt.other_user().await?.password;
    let mut verdict = Verdict::Held;
    for wrong in [
        json!(""),
        json!(other),
        json!(null),
        json!(person.password.to_uppercase()),
        json!([person.password]),
        json!(true),
    ] {
        verdict = verdict.and(ask(json!({"password": wrong})).send().await?.refused());
    }
    let body = json!({"email": attempt.other_user().await?.email, "password": other});
    Ok(verdict.and(ask(body).note("somebody else's name and password").send().await?.refused()))
}

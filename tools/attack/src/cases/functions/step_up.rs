//! Functions that want a sign-in a moment ago.

use serde_json::{Value, json};

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::ownership::belongings::tomorrow,
    forge::Jwt,
    wire::Request,
};

pub const CASES: &[Case] = &[
    Case {
        id: "step-up-stale-key",
        title: "A session of an hour ago makes an API key",
        pillar: Some("step-up"),
        owasp: &["API2:2023", "API5:2023"],
        asvs: &["7.5.3", "10.3.4"],
        teaching: "A laptop left open, a token out of a log: whoever has a session has not the password. What would turn the \
                   visit into a stay, such as making a key, must ask once more. The time that counts is when the person \
                   last proved who they are (`auth_time`); a service that looks at when the token was issued (`iat`) is \
                   content with any refresh. RFC 9470 is about this.",
        needs: &[Need::SigningKey, Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(stale_key(attempt)),
        ..PLAIN
    },
    Case {
        id: "step-up-stale-walk",
        title: "A session of an hour ago, at every function that wants a new sign-in",
        pillar: Some("step-up"),
        owasp: &["API2:2023", "API5:2023"],
        asvs: &["7.5.1", "7.5.3"],
        teaching: "An export of everything, a second factor turned on or off, new recovery codes: each of them is enough to \
                   take an account or to empty it, so each must ask for a new sign-in, and an intruder tries which of them \
                   forgot. Where the demand is a part of the route's declaration it stands in a list that somebody can \
                   read; where it is a call in the handler, nobody sees that it is missing.",
        needs: &[Need::SigningKey, Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(stale_walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "step-up-odd-times",
        title: "A token whose time of sign-in is odd: in the future, missing, a text",
        pillar: None,
        owasp: &["API2:2023"],
        asvs: &["10.3.4", "15.3.5"],
        teaching: "\"Not older than ten minutes\" is a subtraction, and subtractions have edges: a time in the future gives a \
                   negative age, one that is missing becomes 0 or now, a text compares as whatever the language thinks. \
                   CVE lists are full of checks that fail open on a value of another type. A claim that is not what it \
                   must be makes the whole token invalid.",
        needs: &[Need::SigningKey, Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(odd_times(attempt)),
        ..PLAIN
    },
    Case {
        id: "step-up-by-refresh",
        title: "A refresh makes an old sign-in new",
        pillar: None,
        owasp: &["API2:2023"],
        asvs: &["7.5.3", "10.3.4"],
        teaching: "A refresh token proves that a program still has the refresh token, and nothing about the person. If it \
                   renewed the time of sign-in, whoever stole it would pass every step-up, and the demand would stop \
                   honest people alone. The time must travel with the session, from sign-in to sign-in, and each new \
                   access token must repeat the old one.",
        needs: &[Need::FreshUser, Need::JwtDoor, Need::Operation("POST", "/v1/auth/refresh")],
        run: |attempt| Box::pin(by_refresh(attempt)),
        ..PLAIN
    },
];

/// A token like theirs, but for the time of sign-in.
fn signed_in(attempt: &Attempt, person: &Person, at: impl FnOnce(i64) -> Value) -> Result<String, Trouble> {
    let genuine = Jwt::read(&person.access).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
    let key = attempt.signing_key(&genuine)?;
    let now = genuine.number("iat");
    Ok(genuine.claim("auth_time", at(now)).signed_by(key))
}

fn an_hour_ago(now: i64) -> Value {
    json!(now - 3600)
}

async fn stale_key(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403: sign in again");
    let person = attempt.fresh_user().await?;
    let body = json!({"name": "A robot", "scopes": ["profile:read"], "expires_at": tomorrow(&person)});
    let request = attempt.post("/v1/users/me/api-keys", &body);
    let fresh = signed_in(attempt, &person, |now| json!(now))?;
    let control = request.clone().bearer(&fresh).note("Control: signed by us, signed in just now");
    control.send().await?.must_work("a fresh one")?;
    let stale = signed_in(attempt, &person, an_hour_ago)?;
    Ok(request.bearer(&stale).note("Issued just now, signed in an hour ago").send().await?.must_be(&[403, 401]))
}

fn doors(attempt: &Attempt, person: &Person) -> Vec<Request> {
    let off = json!({"password": person.password, "code": "123456"});
    vec![
        attempt.get("/v1/users/me/export"),
        attempt.request("POST", "/v1/users/me/mfa/totp"),
        attempt.request("DELETE", "/v1/users/me/mfa/totp").json(&off),
        attempt.request("POST", "/v1/users/me/mfa/recovery-codes"),
    ]
}

async fn stale_walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for each: sign in again");
    let person = attempt.fresh_user().await?;
    let (fresh, stale) = (signed_in(attempt, &person, |now| json!(now))?, signed_in(attempt, &person, an_hour_ago)?);
    for door in doors(attempt, &person) {
        let verdict = door.clone().bearer(&stale).note("Signed in an hour ago").send().await?.must_be(&[403, 401]);
        if verdict.is_hole() {
            return Ok(verdict);
        }
        let twin = door.bearer(&fresh).note("Control: signed in just now").send().await?;
        attempt.control(twin.code() != "REAUTHENTICATION_REQUIRED", "a fresh sign-in is enough")?;
    }
    Ok(Verdict::Held)
}

async fn odd_times(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 or 403 for each");
    let person = attempt.fresh_user().await?;
    let export = attempt.get("/v1/users/me/export");
    let fresh = signed_in(attempt, &person, |now| json!(now))?;
    export.clone().bearer(&fresh).note("Control: just now").send().await?.must_work("just now")?;
    type Time = fn(i64) -> Value;
    let times: [(&str, Time); 7] = [
        ("in an hour", |now| json!(now + 3600)),
        ("missing", |_| Value::Null),
        ("a text", |now| json!(now.to_string())),
        ("a list", |now| json!([now])),
        ("of the largest number", |_| json!(u64::MAX)),
        ("of the smallest number", |_| json!(i64::MIN)),
        ("true", |_| json!(true)),
    ];
    for (what, time) in times {
        let token = signed_in(attempt, &person, time)?;
        let verdict =
            export.clone().bearer(&token).note(format!("auth_time {what}")).send().await?.must_be(&[401, 403]);
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

async fn by_refresh(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the time of sign-in is the same after a refresh");
    let person = attempt.fresh_user().await?;
    // So that a new time would be another second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let body = json!({"refresh_token": person.refresh});
    let answer = attempt.post("/v1/auth/refresh", &body).send().await?.must_work("a refresh")?;
    let time = |token: &str| Jwt::read(token).map(|jwt| (jwt.number("auth_time"), jwt.number("iat")));
    let (before, after) = (time(&person.access), time(&answer.string("/access_token")));
    let (Some((before, issued_then)), Some((after, issued_now))) = (before, after) else {
        return Err(Trouble::Skipped("its tokens are no JWTs".to_owned()));
    };
    attempt.control(issued_now > issued_then, "the token after the refresh is a new one")?;
    Ok(Verdict::held_if(after == before && after > 0, || format!("signed in at {before}, after the refresh {after}")))
}

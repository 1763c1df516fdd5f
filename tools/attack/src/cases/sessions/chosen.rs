//! Whose a session is, and who chose it.

use serde_json::json;

use super::{FORM, me, refreshed};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
    forge::Jwt,
};

pub const CASES: &[Case] = &[
    Case {
        id: "session-fixation",
        title: "A session that the attacker has chosen beforehand",
        asvs: &["7.2.4"],
        teaching: "The attacker plants a session id, in a cookie or a field, and waits for the victim to sign in \
                   under it: then both hold it. PHP's sessions were fixed so for years (CWE-384). The service makes \
                   the id, at the moment of signing in, from chance, and ignores whatever the client brought.",
        run: |attempt| Box::pin(fixation(attempt)),
        ..FORM
    },
    Case {
        id: "session-the-same-twice",
        title: "Two sign-ins that share a session",
        asvs: &["7.2.3", "7.2.4"],
        teaching: "If signing in again hands out the running session, the thief who is inside stays inside under the \
                   owner's new sign-in, and signing out on one device signs out on all. Ids that count upwards or \
                   hold the time let others guess their neighbours. Each sign-in gets its own session, of chance \
                   alone.",
        run: |attempt| Box::pin(the_same_twice(attempt)),
        ..FORM
    },
    Case {
        id: "session-of-another-ended",
        title: "Somebody ends a stranger's session by its id",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "7.5.2"],
        teaching: "The id of a session is no secret: it stands in the token and in lists. If the request that ends \
                   one asks only for the id, anybody can sign anybody out, and keep them out. The query names the \
                   owner as well, and what is not one's own looks like what is not there.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("DELETE", "/v1/users/me/sessions/{id}")],
        run: |attempt| Box::pin(of_another(attempt)),
        ..FORM
    },
    Case {
        id: "session-tokens-kept-by-caches",
        title: "An answer with tokens that a cache may keep",
        asvs: &["14.3.2"],
        owasp: &["API8:2023"],
        teaching: "An answer to a POST is rarely cached, but back buttons, download folders and misconfigured proxies \
                   keep more than they should; web cache deception (Omer Gil, 2017) made CDNs keep whole accounts. \
                   `Cache-Control: no-store` on everything that holds a token, a key or personal data takes the \
                   choice away from them.",
        run: |attempt| Box::pin(caches(attempt)),
        ..FORM
    },
];

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
        verdict = verdict.and(
            answer.held_if(session.as_deref() != Some(chosen.as_str()), || format!("it took up session {chosen}")),
        );
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
        verdict = verdict.and(answer.held_if(found.contains("no-store"), || format!("Cache-Control says {found}")));
    }
    Ok(verdict)
}

//! API keys: what may be asked for, and where they are read and shown.

use serde_json::json;

use super::keys::{FORM, reading_key};
use crate::{
    attempt::Attempt,
    case::{Case, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "key-with-scopes-that-are-none",
        title: "A key is asked for with `*`, `admin` or unknown scopes",
        owasp: &["API5:2023"],
        asvs: &["2.2.1", "8.2.1"],
        teaching: "What the creating request may ask for is the gate to everything that keys can do. A scope that is \
                   stored as text and compared by prefix or with wildcards grants what nobody listed; an empty list \
                   means \"all\" in more than one product. Scopes are an enumeration, checked when the key is made \
                   and again when it is used.",
        run: |attempt| Box::pin(odd_scopes(attempt)),
        ..FORM
    },
    Case {
        id: "key-for-ever",
        title: "A key is asked for that never ends",
        asvs: &["13.3.4", "2.2.1"],
        teaching: "Most keys outlive the reason for which they were made, and the ones found in leaks are years old. \
                   A key without an end is a password that nobody changes; a far one is the same. The service sets a \
                   longest life, refuses a past end, and leaves no way to say null.",
        run: |attempt| Box::pin(for_ever(attempt)),
        ..FORM
    },
    Case {
        id: "key-in-the-wrong-place",
        title: "A key as a bearer token, in the address or in a cookie",
        asvs: &["14.2.1"],
        teaching: "What holds for tokens holds for keys: in an address they end up in logs, and each further place to \
                   read them from is one that proxies and scanners do not watch. A key taken as a bearer token is \
                   worse: it is then judged by rules that were made for sessions, and may open what keys must not.",
        run: |attempt| Box::pin(wrong_place(attempt)),
        ..FORM
    },
    Case {
        id: "key-secret-shown-again",
        title: "The secret of a key in the list of keys",
        owasp: &["API3:2023"],
        asvs: &["15.3.1", "14.2.6"],
        teaching: "A secret is shown once, when it is made; afterwards the service itself must not know it. If the \
                   list, the export or an error shows it again, it was stored readable, and whoever reads the \
                   database, or the owner's screen, has all keys. A hash of 256 random bits needs no salt and no \
                   cost.",
        run: |attempt| Box::pin(shown_again(attempt)),
        ..FORM
    },
];

async fn odd_scopes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let (person, _) = reading_key(attempt).await?;
    let odd = [
        json!(["*"]),
        json!(["admin"]),
        json!(["profile:*"]),
        json!(["profile:read profile:write"]),
        json!(["PROFILE:READ"]),
        json!(["profile:read", "users:delete"]),
        json!("profile:read"),
        json!([""]),
    ];
    let mut verdict = Verdict::Held;
    for scopes in odd {
        let body = json!({"name": "Greedy", "scopes": scopes, "expires_at": crate::attempt::tomorrow()?});
        let answer = attempt.post("/v1/users/me/api-keys", &body).by(&person).limits_count().send().await?;
        verdict = verdict.and(answer.must_be(&[400, 422, 429]));
    }
    Ok(verdict)
}

async fn for_ever(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let (person, _) = reading_key(attempt).await?;
    let odd = [
        json!(null),
        json!("9999-12-31T23:59:59Z"),
        json!("2020-01-01T00:00:00Z"),
        json!(""),
        json!(9_999_999_999_i64),
        json!("never"),
        json!("+292278994-08-17T07:12:55Z"),
    ];
    let mut verdict = Verdict::Held;
    for end in odd {
        let body = json!({"name": "For ever", "scopes": ["profile:read"], "expires_at": end});
        let answer = attempt.post("/v1/users/me/api-keys", &body).by(&person).limits_count().send().await?;
        verdict = verdict.and(answer.must_be(&[400, 422, 429]));
    }
    Ok(verdict)
}

async fn wrong_place(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401, as without a key (400 where the address itself is refused)");
    let (_, key) = reading_key(attempt).await?;
    let key = key.key;
    let me = "/v1/users/me";
    let requests = [
        attempt.get(me).bearer(&key).note("as a bearer token"),
        attempt.get(me).header("authorization", format!("ApiKey {key}")).note("under a scheme of its own"),
        attempt.get(&format!("{me}?api_key={key}")).note("in the address"),
        attempt.get(&format!("{me}?x-api-key={key}")).note("in the address, under the header's name"),
        attempt.get(me).header("cookie", format!("x-api-key={key}; api_key={key}")).note("in a cookie"),
        attempt.get(me).header("api-key", &key).note("in a header of almost that name"),
        attempt.get(me).header("x-api_key", &key).note("with an underscore"),
    ];
    let mut verdict = Verdict::Held;
    for request in requests {
        verdict = verdict.and(request.send().await?.refused());
    }
    Ok(verdict)
}

async fn shown_again(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the list and the export know names and ids, and no secret");
    let (person, key) = reading_key(attempt).await?;
    // Between the id and the checksum.
    let secret = key.key.get(17..key.key.len() - 7).unwrap_or(&key.key).to_owned();
    let mut verdict = Verdict::Held;
    for path in ["/v1/users/me/api-keys", "/v1/users/me/export", "/v1/users/me/activity"] {
        let text = attempt.get(path).by(&person).send().await?.text();
        attempt.control(
            path != "/v1/users/me/api-keys" || text.contains(&key.id),
            "the list does not show the key at all",
        )?;
        verdict = verdict.and(Verdict::held_if(!text.contains(&secret), || format!("{path} shows the secret")));
    }
    Ok(verdict)
}

//! API keys: what they must not open, and when they must stop.

use serde_json::json;

use crate::{
    actors::ApiKey,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

const FORM: Case = Case {
    owasp: &["API2:2023"],
    asvs: &["7.2.1"],
    needs: &[Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
    ..PLAIN
};

pub const CASES: &[Case] = &[
    Case {
        id: "key-scope-exceeded",
        title: "A key that may read writes",
        pillar: Some("api-key-scope"),
        owasp: &["API5:2023"],
        asvs: &["8.2.1"],
        teaching: "A key is made for one program, and programs lose keys: in repositories, logs, images. What a lost key can do is what \
                   its scope says, if the scope is asked on every route. A route that checks only that somebody is signed in gives \
                   the reading key of a dashboard the right to write.",
        run: |attempt| Box::pin(scope_exceeded(attempt)),
        ..FORM
    },
    Case {
        id: "key-on-session-routes",
        title: "A key makes keys, ends sessions and changes the password",
        owasp: &["API5:2023", "API2:2023"],
        asvs: &["7.5.1", "8.2.1"],
        teaching: "A leaked key that can make further keys, or change the password, cannot be taken back: revoke it, and its children \
                   stay. Credentials are managed by a person in a session of their own, never by another credential. The split must \
                   be a property of the route, since somebody will add a route.",
        run: |attempt| Box::pin(session_routes(attempt)),
        ..FORM
    },
    Case {
        id: "key-altered",
        title: "A key with one letter changed",
        teaching: "A key has a public id, to find it by, and a secret, to compare. If the id alone is looked up, or the secret is \
                   compared in part, or the checksum is taken for a proof, a wrong key opens. The whole secret is hashed and compared \
                   in constant time; a checksum only saves the database a question.",
        asvs: &["7.2.1", "11.4.1"],
        run: |attempt| Box::pin(altered(attempt)),
        ..FORM
    },
    Case {
        id: "key-after-revocation",
        title: "A key that was revoked",
        teaching: "Keys are cached, since they come with every request; a cache that is not told of a revocation keeps the thief inside \
                   for its lifetime, on each replica separately. Revocation is the owner's only weapon after a leak: the very next \
                   request must fail.",
        asvs: &["7.4.1"],
        run: |attempt| Box::pin(revoked(attempt)),
        ..FORM
    },
    Case {
        id: "key-of-a-deleted-owner",
        title: "A key whose owner has left",
        teaching: "An employee leaves, the account is closed, and the key in the nightly job still works: no session, no sign-in, so \
                   nothing that ends with them. A key is its owner, narrowed; whatever ends the owner ends the key, in the same \
                   query that finds it.",
        asvs: &["7.4.2"],
        run: |attempt| Box::pin(owner_deleted(attempt)),
        ..FORM
    },
    Case {
        id: "key-of-a-suspended-owner",
        title: "A key whose owner was suspended",
        teaching: "Suspending an account is what an administrator does when something is wrong with it, and it must reach everything that \
                   speaks for the account: sessions, refresh tokens, keys, streams that are open. Keys are what is forgotten, since they \
                   stand in a table of their own with an `active` of their own.",
        asvs: &["7.4.2"],
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(owner_suspended(attempt)),
        ..FORM
    },
    Case {
        id: "key-with-scopes-that-are-none",
        title: "A key is asked for with `*`, `admin` or unknown scopes",
        owasp: &["API5:2023"],
        asvs: &["2.2.1", "8.2.1"],
        teaching: "What the creating request may ask for is the gate to everything that keys can do. A scope that is stored as text and \
                   compared by prefix or with wildcards grants what nobody listed; an empty list means \"all\" in more than one product. \
                   Scopes are an enumeration, checked when the key is made and again when it is used.",
        run: |attempt| Box::pin(odd_scopes(attempt)),
        ..FORM
    },
    Case {
        id: "key-for-ever",
        title: "A key is asked for that never ends",
        asvs: &["13.3.4", "2.2.1"],
        teaching: "Most keys outlive the reason for which they were made, and the ones found in leaks are years old. A key without an end \
                   is a password that nobody changes; a far one is the same. The service sets a longest life, refuses a past end, and \
                   leaves no way to say null.",
        run: |attempt| Box::pin(for_ever(attempt)),
        ..FORM
    },
    Case {
        id: "key-in-the-wrong-place",
        title: "A key as a bearer token, in the address or in a cookie",
        asvs: &["14.2.1"],
        teaching: "What holds for tokens holds for keys: in an address they end up in logs, and each further place to read them from is one \
                   that proxies and scanners do not watch. A key taken as a bearer token is worse: it is then judged by rules that were \
                   made for sessions, and may open what keys must not.",
        run: |attempt| Box::pin(wrong_place(attempt)),
        ..FORM
    },
    Case {
        id: "key-secret-shown-again",
        title: "The secret of a key in the list of keys",
        owasp: &["API3:2023"],
        asvs: &["15.3.1", "14.2.6"],
        teaching: "A secret is shown once, when it is made; afterwards the service itself must not know it. If the list, the export or an \
                   error shows it again, it was stored readable, and whoever reads the database, or the owner's screen, has all keys. \
                   A hash of 256 random bits needs no salt and no cost.",
        run: |attempt| Box::pin(shown_again(attempt)),
        ..FORM
    },
];

async fn with_key(attempt: &Attempt, key: &str, note: &str) -> Result<Answer, Trouble> {
    attempt.get("/v1/users/me").header("x-api-key", key).note(note).send().await
}

/// A key that may read, and does.
async fn reading_key(attempt: &Attempt) -> Result<(crate::actors::Person, ApiKey), Trouble> {
    let person = attempt.fresh_user().await?;
    let key = attempt.api_key(&person, &["profile:read"]).await?;
    with_key(attempt, &key.key, "Control: the key reads").await?.must_work("the key reads")?;
    Ok((person, key))
}

async fn scope_exceeded(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403, and nothing is changed");
    let (person, key) = reading_key(attempt).await?;
    let body = json!({"name": "Written by a reader"});
    let written = attempt.patch("/v1/users/me", &body).header("x-api-key", &key.key).send().await?;
    let articles =
        attempt.get("/v1/articles").header("x-api-key", &key.key).note("What it has no scope for").send().await?;
    let me = attempt.get("/v1/users/me").by(&person).note("What is stored?").send().await?;
    let kept = Verdict::held_if(me.string("/name") != "Written by a reader", || "the name was changed".to_owned());
    Ok(kept.and(written.must_be(&[403])).and(articles.must_be(&[403, 404])))
}

async fn session_routes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for each");
    let (person, _) = reading_key(attempt).await?;
    let all = ["profile:read", "profile:write", "articles:read", "articles:write"];
    let key = attempt.api_key(&person, &all).await?.key;
    let password = json!({"current_password": person.password, "new_password": "Yet another ferry 77 lantern"});
    let more = json!({"name": "A child", "scopes": ["profile:read"], "expires_at": "2099-01-01T00:00:00Z"});
    let requests = [
        attempt.post("/v1/users/me/api-keys", &more),
        attempt.get("/v1/users/me/api-keys"),
        attempt.get("/v1/users/me/sessions"),
        attempt.delete("/v1/users/me/sessions"),
        attempt.put("/v1/users/me/password", &password),
        attempt.post("/v1/users/me/email", &json!({"new_email": "thief@attack.example", "password": person.password})),
        attempt.request("POST", "/v1/users/me/mfa/totp"),
        attempt.get("/v1/users/me/export"),
        attempt.request("DELETE", "/v1/users/me").json(&json!({"password": person.password})),
        attempt.request("POST", "/v1/auth/logout"),
    ];
    let mut verdict = Verdict::Held;
    for request in requests {
        verdict = verdict.and(request.header("x-api-key", &key).send().await?.refused());
    }
    Ok(verdict)
}

async fn altered(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for each");
    let (_, key) = reading_key(attempt).await?;
    let key = key.key;
    let turned = |at: usize| -> String {
        let turn = |(i, c): (usize, char)| if i == at { if c == 'A' { 'B' } else { 'A' } } else { c };
        key.chars().enumerate().map(turn).collect()
    };
    let length = key.len();
    let tries = [
        ("a letter of the id", turned(6)),
        ("the first letter of the secret", turned(17)),
        ("a letter in the middle", turned(length / 2)),
        ("the last letter of the checksum", turned(length - 1)),
        ("without its last letter", key[..length - 1].to_owned()),
        ("with one more letter", format!("{key}A")),
        ("without its secret", key[..16.min(length)].to_owned()),
        ("in capitals", key.to_uppercase()),
        ("with a blank before", format!("x {key}")),
        ("with a NUL, escaped", format!("{key}%00")),
    ];
    let mut verdict = Verdict::Held;
    for (what, key) in tries {
        verdict = verdict.and(with_key(attempt, &key, what).await?.must_be(&[401]));
    }
    Ok(verdict)
}

async fn revoked(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 from the next request on");
    let (person, key) = reading_key(attempt).await?;
    let gone = attempt.delete(&format!("/v1/users/me/api-keys/{}", key.id)).by(&person).send().await?;
    gone.must_work("the key is revoked")?;
    Ok(with_key(attempt, &key.key, "The revoked key").await?.must_be(&[401]))
}

async fn owner_deleted(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: the owner is gone, and so is the key");
    let (person, key) = reading_key(attempt).await?;
    let gone = attempt
        .request("DELETE", "/v1/users/me")
        .json(&json!({"password": person.password}))
        .by(&person)
        .send()
        .await?;
    gone.must_work("the account is deleted")?;
    Ok(with_key(attempt, &key.key, "The key of nobody").await?.must_be(&[401]))
}

async fn owner_suspended(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 while the owner is suspended");
    let (person, key) = reading_key(attempt).await?;
    let admin = attempt.admin().await?;
    let path = format!("/v1/admin/users/{}", person.id);
    let suspended = attempt.patch(&path, &json!({"status": "suspended"})).by(&admin).send().await?;
    suspended.must_work("an administrator suspends the owner")?;
    Ok(with_key(attempt, &key.key, "The key of somebody suspended").await?.must_be(&[401]))
}

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

//! API keys: what they must not open, and when they must stop.

use serde_json::json;

use crate::{
    actors::ApiKey,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

pub(super) const FORM: Case = Case {
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
        teaching: "A key is made for one program, and programs lose keys: in repositories, logs, images. What a lost \
                   key can do is what its scope says, if the scope is asked on every route. A route that checks only \
                   that somebody is signed in gives the reading key of a dashboard the right to write.",
        run: |attempt| Box::pin(scope_exceeded(attempt)),
        ..FORM
    },
    Case {
        id: "key-on-session-routes",
        title: "A key makes keys, ends sessions and changes the password",
        owasp: &["API5:2023", "API2:2023"],
        asvs: &["7.5.1", "8.2.1"],
        teaching: "A leaked key that can make further keys, or change the password, cannot be taken back: revoke it, \
                   and its children stay. Credentials are managed by a person in a session of their own, never by \
                   another credential. The split must be a property of the route, since somebody will add a route.",
        run: |attempt| Box::pin(session_routes(attempt)),
        ..FORM
    },
    Case {
        id: "key-altered",
        title: "A key with one letter changed",
        teaching: "A key has a public id, to find it by, and a secret, to compare. If the id alone is looked up, or \
                   the secret is compared in part, or the checksum is taken for a proof, a wrong key opens. The whole \
                   secret is hashed and compared in constant time; a checksum only saves the database a question.",
        asvs: &["7.2.1", "11.4.1"],
        run: |attempt| Box::pin(altered(attempt)),
        ..FORM
    },
    Case {
        id: "key-after-revocation",
        title: "A key that was revoked",
        teaching: "Keys are cached, since they come with every request; a cache that is not told of a revocation \
                   keeps the thief inside for its lifetime, on each replica separately. Revocation is the owner's \
                   only weapon after a leak: the very next request must fail.",
        asvs: &["7.4.1"],
        run: |attempt| Box::pin(revoked(attempt)),
        ..FORM
    },
    Case {
        id: "key-of-a-deleted-owner",
        title: "A key whose owner has left",
        teaching: "An employee leaves, the account is closed, and the key in the nightly job still works: no session, \
                   no sign-in, so nothing that ends with them. A key is its owner, narrowed; whatever ends the owner \
                   ends the key, in the same query that finds it.",
        asvs: &["7.4.2"],
        run: |attempt| Box::pin(owner_deleted(attempt)),
        ..FORM
    },
    Case {
        id: "key-of-a-suspended-owner",
        title: "A key whose owner was suspended",
        teaching: "Suspending an account is what an administrator does when something is wrong with it, and it must \
                   reach everything that speaks for the account: sessions, refresh tokens, keys, streams that are \
                   open. Keys are what is forgotten, since they stand in a table of their own with an `active` of \
                   their own.",
        asvs: &["7.4.2"],
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(owner_suspended(attempt)),
        ..FORM
    },
];

async fn with_key(attempt: &Attempt, key: &str, note: &str) -> Result<Answer, Trouble> {
    attempt.get("/v1/users/me").header("x-api-key", key).note(note).send().await
}

/// A key that may read, and does.
pub(super) async fn reading_key(attempt: &Attempt) -> Result<(crate::actors::Person, ApiKey), Trouble> {
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

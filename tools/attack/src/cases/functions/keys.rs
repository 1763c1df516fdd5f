//! What a key may not do that its owner may.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        ownership::belongings::{draft, key, tomorrow},
        walk::{Operation, each, operations, refuses},
    },
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "key-reads-and-writes",
        title: "A key that may read writes",
        pillar: Some("api-key-scope"),
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "10.3.2"],
        teaching: "A scope is the promise that a key can do this and nothing else, so that it may lie in a place which is less \
                   safe than a person's memory. It is worth what is checked: in many APIs scopes are shown on a page, \
                   stored, and asked for nowhere. Every route that takes keys must name the scope that it wants, and a \
                   route that names none must take no keys.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(reads_and_writes(attempt)),
        ..PLAIN
    },
    Case {
        id: "key-scope-walk",
        title: "Each scope against each operation that takes keys",
        pillar: Some("api-key-scope"),
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "8.1.1"],
        teaching: "In April 2022 tokens that GitHub users had given to Heroku and Travis were stolen, and used to copy private \
                   repositories of dozens of organisations: whoever takes a token has all that it may. How much that is \
                   the scopes decide, if they are kept apart everywhere. Four scopes and eight operations are 32 \
                   questions, and a program asks them all in a second.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(scope_walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "key-session-operations",
        title: "A key with every scope, where only a session will do",
        pillar: None,
        owasp: &["API5:2023", "API2:2023"],
        asvs: &["8.2.1", "7.2.2"],
        teaching: "A key is a credential that somebody copied somewhere. If it could change the password, the address, the \
                   second factor, or end sessions, finding it in a log would be taking the account, for good. OWASP says \
                   that API keys are for clients and not for people. Whatever manages credentials wants a session of the \
                   person; a key is refused there, with whatever scopes.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(session_operations(attempt)),
        ..PLAIN
    },
    Case {
        id: "key-makes-keys",
        title: "A key makes another key",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "7.4.3"],
        teaching: "Whoever found a key makes a second one, with a longer life and more scopes; when the first is noticed and \
                   revoked, the second goes on. In cloud accounts that is the first thing that intruders do after a leak: \
                   they call CreateAccessKey. A key must not be able to make, list or revoke keys: that takes a person, \
                   signed in a moment ago.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(makes_keys(attempt)),
        ..PLAIN
    },
    Case {
        id: "key-scope-escalation",
        title: "A key is asked for with scopes that nobody can give",
        pillar: None,
        owasp: &["API5:2023", "API3:2023"],
        asvs: &["8.2.3", "2.2.1"],
        teaching: "`*`, `admin`, `articles:*`, `profile:read profile:write` in one string: where scopes are split and compared \
                   loosely, one of them means more than it should, now or when somebody adds a wildcard next year. Scopes \
                   are a closed list. What is not on it, letter by letter, must be refused when the key is made, rather \
                   than stored and ignored.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(escalation(attempt)),
        ..PLAIN
    },
    Case {
        id: "key-of-an-editor",
        title: "An editor's key edits and publishes what others wrote",
        pillar: None,
        owasp: &["API5:2023", "API1:2023"],
        asvs: &["8.2.1", "8.3.3"],
        teaching: "A scope narrows what its owner may, and owners' roles are often forgotten in the sum: `articles:write` of \
                   an editor would be every article there is. The editor who made the key was thinking of their own. \
                   Privileges of a role should take effect in a session, where a person is, and a key should reach no \
                   further than what its owner owns.",
        needs: &[Need::Editor, Need::User, Need::Operation("POST", "/v1/articles/{id}/publish")],
        run: |attempt| Box::pin(of_an_editor(attempt)),
        ..PLAIN
    },
];

const SCOPES: [&str; 4] = ["profile:read", "profile:write", "articles:read", "articles:write"];

async fn secret(attempt: &Attempt, owner: &crate::actors::Person, scopes: &[&str]) -> Result<String, Trouble> {
    Ok(key(attempt, owner, scopes).await?["key"].as_str().unwrap_or_default().to_owned())
}

async fn reads_and_writes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403, and the name stays");
    let owner = attempt.fresh_user().await?;
    let secret = secret(attempt, &owner, &["profile:read"]).await?;
    let path = "/v1/users/me";
    let read = attempt.get(path).header("x-api-key", &secret).note("Control: it reads").send().await?;
    read.must_work("the key reads")?;
    let change = attempt.patch(path, &json!({"name": "Mine now"})).header("x-api-key", &secret).note("It writes");
    Ok(change.send().await?.must_be(&[403]))
}

async fn scope_walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the scope that fits, and no other");
    let owner = attempt.fresh_user().await?;
    let id = draft(attempt, &owner).await?;
    let operations: Vec<_> = operations(&attempt.target).into_iter().filter(Operation::takes_keys).collect();
    let mut verdict = Verdict::Held;
    for scope in SCOPES {
        let secret = secret(attempt, &owner, &[scope]).await?;
        for operation in &operations {
            let id = if operation.path.contains("users") { &owner.id } else { &id };
            // The last of all: what is deleted can be asked for no more.
            if operation.method == "DELETE" && scope == "articles:write" {
                continue;
            }
            let request = operation.request(attempt, id).header("x-api-key", &secret).header("if-match", "*");
            let answer = request.note(format!("With the scope {scope}")).send().await?;
            let fits = scope == wanted(operation);
            if fits {
                attempt
                    .control(answer.status != 403, &format!("{scope} opens {} {}", operation.method, operation.path))?;
            } else {
                verdict = verdict.and(answer.must_be(&[403]));
            }
            if verdict.is_hole() {
                return Ok(verdict);
            }
        }
    }
    Ok(verdict)
}

/// Of which thing, and whether it changes it.
fn wanted(operation: &Operation<'_>) -> &'static str {
    match (operation.path.starts_with("/v1/users"), operation.changes_something()) {
        (true, false) => "profile:read",
        (true, true) => "profile:write",
        (false, false) => "articles:read",
        (false, true) => "articles:write",
    }
}

async fn session_operations(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 or 403 for each, and the account is as it was");
    let owner = attempt.fresh_user().await?;
    let secret = secret(attempt, &owner, &SCOPES).await?;
    let me = attempt.get("/v1/users/me").header("x-api-key", &secret);
    me.clone().note("Control: the key works").send().await?.must_work("the key works")?;
    let all = operations(&attempt.target).into_iter();
    let closed = all.filter(|operation| operation.wants_somebody() && !operation.takes_keys());
    let tries = closed.map(|operation| operation.request(attempt, &owner.id).header("x-api-key", &secret));
    let verdict = each(tries.collect(), |answer: &Answer| answer.must_be(&[401, 403])).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let after = me.note("Is the account as it was?").send().await?;
    Ok(verdict
        .and(Verdict::held_if(after.string("/name") == "A guest", || format!("the account says {}", after.seen()))))
}

async fn makes_keys(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403, and there is one key as before");
    let owner = attempt.fresh_user().await?;
    let made = key(attempt, &owner, &SCOPES).await?;
    let (secret, id) = (made["key"].as_str().unwrap_or_default(), made["id"].as_str().unwrap_or_default());
    let body = json!({"name": "Another", "scopes": SCOPES, "expires_at": tomorrow(&owner)});
    let path = "/v1/users/me/api-keys";
    let verdict = refuses(vec![
        attempt.post(path, &body).header("x-api-key", secret).note("It makes one"),
        attempt.get(path).header("x-api-key", secret).note("It lists them"),
        attempt.delete(&format!("{path}/{id}")).header("x-api-key", secret).note("It revokes itself"),
    ])
    .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let keys = attempt.get(path).by(&owner).note("How many are there?").send().await?.json();
    let count = keys["items"].as_array().map_or(0, Vec::len);
    Ok(verdict.and(Verdict::held_if(count == 1, || format!("there are {count} keys"))))
}

async fn escalation(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let owner = attempt.fresh_user().await?;
    key(attempt, &owner, &["profile:read"]).await?;
    let scopes = [
        json!(["admin"]),
        json!(["*"]),
        json!(["articles:*", "profile:read"]),
        json!(["profile:read profile:write"]),
        json!(["PROFILE:WRITE"]),
        json!("profile:write"),
        json!([]),
        json!({"0": "profile:write"}),
    ];
    let tries = scopes.iter().map(|scopes| {
        let body = json!({"name": "A robot", "scopes": scopes, "expires_at": tomorrow(&owner)});
        attempt.post("/v1/users/me/api-keys", &body).by(&owner)
    });
    refuses(tries.collect()).await
}

async fn of_an_editor(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 or 404: with a key the editor is an author like others");
    let (editor, author) = (attempt.editor().await?, attempt.user().await?);
    let path = format!("/v1/articles/{}", draft(attempt, &author).await?);
    attempt.get(&path).by(&editor).note("Control: by a session").send().await?.must_work("by a session")?;
    let made = key(attempt, &editor, &["articles:read", "articles:write"]).await?;
    let (secret, id) = (made["key"].as_str().unwrap_or_default(), made["id"].as_str().unwrap_or_default());
    let change = json!({"title": "By the key"});
    let verdict = refuses(vec![
        attempt.get(&path).header("x-api-key", secret).note("The key reads a stranger's draft"),
        attempt.patch(&path, &change).header("x-api-key", secret).header("if-match", "*").note("… rewrites it"),
        attempt.request("POST", &format!("{path}/publish")).header("x-api-key", secret).note("… publishes it"),
        attempt.delete(&path).header("x-api-key", secret).note("… deletes it"),
    ])
    .await;
    attempt.delete(&format!("/v1/users/me/api-keys/{id}")).by(&editor).note("The key is taken away").send().await?;
    verdict
}

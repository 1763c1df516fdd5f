//! What a key may not do that its owner may.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        ownership::belongings::{draft, key},
        walk::{Operation, each, operations, refuses},
    },
    wire::Answer,
};

pub const CASES: &[Case] = &[
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

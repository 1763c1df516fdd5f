//! Every operation that takes an id, and what the refusals give away.

use serde_json::Value;

use super::belongings::{Belongings, draft, key};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{Operation, each, filled, operations, refuses},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "bola-walk",
        title: "Every operation with an id, tried with everything that somebody else owns",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "8.3.1"],
        teaching: "One forgotten handler of fifty is enough: in 2022 Optus lost nearly ten million records through a single old one. \
                   So an attacker writes a loop over the OpenAPI document, and swaps each id for a stranger's. Defenders \
                   can run the same loop on every commit: authorization tests that are generated from the list of \
                   operations cover the one that nobody thought of.",
        needs: &[Need::Document, Need::FreshUser, Need::TwoUsers, Need::Operation("GET", "/v1/users/{id}")],
        run: |attempt| Box::pin(walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-existence",
        title: "A refusal tells whether the object exists",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "16.5.1"],
        teaching: "\"403: that is not yours\" confirms that there is something. With it a list of ids becomes a list of \
                   customers, of private repositories, of drafts with telling ids. GitHub answers 404 for a private \
                   repository for that reason. What is a stranger's must look like what is not there: the same status, \
                   the same words, the same headers. It is no extra work where one query asks for both.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("GET", "/v1/users/{id}")],
        run: |attempt| Box::pin(existence(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-editor-limits",
        title: "An editor reaches into accounts",
        pillar: None,
        owasp: &["API1:2023", "API5:2023"],
        asvs: &["8.2.2", "8.2.1"],
        teaching: "A role that may do more with some things is soon taken for one that may do more with all of them. In \
                   2020 Twitter's support staff, who may help with accounts, were the way into Barack Obama's and Elon \
                   Musk's. An editor here edits articles: profiles, sessions and keys of others must be as closed to \
                   editors as to everybody. Permissions name kinds of objects, not ranks.",
        needs: &[Need::Editor, Need::FreshUser, Need::Operation("GET", "/v1/users/{id}")],
        run: |attempt| Box::pin(editor_limits(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-with-api-key",
        title: "A key of one's own opens what is somebody else's",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "8.3.3"],
        teaching: "There are often two doors to one room: sessions for people, keys for programs, each with a middleware of \
                   its own, and ownership checked behind the first door alone. A key with the scope `articles:read` may \
                   read articles, as far as its owner may; the scope never replaces the question whose they are. Both \
                   doors must lead to the same handler and the same query.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(with_api_key(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-lists",
        title: "Somebody else's things stand in a list",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "8.2.3"],
        teaching: "The page of one object is guarded, and the list shows it all the same: a `where` that is missing there \
                   fails no test that looks for one's own things. Cursors are a second way in: one that was made in a \
                   stranger's list may carry the stranger's filter. The list's query must name the owner by the token, \
                   never by anything that a cursor or a parameter says.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(lists(attempt)),
        ..PLAIN
    },
];

/// Nobody's.
const NOT_THERE: &str = "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b";

async fn walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of every operation with every id, and all of it untouched afterwards");
    let victim = Belongings::of_somebody(attempt).await?;
    let own = attempt.get(&format!("/v1/users/{}", victim.owner.id)).by(&victim.owner).note("Control: the owner");
    own.send().await?.must_work("the owner reads it")?;
    let thief = attempt.fresh_user().await?;
    let operations: Vec<_> = operations(&attempt.target).into_iter().filter(Operation::takes_an_id).collect();
    let tries = operations.iter().flat_map(|operation| {
        let request = |id| operation.request(attempt, id).by(&thief).header("if-match", "*");
        victim.ids().map(request)
    });
    let verdict = refuses(tries.collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let untouched = victim.untouched(attempt).await?;
    Ok(verdict.and(Verdict::held_if(untouched, || "each was refused, and yet something is gone or changed".into())))
}

async fn existence(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("what is a stranger's and what is not there get the same answer");
    let victim = Belongings::of_somebody(attempt).await?;
    let thief = attempt.other_user().await?;
    let own = attempt.get(&format!("/v1/users/{}", victim.owner.id)).by(&victim.owner).note("Control: the owner");
    own.send().await?.must_work("the owner reads it")?;
    let places = [
        ("GET", "/v1/users/{id}", &victim.owner.id),
        ("GET", "/v1/articles/{id}", &victim.draft),
        ("DELETE", "/v1/articles/{id}", &victim.draft),
        ("DELETE", "/v1/users/me/api-keys/{id}", &victim.key_id),
        ("DELETE", "/v1/users/me/sessions/{id}", &victim.session_id),
    ];
    for (method, template, id) in places {
        let theirs = attempt.request(method, &filled(template, id)).by(&thief).note("A stranger's").send().await?;
        let nobodys = attempt.request(method, &filled(template, NOT_THERE)).by(&thief).note("Nobody's").send().await?;
        if told(&theirs) != told(&nobodys) {
            let (theirs, nobodys) = (theirs.seen(), nobodys.seen());
            let seen = format!("{method} {template} tells a stranger's ({theirs}) from nobody's ({nobodys})");
            return Ok(Verdict::Hole(seen));
        }
    }
    Ok(Verdict::Held)
}

/// All that an answer says, but for what is new in each.
fn told(answer: &Answer) -> String {
    const NEW_EACH_TIME: [&str; 5] =
        ["date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "content-length"];
    let mut body = answer.json();
    if let Some(members) = body.as_object_mut() {
        members.remove("reference");
    }
    let names = answer.headers.keys().map(http::HeaderName::as_str).filter(|name| !NEW_EACH_TIME.contains(name));
    format!("{} {body} ({})", answer.status, names.collect::<Vec<_>>().join(" "))
}

async fn editor_limits(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an editor may edit articles, and nothing of anybody's account");
    let victim = Belongings::of_somebody(attempt).await?;
    let editor = attempt.editor().await?;
    let read = attempt.get(&format!("/v1/articles/{}", victim.draft)).by(&editor).note("Control: an editor edits");
    read.send().await?.must_work("an editor reads a draft")?;
    let verdict = refuses(vec![
        attempt.get(&format!("/v1/users/{}", victim.owner.id)).by(&editor),
        attempt.delete(&format!("/v1/users/me/sessions/{}", victim.session_id)).by(&editor),
        attempt.delete(&format!("/v1/users/me/api-keys/{}", victim.key_id)).by(&editor),
        attempt.get(&format!("/v1/admin/users/{}", victim.owner.id)).by(&editor),
    ])
    .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let untouched = victim.untouched(attempt).await?;
    Ok(verdict.and(Verdict::held_if(untouched, || "something of the account is gone".into())))
}

async fn with_api_key(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, as with a session");
    let (owner, thief) = (attempt.user().await?, attempt.fresh_user().await?);
    let scopes = ["profile:read", "profile:write", "articles:read", "articles:write"];
    let key = key(attempt, &thief, &scopes).await?["key"].as_str().unwrap_or_default().to_owned();
    let (own, theirs) = (draft(attempt, &thief).await?, draft(attempt, &owner).await?);
    let path = format!("/v1/articles/{own}");
    attempt.get(&path).header("x-api-key", &key).note("Control: one's own").send().await?.must_work("one's own")?;
    let path = format!("/v1/articles/{theirs}");
    let change = serde_json::json!({"title": "Mine now"});
    refuses(vec![
        attempt.get(&path).header("x-api-key", &key).note("A stranger's"),
        attempt.patch(&path, &change).header("x-api-key", &key).header("if-match", "*"),
        attempt.delete(&path).header("x-api-key", &key),
        attempt.get(&format!("/v1/users/{}", owner.id)).header("x-api-key", &key),
    ])
    .await
}

async fn lists(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("lists of one's own things alone, whoever made the cursor");
    let victim = Belongings::of_somebody(attempt).await?;
    draft(attempt, &victim.owner).await?;
    let thief = attempt.other_user().await?;
    let first = attempt.get("/v1/articles?limit=1").by(&victim.owner).note("Control: the owner's list").send().await?;
    let first = first.must_work("the owner lists articles")?;
    let mut paths: Vec<_> =
        ["articles", "users/me/sessions", "users/me/api-keys"].map(|list| format!("/v1/{list}?limit=100")).into();
    // The owner's next page, asked for by somebody else.
    if let Value::String(cursor) = &first.json()["next_cursor"] {
        paths.push(format!("/v1/articles?limit=100&cursor={cursor}"));
    }
    let tries = paths.iter().map(|path| attempt.get(path).by(&thief)).collect();
    let owner = victim.owner.id.clone();
    each(tries, |list| {
        let (text, items) = (list.text(), list.json());
        let drafts = items["items"].as_array().into_iter().flatten();
        let mut drafts = drafts.filter(|item| item["owner_id"] == owner.as_str() && item["published_at"].is_null());
        let shown = victim.ids().into_iter().skip(1).find(|id| text.contains(id));
        let stranger = shown.map(str::to_owned).or_else(|| drafts.next().map(ToString::to_string));
        Verdict::held_if(stranger.is_none(), || format!("a stranger's {} is listed", stranger.unwrap_or_default()))
    })
    .await
}

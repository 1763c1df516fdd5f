//! One object of each kind, by somebody who does not own it.

use serde_json::json;

use super::belongings::{Belongings, draft};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::refuses,
};

pub const CASES: &[Case] = &[
    Case {
        id: "bola-read-draft",
        title: "Somebody reads a stranger's draft by its id",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2"],
        teaching: "Broken object level authorization: the request is well-formed and signed in, only the object is somebody \
                   else's. It is the first of OWASP's API risks, since no scanner sees it: Optus, Peloton and the US Postal \
                   Service exposed their customers this way. The owner must be part of the very query that finds the \
                   object, and \"not yours\" must look like \"not there\".",
        needs: &[Need::TwoUsers, Need::Operation("POST", "/v1/articles"), Need::Operation("GET", "/v1/articles/{id}")],
        run: |attempt| Box::pin(read_draft(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-read-profile",
        title: "Somebody reads a stranger's profile by its id",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023"],
        asvs: &["8.2.2"],
        teaching: "In 2018 whoever had an account at the US Postal Service's site could ask its API for anybody else's: name, \
                   address, telephone number, of 60 million people. Being signed in had been taken for being allowed. \
                   Where an id comes from the client, each handler must ask whose object it is, and the best place for \
                   that question is the `where` of the query itself.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/users/{id}")],
        run: |attempt| Box::pin(read_profile(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-revoke-key",
        title: "Somebody revokes a stranger's API key by its id",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2"],
        teaching: "A path that begins with `/me` promises that all below it is mine, and the promise is easily broken: `me` \
                   comes from the token, the id behind it from the client, and a query by id alone finds anybody's. \
                   Revoking a stranger's key stops their robots at the worst time. Both parts must stand in the query: \
                   whose, and which.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Operation("DELETE", "/v1/users/me/api-keys/{id}")],
        run: |attempt| Box::pin(revoke_key(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-change-draft",
        title: "Somebody rewrites and deletes a stranger's draft",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2"],
        teaching: "Reading may be guarded and writing not: they are two handlers, often by two people. In 2017 WordPress 4.7 \
                   let anybody rewrite any post by its REST API (CVE-2017-1001000), and more than a million pages were \
                   defaced within days. Each operation on an object needs the check; a test that walks all of them finds \
                   the one that lacks it.",
        needs: &[Need::TwoUsers, Need::Operation("PATCH", "/v1/articles/{id}")],
        run: |attempt| Box::pin(change_draft(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-change-published",
        title: "A reader of a published article rewrites it",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "8.2.3"],
        teaching: "An object that everybody may read tempts to one check for all: \"can this caller see it?\", and whoever \
                   can see it can change it. Wikis want that, hardly anybody else does. Reading, changing and deleting are \
                   three permissions, and each handler must ask for its own: here readers of an article are many, and \
                   its writers are its owner and the editors.",
        needs: &[Need::TwoUsers, Need::Editor, Need::Operation("POST", "/v1/articles/{id}/publish")],
        run: |attempt| Box::pin(change_published(attempt)),
        ..PLAIN
    },
];

async fn read_draft(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, as for an article that does not exist");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let path = format!("/v1/articles/{}", draft(attempt, &owner).await?);
    attempt.get(&path).by(&owner).note("Control: the owner reads it").send().await?.must_work("the owner reads it")?;
    let stolen = attempt.get(&path).by(&thief).note("Somebody else reads it").send().await?;
    Ok(stolen.must_be(&[404, 403]))
}

async fn read_profile(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, as for a user that does not exist");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let path = format!("/v1/users/{}", owner.id);
    attempt.get(&path).by(&owner).note("Control: oneself").send().await?.must_work("the owner reads it")?;
    let stolen = attempt.get(&path).by(&thief).note("Somebody else").send().await?;
    Ok(stolen.must_be(&[404, 403]))
}

async fn revoke_key(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, and the key works on");
    let victim = Belongings::of_somebody(attempt).await?;
    let thief = attempt.other_user().await?;
    let path = format!("/v1/users/me/api-keys/{}", victim.key_id);
    let revoked = attempt.delete(&path).by(&thief).note("Somebody else revokes it").send().await?;
    let untouched = victim.untouched(attempt).await?;
    let verdict = revoked.must_be(&[404, 403]).and(Verdict::held_if(untouched, || "the key is gone".into()));
    if verdict == Verdict::Held {
        attempt.delete(&path).by(&victim.owner).note("Control: its owner does").send().await?.must_work("its owner")?;
    }
    Ok(verdict)
}

async fn change_draft(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404 for each, and the draft stays as it is");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let path = format!("/v1/articles/{}", draft(attempt, &owner).await?);
    let change = json!({"title": "Mine now"});
    let tries = vec![
        attempt.patch(&path, &change).by(&thief).header("if-match", "*").note("Somebody else rewrites it"),
        attempt.delete(&path).by(&thief).note("… deletes it"),
        attempt.delete(&path).by(&thief).header("if-match", "*").note("… deletes it, whatever it is by now"),
    ];
    let verdict = refuses(tries).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let after = attempt.get(&path).by(&owner).note("What became of it?").send().await?;
    let title = after.string("/title");
    let verdict = verdict.and(Verdict::held_if(title == "Not for you", || format!("the title is now \"{title}\"")));
    if verdict == Verdict::Held {
        let own =
            attempt.patch(&path, &change).by(&owner).header("if-match", "*").note("Control: the owner rewrites it");
        own.send().await?.must_work("the owner rewrites it")?;
    }
    Ok(verdict)
}

async fn change_published(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("readable, and no more than that");
    let (owner, reader) = (attempt.user().await?, attempt.other_user().await?);
    let editor = attempt.editor().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &owner).await?);
    let published = attempt.request("POST", &format!("{path}/publish")).by(&editor).send().await?;
    published.must_work("an editor publishes it")?;
    attempt.get(&path).by(&reader).note("Control: anybody reads it").send().await?.must_work("anybody reads it")?;
    let change = json!({"body": "Mine now"});
    let verdict = refuses(vec![
        attempt.patch(&path, &change).by(&reader).header("if-match", "*").note("A reader rewrites it"),
        attempt.delete(&path).by(&reader).note("A reader deletes it"),
        attempt.request("POST", &format!("{path}/publish")).by(&reader).note("A reader publishes it once more"),
    ])
    .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    attempt.delete(&path).by(&owner).note("Its owner takes it away again").send().await?;
    Ok(verdict)
}

//! Other people's objects and functions.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "bola-read-draft",
    title: "Somebody reads a stranger's draft by its id",
    pillar: Some("object-ownership"),
    owasp: &["API1:2023"],
    asvs: &["8.2.2"],
    teaching: "Broken object level authorization: the request is well-formed and signed in, only the object is somebody \
               else's. It is the first of OWASP's API risks, since no scanner sees it: Optus, Peloton and T-Mobile lost \
               customer records this way. The owner must be part of the very query that finds the object, and \"not yours\" \
               must look like \"not there\".",
    needs: &[Need::TwoUsers, Need::Operation("POST", "/v1/articles"), Need::Operation("GET", "/v1/articles/{id}")],
    run: |attempt| Box::pin(read_draft(attempt)),
    ..PLAIN
}];

async fn read_draft(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, as for an article that does not exist");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let draft = json!({"title": "Not for you", "body": "A secret of mine"});
    let draft = attempt.post("/v1/articles", &draft).by(&owner).send().await?.must_work("a draft is written")?;
    let path = format!("/v1/articles/{}", draft.string("/id"));
    attempt.get(&path).by(&owner).note("Control: the owner reads it").send().await?.must_work("the owner reads it")?;
    let stolen = attempt.get(&path).by(&thief).note("Somebody else reads it").send().await?;
    Ok(stolen.must_be(&[404, 403]))
}

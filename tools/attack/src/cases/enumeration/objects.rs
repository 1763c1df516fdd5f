//! Objects of others, and those that nobody has.

use serde_json::json;

use super::alike;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

/// A version 7 UUID of the distant past: nobody's.
const NOBODYS_ID: &str = "01000000-0000-7000-8000-000000000001";

pub const CASES: &[Case] = &[
    Case {
        id: "enum-ids",
        title: "Another's id is answered otherwise than one that nobody has",
        pillar: Some("object-ownership"),
        owasp: &["API1:2023", "API2:2023"],
        asvs: &["8.2.2", "6.3.8"],
        teaching: "403 for what exists and 404 for what does not turns every id into a question that is answered: is there such a \
                   user, draft, session? With ids that count up, it also counts the customers. What is not yours must look \
                   like what is not there, word for word.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/users/{id}")],
        run: |attempt| Box::pin(ids(attempt)),
        ..PLAIN
    },
    Case {
        id: "enum-order-of-gates",
        title: "Somebody without the role learns from the refusal whether the object exists or the body was right",
        owasp: &["API5:2023", "API2:2023"],
        asvs: &["8.2.1"],
        teaching: "If the body is judged before the caller, a stranger maps the administration by its errors: which fields, which \
                   values, which ids there are. The caller must be judged first, and then everything behind it must look the \
                   same to whoever may not see it.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(gates(attempt)),
        ..PLAIN
    },
];

async fn ids(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same 404, word for word");
    let (me, other) = (attempt.user().await?, attempt.other_user().await?);
    let own = attempt.get(&format!("/v1/users/{}", me.id)).by(&me).note("Control: my own").send().await?;
    own.must_work("my own id")?;
    let sessions = attempt.get("/v1/users/me/sessions").by(&other).send().await?;
    let session = sessions.string("/items/0/id");
    let mut verdict = Verdict::Held;
    for (method, path, id) in [("GET", "/v1/users/", &other.id), ("GET", "/v1/articles/", &other.id)] {
        let theirs = attempt.request(method, &format!("{path}{id}")).by(&me).send().await?;
        let nobodys = attempt.request(method, &format!("{path}{NOBODYS_ID}")).by(&me).send().await?;
        verdict = verdict.and(same_words(&theirs, &nobodys, path));
    }
    if !session.is_empty() {
        let path = "/v1/users/me/sessions/";
        let theirs = attempt.delete(&format!("{path}{session}")).by(&me).note("Another's session").send().await?;
        let nobodys = attempt.delete(&format!("{path}{NOBODYS_ID}")).by(&me).note("Nobody's").send().await?;
        verdict = verdict.and(same_words(&theirs, &nobodys, path));
    }
    Ok(verdict)
}

/// As `alike`, for two requests of one budget: the remaining count falls from one to the other.
fn same_words(one: &Answer, other: &Answer, path: &str) -> Verdict {
    let (mut one, mut other) = (one.clone(), other.clone());
    for answer in [&mut one, &mut other] {
        answer.headers.remove("x-ratelimit-remaining");
    }
    alike(&one, &other, path).and(one.refused())
}

async fn gates(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one and the same 403, whatever was asked");
    let (me, other) = (attempt.user().await?, attempt.other_user().await?);
    attempt.get("/v1/users/me").by(&me).send().await?.must_work("I am signed in")?;
    let path = |id: &str| format!("/v1/admin/users/{id}");
    let reads = [path(&other.id), path(NOBODYS_ID), path("not-an-id")];
    let mut verdict = Verdict::Held;
    let first = attempt.get(&reads[0]).by(&me).send().await?;
    for path in &reads[1..] {
        let answer = attempt.get(path).by(&me).send().await?;
        verdict = verdict.and(same_words(&first, &answer, path));
    }
    let good = attempt.patch(&reads[0], &json!({"name": "Ada"})).by(&me).send().await?;
    for request in [
        attempt.patch(&reads[0], &json!({"nonsense": true})),
        attempt.patch(&reads[1], &json!({"role": "emperor"})),
        attempt.request("PATCH", &reads[0]).header("content-type", "application/json").body("{not json"),
    ] {
        let answer = request.by(&me).send().await?;
        verdict = verdict.and(same_words(&good, &answer, "PATCH /v1/admin/users/{id}"));
    }
    Ok(verdict)
}

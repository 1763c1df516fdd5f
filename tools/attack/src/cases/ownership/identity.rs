//! Telling the service who one is, beside the token that says it already.

use serde_json::json;

use super::belongings::{Belongings, draft};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{each, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "bola-query-id",
        title: "A second id in the query, beside the one in the path",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["15.3.7", "8.2.2"],
        teaching: "Parameter pollution: the id stands in the path, and once more in the query. Frameworks that pour path, \
                   query and body into one map let one win, and the check may have looked at the other. Luca Carettoni and \
                   Stefano di Paola showed it in 2009, and it never went away. Parameters that an operation does not know \
                   should be refused: then there is no second one.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/articles/{id}")],
        run: |attempt| Box::pin(query_id(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-body-id",
        title: "The body names another object than the path",
        pillar: None,
        owasp: &["API1:2023", "API3:2023"],
        asvs: &["8.2.2", "15.3.3"],
        teaching: "The permission is checked for the id in the path, then an object mapper saves what the body says, its `id` \
                   included: one's own article passes the check and a stranger's is overwritten. Or `owner_id` gives \
                   somebody an article that they never wrote. Ids and owners belong to the path and to the token; a \
                   request type that has no such members cannot carry them.",
        needs: &[Need::TwoUsers, Need::Operation("PATCH", "/v1/articles/{id}")],
        run: |attempt| Box::pin(body_id(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-export",
        title: "An export of somebody else's data",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "14.2.6"],
        teaching: "The right to a copy of one's data (GDPR article 15) made a function that gathers all that is held about a \
                   person into one file. In 2018 Amazon sent 1,700 recordings of one customer to another who had asked for \
                   his own. Whom an export is about must come from the session alone, be asked for with a fresh sign-in, \
                   and take no parameter that names anybody.",
        needs: &[Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(export(attempt)),
        ..PLAIN
    },
];

async fn query_id(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, or one's own object: never a stranger's");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let (own, theirs) = (draft(attempt, &thief).await?, draft(attempt, &owner).await?);
    let path = format!("/v1/articles/{own}");
    attempt.get(&path).by(&thief).note("Control: one's own").send().await?.must_work("one's own")?;
    let victim = &owner.id;
    let paths = [
        format!("{path}?id={theirs}"),
        format!("{path}?id={own}&id={theirs}"),
        format!("{path}?id%5B%5D={theirs}"),
        format!("{path}?article_id={theirs}&owner_id={victim}"),
        format!("/v1/articles?owner_id={victim}"),
        format!("/v1/articles?owner={victim}&published=false"),
        format!("/v1/users/me?id={victim}"),
        format!("/v1/users/me?user_id={victim}&sub={victim}"),
        format!("/v1/users/me/sessions?user_id={victim}"),
    ];
    let tries = paths.iter().map(|path| attempt.get(path).by(&thief)).collect();
    each(tries, |answer| not_theirs(answer, &[&theirs, victim, &owner.email])).await
}

/// A 4xx, or an answer in which nothing of theirs stands.
fn not_theirs(answer: &crate::wire::Answer, theirs: &[&str]) -> Verdict {
    let (text, seen) = (answer.text(), answer.seen());
    let leaked = theirs.iter().find(|one| text.contains(**one) && answer.is_success());
    let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {seen}"));
    fell.and(Verdict::held_if(leaked.is_none(), || {
        format!("{seen}, and a stranger's {} stands in it", leaked.unwrap_or(&""))
    }))
}

async fn body_id(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, and the stranger's things stay as they are");
    let victim = Belongings::of_somebody(attempt).await?;
    let thief = attempt.fresh_user().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &thief).await?);
    let change = |body| attempt.patch(&path, &body).by(&thief).header("if-match", "*");
    change(json!({"title": "Mine"})).note("Control: the title alone").send().await?.must_work("one's own title")?;
    let (theirs, owner) = (&victim.draft, &victim.owner.id);
    let verdict = refuses(vec![
        change(json!({"id": theirs, "title": "Mine now"})),
        change(json!({"title": "Mine now", "article": {"id": theirs}})),
        change(json!({"title": "A gift", "owner_id": owner})),
        attempt.post("/v1/articles", &json!({"id": theirs, "title": "Mine now", "body": "x"})).by(&thief),
        attempt.post("/v1/articles", &json!({"title": "By you", "body": "x", "owner_id": owner})).by(&thief),
        attempt.patch("/v1/users/me", &json!({"name": "Mine now", "id": owner})).by(&thief),
        attempt.patch("/v1/users/me", &json!({"name": "Mine now", "email": victim.owner.email})).by(&thief),
    ])
    .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let untouched = victim.untouched(attempt).await?;
    Ok(verdict.and(Verdict::held_if(untouched, || "each was refused, and yet something changed".into())))
}

async fn export(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an export of oneself, whoever is named");
    let (victim, thief) = (attempt.user().await?, attempt.fresh_user().await?);
    let own = attempt.get("/v1/users/me/export").by(&thief).note("Control: one's own").send().await?;
    own.must_work("one's own export")?;
    let id = &victim.id;
    let tries = vec![
        attempt.get(&format!("/v1/users/me/export?user_id={id}")),
        attempt.get(&format!("/v1/users/me/export?id={id}")),
        attempt.get(&format!("/v1/users/{id}/export")),
        attempt.get("/v1/users/me/export").header("x-user-id", id),
        attempt.get("/v1/users/me/export").json(&json!({"user_id": id})),
    ];
    let theirs = [id.as_str(), &victim.email];
    each(tries.into_iter().map(|request| request.by(&thief)).collect(), |answer| not_theirs(answer, &theirs)).await
}

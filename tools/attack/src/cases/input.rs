//! What a body may say.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "mass-assignment-role",
    title: "Somebody who changes their name changes their role with it",
    pillar: Some("mass-assignment"),
    owasp: &["API3:2023"],
    asvs: &["15.3.3"],
    teaching: "Mass assignment: the handler copies whatever members the body has onto the record, also those that no form \
               shows. In 2012 Egor Homakov gave himself commit rights to Rails on GitHub with one hidden field. A request \
               type of its own for each act, with the members that may be changed and nothing else, and a refusal of unknown \
               members, leave nothing to assign.",
    needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
    run: |attempt| Box::pin(role(attempt)),
    ..PLAIN
}];

async fn role(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, and the role stays what it was");
    let person = attempt.fresh_user().await?;
    let honest =
        attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: the name alone");
    honest.send().await?.must_work("a name is changed")?;
    let greedy =
        attempt.patch("/v1/users/me", &json!({"name": "Ada Byron", "role": "admin"})).by(&person).send().await?;
    // Whatever was answered: what counts is what is stored.
    let me = attempt.get("/v1/users/me").by(&person).note("Who am I now?").send().await?;
    let role = me.string("/role");
    let promoted = Verdict::held_if(role != "admin", || format!("the role is now {role}"));
    Ok(promoted.and(greedy.refused()))
}

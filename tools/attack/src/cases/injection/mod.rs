//! Texts that something further on takes for more than text: a database, a template, a shell, a mail, a browser, a log.

mod dialects;
mod elsewhere;
mod letters;
mod mails;
mod sql;
mod texts;

use serde_json::json;

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Trouble, Verdict},
};

pub const PARTS: &[&[Case]] =
    &[sql::CASES, texts::CASES, letters::CASES, dialects::CASES, mails::CASES, elsewhere::CASES];

/// Each text as somebody's name: refused, or kept to the letter with nothing else changed.
async fn as_a_name(attempt: &Attempt, texts: &[&str]) -> Result<Verdict, Trouble> {
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: a name");
    honest.send().await?.must_work("a name is changed")?;
    for text in texts {
        let verdict = to_the_letter(attempt, &person, text).await?;
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

async fn to_the_letter(attempt: &Attempt, person: &Person, text: &str) -> Result<Verdict, Trouble> {
    let changed = attempt.patch("/v1/users/me", &json!({"name": text})).by(person).send().await?;
    if !changed.is_success() {
        return Ok(changed.refused());
    }
    let (name, role) = (changed.string("/name"), changed.string("/role"));
    let kept = Verdict::held_if(name == text, || format!("{text} became {name}"));
    Ok(kept.and(Verdict::held_if(role == "user", || format!("after {text} the role is {role}"))))
}

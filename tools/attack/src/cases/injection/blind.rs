//! Statements whose only answer is the time that they take.

use std::time::Duration;

use serde_json::json;

use super::to_the_letter;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::each,
    wire::Answer,
};

pub const CASES: &[Case] = &[Case {
    id: "sql-sleep",
    title: "Statements that show nothing, and make the answer late",
    pillar: None,
    owasp: &["API8:2023", "API4:2023"],
    asvs: &["1.2.4", "1.2.5"],
    teaching: "Blind injection: no row and no error comes back, but `pg_sleep(5)` takes five seconds, and so the database \
                   answers questions, a bit a request; programs read whole tables that way over night. Shells say the \
                   same with `; sleep 5`. An answer that comes as quickly as ever says that the text was text. Where \
                   queries have a time limit, the trick costs the attacker more.",
    needs: &[Need::FreshUser, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
    run: |attempt| Box::pin(sleep(attempt)),
    ..PLAIN
}];

/// As long as the text asks for, and a little less: the machine may be busy.
const ASLEEP: Duration = Duration::from_millis(4500);

fn awake(answer: &Answer) -> Verdict {
    let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()));
    fell.and(Verdict::held_if(answer.took < ASLEEP, || format!("the answer took {} ms", answer.took.as_millis())))
}

async fn sleep(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer as quick as ever");
    let (person, admin) = (attempt.fresh_user().await?, attempt.admin().await?);
    let texts = [
        "x'; select pg_sleep(5); --",
        "x' || pg_sleep(5) || '",
        "x' and (select 1 from pg_sleep(5)) is not null --",
        "x' waitfor delay '0:0:5' --",
        "x' and sleep(5) --",
        "x; sleep 5",
        "x$(sleep 5)",
        "x`sleep 5`",
        "x | sleep 5 &",
    ];
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: a plain name");
    honest.send().await?.must_work("a plain name")?;
    let mut tries = Vec::new();
    for text in texts {
        let escaped = escaped(text);
        tries.push(attempt.patch("/v1/users/me", &json!({"name": text})).by(&person));
        tries.push(attempt.get(&format!("/v1/admin/users?email={escaped}")).by(&admin));
        tries.push(attempt.get(&format!("/v1/articles/{escaped}")).by(&person));
        tries.push(attempt.get("/v1/users/me").by(&person).header("user-agent", text));
    }
    let verdict = each(tries, awake).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    to_the_letter(attempt, &person, texts[0]).await
}

fn escaped(text: &str) -> String {
    data_encoding::HEXLOWER.encode(text.as_bytes()).as_bytes().chunks(2).fold(String::new(), |mut all, digits| {
        all.push('%');
        all.extend(digits.iter().map(|digit| char::from(*digit)));
        all
    })
}

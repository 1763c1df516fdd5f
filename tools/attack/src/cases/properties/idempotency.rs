//! Requests that are sent again under one key.

use serde_json::{Value, json};

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Request,
};

pub const CASES: &[Case] = &[
    Case {
        id: "idempotency-replay",
        title: "A request is sent again under its key, and done again",
        pillar: Some("idempotency"),
        owasp: &["API6:2023"],
        asvs: &["2.3.3", "2.3.4"],
        teaching: "An answer is lost on the way, the client sends the order again, and two parcels come. Who wants two \
                   deliberately only needs to send twice. Stripe made the key for it known: the client names the request \
                   (`Idempotency-Key`), the server keeps the name with what it answered, in the same transaction as what \
                   it did, and answers a second time without doing it.",
        needs: &[Need::User, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(replay(attempt)),
        ..PLAIN
    },
    Case {
        id: "idempotency-other-body",
        title: "Another request under a key that was used",
        pillar: None,
        owasp: &["API6:2023"],
        asvs: &["2.3.3", "2.2.3"],
        teaching: "A key that is used for two different requests is a mistake or a trick: whoever looks at the key alone \
                   answers \"done\" to something that was never done, or that somebody else wanted approved. The IETF draft \
                   on the header asks for a fingerprint of the request beside the key, and for a refusal when it does not \
                   fit.",
        needs: &[Need::User, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(other_body(attempt)),
        ..PLAIN
    },
    Case {
        id: "idempotency-other-user",
        title: "Somebody sends a stranger's key and gets the stranger's answer",
        pillar: None,
        owasp: &["API1:2023", "API6:2023"],
        asvs: &["8.2.2", "2.3.3"],
        teaching: "Stored answers are a cache, and a cache without the caller in its key hands one person's answer to another: \
                   Steam showed strangers' accounts on Christmas 2015 for such a mistake in a cache. Keys like `1` or \
                   `order-1` are sent by many. The stored answer must belong to the caller and the operation, and a key of \
                   somebody else must mean nothing at all.",
        needs: &[Need::TwoUsers, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(other_user(attempt)),
        ..PLAIN
    },
];

/// Whether it promises the header at all, and a key that no former run has used.
fn key(attempt: &Attempt, person: &Person) -> Result<String, Trouble> {
    let operation = attempt.target.operation("POST", "/v1/articles").unwrap_or(&Value::Null);
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    let promised = parameters.any(|one| {
        attempt.target.behind(one)["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("idempotency-key"))
    });
    if !promised {
        return Err(Trouble::Skipped("it promises nothing about Idempotency-Key".to_owned()));
    }
    let unique = person.access.get(person.access.len().saturating_sub(12)..).unwrap_or("key");
    Ok(format!("order-{}", unique.replace(|c: char| !c.is_ascii_alphanumeric(), "0")))
}

fn write(attempt: &Attempt, title: &str, key: &str) -> Request {
    attempt.post("/v1/articles", &json!({"title": title, "body": "Once"})).header("idempotency-key", key)
}

async fn replay(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one article, and its answer twice");
    let person = attempt.user().await?;
    let key = format!("{}-replay", key(attempt, &person)?);
    let write = |note: &str, key: &str| write(attempt, "Once", key).by(&person).note(note);
    let first = write("Control: the request", &key).send().await?.must_work("an article is written")?;
    let other = write("Control: another key is another article", &format!("{key}-2")).send().await?;
    let other = other.must_work("another key")?.string("/id");
    attempt.control(other != first.string("/id"), "another key makes another article")?;
    let again = write("The same again", &key).send().await?;
    let (first, second) = (first.string("/id"), again.string("/id"));
    let refused = matches!(again.status, 409 | 422);
    Ok(Verdict::held_if(first == second || refused, || format!("there are two articles, {first} and {second}")))
}

async fn other_body(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("409 or 422, and nothing is written");
    let person = attempt.user().await?;
    let key = format!("{}-body", key(attempt, &person)?);
    write(attempt, "Once", &key).by(&person).note("Control").send().await?.must_work("an article is written")?;
    let other = write(attempt, "Twice", &key).by(&person).note("Another body under the same key").send().await?;
    Ok(other.must_be(&[409, 422, 400]))
}

async fn other_user(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an article of one's own, as if the key were new");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let key = format!("{}-user", key(attempt, &owner)?);
    let first = write(attempt, "Not for you", &key).by(&owner).note("Control: its owner").send().await?;
    let first = first.must_work("an article is written")?;
    let stolen = write(attempt, "Not for you", &key).by(&thief).note("Somebody else, the same key").send().await?;
    let same = stolen.string("/id") == first.string("/id") || stolen.text().contains(&owner.id);
    Ok(Verdict::held_if(!same && stolen.status < 500, || format!("{}, with the stranger's article", stolen.seen())))
}

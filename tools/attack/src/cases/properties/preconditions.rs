//! Changes on the condition that nobody else changed it meanwhile.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{ownership::belongings::draft, walk::each},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "if-match-stale",
        title: "A change that was made on an older version",
        pillar: Some("if-match"),
        owasp: &["API3:2023"],
        asvs: &["15.4.2", "2.3.3"],
        teaching: "The lost update: two people read, both change, and the second silently undoes the first, who has a receipt \
                   for a change that is gone. With permissions or balances it is more than a nuisance. The ETag says which \
                   version was read, `If-Match` makes the change depend on it, and 412 says that it was not done (RFC 9110 \
                   section 13.1.1). Compared in the same statement that changes the row.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(stale(attempt)),
        ..PLAIN
    },
    Case {
        id: "if-match-missing",
        title: "A change of what several people edit, without a condition",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.4.2", "2.3.3"],
        teaching: "A condition that clients may leave out is left out by the one that has the bug. RFC 6585 gave servers the \
                   status 428 for it: \"I do this only if you tell me which version you saw.\" It was made against the lost \
                   update, and it also stops a request that was recorded earlier and is played again after the object has \
                   moved on.",
        needs: &[Need::User, Need::Operation("PATCH", "/v1/articles/{id}")],
        run: |attempt| Box::pin(missing(attempt)),
        ..PLAIN
    },
    Case {
        id: "if-match-odd",
        title: "Conditions that are weak, stale in a list, unquoted or doubled",
        pillar: None,
        owasp: &["API3:2023", "API8:2023"],
        asvs: &["15.4.2", "1.5.3"],
        teaching: "A condition that the server cannot read must not count as met. A weak ETag says \"as good as the same\", \
                   which is not enough for a change; a list holds if one of it does; something unquoted is no ETag. \
                   Parsers that search for the current tag anywhere in the header, or give up on the first oddity and go \
                   on, change what they were told not to.",
        needs: &[Need::User, Need::Operation("PATCH", "/v1/articles/{id}")],
        run: |attempt| Box::pin(odd(attempt)),
        ..PLAIN
    },
];

async fn stale(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("412, and the change of somebody else stays");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let read = attempt.get(path).by(&person).note("Both read").send().await?.must_work("it is read")?;
    let Some(tag) = read.header("etag").map(str::to_owned) else {
        return Err(Trouble::Skipped("its answers have no ETag".to_owned()));
    };
    let change =
        |name: &str, tag: &str| attempt.patch(path, &json!({"name": name})).by(&person).header("if-match", tag);
    let first = change("First", &tag).note("Control: the first one changes it").send().await?;
    first.must_work("the first one changes it")?;
    let second = change("Second", &tag).note("The second one read the same version").send().await?;
    let verdict = second.must_be(&[412]);
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let nonsense = change("Third", "\"no-version-ever\"").note("A version that never was").send().await?;
    Ok(nonsense.must_be(&[412]))
}

async fn missing(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("428");
    let person = attempt.user().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &person).await?);
    let change = attempt.patch(&path, &json!({"title": "Another"})).by(&person);
    let read = attempt.get(&path).by(&person).send().await?.must_work("it is read")?;
    let tag = read.header("etag").unwrap_or("*").to_owned();
    let bare = change.clone().note("Without a condition").send().await?.must_be(&[428, 412]);
    if bare.is_hole() {
        return Ok(bare);
    }
    let empty = change.clone().header("if-match", "").note("With an empty one").send().await?.must_be(&[428, 412, 400]);
    if empty.is_hole() {
        return Ok(empty);
    }
    change
        .header("if-match", tag)
        .note("Control: with the version that was read")
        .send()
        .await?
        .must_work("with it")?;
    Ok(Verdict::Held)
}

async fn odd(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("412 or 400 for each; a list that holds the version is good");
    let person = attempt.user().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &person).await?);
    let change = attempt.patch(&path, &json!({"title": "Another"})).by(&person);
    let read = attempt.get(&path).by(&person).send().await?.must_work("it is read")?;
    let Some(tag) = read.header("etag").map(str::to_owned) else {
        return Err(Trouble::Skipped("its answers have no ETag".to_owned()));
    };
    let bare = tag.trim_matches('"');
    let conditions = [
        format!("W/{tag}"),
        bare.to_owned(),
        format!("\"{bare}"),
        format!("'{bare}'"),
        format!("\"x{bare}\""),
        "\"a\", \"b\"".to_owned(),
        format!("\"a\", W/{tag}"),
        "\"\"".to_owned(),
        "null".to_owned(),
        "\"*\"".to_owned(),
    ];
    let tries = conditions.iter().map(|condition| change.clone().header("if-match", condition));
    let verdict = each(tries.collect(), |answer: &Answer| answer.must_be(&[412, 400])).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let listed = change.header("if-match", format!("\"a\", {tag}")).note("Control: a list with the version in it");
    listed.send().await?.must_work("a list with the version in it")?;
    Ok(verdict)
}

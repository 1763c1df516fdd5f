//! Bodies of another shape than the schema's.

use serde_json::{Value, json};

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{operations, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "strict-json-doubled-key",
        title: "One member twice, with two values",
        pillar: Some("strict-json"),
        owasp: &["API3:2023", "API8:2023"],
        asvs: &["1.5.3", "2.2.1"],
        teaching: "JSON does not say which of two equal names counts. In CouchDB the check, in JavaScript, read the last \
                   `roles` and found nobody special; the database, in Erlang, stored the first: an administrator \
                   (CVE-2017-12635). Where two programs read one text, a text with two readings is an attack. It must be \
                   refused, as I-JSON demands (RFC 7493), before either has read it.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(doubled_key(attempt)),
        ..PLAIN
    },
    Case {
        id: "strict-json-hidden-double",
        title: "One member twice, spelled so that it does not look the same",
        pillar: Some("strict-json"),
        owasp: &["API3:2023", "API8:2023"],
        asvs: &["1.5.3", "1.1.1"],
        teaching: "`name` and `n\\u0061me` are one name once they are decoded, and two to whoever compares the text. Bishop \
                   Fox tried 49 parsers in 2021: they disagreed about doubled names, about what follows a NUL, a lone \
                   surrogate or a comment. A check for doubles belongs into the parser itself, after its decoding, and \
                   at every depth.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(hidden_double(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-of-another-shape",
        title: "A list, a text or nothing, where an object belongs",
        pillar: None,
        owasp: &["API3:2023", "API8:2023"],
        asvs: &["2.2.1", "15.3.5"],
        teaching: "Handlers test what happens when a member is missing and seldom what happens when there are no members at \
                   all. A list where an object belongs is bound element by element in some frameworks, and makes others \
                   fall over: an error 500 is at best a note for the attacker where to look on. One schema, checked before \
                   the handler, answers for all shapes.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(another_shape(attempt)),
        ..PLAIN
    },
    Case {
        id: "members-of-another-type",
        title: "Numbers, lists and objects, where a text belongs",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.3.5", "2.2.1"],
        teaching: "Languages with loose types make something of everything: `0 == \"abc\"` was true in PHP until version 8, a \
                   list becomes a text, an object a query. Logins, tokens and filters fell to a value of another type. In \
                   a typed language the danger is smaller, as long as nobody writes `Value` for the type of a field; the \
                   answer to a wrong type is 400, and nothing is converted.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(another_type(attempt)),
        ..PLAIN
    },
    Case {
        id: "null-for-required",
        title: "Nothing, null or an empty text, for what must be there",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["2.2.1", "2.2.2"],
        teaching: "`null` is neither missing nor a value: validators that skip what is null let it pass to a column that may \
                   not be null, which is a 500, or to one that may, which is an account without a name. Null, absent and \
                   empty must each have one meaning, written in the schema, and the database's own constraint is the \
                   last to say no, not the first.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(null_for_required(attempt)),
        ..PLAIN
    },
    Case {
        id: "email-as-a-list",
        title: "Two addresses, where a mail is to go to one",
        pillar: None,
        owasp: &["API3:2023", "API2:2023"],
        asvs: &["15.3.5", "6.4.3"],
        teaching: "GitLab's form for a forgotten password took `user[email][]` twice: the first address was looked up, and the \
                   mail with the link went to both (CVE-2023-7028, CVSS 10). Accounts without a second factor were taken by \
                   whoever knew their address. A field that is one text must refuse a list, and a mail must go to the \
                   address that the database holds, never to the one in the request.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/forgot")],
        run: |attempt| Box::pin(email_as_a_list(attempt)),
        ..PLAIN
    },
];

/// The bodies are refused and the name stays; before them one that is right.
async fn on_the_name(attempt: &Attempt, bodies: &[&str]) -> Result<Verdict, Trouble> {
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let send =
        |body: &str| attempt.request("PATCH", path).header("content-type", "application/json").body(body).by(&person);
    send(r#"{"name":"Ada King"}"#).note("Control: as it should be").send().await?.must_work("a name is changed")?;
    let verdict = refuses(bodies.iter().map(|body| send(body)).collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let name = attempt.get(path).by(&person).note("Is the name as it was?").send().await?.string("/name");
    Ok(verdict.and(Verdict::held_if(name == "Ada King", || format!("the name is now \"{name}\""))))
}

async fn doubled_key(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400: there is no saying which one is meant");
    on_the_name(attempt, &[r#"{"name":"Ada Byron","name":"Mallory"}"#, r#"{"name":"Ada Byron","name":"Ada Byron"}"#])
        .await
}

async fn hidden_double(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let bodies = [
        r#"{"name":"Ada Byron","n\u0061me":"Mallory"}"#,
        r#"{"n\u0061me":"Ada Byron","\u006eame":"Mallory"}"#,
        r#"{"name":"Ada Byron","name\u0000":"Mallory"}"#,
        r#"{"name":"Ada Byron","name\ud800":"Mallory"}"#,
        r#"{"name":"Ada Byron"/*,"name":"Mallory"*/}"#,
        r#"{"name":"Ada Byron","nested":{"role":"user","role":"admin"}}"#,
        r#"{"name":"Ada Byron"}{"name":"Mallory"}"#,
    ];
    on_the_name(attempt, &bodies).await
}

async fn another_shape(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a 4xx for each operation with each shape");
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: an object");
    honest.send().await?.must_work("an object is taken")?;
    let mut tries = Vec::new();
    for operation in operations(&attempt.target) {
        let Some(example) = operation.example(&attempt.target) else { continue };
        for shape in [json!([example]), json!(example.to_string()), Value::Null] {
            let request = attempt.request(&operation.method, &operation.at(&person.id)).json(&shape).elsewhere();
            tries.push(if operation.wants_somebody() { request.by(&person) } else { request });
        }
    }
    refuses(tries).await
}

async fn another_type(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the name stays");
    let bodies = [
        r#"{"name":1}"#,
        r#"{"name":true}"#,
        r#"{"name":["Mallory"]}"#,
        r#"{"name":{"first":"Mallory"}}"#,
        r#"{"name":{"$ne":null}}"#,
        r#"{"name":1e3}"#,
        r#"{"name":-0}"#,
    ];
    on_the_name(attempt, &bodies).await
}

async fn null_for_required(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the name stays");
    let bodies =
        [r#"{"name":null}"#, "{}", r#"{"name":""}"#, r#"{"name":" "}"#, r#"{"":"Mallory"}"#, r#"{"name":"\u3164"}"#];
    on_the_name(attempt, &bodies).await
}

async fn email_as_a_list(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, and no mail to the other address");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/password/forgot";
    let other = person.email.replace('@', "-thief@");
    let asked = attempt.post(path, &json!({"email": person.email})).note("Control: one address").send().await?;
    asked.must_work("a mail is asked for")?;
    let addresses = [
        json!([person.email, other]),
        json!({"0": person.email, "1": other}),
        json!(format!("{},{other}", person.email)),
        json!(format!("{};{other}", person.email)),
        json!(format!("{}\nBcc: {other}", person.email)),
        json!(format!("{} <{other}>", person.email)),
    ];
    let tries = addresses.iter().map(|email| attempt.post(path, &json!({"email": email})).elsewhere());
    let verdict = refuses(tries.collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let mails = attempt.get("/dev/mailbox.json").note("The mails of all").send().await?.text();
    Ok(verdict.and(Verdict::held_if(!mails.contains(&other), || format!("{other} got a mail"))))
}

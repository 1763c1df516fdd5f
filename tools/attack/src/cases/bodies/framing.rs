//! Bodies where none belongs, none where one belongs, and bodies that are sent in odd ways.

use std::time::Duration;

use serde_json::json;

use super::head;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, each, operations},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "body-empty",
        title: "No body, where one belongs",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["2.2.1", "16.5.3"],
        teaching: "What is read from nothing? In some frameworks an object with nothing in it, whose members then have their \
                   defaults: an empty password, a role of 0, \"all of them\". In others an exception that nobody expected. \
                   Fuzzers begin with the empty input for a reason. It must be an error like every other error in a body, \
                   with the same shape.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(empty(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-on-get",
        title: "A body where none belongs",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["4.2.1", "15.3.7"],
        teaching: "GET with a body has no meaning (RFC 9110 section 9.3.1), and programs make two of it: some read parameters \
                   from there, behind the back of a cache that looks at the address alone; others leave the bytes lying, \
                   where they are the beginning of the next request. A body on GET must change nothing in the answer, and \
                   nothing may be left over.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(on_get(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-expect",
        title: "A client that asks whether it may send a gigabyte",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["4.2.1", "15.2.2"],
        teaching: "`Expect: 100-continue` asks before sending. A server that says \"continue\" to any length has agreed to read \
                   it; one that understands the header otherwise than its proxy lets requests be smuggled, as James Kettle \
                   showed in 2025 with a whole series of `Expect` attacks. The decision must fall on the head alone: too \
                   large is 413 before a byte, and an unknown expectation is none.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(expect(attempt)),
        ..PLAIN
    },
];

async fn empty(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a 4xx for each operation");
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: a body");
    honest.send().await?.must_work("a body")?;
    let mut tries = Vec::new();
    for operation in operations(&attempt.target) {
        if operation.example(&attempt.target).is_none() {
            continue;
        }
        for body in ["", " \n\t ", "{}"] {
            let request = attempt.request(&operation.method, &operation.at(&person.id)).by(&person).elsewhere();
            tries.push(request.header("content-type", "application/json").header("if-match", "*").body(body));
        }
    }
    each(tries, Answer::refused).await
}

async fn on_get(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, or the answer that it has without; nothing is changed");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let plain = attempt.get(path).by(&person).note("Control: without").send().await?.must_work("without")?.text();
    let body = json!({"name": "Mallory", "id": "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b", "limit": 1});
    let tries = vec![
        attempt.get(path).by(&person).json(&body),
        attempt.get(path).by(&person).header("content-type", "text/plain").body("_method=DELETE"),
        attempt.get(path).by(&person).header("content-type", "application/x-www-form-urlencoded").body("name=Mallory"),
        attempt.request("HEAD", path).by(&person).json(&body),
        attempt.request("OPTIONS", path).by(&person).json(&body),
    ];
    let verdict =
        each(tries, |answer| Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen())));
    let verdict = verdict.await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let (host, token) = (attempt.target.base.authority(), &person.access);
    let hidden = format!("GET /hidden HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let bytes = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    let answer = attempt.raw(bytes).note("A second request as the body of the first").send().await?;
    let smuggled = Verdict::held_if(answer.statuses().len() < 2, || format!("it answered {}", answer.seen()));
    let after = attempt.get(path).by(&person).note("Is all as it was?").send().await?.text();
    Ok(smuggled.and(Verdict::held_if(after == plain, || format!("the account is now {after}"))))
}

async fn expect(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal without a word of going on");
    let person = attempt.fresh_user().await?;
    let head = head(attempt, &person);
    let body = "{\"name\":\"Ada King\"}";
    let small = format!("{head}expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len());
    let small =
        attempt.raw(small).then(body).pause(Duration::from_millis(100)).note("Control: a small one").send().await?;
    let done = small.statuses().contains(&200) || small.statuses() == [417];
    attempt.control(done, &format!("a small body that asks first is taken ({})", small.seen()))?;
    for (what, headers) in [
        ("A gigabyte", "expect: 100-continue\r\ncontent-length: 1073741824\r\n"),
        ("A gigabyte, in capitals", "Expect: 100-CONTINUE\r\nContent-Length: 1073741824\r\n"),
        ("Two lengths", "expect: 100-continue\r\ncontent-length: 19\r\ncontent-length: 1073741824\r\n"),
    ] {
        let answer = attempt.raw(format!("{head}{headers}\r\n")).note(what).send().await?;
        let went_on = answer.statuses().first() == Some(&100);
        let verdict = Verdict::held_if(!went_on, || "it said 100: go on".to_owned()).and(answer.refused());
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

//! Bodies that are too large, too deep, or too many things.

use std::time::Duration;

use serde_json::json;

use super::head;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, each},
};

pub const CASES: &[Case] = &[
    Case {
        id: "body-announced-too-large",
        title: "A body that is larger than anything needs, and says so",
        pillar: Some("body-size"),
        owasp: &["API4:2023"],
        asvs: &["15.2.2", "2.2.1"],
        teaching: "Memory is what a service has least of: a body is held, parsed, and takes several times its size as a tree. \
                   A few hundred clients with some megabytes each are enough, and no rate limit counts bytes. What an \
                   operation needs is known, mostly some kilobytes; the announced length is compared before the first \
                   byte is read, and 413 is the answer.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(announced(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-chunked-too-large",
        title: "A body that is larger than anything needs, and does not say so",
        pillar: Some("body-size"),
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "A body in chunks has no length until it is over, so a limit that compares `Content-Length` never sees it. \
                   Go's and Node's frameworks had that gap more than once, and proxies that turn one form into the other \
                   open it again. The bytes must be counted while they are read, on every way that a body can come, and the \
                   reading must stop there.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(chunked(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-length-lie",
        title: "Ten gigabytes are announced, and nothing is sent",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["15.2.2", "4.2.1"],
        teaching: "The announced length tempts to make room for it at once: `with_capacity(content_length)` is ten gigabytes \
                   for one line of text, and the process is gone (CWE-789). Or the server waits politely for the bytes, \
                   and so does the connection. A length beyond the limit is refused at sight; one that is no number is \
                   400, as it may mean another thing to the proxy in front.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(length_lie(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-too-deep",
        title: "Ten thousand brackets in each other",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["15.2.2", "1.5.2"],
        teaching: "A parser that calls itself for each bracket needs as much stack as the body is deep, and sixty kilobytes of \
                   `[` end the process: Jackson fell to it twice (CVE-2020-36518, CVE-2022-42004). A stack that runs over \
                   is no exception which a handler could catch. A limit on depth, counted while reading, costs one \
                   comparison; nobody's data is 32 levels deep.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(deep(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-many-members",
        title: "As many members as fit into the limit",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Within the limit of bytes there is room for thousands of members. If their names collide in the hash table, \
                   each costs all the ones before: in 2011 one such request kept a PHP server busy for minutes, and nearly \
                   every language had to change its hashing. And an answer that lists each mistake makes of one request a \
                   flood of the same size back. Random keys for hashing, and a list that ends.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(many_members(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-long-lists",
        title: "Lists and pages that are longer than they may be",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["2.2.1", "15.2.2"],
        teaching: "A list in a body is a loop in the handler, and each turn may be a query: ten thousand scopes, receivers or \
                   ids in one request go past every limit that counts requests. With GraphQL it is thousands of sign-ins \
                   in one batch. Each list in the schema has a greatest length, each page a greatest size, and both are \
                   refused rather than cut.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(long_lists(attempt)),
        ..PLAIN
    },
];

const TOO_LARGE: usize = 200 << 10;

/// Good JSON, and then spaces.
fn padded(bytes: usize) -> String {
    let json = "{\"name\":\"Ada King\"}";
    format!("{json}{}", " ".repeat(bytes - json.len()))
}

async fn announced(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("413");
    let person = attempt.fresh_user().await?;
    let change = attempt.request("PATCH", "/v1/users/me").by(&person).header("content-type", "application/json");
    change.body(padded(10 << 10)).note("Control: 10 KiB").send().await?.must_work("a small one")?;
    let large = format!("{}content-length: {TOO_LARGE}\r\n\r\n", head(attempt, &person));
    let answer = attempt.raw(large).then(padded(TOO_LARGE)).pause(Duration::from_millis(50)).note("200 KiB");
    let answer = answer.wait(Duration::from_secs(8)).send().await?;
    Ok(answer.refused())
}

async fn chunked(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("413, as soon as it is too much");
    let person = attempt.fresh_user().await?;
    let head = format!("{}transfer-encoding: chunked\r\n\r\n", head(attempt, &person));
    let one = "{\"name\":\"Ada King\"}";
    let small = format!("{head}{:x}\r\n{one}\r\n0\r\n\r\n", one.len());
    let small = attempt.raw(small).note("Control: one small chunk").send().await?;
    attempt.control(small.status() == 200, &format!("a small body in chunks is taken ({})", small.seen()))?;
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let mut large = attempt.raw(format!("{head}{:x}\r\n{one}\r\n", one.len())).note("200 KiB in chunks");
    for _ in 0..TOO_LARGE / 0x4000 {
        large = large.then(chunk.clone());
    }
    let answer = large.then("0\r\n\r\n").wait(Duration::from_secs(8)).send().await?;
    Ok(answer.refused())
}

async fn length_lie(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("refused at once, without waiting for the bytes");
    let person = attempt.fresh_user().await?;
    let honest =
        attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: its own length");
    honest.send().await?.must_work("its own length")?;
    for length in
        ["10737418240", "18446744073709551616", "99999999999999999999999", "-1", "+19", "0x13", "19, 20", "19;"]
    {
        let bytes = format!("{}content-length: {length}\r\n\r\n{{\"name\":\"Mallory\"}}", head(attempt, &person));
        let answer = attempt.raw(bytes).note(format!("content-length: {length}")).send().await?;
        if answer.refused().is_hole() {
            return Ok(answer.refused());
        }
    }
    Ok(Verdict::Held)
}

async fn deep(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the service goes on");
    let person = attempt.fresh_user().await?;
    let change = |body: String| {
        attempt.request("PATCH", "/v1/users/me").header("content-type", "application/json").body(body).by(&person)
    };
    change(r#"{"name":"Ada King"}"#.into()).note("Control: flat").send().await?.must_work("a flat one")?;
    let bodies = [
        "[".repeat(60_000),
        format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)),
        "{\"a\":".repeat(12_000),
        format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{{\"name\":{}1{}}}", "[{\"a\":".repeat(40), "}]".repeat(40)),
        format!("{{\"x\":{}1{}}}", "[".repeat(127), "]".repeat(127)),
    ];
    let verdict = each(bodies.into_iter().map(change).collect(), crate::wire::Answer::refused).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let after = attempt.get("/v1/users/me").by(&person).note("Does it go on?").send().await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    Ok(Verdict::held_if(after.is_success(), || format!("afterwards it says {}", after.seen())))
}

async fn many_members(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 at once, in few words");
    let person = attempt.fresh_user().await?;
    let change = |body: String| {
        attempt.request("PATCH", "/v1/users/me").header("content-type", "application/json").body(body).by(&person)
    };
    change(r#"{"name":"Ada King"}"#.into()).note("Control: one").send().await?.must_work("one member")?;
    let numbered: Vec<_> = (0..6000).map(|i| format!("\"{i:x}\":1")).collect();
    let long: Vec<_> = (0..60).map(|i| format!("\"{i}{}\":1", "n".repeat(1000))).collect();
    let bodies = [
        format!("{{{}}}", numbered.join(",")),
        format!("{{\"name\":\"Mallory\",{}}}", long.join(",")),
        format!("[{}1]", "1,".repeat(30_000)),
        format!("{{\"name\":[{}\"\"]}}", "\"\",".repeat(15_000)),
        format!("{{\"name\":{}}}", "9".repeat(60_000)),
    ];
    each(bodies.into_iter().map(change).collect(), |answer| {
        let (quick, short) = (answer.took.as_secs() < 4, answer.bytes.len() < 16 << 10);
        let told = || format!("the answer has {} bytes and took {} ms", answer.bytes.len(), answer.took.as_millis());
        answer.refused().and(Verdict::held_if(quick && short, told))
    })
    .await
}

async fn long_lists(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me/api-keys";
    let expires = crate::cases::ownership::belongings::tomorrow(&person);
    let make = |scopes: Vec<&str>| {
        attempt.post(path, &json!({"name": "A robot", "scopes": scopes, "expires_at": expires})).by(&person)
    };
    make(vec!["profile:read"]).note("Control: one").send().await?.must_work("a key is made")?;
    let tries = vec![
        make(vec!["profile:read"; 5000]),
        make(vec!["profile:read", "profile:read"]),
        make(vec!["profile:read", "profile:write", "articles:read", "articles:write", "profile:read"]),
        attempt.get("/v1/articles?limit=1000").by(&person),
        attempt.get(&format!("/v1/articles?{}", "limit=1&".repeat(800))).by(&person),
    ];
    each(tries, crate::wire::Answer::refused).await
}

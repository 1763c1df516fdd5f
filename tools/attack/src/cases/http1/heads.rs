//! What a head may hold, and how much.

use super::{refused, root, shown, twin, written};
use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "http1-folded-lines",
        title: "A header over two lines, a space before its colon, a line without one",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Old HTTP let a header go on in the next line; some servers still join them, others take the second line for a \
                   header of its own or drop it, and Node's parser once smuggled by it (CVE-2022-32215). RFC 9112 sections \
                   5.1 and 5.2 want both refused: the folded line and the space before the colon.",
        run: |attempt| Box::pin(folded(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-control-bytes",
        title: "Zero bytes, bare carriage returns and other control bytes inside a head",
        owasp: &["API8:2023"],
        asvs: &["4.2.1", "4.2.4"],
        teaching: "A bare CR ends a line for one parser and not for the next; a zero byte ends the text for what is written \
                   in C. The header that a proxy removed or checked is then another one behind it. RFC 9110 section 5.5 \
                   calls such values dangerous; refusing them costs nothing, since no honest client sends them.",
        run: |attempt| Box::pin(control_bytes(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-too-long",
        title: "A head without measure: its address, one header, many headers",
        owasp: &["API4:2023"],
        asvs: &["4.1.1", "15.2.2"],
        teaching: "What must be read before anybody knows who asks has to have an end: each byte of a head is held in memory, and \
                   each of its lines is hashed and stored. Without limits a few clients fill the memory with headers. 414 and \
                   431 say it; a closed connection does too.",
        run: |attempt| Box::pin(too_long(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-response-splitting",
        title: "Line breaks in the request write headers into the answer",
        owasp: &["API8:2023"],
        asvs: &["4.2.4", "1.2.1"],
        teaching: "If something of the request is repeated in a header of the answer, such as a redirect, a request id or the name \
                   of a file, then `%0d%0a` in it ends that header and begins the next: a cookie, a second answer for the cache. \
                   Amit Klein described it in 2004. Nothing is repeated undecoded or unchecked.",
        run: |attempt| Box::pin(splitting(attempt)),
        ..PLAIN
    },
];

fn with(attempt: &Attempt, lines: &str) -> (String, Vec<u8>) {
    (shown(lines), written(attempt, &root(attempt), &format!("{lines}\r\n"), ""))
}

async fn folded(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    twin(attempt, with(attempt, "x-first: one\r\nx-second: two").1).await?;
    let odd = [
        "x-first: one\r\n two",
        "x-first: one\r\n\ttwo",
        "x-first:\r\n one",
        "x-first : one",
        "x-first\t: one",
        " x-first: one",
        "x first: one",
        "x-first",
        ": one",
        "x-first: one\r\n \r\nx-second: two",
    ];
    refused(attempt, odd.map(|lines| with(attempt, lines)).into()).await
}

async fn control_bytes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    twin(attempt, with(attempt, "x-first: one\ttwo").1).await?;
    let odd = [
        "x-first: one\0two",
        "x-first\0: one",
        "x-first: one\rtwo",
        "x-first: one\rx-second: two",
        "x-first: one\u{1}two",
        "x-first: one\u{8}two",
        "x-first: one\u{7f}two",
        "x-f\u{fc}rst: one",
        "x-first\u{a0}: one",
        "x(first): one",
    ];
    let mut all: Vec<_> = odd.map(|lines| with(attempt, lines)).into();
    let path = root(attempt).replacen("/ HTTP", "/\0 HTTP", 1);
    all.push((shown(&path), written(attempt, &path, "", "")));
    let path = root(attempt).replacen("/ HTTP", "/\u{1} HTTP", 1);
    all.push((shown(&path), written(attempt, &path, "", "")));
    refused(attempt, all).await
}

async fn too_long(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("414, 431 or 400, or a connection that is closed");
    twin(attempt, with(attempt, &format!("x-long: {}", "a".repeat(1000))).1).await?;
    let path = |length: usize| root(attempt).replacen("/ HTTP", &format!("/{} HTTP", "a".repeat(length)), 1);
    let query = |length: usize| root(attempt).replacen("/ HTTP", &format!("/?{} HTTP", "a".repeat(length)), 1);
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: a\r\n")).collect::<Vec<_>>().concat();
    let odd = vec![
        ("a path of 70 KB".to_owned(), written(attempt, &path(70_000), "", "")),
        ("a query of 70 KB".to_owned(), written(attempt, &query(70_000), "", "")),
        ("a path of a megabyte".to_owned(), written(attempt, &path(1 << 20), "", "")),
        with(attempt, &format!("x-long: {}", "a".repeat(50_000))),
        with(attempt, &format!("x-long: {}", "a".repeat(1 << 20))),
        with(attempt, &format!("{}: a", "x".repeat(70_000))),
        with(attempt, &format!("authorization: Bearer {}", "a".repeat(100_000))),
        with(attempt, &format!("cookie: {}", "a=b; ".repeat(20_000))),
        ("5000 headers".to_owned(), written(attempt, &root(attempt), &many(5000), "")),
        ("50000 headers".to_owned(), written(attempt, &root(attempt), &many(50_000), "")),
    ];
    refused(attempt, odd).await
}

async fn splitting(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no header that the request wrote");
    twin(attempt, with(attempt, "x-first: one").1).await?;
    let inject = "%0d%0ax-injected:%20yes%0d%0aset-cookie:%20a=b";
    let raw = "%E5%98%8A%E5%98%8Dx-injected:%20yes";
    let paths = [
        format!("/{inject}"),
        format!("/?next={inject}"),
        format!("/docs/{inject}"),
        format!("/{raw}"),
        format!("//evil.example/{inject}"),
        format!("/v1/users/{inject}"),
    ];
    let prefix = &attempt.target.base.prefix;
    let mut verdict = Verdict::Held;
    for path in paths {
        let answer = attempt.raw(written(attempt, &format!("GET {prefix}{path} HTTP/1.1"), "", "")).send().await?;
        verdict = verdict.and(untouched(&path, &answer.text()));
    }
    for header in ["x-request-id", "origin", "referer", "x-forwarded-host", "accept-language", "if-none-match"] {
        let line = format!("{header}: one%0d%0ax-injected: yes\\r\\nx-injected: yes");
        let answer = attempt.raw(with(attempt, &line).1).send().await?;
        verdict = verdict.and(untouched(&line, &answer.text()));
    }
    Ok(verdict)
}

fn untouched(sent: &str, answer: &str) -> Verdict {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
    let injected = head.lines().any(|line| line.starts_with("x-injected") || line.starts_with("set-cookie: a=b"));
    Verdict::held_if(!injected, || format!("{} wrote a header into the answer", shown(sent)))
}

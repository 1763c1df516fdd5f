//! Bytes that no client library would send.

use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "smuggling-length-and-chunked",
    title: "A request with two opinions about its own length",
    pillar: None,
    owasp: &["API8:2023"],
    asvs: &["4.2.1"],
    teaching: "A request that has both Content-Length and Transfer-Encoding ends in two places. If a proxy believes one and the \
               service the other, what lies between is a second request that nobody checked: James Kettle took over PayPal's \
               login page this way in 2019. RFC 9112 section 6.1 lets a server refuse it, and one that goes on must close the \
               connection afterwards.",
    run: |attempt| Box::pin(two_lengths(attempt)),
    ..PLAIN
}];

async fn two_lengths(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, or one answer and then a closed connection; never two answers");
    let host = attempt.target.base.authority();
    let plain = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = attempt.raw(plain).note("Control: a plain request").send().await?;
    attempt.control(answer.status() != 0, "a plain request over a raw socket is not answered")?;
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let bytes = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        5 + smuggled.len()
    );
    let answer = attempt.raw(bytes).note("Both lengths, and a second request behind the first end").send().await?;
    Ok(Verdict::held_if(answer.statuses().len() < 2, || format!("it answered {}", answer.seen())))
}

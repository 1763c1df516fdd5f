//! Where a message ends. Two that disagree about it read two different requests.

use super::{framed, refused, root, shown, smuggled, twin, written};
use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "smuggling-length-and-chunked",
        title: "A request with two opinions about its own length",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "A request that has both Content-Length and Transfer-Encoding ends in two places. If a proxy believes one and \
                   the service the other, what lies between is a second request that nobody checked: James Kettle took over \
                   PayPal's login page this way in 2019. RFC 9112 section 6.1 lets a server refuse it, and one that goes on \
                   must close the connection afterwards.",
        run: |attempt| Box::pin(two_kinds(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-two-lengths",
        title: "A request with two lengths, or a list of them",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Two Content-Length headers were the first smuggling that was written up, by Linhart, Klein, Heled and Orrin \
                   in 2005: the cache took the first, the server the last. RFC 9112 section 6.3 calls it an unrecoverable \
                   error unless all say the same, and even then refusing is safer: somebody in between may count otherwise.",
        run: |attempt| Box::pin(two_lengths(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-length-shapes",
        title: "A length with a sign, in hexadecimal, with a comma, too large for any number",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Number parsers are generous: `+5`, `0x5`, `5e0`, `5_0`, digits of other scripts, values that overflow to a \
                   small one. A length that one side reads as 5 and the other refuses or reads as 0 is a boundary in dispute. \
                   Our own HTTP library took the plus sign until 2021 (hyper, CVE-2021-32715). Digits and nothing else.",
        run: |attempt| Box::pin(length_shapes(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-body-left-behind",
        title: "A body that nobody reads is read as the next request",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "A server that answers early, with 404, 405, 413 or 415, has not read the body yet. If it keeps the connection \
                   and goes on where it stopped, the body becomes the next request, in the name of whoever uses the \
                   connection next. Kettle's CL.0 of 2022 found Amazon and Akamai with it, and needed no forbidden byte. Read \
                   it to its end, or close.",
        run: |attempt| Box::pin(left_behind(attempt)),
        ..PLAIN
    },
];

async fn two_kinds(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, or one answer and then a closed connection; never two answers");
    twin(attempt, framed(attempt, "transfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n")).await?;
    let second = smuggled(attempt);
    let (length, chunked) = (5 + second.len(), "transfer-encoding: chunked\r\n");
    let body = format!("0\r\n\r\n{second}");
    let mut verdict = Verdict::Held;
    // Without `connection: close`: whether it closes is the question.
    for head in [format!("content-length: {length}\r\n{chunked}"), format!("{chunked}content-length: {length}\r\n")] {
        let host = attempt.target.base.authority();
        let bytes = format!("{}\r\nhost: {host}\r\n{head}\r\n{body}", root(attempt).replacen("GET", "POST", 1));
        let answer = attempt.raw(bytes).note("Both lengths, and a second request behind the first end").send().await?;
        let once = answer.statuses().len() < 2;
        verdict = verdict.and(Verdict::held_if(once, || format!("it answered {}", answer.seen())));
    }
    Ok(verdict)
}

async fn two_lengths(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, or one answer where all lengths are the same");
    twin(attempt, framed(attempt, "content-length: 2\r\n", "{}")).await?;
    let heads = [
        "content-length: 2\r\ncontent-length: 40\r\n",
        "content-length: 40\r\ncontent-length: 2\r\n",
        "content-length: 2\r\ncontent-length: 0\r\n",
        "content-length: 0\r\ncontent-length: 2\r\n",
        "content-length: 2, 40\r\n",
        "content-length: 2,2\r\n",
        "content-length: 2\r\nContent-Length: 02, 3\r\n",
    ];
    refused(attempt, heads.iter().map(|head| (shown(head), framed(attempt, head, "{}"))).collect()).await
}

async fn length_shapes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    twin(attempt, framed(attempt, "content-length: 2\r\n", "{}")).await?;
    let lengths = [
        "-2",
        "+2",
        "0x2",
        "2.0",
        "2e0",
        "2 2",
        "0_2",
        "",
        "two",
        "\"2\"",
        "2;a=b",
        "\u{662}",
        "\u{ff12}",
        "18446744073709551618",
        "99999999999999999999999999",
        "-0",
    ];
    let odd =
        lengths.map(|length| (length.to_owned(), framed(attempt, &format!("content-length: {length}\r\n"), "{}")));
    refused(attempt, odd.into()).await
}

async fn left_behind(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one answer for each request that was sent, never one for what stood in a body");
    let base = &attempt.target.base;
    let (host, prefix) = (base.authority(), &base.prefix);
    let last = String::from_utf8_lossy(&written(attempt, &root(attempt), "", "")).into_owned();
    let both = format!("{}\r\nhost: {host}\r\n\r\n{last}", root(attempt));
    let two = attempt.raw(both).note("Control: two requests on one connection").send().await?;
    if two.statuses().len() != 2 || !matches!(two.status(), 200..=399) {
        return Err(Trouble::Skipped(format!("it keeps no connection: {}", two.seen())));
    }
    attempt.control(true, "")?;
    let hidden = smuggled(attempt);
    let length = hidden.len();
    let heads = [
        format!("POST {prefix}/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!("POST {prefix}/no-such-path HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!("GET {prefix}/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!("HEAD {prefix}/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!("OPTIONS {prefix}/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!(
            "DELETE {prefix}/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\ncontent-type: text/plain\r\n"
        ),
        format!("POST {prefix}/v1/auth/login HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"),
        format!("POST {prefix}/ HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n"),
        format!(
            "POST {prefix}/ HTTP/1.1\r\nhost: {host}\r\nconnection: content-length\r\ncontent-length: {length}\r\n"
        ),
    ];
    let odd: Vec<_> =
        heads.iter().map(|head| (shown(head), format!("{head}\r\n{hidden}{last}").into_bytes())).collect();
    let each = super::answers(attempt, odd).await?.into_iter().map(|(note, answer)| {
        let final_ones: Vec<_> = answer.statuses().into_iter().filter(|status| *status >= 200).collect();
        // The first is the refusal; if there is a second, it is the answer to the request that came last.
        let held = final_ones.len() <= 2 && final_ones.get(1).is_none_or(|status| (200..400).contains(status));
        Verdict::held_if(held, || format!("{note} and a body: {}", answer.seen()))
    });
    Ok(each.fold(Verdict::Held, Verdict::and))
}

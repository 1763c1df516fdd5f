//! Requests that HTTP/2 forbids, and that turn into others where they are translated into HTTP/1.1.

use futures_util::future::join_all;
use serde_json::json;

use super::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, field, frame, head, not_taken, works};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::nobody,
};

const FORGOT: &str = "/v1/auth/password/forgot";

pub const CASES: &[Case] = &[
    Case {
        id: "h2-pseudo-headers",
        title: "Pseudo-headers that stand twice, too late, empty, or nowhere",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Method, path and host are headers of their own in HTTP/2. Doubled, or hidden behind ordinary ones, they give a \
                   proxy and the service two paths to choose from; James Kettle's \"HTTP/2: The Sequel is Always Worse\" (2021) \
                   is full of it. RFC 9113 section 8.3 calls all of these malformed: the stream is reset.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(pseudo(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-header-names",
        title: "Upper-case names, and line breaks, spaces and colons inside names and values",
        owasp: &["API8:2023"],
        asvs: &["4.2.4"],
        teaching: "In frames a header may hold any byte, also CR and LF. Translated into HTTP/1.1 they end the line, and what \
                   follows is a header or a request of the attacker's: Kettle read Netflix's and Atlassian's traffic with it in \
                   2021. RFC 9113 section 8.2.1 forbids such names and values; the stream is reset.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(names(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-connection-headers",
        title: "Headers of a connection inside a stream: Transfer-Encoding, Connection, Upgrade",
        owasp: &["API8:2023"],
        asvs: &["4.2.3"],
        teaching: "HTTP/2 frames its own lengths, so Transfer-Encoding means nothing in it, until a proxy writes it down as \
                   HTTP/1.1: then the next server believes it (H2.TE; Kettle took AWS's load balancer with it in 2021). RFC \
                   9113 section 8.2.2: a request that holds such headers is malformed.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(connection_headers(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-length-mismatch",
        title: "A Content-Length that is not the length of what comes",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "The frames say where a body ends, and Content-Length is only a claim beside them. A front that passes the claim \
                   on without comparing lets the rest become the next request behind it (H2.CL, with which Kettle redirected \
                   Netflix's scripts). RFC 9113 section 8.1.1 makes the difference an error of the stream.",
        needs: &[Need::Tls, Need::Operation("POST", FORGOT)],
        run: |attempt| Box::pin(length(attempt)),
        ..PLAIN
    },
];

/// One stream with this header block and nothing else.
fn alone(block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, block)
}

async fn each(attempt: &Attempt, odd: Vec<(&str, Vec<u8>)>) -> Result<Verdict, Trouble> {
    works(attempt).await?;
    let each = join_all(odd.iter().map(|(what, block)| async move { not_taken(attempt, what, &alone(block)).await }));
    let each: Result<Vec<_>, _> = each.await.into_iter().collect();
    Ok(each?.into_iter().fold(Verdict::Held, Verdict::and))
}

async fn pseudo(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a stream that is reset, or 400");
    let (good, base) = (head(attempt, "GET", "/"), &attempt.target.base);
    let [method, scheme, path] = [field(b":method", b"GET"), field(b":scheme", b"https"), field(b":path", b"/")];
    let authority = field(b":authority", base.authority().as_bytes());
    let odd = vec![
        ("two methods", [&good[..], &field(b":method", b"POST")].concat()),
        ("two paths", [&good[..], &field(b":path", b"/admin")].concat()),
        ("two authorities", [&good[..], &field(b":authority", b"evil.example")].concat()),
        ("a path behind other headers", [&method[..], &scheme, &authority, &field(b"x-a", b"b"), &path].concat()),
        ("an unknown one", [&good[..], &field(b":forwarded", b"x")].concat()),
        ("one of an answer's", [&good[..], &field(b":status", b"200")].concat()),
        ("no method", [&scheme[..], &authority, &path].concat()),
        ("no path", [&method[..], &scheme, &authority].concat()),
        ("no scheme", [&method[..], &authority, &path].concat()),
        ("an empty path", [&method[..], &scheme, &authority, &field(b":path", b"")].concat()),
        ("a path with a space", [&method[..], &scheme, &authority, &field(b":path", b"/ HTTP/1.1")].concat()),
        (
            "a method with a line break",
            [&field(b":method", b"GET / HTTP/1.1\r\nx: y"), &scheme[..], &authority, &path].concat(),
        ),
        ("another host beside the authority", [&good[..], &field(b"host", b"a"), &field(b"host", b"b")].concat()),
    ];
    each(attempt, odd).await
}

async fn names(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a stream that is reset, or 400");
    let good = head(attempt, "GET", "/");
    let with = |name: &[u8], value: &[u8]| [&good[..], &field(name, value)].concat();
    let odd = vec![
        ("an upper-case name", with(b"X-First", b"one")),
        ("a name with a colon", with(b"x:first", b"one")),
        ("a name with a space", with(b"x first", b"one")),
        ("a name with a line break", with(b"x\r\nfirst", b"one")),
        ("an empty name", with(b"", b"one")),
        ("a name with a zero byte", with(b"x\0", b"one")),
        ("a value with CR and LF", with(b"x-first", b"one\r\nx-second: two")),
        ("a value with LF", with(b"x-first", b"one\nx-second: two")),
        ("a value with CR", with(b"x-first", b"one\rtwo")),
        ("a value with a zero byte", with(b"x-first", b"one\0two")),
        ("a request in a value", with(b"x-first", b"one\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")),
    ];
    each(attempt, odd).await
}

async fn connection_headers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a stream that is reset, or 400");
    let good = head(attempt, "GET", "/");
    let with = |name: &[u8], value: &[u8]| [&good[..], &field(name, value)].concat();
    let odd = vec![
        ("transfer-encoding: chunked", with(b"transfer-encoding", b"chunked")),
        ("connection: close", with(b"connection", b"close")),
        ("connection: a name", with(b"connection", b"x-first")),
        ("keep-alive", with(b"keep-alive", b"timeout=5")),
        ("proxy-connection", with(b"proxy-connection", b"keep-alive")),
        ("upgrade", with(b"upgrade", b"h2c")),
        ("te: gzip", with(b"te", b"gzip")),
    ];
    each(attempt, odd).await
}

async fn length(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a stream that is reset, or 400");
    works(attempt).await?;
    let body = json!({"email": nobody()}).to_string();
    let with = |claimed: &[&str], sent: &[&str]| {
        let mut block = [head(attempt, "POST", FORGOT), field(b"content-type", b"application/json")].concat();
        for length in claimed {
            block.extend(field(b"content-length", length.as_bytes()));
        }
        let mut frames = frame(HEADERS, END_HEADERS, 1, &block);
        for (n, part) in sent.iter().enumerate() {
            let last = if n + 1 == sent.len() { END_STREAM } else { 0 };
            frames.extend(frame(DATA, last, 1, part.as_bytes()));
        }
        frames
    };
    let right = body.len().to_string();
    let twin = not_taken(attempt, "the right length", &with(&[&right], &[&body])).await?;
    attempt.control(twin.is_hole(), "a body of the right length is not taken over HTTP/2")?;
    let (short, long) = ((body.len() - 2).to_string(), (body.len() + 20).to_string());
    let mut verdict = Verdict::Held;
    for (what, frames) in [
        ("a claim that is too short", with(&[&short], &[&body])),
        ("a claim that is too long", with(&[&long], &[&body])),
        ("a claim of nothing", with(&["0"], &[&body])),
        ("two claims", with(&[&right, &long], &[&body])),
        ("a claim with a sign", with(&[&format!("+{right}")], &[&body])),
        ("more behind the claimed end", with(&[&right], &[&body, "GET /smuggled HTTP/1.1\r\n\r\n"])),
    ] {
        verdict = verdict.and(not_taken(attempt, what, &frames).await?);
    }
    Ok(verdict)
}

//! Clients that are slow on purpose. They wait beside the other cases.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::works;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::told::told,
    wire::Socket,
};

/// Nobody needs longer for a head or for a small body. (Apache's mod_reqtimeout gives 20 s.)
const LONGEST: Duration = Duration::from_secs(20);
/// An answer that nobody reads may wait longer: people pause downloads.
const LONGEST_UNREAD: Duration = Duration::from_secs(36);

pub const CASES: &[Case] = &[
    Case {
        id: "slow-head",
        title: "A head that comes byte by byte and never ends",
        pillar: Some("slow-clients"),
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Slowloris (Robert Hansen, 2009; Apache, CVE-2007-6750) opens many connections and sends each a header line now \
                   and then: no pause is long enough for a timeout between bytes, and a few hundred bytes a second hold every \
                   worker. The head as a whole must have a time, whatever comes in between.",
        waits: true,
        run: |attempt| Box::pin(head(attempt)),
        ..PLAIN
    },
    Case {
        id: "slow-silence",
        title: "A connection that says nothing, or stops in the middle of a word",
        pillar: Some("slow-clients"),
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "The cheapest way to hold a connection is to open it and say nothing: no request was begun, so no request's \
                   timeout runs. Thousands of them use up file descriptors and the places that the server has. The time must \
                   run from the moment when the connection is there.",
        waits: true,
        run: |attempt| Box::pin(silence(attempt)),
        ..PLAIN
    },
    Case {
        id: "slow-body",
        title: "A body of which one byte a second comes",
        pillar: Some("slow-clients"),
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "R-U-Dead-Yet (2010) is Slowloris one step later: the head is complete, the body is announced and then drips. \
                   The handler waits with whatever it holds by then, a worker, a connection to the database. The body as a whole \
                   must have a time of its own: 408, and the connection is closed.",
        needs: &[Need::Operation("POST", "/v1/auth/login")],
        waits: true,
        run: |attempt| Box::pin(body(attempt)),
        ..PLAIN
    },
    Case {
        id: "slow-reader",
        title: "A client that asks for much and reads nothing",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Slow read turns it around: everything is asked for in order, and then not read. The answers wait in memory, \
                   and the TCP window stays shut for as long as the client likes (Sergey Shekyan, 2012). Writing must have a time \
                   too, and what waits to be written a bound.",
        needs: &[Need::Document],
        waits: true,
        run: |attempt| Box::pin(reader(attempt)),
        ..PLAIN
    },
    Case {
        id: "half-closed",
        title: "A client that says it will send no more, in the middle of a request, and waits",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "TCP can be closed in one direction. A client that has closed its own half and stays looks alive to a server \
                   that only writes when it has something; connections in CLOSE_WAIT pile up until there are no descriptors \
                   left. What can never be completed must be given up at once.",
        waits: true,
        run: |attempt| Box::pin(half_closed(attempt)),
        ..PLAIN
    },
];

/// Says the beginning, then a byte a second of `more`, until the other side hangs up. What came by then, if it did.
async fn drip(attempt: &Attempt, beginning: &[u8], more: &[u8], longest: Duration) -> Result<Option<String>, Trouble> {
    let mut socket = Socket::open(&attempt.wire.elsewhere(), &[b"http/1.1"]).await?;
    let (started, mut seen, mut more) = (Instant::now(), Vec::new(), more.iter().cycle());
    // Who hangs up while we write has hung up.
    let mut open = socket.write(beginning).await.is_ok();
    while open && started.elapsed() < longest {
        let (bytes, closed) = socket.read_for(Duration::from_secs(1)).await;
        seen.extend(bytes);
        open = !closed;
        if let Some(byte) = more.next() {
            open &= socket.write(&[*byte]).await.is_ok();
        }
    }
    let end = if open { "(still open)" } else { "(closed)" };
    let (sent, text) = (String::from_utf8_lossy(beginning), String::from_utf8_lossy(&seen).into_owned());
    told(attempt, "And then slowly, or nothing", &sent, &format!("{text}\n{end}"), started.elapsed());
    Ok((!open).then_some(text))
}

fn ended(seen: Option<&String>, what: &str) -> Verdict {
    Verdict::held_if(seen.is_some(), || format!("{what} was still open after {} s", LONGEST.as_secs()))
}

async fn head(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a closed connection, or 408, within twenty seconds");
    works(attempt).await?;
    let host = attempt.target.base.authority();
    let line = format!("GET / HTTP/1.1\r\nhost: {host}\r\nx-a: ");
    let lines = format!("GET / HTTP/1.1\r\nhost: {host}\r\n");
    let (bytes, lines) = tokio::join!(
        drip(attempt, line.as_bytes(), b"a", LONGEST),
        drip(attempt, lines.as_bytes(), b"a: b\r\n", LONGEST),
    );
    Ok(ended(bytes?.as_ref(), "a header that never ends").and(ended(lines?.as_ref(), "a head that never ends")))
}

async fn silence(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a closed connection within twenty seconds");
    works(attempt).await?;
    let host = attempt.target.base.authority();
    let half = format!("GET / HTTP/1.1\r\nhost: {host}\r\n");
    let (nothing, letter, half) = tokio::join!(
        drip(attempt, b"", b"", LONGEST),
        drip(attempt, b"G", b"", LONGEST),
        drip(attempt, half.as_bytes(), b"", LONGEST),
    );
    Ok(ended(nothing?.as_ref(), "silence")
        .and(ended(letter?.as_ref(), "half a word"))
        .and(ended(half?.as_ref(), "half a head")))
}

async fn body(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("408, or a closed connection, within twenty seconds");
    works(attempt).await?;
    let base = &attempt.target.base;
    let head = format!(
        "POST {}/v1/auth/login HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
        base.prefix,
        base.authority()
    );
    let announced = format!("{head}content-length: 400\r\n\r\n{{\"email\":\"");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let (announced, chunked) = tokio::join!(
        drip(attempt, announced.as_bytes(), b"a", LONGEST),
        drip(attempt, chunked.as_bytes(), b"1\r\n \r\n", LONGEST),
    );
    // Told that it took too long, the client may well find the connection open: the request is over.
    let over = |seen: &Option<String>| seen.as_ref().is_none_or(|text| text.is_empty() || text.contains(" 4"));
    let (announced, chunked) = (announced?, chunked?);
    let refused = Verdict::held_if(over(&announced) && over(&chunked), || "a body without an end was taken".to_owned());
    Ok(ended(announced.as_ref(), "a body that drips")
        .and(ended(chunked.as_ref(), "a body of tiny chunks"))
        .and(refused))
}

async fn reader(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a connection that is cut before everything was delivered");
    let document = attempt.get("/openapi.json").send().await?.must_work("the document is served")?;
    let times = (8 << 20) / document.bytes.len().max(1) + 1;
    if times > 150 {
        return Err(Trouble::Skipped("it has no answer that is large enough to be left unread".to_owned()));
    }
    let (base, started) = (&attempt.target.base, Instant::now());
    let one = format!("GET {}/openapi.json HTTP/1.1\r\nhost: {}\r\n\r\n", base.prefix, base.authority());
    let mut socket = Socket::open(&attempt.wire.elsewhere(), &[b"http/1.1"]).await?;
    socket.write(one.repeat(times).as_bytes()).await?;
    sleep(LONGEST_UNREAD).await;
    let (bytes, closed) = socket.read_for(Duration::from_secs(8)).await;
    let all = bytes.len() >= times * document.bytes.len();
    let seen = format!("{} bytes were left of {}, closed: {closed}", bytes.len(), times * document.bytes.len());
    told(attempt, "Asked many times, and not read", &one, &seen, started.elapsed());
    Ok(Verdict::held_if(!all && closed, || format!("it waited {} s for a reader", LONGEST_UNREAD.as_secs())))
}

async fn half_closed(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer or none, and a closed connection within twenty seconds");
    works(attempt).await?;
    let base = &attempt.target.base;
    let (prefix, host) = (&base.prefix, base.authority());
    let beginnings = [
        format!("GET {prefix}/ HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!("GET {prefix}/ HTTP/1.1\r\nhost: {host}\r\n"),
        format!(
            "POST {prefix}/v1/auth/login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{{"
        ),
        String::new(),
    ];
    let each = beginnings.iter().map(async |beginning| {
        let started = Instant::now();
        let mut socket = Socket::open(&attempt.wire.elsewhere(), &[b"http/1.1"]).await?;
        let _ = socket.write(beginning.as_bytes()).await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut socket.stream).await;
        let (bytes, closed) = socket.read_for(LONGEST).await;
        let end = if closed { "(closed)" } else { "(still open)" };
        let text = String::from_utf8_lossy(&bytes);
        told(attempt, "And then the end of our half", beginning, &format!("{text}\n{end}"), started.elapsed());
        Ok::<_, Trouble>(Verdict::held_if(closed, || "a connection that is half closed was kept".to_owned()))
    });
    let each: Result<Vec<_>, _> = futures_util::future::join_all(each).await.into_iter().collect();
    Ok(each?.into_iter().fold(Verdict::Held, Verdict::and))
}

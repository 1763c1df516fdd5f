//! The port that speaks TLS, and what it says to those who do not; and the header that keeps browsers there.

use std::time::{Duration, Instant};

use super::hello::{Hello, Reply, say};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::told::told,
    wire::Socket,
};

pub const CASES: &[Case] = &[
    Case {
        id: "tls-plain-http",
        title: "A request in the clear on the port that speaks TLS",
        owasp: &["API8:2023", "API2:2023"],
        asvs: &["12.2.1", "4.1.2"],
        teaching: "A client that is configured with `http://` sends its token in the clear, and a server that then answers, or \
                   kindly redirects, hides the mistake: the token has been read by then. For an API there must be no answer \
                   without TLS, so that the mistake is noticed with the first request.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(plain(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-strict-transport",
        title: "An answer over TLS that does not tell the browser to stay there",
        owasp: &["API8:2023"],
        asvs: &["3.4.1"],
        teaching: "The first request of a session is often in the clear, since somebody typed the bare name; sslstrip (Moxie \
                   Marlinspike, 2009) keeps it that way and sits in between. Strict-Transport-Security tells a browser once, \
                   for a year or two, and from then on it never asks in the clear. Errors must say it too.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(strict(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-silent-handshake",
        title: "A handshake that is begun and never ended",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Before the handshake is done there is no HTTP, so none of HTTP's timeouts run. A client that sends half a \
                   ClientHello, or nothing, holds its place; thousands hold all of them. The handshake needs a time of its own, \
                   from the first moment of the connection.",
        needs: &[Need::Tls],
        waits: true,
        run: |attempt| Box::pin(silent(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-broken-records",
        title: "Records that are no TLS: too long, empty, of an unknown kind, a heartbeat too long for itself",
        owasp: &["API8:2023"],
        asvs: &["12.1.1"],
        teaching: "The parser of the handshake reads what strangers send before anybody has proved anything, and has often been \
                   the weakest: Heartbleed (CVE-2014-0160) was one length that nobody compared with another. Whatever is no \
                   handshake gets an alert or a closed connection, and the next client is served as ever.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(broken(attempt)),
        ..PLAIN
    },
];

async fn plain(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an alert or a closed connection; never an answer of HTTP");
    attempt.get("/").note("Control: over TLS").send().await?.must_work("it answers over TLS")?;
    let host = attempt.target.base.authority();
    let mut verdict = Verdict::Held;
    for sent in [
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer secret\r\nconnection: close\r\n\r\n"),
        format!("POST /v1/auth/login HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let started = Instant::now();
        let mut socket = Socket::open_without_tls(&attempt.wire.elsewhere()).await?;
        socket.write(sent.as_bytes()).await?;
        let (bytes, closed) = socket.read_for(Duration::from_secs(3)).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        told(attempt, "In the clear", &sent, &format!("{}\nclosed: {closed}", text.escape_debug()), started.elapsed());
        verdict = verdict.and(Verdict::held_if(!text.contains("HTTP/"), || "it answers in the clear".to_owned()));
    }
    Ok(verdict)
}

async fn strict(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("Strict-Transport-Security of a year at least, on every answer");
    attempt.get("/").send().await?.must_work("it answers over TLS")?;
    let requests = [
        attempt.get("/"),
        attempt.get("/").http2(),
        attempt.get("/no-such-path"),
        attempt.get("/v1/users/me"),
        attempt.request("PUT", "/"),
        attempt.request("OPTIONS", "/"),
        attempt.request("HEAD", "/"),
        attempt.get(&format!("/{}", "a".repeat(10_000))),
    ];
    let mut verdict = Verdict::Held;
    for request in requests {
        let answer = request.limits_count().send().await?;
        let said = answer.header("strict-transport-security").unwrap_or("nothing").to_lowercase();
        let age = said
            .split(';')
            .find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse::<u64>().ok());
        let held = age.is_some_and(|age| age >= 31_536_000);
        verdict = verdict.and(Verdict::held_if(held, || format!("{} says {said}", answer.seen())));
    }
    Ok(verdict)
}

async fn silent(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a closed connection within twenty seconds");
    attempt.get("/").note("Control: a whole handshake").send().await?.must_work("it answers over TLS")?;
    let hello = Hello::tls12().bytes(attempt);
    let each = [Vec::new(), hello[..3].to_vec(), hello[..hello.len() / 2].to_vec(), hello].map(async |beginning| {
        let started = Instant::now();
        let mut socket = Socket::open_without_tls(&attempt.wire.elsewhere()).await?;
        let _ = socket.write(&beginning).await;
        let (_, closed) = socket.read_for(Duration::from_secs(20)).await;
        let what = format!("{} bytes of a handshake", beginning.len());
        told(attempt, "And then nothing", &what, &format!("closed: {closed}"), started.elapsed());
        Ok::<_, Trouble>(Verdict::held_if(closed, || format!("after 20 s it still waits for more than {what}")))
    });
    let each: Result<Vec<_>, _> = futures_util::future::join_all(each).await.into_iter().collect();
    Ok(each?.into_iter().fold(Verdict::Held, Verdict::and))
}

async fn broken(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an alert or a closed connection, and a service that goes on");
    let hello = Hello::tls12().bytes(attempt);
    let mut longer = hello.clone();
    longer[3..5].copy_from_slice(&[0xff, 0xff]);
    let mut inner = hello.clone();
    inner[6..9].copy_from_slice(&[0xff, 0xff, 0xff]);
    let odd = [
        ("a record of 64 KiB", [longer, vec![0; 66_000]].concat()),
        (
            "a handshake of 16 MB",
            [inner, vec![22, 3, 1, 0x40, 0], vec![0; 0x4000], vec![22, 3, 1, 0x40, 1], vec![0; 0x4001]].concat(),
        ),
        ("an unknown kind", [vec![99, 3, 3, 0, 2, 1, 1], vec![0; 64]].concat()),
        ("data before the handshake", [vec![23, 3, 3, 0, 16], vec![7; 16]].concat()),
        ("a heartbeat that claims more than it has", [vec![24, 3, 2, 0, 3, 1, 0x40, 0], vec![0; 8]].concat()),
        ("empty records", [22, 3, 1, 0, 0].repeat(200)),
        ("an alert first", vec![21, 3, 1, 0, 2, 2, 40]),
    ];
    let mut verdict = Verdict::Held;
    for (what, bytes) in odd {
        let reply = say(attempt, what, &bytes).await?;
        let held = matches!(reply, Reply::Alert(_) | Reply::Closed);
        verdict = verdict.and(Verdict::held_if(held, || format!("{what}: {reply:?}")));
    }
    let after = attempt.get("/").note("Control: and the next client").send().await?;
    after.must_work("the next client is served")?;
    Ok(verdict)
}

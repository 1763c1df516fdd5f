//! What one connection may know of another request, and how many one client may hold.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::works;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::told::told,
    wire::Socket,
};

pub const CASES: &[Case] = &[
    Case {
        id: "connection-remembers",
        title: "A request without a token comes on the connection of somebody who sent one",
        owasp: &["API2:2023"],
        asvs: &["7.2.1"],
        teaching: "Proxies carry the requests of many people over a few connections. A server that signs in the connection instead \
                   of the request, as NTLM does by design, answers the next one in the name of the last. Each request stands \
                   alone: no token, nobody.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(remembers(attempt)),
        ..PLAIN
    },
    Case {
        id: "connection-pipelined",
        title: "Sixty requests in one piece, whose answers might change places",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Pipelined requests are answered in their order, for there is no number on them. A server that works on them \
                   side by side and writes whichever is done first hands one person another's answer, and a proxy that shares \
                   the connection passes it on. One answer each, in order, or a closed connection.",
        run: |attempt| Box::pin(pipelined(attempt)),
        ..PLAIN
    },
    Case {
        id: "connection-many",
        title: "Two hundred connections of one client, and a neighbour who wants in",
        owasp: &["API4:2023"],
        asvs: &["15.2.2", "15.4.4"],
        teaching: "A server with a worker for each connection is full when one client holds as many: two hundred by default in many, \
                   and a laptop opens ten thousand. Connections must cost next to nothing until there is a request on them, and \
                   there must be an end to them that is further away than one client gets.",
        needs: &[Need::Addresses],
        run: |attempt| Box::pin(many(attempt)),
        ..PLAIN
    },
    Case {
        id: "connection-expect",
        title: "A gigabyte is announced, and the client waits to be told to go on",
        pillar: Some("body-size"),
        owasp: &["API4:2023"],
        asvs: &["4.1.1", "15.2.2"],
        teaching: "`Expect: 100-continue` asks before it sends. A library that says \"go on\" by itself, before anybody has looked at \
                   the length, invites a gigabyte that is then thrown away, over the line that others need. What is too large is \
                   refused from its head: 413 or 417, without a 100.",
        needs: &[Need::Operation("POST", "/v1/auth/login")],
        run: |attempt| Box::pin(expect(attempt)),
        ..PLAIN
    },
];

async fn remembers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("200 for the first, 401 for the second");
    let door = attempt.door().await?;
    let base = &attempt.target.base;
    let line = format!("GET {}{} HTTP/1.1\r\nhost: {}\r\n", base.prefix, door.path, base.authority());
    let both = format!("{line}authorization: Bearer {}\r\n\r\n{line}connection: close\r\n\r\n", door.token);
    let answer = attempt.raw(both).note("With a token, then without, on one connection").send().await?;
    let statuses = answer.statuses();
    let [first, second] = statuses[..] else {
        return Err(Trouble::Skipped(format!("it keeps no connection: {}", answer.seen())));
    };
    attempt.control((200..300).contains(&first), "the token does not work on this connection")?;
    Ok(Verdict::held_if((400..500).contains(&second), || format!("the second request got {second}")))
}

async fn pipelined(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one answer each, in order");
    let base = &attempt.target.base;
    let paths = ["/", "/no-such-path"];
    let mut expected = Vec::new();
    for path in paths {
        expected.push(attempt.get(path).send().await?.status);
    }
    attempt.control(expected[0] != expected[1], "its answers cannot be told apart")?;
    let requests: Vec<_> = (0..60)
        .map(|n| {
            let last = if n == 59 { "connection: close\r\n" } else { "" };
            format!("GET {}{} HTTP/1.1\r\nhost: {}\r\n{last}\r\n", base.prefix, paths[n % 2], base.authority())
        })
        .collect();
    let answer = attempt.raw(requests.concat()).wait(Duration::from_secs(10)).send().await?;
    let statuses = answer.statuses();
    let ordered = statuses.iter().enumerate().all(|(n, status)| *status == expected[n % 2] || *status == 429);
    Ok(Verdict::held_if(ordered && statuses.len() <= 60, || format!("60 requests: {}", answer.seen())))
}

async fn many(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the neighbour is served as if nothing were");
    works(attempt).await?;
    let started = Instant::now();
    let crowd = attempt.wire.elsewhere();
    let half = format!("GET / HTTP/1.1\r\nhost: {}\r\n", attempt.target.base.authority());
    let held = join_all((0..200).map(async |_| {
        let mut socket = Socket::open(&crowd, &[b"http/1.1"]).await.ok()?;
        socket.write(half.as_bytes()).await.ok()?;
        Some(socket)
    }));
    let held: Vec<_> = held.await.into_iter().flatten().collect();
    told(attempt, "Two hundred times", &half, &format!("{} are open", held.len()), started.elapsed());
    let neighbour = attempt.get("/").elsewhere().patience(Duration::from_secs(8)).note("A neighbour").send().await;
    drop(held);
    match neighbour {
        Ok(answer) => Ok(Verdict::held_if(answer.status < 500, || format!("the neighbour got {}", answer.seen()))),
        Err(Trouble::Broken(why) | Trouble::Unreachable(why)) => Ok(Verdict::Hole(format!("the neighbour got {why}"))),
        Err(skipped @ Trouble::Skipped(_)) => Err(skipped),
    }
}

async fn expect(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("413 or 417 at once, and no 100");
    works(attempt).await?;
    let base = &attempt.target.base;
    let (line, host) = (format!("POST {}/v1/auth/login HTTP/1.1", base.prefix), base.authority());
    let mut verdict = Verdict::Held;
    for length in ["1000000000", "100000", "9223372036854775807"] {
        let head = format!(
            "{line}\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        let answer = attempt.raw(head).wait(Duration::from_secs(2)).send().await?;
        let refused = matches!(answer.status(), 400..=499) || (answer.status() == 0 && answer.closed);
        verdict = verdict.and(Verdict::held_if(refused, || format!("{length} bytes: {}", answer.seen())));
    }
    Ok(verdict)
}

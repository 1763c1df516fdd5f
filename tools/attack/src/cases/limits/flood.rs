//! Everything at once from one address.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Socket,
};

pub const CASES: &[Case] = &[Case {
    id: "limit-flood",
    title: "Six hundred requests of one address in a moment, on connections that are kept",
    pillar: Some("flood-guard"),
    owasp: &["API4:2023"],
    asvs: &["2.4.1", "15.2.2"],
    teaching: "Limits for each operation come after routing, reading and authentication, and those cost too. A flood of cheap \
               requests, many to a connection so that no handshake slows it, keeps a service busy with saying no. The first \
               thing behind the socket must be a bucket by address that costs next to nothing, and a neighbour must not \
               notice.",
    needs: &[Need::Operation("GET", "/health/live"), Need::Addresses],
    alone: true,
    run: |attempt| Box::pin(flood(attempt)),
    ..PLAIN
}];

const CONNECTIONS: usize = 6;
const EACH: usize = 100;
const ALL: u32 = 600;
/// Slower than this, what arrives is no flood but the pace that a bucket fills at.
const PACE: f64 = 250.0;

async fn flood(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 with Retry-After for a part of them; a neighbour is served meanwhile");
    attempt.get("/health/live").send().await?.must_work("one request is served")?;
    let host = attempt.target.base.authority();
    let path = format!("{}/health/live", attempt.target.base.prefix);
    let one = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let last = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let many = one.repeat(EACH - 1) + &last;
    let started = Instant::now();
    let floods = (0..CONNECTIONS).map(|_| async {
        let mut socket = Socket::open(&attempt.wire, &[b"http/1.1"]).await?;
        // Whoever hangs up on a flood has answered it.
        let _ = socket.write(many.as_bytes()).await;
        Ok::<_, Trouble>(socket.read_for(Duration::from_secs(20)).await.0)
    });
    let neighbour = attempt.get("/health/live").elsewhere().limits_count().note("A neighbour, meanwhile").send();
    let (floods, neighbour) = tokio::join!(join_all(floods), neighbour);
    let pace = f64::from(ALL) / started.elapsed().as_secs_f64();
    let (mut served, mut refused, mut told) = (0, 0, 0);
    for bytes in floods {
        let text = String::from_utf8_lossy(&bytes?).to_lowercase();
        served += text.matches("http/1.1 200").count();
        refused += text.matches("http/1.1 429").count();
        told += text.matches("retry-after:").count();
    }
    let all = CONNECTIONS * EACH;
    if served == all && pace < PACE {
        return Err(Trouble::Skipped(format!("too slow to be a flood: {pace:.0} requests a second")));
    }
    let limited = Verdict::held_if(served < all, || format!("all {all} were served, {pace:.0} a second"));
    let honest = Verdict::held_if(told >= refused, || format!("{refused} times 429, {told} times Retry-After"));
    Ok(limited.and(honest).and(neighbour?.must_be(&[200])))
}

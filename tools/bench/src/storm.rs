//! Two hundred logins at once beside somebody who only reads: what the reader notices of them.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::bail;
use hyper::StatusCode;
use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    load::{self, Client},
    process::Server,
    say,
    spread::{Spread, latency, within},
    stage::{PEOPLE, Stage},
};

const STORMS: usize = 20;
const CALM: Duration = Duration::from_millis(750);
/// A hundred reads a second: light, and enough of them fall into a storm.
const EVERY: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Seen {
    calm: Vec<Duration>,
    /// While 503s were still being told, and after that, when only hashes were left to be made.
    rush: Vec<Duration>,
    hashing: Vec<Duration>,
    calm_again: Vec<Duration>,
    lengths: Vec<f64>,
    signed_in: Vec<Duration>,
    refused: Vec<Duration>,
}

pub async fn compare(stage: &Stage, service: &Server) -> anyhow::Result<()> {
    // From an address and an account that have no part in the storm's budgets but one login.
    let token = load::access_token(service.address, PEOPLE, &stage.people[0]).await?;
    let me = load::get(service.address, PEOPLE, "/v1/users/me", &token)?;
    let mut reader = Client::connect(service.address, me).await?;
    let (mut seen, mut crowd) = (Seen::default(), Vec::new());
    for (number, person) in stage.people.iter().enumerate() {
        crowd.push(Client::connect(service.address, load::login(service.address, number, person)?).await?);
    }
    for _ in 0..STORMS {
        calm(&mut reader, &mut seen.calm).await?;
        storm(&mut reader, &mut crowd, &mut seen).await?;
        calm(&mut reader, &mut seen.calm_again).await?;
    }
    say(&format!(
        "\n{PEOPLE} logins at once, over connections already open, {STORMS} times; one reader, {} reads/s; calm before \
         and after each",
        Duration::from_secs(1).as_millis() / EVERY.as_millis()
    ));
    tell(seen);
    Ok(())
}

async fn calm(reader: &mut Client, seen: &mut Vec<Duration>) -> anyhow::Result<()> {
    let mut reads = Vec::new();
    read_until(reader, &mut reads, tokio::time::sleep(CALM)).await?;
    seen.extend(reads.into_iter().map(|(_, took)| took));
    Ok(())
}

async fn storm(reader: &mut Client, crowd: &mut Vec<Client>, seen: &mut Seen) -> anyhow::Result<()> {
    let (mut tasks, begun) = (JoinSet::new(), Instant::now());
    for mut client in crowd.drain(..) {
        tasks.spawn(async move { client.send().await.map(|answer| (client, answer)) });
    }
    // A task of its own, so that it knows when the last answer came though the reader waits.
    let all = tokio::spawn(async move { (tasks.join_all().await, begun.elapsed()) });
    let mut reads = Vec::new();
    let (answers, length) = read_until(reader, &mut reads, all).await??;
    seen.lengths.push(length.as_secs_f64());
    let mut rush = Duration::ZERO;
    for answer in answers {
        let (client, answer) = answer?;
        crowd.push(client);
        match answer.status {
            StatusCode::OK => seen.signed_in.push(answer.took),
            StatusCode::SERVICE_UNAVAILABLE => {
                seen.refused.push(answer.took);
                rush = rush.max(answer.took);
            }
            other => bail!("a login was answered {other}: {:?}", answer.body),
        }
    }
    for (at, took) in reads {
        if at < begun + rush { &mut seen.rush } else { &mut seen.hashing }.push(took);
    }
    Ok(())
}

/// Reads by the clock and not by the answers: a read that is due while another is late is counted from when it was due.
/// Else a server that stood still for a second would have been seen once (coordinated omission).
pub async fn read_until<T>(
    reader: &mut Client,
    seen: &mut Vec<(Instant, Duration)>,
    end: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let mut end = pin!(end);
    let (mut due, mut over) = (Instant::now(), None);
    loop {
        let free = Instant::now();
        if over.is_none() {
            tokio::select! {
                biased;
                outcome = &mut end => over = Some((outcome, Instant::now())),
                () = sleep_until(due.into()) => {}
            }
        }
        // What was due before the end is still asked for.
        if let Some((outcome, _)) = over.take_if(|(_, at)| due > *at) {
            return Ok(outcome);
        }
        // The lateness of our own timer is not the server's.
        let begun = if due < free { due } else { Instant::now() };
        let answer = reader.send().await?;
        if answer.status != StatusCode::OK {
            bail!("the reader was answered {}: {:?}", answer.status, answer.body);
        }
        seen.push((begun, begun.elapsed()));
        due += EVERY;
    }
}

fn tell(mut seen: Seen) {
    let all = seen.signed_in.len() + seen.refused.len();
    say(&format!(
        "  a storm lasted {} s; of {all} logins {} signed in, {} were told 503",
        Spread::of(seen.lengths),
        seen.signed_in.len(),
        seen.refused.len()
    ));
    for (name, took) in [
        ("signed in after", &mut seen.signed_in),
        ("503 after", &mut seen.refused),
        ("reader, calm", &mut seen.calm),
        ("reader, calm again", &mut seen.calm_again),
        ("reader, 503s told", &mut seen.rush),
        ("reader, hashing", &mut seen.hashing),
    ] {
        say(&format!("  {name:18} {}", latency(took)));
    }
    let [calm, again] = [&mut seen.calm, &mut seen.calm_again].map(|took| within(0.99, took));
    let (worse, noise) = (calm.max(again), calm.max(again) / calm.min(again));
    for (name, took) in [("503s told", &mut seen.rush), ("hashing", &mut seen.hashing)] {
        let ratio = within(0.99, took) / worse;
        let claim = if ratio.max(1.0 / ratio) > noise { "" } else { "no claim: " };
        say(&format!("  reader's p99, {name} : calm = {claim}{ratio:.2}; the two calms differ by {noise:.2}"));
    }
}

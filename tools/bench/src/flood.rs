//! Fifty thousand refused requests, each of which is a security event: what one costs, what all of them take of memory,
//! what an honest reader notices, and how many of them the table holds in the end.
//!
//! A section of its own (`-- flood`).

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use hyper::StatusCode;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use crate::{
    load::{self, Ask, Client},
    process::{self, Server},
    rounds::{Rounds, Turn},
    say,
    spread::{latency, within},
    stage::{PEOPLE, Stage},
    storm::read_until,
};

const REFUSED: u32 = 50_000;
const CONNECTIONS: u32 = 32;
const ROUNDS: usize = 20;
const EACH: usize = 400;
const CALM: Duration = Duration::from_secs(5);
/// The writer has this long to write what waits.
const SETTLING: Duration = Duration::from_mins(1);

/// Refused at a gate of the same route: the one for nothing but its media type, the other for a parameter that there is
/// not, which is an event.
const WITHOUT: (&str, &str, StatusCode) = ("/health/live", "text/html", StatusCode::NOT_ACCEPTABLE);
const WITH: (&str, &str, StatusCode) = ("/health/live?x=1", "*/*", StatusCode::BAD_REQUEST);

pub async fn measure(settings: &[String]) -> anyhow::Result<()> {
    let stage = Stage::set(settings).await?;
    one_event(&stage).await?;
    flood(&stage, "refused without an event", WITHOUT).await?;
    flood(&stage, "refused with an event", WITH).await
}

async fn one_event(stage: &Stage) -> anyhow::Result<()> {
    let mut servers = Vec::new();
    for (name, what) in [("quiet", WITHOUT), ("noting", WITH), ("quiet-too", WITHOUT)] {
        let server = Server::start(process::SERVICE, name, stage).await?;
        let client = Client::connect(server.address, ask(&server, what)?).await?;
        servers.push((server, client, what.2));
    }
    let [quiet, noting, too] = &mut servers[..] else { unreachable!("three were started") };
    let rounds =
        Rounds::take(ROUNDS, async || turn(quiet).await, async || turn(noting).await, async || turn(too).await).await?;
    say(&format!("\na refused request, one after the other; {ROUNDS} rounds of {EACH} a turn"));
    say(&rounds.report("without an event", "with one", "requests"));
    Ok(())
}

async fn turn((server, client, status): &mut (Server, Client, StatusCode)) -> anyhow::Result<Turn> {
    let (used, begun) = (server.processor()?, Instant::now());
    for _ in 0..EACH {
        let answer = client.send().await?;
        ensure!(answer.status == *status, "{}: {:?}", answer.status, answer.body);
    }
    Ok(Turn { count: EACH, elapsed: begun.elapsed(), processor: server.processor()?.saturating_sub(used) })
}

async fn flood(stage: &Stage, name: &str, what: (&str, &str, StatusCode)) -> anyhow::Result<()> {
    let service = Server::start(process::SERVICE, "flooded", stage).await?;
    let before = events(stage).await?;
    let token = load::access_token(service.address, PEOPLE, &stage.people[0]).await?;
    let me = load::get(service.address, PEOPLE, "/v1/users/me", &token)?;
    let mut reader = Client::connect(service.address, me).await?;
    let (mut calm, mut flooded) = (Vec::new(), Vec::new());
    read_until(&mut reader, &mut calm, tokio::time::sleep(CALM)).await?;
    let memory = service.memory("VmRSS");

    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS {
        let mut client = Client::connect(service.address, ask(&service, what)?).await?;
        tasks.spawn(async move {
            for number in (first..REFUSED).step_by(CONNECTIONS as usize) {
                client.come_from(Ipv4Addr::from_bits(Ipv4Addr::new(11, 0, 0, 0).to_bits() + number).into())?;
                let answer = client.send().await?;
                ensure!(answer.status == what.2, "{}: {:?}", answer.status, answer.body);
            }
            anyhow::Ok(())
        });
    }
    let begun = Instant::now();
    let all = tokio::spawn(async move { (tasks.join_all().await, begun.elapsed()) });
    let (answers, took) = read_until(&mut reader, &mut flooded, all).await??;
    answers.into_iter().collect::<anyhow::Result<()>>().with_context(|| service.complaint())?;
    let (full, most) = (service.memory("VmRSS"), service.memory("VmHWM"));
    let rows = settled(stage).await? - before;

    let [mut calm, mut flooded] =
        [calm, flooded].map(|reads| reads.into_iter().map(|(_, took)| took).collect::<Vec<_>>());
    say(&format!("\n{REFUSED} requests {name} in {:.1} s, each from another address; one reader", took.as_secs_f64()));
    say(&format!("  memory: {memory} before, {full} after, {most} at most"));
    say(&format!("  reader, calm     {}", latency(&mut calm)));
    say(&format!("  reader, flooded  {}", latency(&mut flooded)));
    say(&format!("  reader's p99, flooded : calm = {:.2}", within(0.99, &mut flooded) / within(0.99, &mut calm)));
    say(&format!("  rows in the table: {rows}; lines in the log: {}", service.log_lines()?));
    Ok(())
}

fn ask(server: &Server, (path, accept, _): (&str, &str, StatusCode)) -> anyhow::Result<Ask> {
    let mut ask = load::get(server.address, PEOPLE, path, "")?;
    ask.headers_mut().remove("authorization");
    ask.headers_mut().insert("accept", accept.parse()?);
    Ok(ask)
}

/// How many events there are, once no more come.
async fn settled(stage: &Stage) -> anyhow::Result<i64> {
    let (begun, mut last) = (Instant::now(), events(stage).await?);
    while begun.elapsed() < SETTLING {
        tokio::time::sleep(Duration::from_secs(2)).await;
        match events(stage).await? {
            same if same == last => return Ok(last),
            more => last = more,
        }
    }
    anyhow::bail!("events are still being written")
}

async fn events(stage: &Stage) -> anyhow::Result<i64> {
    let url = stage.settings.get("DATABASE_URL").context("DATABASE_URL")?;
    let mut connection = PgConnection::connect(url).await?;
    let count = sqlx::query_scalar("select count(*) from security_events where type = 'input_validation_fail'");
    let count = count.fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count)
}

//! A million strangers, one request each: what is remembered of them, and for how long.

use std::{
    convert::Infallible,
    future::ready,
    net::{IpAddr, Ipv4Addr},
};

use anyhow::ensure;
use axum::{
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use drawbridge::{
    security::rate_limit::{Class, ClientNetwork, FloodGuard, Key, Limiter, Settings},
    settings::Env,
    types::{Givens, System},
};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    load::{self, Client},
    process::{self, Server, memory_of},
    say,
    stage::Stage,
};

const STRANGERS: u32 = 1_000_000;
const CONNECTIONS: u32 = 16;

fn stranger(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(Ipv4Addr::new(11, 0, 0, 0).to_bits() + number).into()
}

fn memory() -> String {
    memory_of(std::process::id(), "VmRSS")
}

/// The two maps alone, with the rules that are the default.
pub async fn in_this_process() -> anyhow::Result<()> {
    let (settings, givens) = (Settings::read(&mut Env::new([].into())), Givens::new(System, System));
    say(&format!("{STRANGERS} addresses, one request each"));

    let before = memory();
    let limiter = Limiter::new(settings.clone(), &givens);
    for number in 0..STRANGERS {
        limiter.charge(Class::Write, &Key::Address(stranger(number)), givens.now());
    }
    let (full, counted) = (memory(), limiter.len());
    limiter.sweep(givens.now() + time::Duration::HOUR);
    let swept = memory();
    say(&format!("  limits (60 in a sliding minute): {before} before, {full} after, {counted} counted; swept {swept}"));

    let before = memory();
    let client = ClientNetwork(|extensions| extensions.get().copied());
    let guard = FloodGuard::new(settings.rule(Class::Flood).clone(), client, givens);
    let room = service_fn(|_: Request<Body>| ready(Ok::<_, Infallible>(Response::new(Body::empty()))));
    let guarded = guard.layer().layer(room);
    for number in 0..STRANGERS {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(stranger(number));
        let response = guarded.clone().oneshot(request).await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
    }
    let (full, counted) = (memory(), guard.len());
    guard.sweep();
    let (swept, left) = (memory(), guard.len());
    say(&format!(
        "  flood guard, never swept: {before} before, {full} after, {counted} counted; swept {swept}, {left}"
    ));
    Ok(())
}

/// Both as they are in a running service, which sweeps every ten seconds: `GET /` is counted by address twice.
pub async fn over_http(stage: &Stage) -> anyhow::Result<()> {
    let quiet = [("RUST_LOG", "warn"), ("RATE_LIMIT_FLOOD", "token-bucket 100/1s burst 200")];
    let service = Server::start_with(process::SERVICE, "crowd", stage, &quiet).await?;
    // The hashing threads take their memory at the start, which has nothing to do with the crowd.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let before = service.memory("VmRSS");
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS {
        let mut client = Client::connect(service.address, load::get(service.address, 0, "/", "")?).await?;
        tasks.spawn(async move {
            for number in (first..STRANGERS).step_by(CONNECTIONS as usize) {
                client.come_from(stranger(number))?;
                let answer = client.send().await?;
                ensure!(answer.status == StatusCode::OK, "{}: {:?}", answer.status, answer.body);
            }
            anyhow::Ok(())
        });
    }
    for done in tasks.join_all().await {
        done?;
    }
    let (full, most) = (service.memory("VmRSS"), service.memory("VmHWM"));
    // The default rule of reading is whole again after a fifth of a second, that of floods after a hundredth.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let swept = service.memory("VmRSS");
    say(&format!("  over HTTP, the whole service: {before} before, {full} after, {most} at most; swept {swept}"));
    Ok(())
}

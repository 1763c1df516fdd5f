//! What counting costs: a budget on Redis beside one in memory; and how much memory a million strangers take.
//!
//! A section of its own (`-- limits`), since it wants a redis-server on the machine.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use drawbridge::{
    security::{
        rate_limit::{Class, Key, Limits, Settings},
        secret::Secret,
    },
    settings::Env,
    types::{Givens, System},
};
use tokio::task::JoinSet;

use crate::{
    crowd,
    load::{self, Client, turn},
    process::{self, Server},
    rounds::Rounds,
    say,
    spread::{Spread, as_number, latency},
    stage::{self, Stage},
};

const ROUNDS: usize = 20;
const EACH: usize = 2_000;
const AT_ONCE: usize = 32;
const CLIENTS: usize = 8;
const READS: usize = 100;

pub async fn measure(settings: &[String]) -> anyhow::Result<()> {
    crowd::in_this_process().await?;
    let stage = Stage::set(settings).await?;
    crowd::over_http(&stage).await?;

    let redis = Redis::start(stage.folder.path())?;
    say(&format!("\n{} cores; Redis beside them on the same cores, over a socket of the file system", stage::cores()));
    charges(&redis.url).await?;
    reads(&stage, &redis.url).await
}

/// Charges alone, in this process.
async fn charges(url: &str) -> anyhow::Result<()> {
    let (own, shared) = (limits(&[])?, limits(&[("REDIS_URL", url)])?);
    shared.connect().await;
    ensure!(shared.ready().await, "Redis does not answer");
    let mut micros: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        micros[0].push(micros_each(&own, 1).await);
        micros[1].push(micros_each(&shared, 1).await);
        micros[2].push(micros_each(&shared, AT_ONCE).await);
        micros[3].push(micros_each(&own, 1).await);
    }
    ensure!(shared.ready().await, "Redis was lost meanwhile: the numbers are worth nothing");
    let over = |thing: usize| Spread::of(micros[thing].iter().zip(&micros[0]).map(|(thing, own)| thing / own));
    say(&format!("\none charge of a sliding window, {ROUNDS} rounds of {EACH}"));
    say(&format!("  own: µs {}", Spread::of(micros[0].iter().copied())));
    say(&format!("  shared, one after the other: µs {}", Spread::of(micros[1].iter().copied())));
    say(&format!("  shared, {AT_ONCE} at once: µs {}", Spread::of(micros[2].iter().copied())));
    say(&format!("  shared : own = {}; {AT_ONCE} at once {}; noise {}", over(1), over(2), over(3)));
    Ok(())
}

async fn micros_each(limits: &Arc<Limits>, at_once: usize) -> f64 {
    let (mut tasks, begun) = (JoinSet::new(), Instant::now());
    for first in 0..at_once {
        let (limits, givens) = (limits.clone(), Givens::new(System, System));
        tasks.spawn(async move {
            for number in (first..EACH).step_by(at_once) {
                let client = Ipv4Addr::from_bits(u32::try_from(number).unwrap_or_default());
                limits.charge(Class::Write, &Key::Address(client.into()), givens.now()).await;
            }
        });
    }
    tasks.join_all().await;
    begun.elapsed().as_secs_f64() * 1e6 / as_number(EACH)
}

/// `GET /v1/users/me` of a service that shares its limits beside one that does not.
async fn reads(stage: &Stage, url: &str) -> anyhow::Result<()> {
    let own = Server::start(process::SERVICE, "own", stage).await?;
    let shared = Server::start_with(process::SERVICE, "shared", stage, &[("REDIS_URL", url)]).await?;
    let control = Server::start(process::SERVICE, "own-too", stage).await?;
    let (mut to_own, mut to_shared, mut to_control) = (Vec::new(), Vec::new(), Vec::new());
    for (number, person) in stage.people.iter().take(CLIENTS).enumerate() {
        let token = load::access_token(own.address, number, person).await?;
        for (server, clients) in [(&own, &mut to_own), (&shared, &mut to_shared), (&control, &mut to_control)] {
            let me = load::get(server.address, number, "/v1/users/me", &token)?;
            clients.push(Client::connect(server.address, me).await?);
        }
    }
    let (mut own_took, mut took, mut control_took) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = Rounds::take(
        ROUNDS,
        async || turn(&own, &mut to_own, READS, &mut own_took).await.with_context(|| own.complaint()),
        async || turn(&shared, &mut to_shared, READS, &mut took).await.with_context(|| shared.complaint()),
        async || turn(&control, &mut to_control, READS, &mut control_took).await.with_context(|| control.complaint()),
    )
    .await?;
    say(&format!("\nGET /v1/users/me; {CLIENTS} clients, {ROUNDS} rounds of {} requests a turn", CLIENTS * READS));
    say(&rounds.report("own", "shared", "requests"));
    for (name, took) in [("own", &mut own_took), ("shared", &mut took), ("own too", &mut control_took)] {
        say(&format!("  {name:7} {}", latency(took)));
    }
    Ok(())
}

fn limits(settings: &[(&str, &str)]) -> anyhow::Result<Arc<Limits>> {
    let pairs = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut env = Env::new(pairs.collect::<BTreeMap<_, _>>());
    let limits = Limits::new(Settings::read(&mut env), &Secret::new(vec![7; 32]), &Givens::new(System, System));
    ensure!(env.mistakes().is_empty(), "settings of the limits");
    Ok(Arc::new(limits))
}

struct Redis {
    url: String,
    process: Child,
}

impl Redis {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let socket = folder.join("redis");
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
        let process = command.current_dir(folder).stdout(Stdio::null()).spawn().context("redis-server: install it")?;
        let redis = Self { url: format!("unix://{}", socket.display()), process };
        for _ in 0..200 {
            if UnixStream::connect(&socket).is_ok() {
                return Ok(redis);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("redis-server does not listen")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

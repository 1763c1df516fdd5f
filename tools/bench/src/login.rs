//! Logins beside the pure hash: what is left of the machine's hash rate when a whole login stands around each hash.

use std::{
    fs,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use drawbridge::security::password;

use crate::{
    load::{self, Client, turn},
    process::{Server, ran},
    rounds::{Rounds, Turn},
    say,
    spread::latency,
    stage::{PASSWORD, Stage},
};

/// Enough that a hashing thread never lacks a job, too few to fill the queue of sixteen for each.
const CLIENTS_PER_THREAD: usize = 4;
const HASHES_PER_THREAD: usize = 16;
const ROUNDS: usize = 10;
/// The service's hashing threads step back by so much; here they must not do better.
const NICENESS: i32 = 10;

pub async fn compare(stage: &Stage, service: &Server) -> anyhow::Result<()> {
    let settings = &stage.config.password;
    let threads = settings.threads as usize;
    let (clients, each) = (threads * CLIENTS_PER_THREAD, HASHES_PER_THREAD / CLIENTS_PER_THREAD);
    let mut crowd = Vec::new();
    for (number, person) in stage.people.iter().take(clients).enumerate() {
        crowd.push(Client::connect(service.address, load::login(service.address, number, person)?).await?);
    }
    say(&format!(
        "\nPOST /v1/auth/login beside argon2id alone ({} KiB, {} passes, {threads} threads, memory reused, niceness \
         {NICENESS}); {clients} clients, {ROUNDS} rounds of {} a turn",
        settings.memory_kib,
        settings.iterations,
        clients * each
    ));
    let mut latencies = Vec::new();
    let login = async || turn(service, &mut crowd, each, &mut latencies).await;
    let rounds = Rounds::take(ROUNDS, async || pure(settings), login, async || pure(settings)).await?;
    say(&rounds.report("hash", "login", "hashes"));
    say(&format!("  login  {}", latency(&mut latencies)));
    Ok(())
}

/// Nothing but hashes, on as many threads as the service has. It may block: nothing else runs meanwhile.
fn pure(settings: &password::Settings) -> anyhow::Result<Turn> {
    let threads = settings.threads as usize;
    let count = threads * HASHES_PER_THREAD;
    // Whichever thread is free takes the next, as in the service: on a busy machine one core may be the slower.
    let (ready, left) = (Barrier::new(threads + 1), AtomicUsize::new(count));
    thread::scope(|scope| {
        let hashing: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_many(settings, &ready, &left))).collect();
        ready.wait();
        let begun = Instant::now();
        let mut processor = Duration::ZERO;
        for thread in hashing {
            processor += thread.join().map_err(|_| anyhow!("a hashing thread panicked"))??;
        }
        Ok(Turn { count, elapsed: begun.elapsed(), processor })
    })
}

fn hash_many(settings: &password::Settings, ready: &Barrier, left: &AtomicUsize) -> anyhow::Result<Duration> {
    let params = Params::new(settings.memory_kib, settings.iterations, 1, None).expect("the service's own");
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = || {
        let mut output = [0; 32];
        argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut output, &mut memory[..])
    };
    let stepped_back = rustix::process::nice(NICENESS);
    // The first touches every page of the memory, which the service's threads did long ago.
    let first = hash();
    // Nobody may leave before this: the others would wait for ever.
    ready.wait();
    stepped_back.context("step back")?;
    first.map_err(|why| anyhow!("{why}"))?;
    let used = own_time()?;
    while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
        hash().map_err(|why| anyhow!("{why}"))?;
    }
    Ok(own_time()?.saturating_sub(used))
}

fn own_time() -> anyhow::Result<Duration> {
    ran(&fs::read_to_string("/proc/thread-self/schedstat").context("this needs Linux")?)
}

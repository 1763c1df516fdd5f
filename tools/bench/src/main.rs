//! What this service costs, said as ratios within one run. A number of one machine says nothing on another; how much
//! more the service costs than a bare handler does, on the same machine in the same minute, says something everywhere.
//!
//! In reading order:
//! - `stage`: the database, the people and the settings, the same for all that is measured
//! - `service`, `bare`: the two servers. Each is this program once more, as a child, so that its processor time and its
//!   memory are its own and not the load's
//! - `process`: a child from the outside
//! - `load`: clients that keep their connections
//! - `rounds`, `spread`: this and that in turn, and when not to believe the difference
//! - `reading`, `gates`, `token`, `login`, `enumeration`, `storm`: what is measured
//! - `limits`, `crowd`, `flood`: what is measured when it is asked for, as `-- limits`, `-- flood`

mod bare;
mod crowd;
mod enumeration;
mod flood;
mod gates;
mod limits;
mod load;
mod login;
mod process;
mod reading;
mod rounds;
mod service;
mod spread;
mod stage;
mod storm;
mod token;

use std::time::Duration;

use anyhow::{Context, bail};

use crate::{process::Server, stage::Stage};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let role = arguments.first().map(String::as_str);
    if cfg!(debug_assertions) && !matches!(role, Some(process::SERVICE | process::BARE)) {
        say("WARNING: not a release build; what follows is good for trying the bench out, and for nothing else.");
    }
    match role {
        Some(process::SERVICE) => service::run().await,
        Some(process::BARE) => bare::run().await,
        // Interrupted, it still takes its servers and folders away.
        first => tokio::select! {
            outcome = limits::measure(arguments.get(1..).unwrap_or_default()), if first == Some("limits") => outcome,
            outcome = flood::measure(arguments.get(1..).unwrap_or_default()), if first == Some("flood") => outcome,
            outcome = measure(&arguments), if !matches!(first, Some("limits" | "flood")) => outcome,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        },
    }
}

/// The arguments are settings that shall be other than `stage` has them, as `DATABASE_POOL_SIZE=20`.
async fn measure(settings: &[String]) -> anyhow::Result<()> {
    let stage = Stage::set(settings).await?;
    let service = Server::start(process::SERVICE, "service", &stage).await?;
    let bare = Server::start(process::BARE, "bare", &stage).await?;
    let control = Server::start(process::BARE, "control", &stage).await?;
    say(&format!("{} cores; {} {}", stage::cores(), stage::CONDITIONS, settings.join(" ")));
    // What the start has needed is given back by then, or never.
    tokio::time::sleep(Duration::from_secs(1)).await;
    say(&format!("idle memory: service {}, bare {}", service.memory("VmRSS"), bare.memory("VmRSS")));

    let compared = compare(&stage, &service, &bare, &control).await;
    compared.with_context(|| format!("the service's last complaint: {}", service.complaint()))?;

    say(&format!("\nmost memory so far: service {}, bare {}", service.memory("VmHWM"), bare.memory("VmHWM")));
    say(&format!("lines in the service's log: {}", service.log_lines()?));
    Ok(())
}

async fn compare(stage: &Stage, service: &Server, bare: &Server, control: &Server) -> anyhow::Result<()> {
    reading::compare(stage, service, bare, control).await?;
    gates::compare(stage).await?;
    token::compare(stage)?;
    login::compare(stage, service).await?;
    enumeration::compare(stage, service).await?;
    storm::compare(stage, service).await
}

#[expect(clippy::print_stdout, reason = "the one place that prints")]
fn say(line: &str) {
    println!("{line}");
}

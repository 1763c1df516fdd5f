//! `drawbridge audit`: whether the trail of security events is still as it was written.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Subcommand;
use drawbridge::{
    config::Config,
    database::{self, ONE_MOMENT, Purpose},
    security::audit::chain::{self, Head, Report},
};
use sqlx::Connection;

use super::say;

pub const EXAMPLES: &str = "\
Examples:
  drawbridge audit verify
  drawbridge audit verify --log .data/log/requests.2026-03-01.jsonl";

#[derive(Subcommand)]
pub enum Audit {
    /// Read all security events and list what was changed or taken away
    #[command(after_help = EXAMPLES)]
    Verify {
        /// Also hold them against the hashes in this log; can be repeated
        #[arg(long = "log", value_name = "FILE")]
        logs: Vec<PathBuf>,
        /// Also hold them against a hash that this command printed; can be repeated
        #[arg(long = "head", value_name = "POSITION:HASH", value_parser = parse)]
        heads: Vec<Head>,
    },
}

impl Audit {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self::Verify { logs, heads: mut kept } = self;
        for log in &logs {
            kept.extend(logged(log).with_context(|| format!("read {}", log.display()))?);
        }
        let config = Config::load()?;
        let located = database::locate(&config.database, Purpose::Command).await?;
        // Not through the service's pool: its time-outs are for requests.
        let mut connection = database::connect(&located.service).await?;
        let mut tx = connection.begin_with(ONE_MOMENT).await.context("read the trail")?;
        let report = chain::verify(&mut tx, &kept).await.context("read the trail")?;
        tx.rollback().await.context("read the trail")?;
        connection.close().await.context("close the connection")?;
        tell(&report, kept.len())
    }
}

fn parse(text: &str) -> Result<Head, &'static str> {
    Head::parse(text).ok_or("is a position and a hash, such as `1042:9f86d0…`")
}

/// What the service logged once a minute.
fn logged(path: &Path) -> std::io::Result<Vec<Head>> {
    let mut heads = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let line: serde_json::Value = serde_json::from_str(&line?).unwrap_or_default();
        heads.extend(line["head"].as_str().and_then(Head::parse));
    }
    Ok(heads)
}

fn tell(report: &Report, kept: usize) -> anyhow::Result<()> {
    let (Some(from), Some(head)) = (report.from, report.head) else { return say("There is no event yet.") };
    let (sound, hashes) = (report.sound, if kept == 1 { "hash" } else { "hashes" });
    say(&format!(
        "{sound} events from position {from} on are as they were written, held against {kept} kept {hashes}."
    ))?;
    say(&format!("The chain ends at {head}"))?;
    if report.is_sound() {
        return Ok(());
    }
    for finding in &report.findings {
        say(&format!("- {finding}"))?;
    }
    match report.findings.len() as u64 + report.more {
        1 => bail!("the trail was tampered with: 1 finding"),
        count => bail!("the trail was tampered with: {count} findings"),
    }
}

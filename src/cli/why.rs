//! `drawbridge why`: what stands behind the reference that a client was given.

use std::{
    fs::File,
    io::{BufRead, BufReader, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use drawbridge::{
    config::Config,
    database::{self, Purpose},
    types::Timestamp,
};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::say;

pub const EXAMPLES: &str = "\
Examples:
  drawbridge why err-2026-03-7k2m9x4q1b8d
  docker logs api | drawbridge why err-2026-03-7k2m9x4q1b8d --log -";

#[derive(Args)]
pub struct Why {
    /// As an error's body has it
    #[arg(value_parser = parse)]
    reference: String,
    /// Look in this log instead of LOG_DIR (`-`: standard input); can be repeated
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
}

fn parse(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "is not a reference such as `err-2026-03-7k2m9x4q1b8d`";
    let shape = regex::Regex::new(r"^err-\d{4}-\d{2}-[0-9a-z]{12}$").map_err(|_| RULE)?;
    if shape.is_match(text) { Ok(text.to_owned()) } else { Err(RULE) }
}

/// An event that bears the reference, or belongs to the same request.
struct Event {
    r#type: String,
    at: Timestamp,
    user_id: Option<Uuid>,
    client_address: Option<String>,
    request_id: Option<Uuid>,
    details: Value,
}

impl Why {
    pub async fn run(self) -> anyhow::Result<()> {
        let config = Config::load()?;
        let directory = config.telemetry.directory.as_deref();
        let logs = if self.logs.is_empty() { files_of(directory, &self.reference) } else { self.logs };
        let lines = lines(&logs, &self.reference)?;
        let request = lines.iter().find(|line| line["reference"] == self.reference.as_str());
        let id = request.and_then(|line| line["request_id"].as_str()).and_then(|id| id.parse().ok());

        let located = database::locate(&config.database, Purpose::Command).await?;
        let mut connection = database::connect(&located.service).await?;
        let events = events(&mut connection, &self.reference, id).await.context("read the trail")?;
        connection.close().await.context("close the connection")?;

        if request.is_none() && events.is_empty() {
            bail!("{} stands in no log here ({}) and in no event", self.reference, looked_in(&logs));
        }
        match request {
            Some(request) => tell_request(request)?,
            None => say(&format!("The request itself stands in no log here ({}).", looked_in(&logs)))?,
        }
        for line in lines.iter().filter(|line| line["message"] != "request" && line["event"].is_null()) {
            say(&format!("Also logged {}", told(line)))?;
        }
        events.iter().try_for_each(tell_event)
    }
}

/// The month stands in the reference.
fn files_of(directory: Option<&Path>, reference: &str) -> Vec<PathBuf> {
    let beginning = format!("requests.{}-", &reference[4..11]);
    let entries = directory.and_then(|directory| std::fs::read_dir(directory).ok());
    let named = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = named
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&beginning)))
        .collect();
    files.sort();
    files
}

/// Every line about the request that was given this reference.
fn lines(logs: &[PathBuf], reference: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    for log in logs {
        // Only the ids of lines that were passed already are needed, so the log is read once: a request's own line is
        // its last.
        let mut passed = Vec::new();
        for line in open(log)?.lines() {
            let line = line.with_context(|| format!("read {}", log.display()))?;
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            let is_it = line["reference"] == reference;
            passed.push(line);
            if is_it {
                let id = passed.last().map(|line| line["request_id"].clone()).unwrap_or_default();
                found.extend(passed.into_iter().filter(|line| line["request_id"] == id));
                break;
            }
            // Far enough back for any request, and no more memory than that.
            if passed.len() > 20_000 {
                passed.drain(..10_000);
            }
        }
    }
    Ok(found)
}

fn open(log: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if log == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    let file = File::open(log).with_context(|| format!("read {}", log.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

async fn events(connection: &mut PgConnection, reference: &str, request: Option<Uuid>) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"
        select type, at as "at: _", user_id, client_address, request_id, details
        from security_events
        where reference = $1
           or request_id = $2
        order by id
        "#,
        reference,
        request,
    )
    .fetch_all(connection)
    .await
}

fn looked_in(logs: &[PathBuf]) -> String {
    match logs {
        [] => "LOG_DIR has none of that month; `--log` names another".to_owned(),
        logs => logs.iter().map(|log| log.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn tell_request(line: &Value) -> anyhow::Result<()> {
    let [method, route, status, code] = ["method", "route", "status", "code"].map(|name| told(&line[name]));
    let who = match &line["principal_id"] {
        Value::Null => "nobody who was signed in".to_owned(),
        id => format!("user {}", told(id)),
    };
    say(&format!("Request     {method} {route}"))?;
    say(&format!("Answer      {status} {code} after {:.1} ms", line["duration_ms"].as_f64().unwrap_or_default()))?;
    say(&format!("Cause       {}", told(&line["cause"])))?;
    say(&format!("At          {}", told(&line["time"])))?;
    say(&format!("From        {}, {who}", told(&line["client_address"])))?;
    say(&format!("Request id  {}", told(&line["request_id"])))
}

fn tell_event(event: &Event) -> anyhow::Result<()> {
    let user = event.user_id.map(|user| format!(" user {user}")).unwrap_or_default();
    let address = event.client_address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let request = event.request_id.map(|request| format!(" request {request}")).unwrap_or_default();
    say(&format!("Event       {} at {}{user}{address}{request} {}", event.r#type, event.at, event.details))
}

fn told(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

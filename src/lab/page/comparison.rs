//! One half of a run: a service is made, attacked and ended, and what was seen is written down.

use std::time::Duration;

use drawbridge_attack::{Case, Options, Outcome, Target, attack};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::desk::Stage;
use crate::lab::{Lab, Pillar, Running, heard};

/// What came of an attack on one service.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Side {
    /// `held`, `hole`, `skipped` or `broken`.
    verdict: &'static str,
    /// What was seen, or why nothing was.
    reason: String,
    expected: String,
    took_ms: u64,
    exchanges: Vec<Told>,
}

/// A request, its answer, and what the log says of the two.
#[derive(Clone, Serialize, JsonSchema)]
struct Told {
    note: String,
    request: String,
    answer: String,
    took_ms: u64,
    log: Vec<Value>,
}

/// Each time a new one: an attack leaves accounts, limits and bans behind.
pub async fn attacked(
    lab: &Lab,
    case: &'static Case,
    without: &[&'static Pillar],
    stage: impl Fn(Stage),
) -> anyhow::Result<Side> {
    stage(Stage::Starting);
    let running = lab.start(without).await?;
    stage(Stage::Attacking);
    let outcome = outcome(lab, case, &running).await;
    // Also after a failure. And what the service had to write is written when it has ended.
    lab.end(running).await?;
    outcome.map(side)
}

async fn outcome(lab: &Lab, case: &'static Case, running: &Running) -> anyhow::Result<Outcome> {
    let options = Options {
        url: running.url(),
        credentials: Some(lab.home.credentials_file()),
        keys_dir: Some(lab.home.folder.join("keys")),
        insecure_tls: true, // the lab's certificate is one that it has made itself
        ..Options::default()
    };
    let target = Target::survey(&options).await?;
    let report = attack(&target, Some(&[case.id]), &mut |_| ()).await;
    report.outcomes.into_iter().next().ok_or_else(|| anyhow::anyhow!("the attack program does not know its own case"))
}

fn side(outcome: Outcome) -> Side {
    let exchanges = outcome.exchanges.into_iter().map(|exchange| Told {
        log: request_ids(&exchange.answer).flat_map(heard::of_request).collect(),
        note: exchange.note,
        request: exchange.request,
        took_ms: milliseconds(exchange.took),
        answer: exchange.answer,
    });
    Side {
        verdict: outcome.verdict.word(),
        reason: outcome.verdict.reason().to_owned(),
        expected: outcome.expected,
        took_ms: milliseconds(outcome.took),
        exchanges: exchanges.collect(),
    }
}

/// Of raw bytes there may be several answers, and of a connection that was cut none.
fn request_ids(answer: &str) -> impl Iterator<Item = &str> {
    answer.lines().filter_map(|line| line.trim_end_matches("\\r").strip_prefix("x-request-id: "))
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

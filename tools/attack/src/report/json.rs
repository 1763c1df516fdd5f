//! For programs.

use serde_json::{Value, json};

use super::Report;
use crate::case::Outcome;

impl Report {
    pub fn json(&self) -> Value {
        let counts = self.counts();
        json!({
            "target": self.target,
            "took_ms": milliseconds(self.took),
            "counts": {
                "held": counts.held,
                "hole": counts.holes,
                "skipped": counts.skipped,
                "broken": counts.broken,
            },
            "cases": self.outcomes.iter().map(case).collect::<Vec<_>>(),
        })
    }
}

fn case(outcome: &Outcome) -> Value {
    let case = outcome.case;
    let exchanges = outcome.exchanges.iter().map(|exchange| {
        json!({
            "note": exchange.note,
            "request": exchange.request,
            "answer": exchange.answer,
            "took_ms": milliseconds(exchange.took),
            "telling": exchange.telling,
        })
    });
    json!({
        "id": case.id,
        "family": outcome.family,
        "title": case.title,
        "pillar": case.pillar,
        "owasp": case.owasp,
        "asvs": case.asvs,
        "teaching": case.teaching,
        "verdict": outcome.verdict.word(),
        "reason": outcome.verdict.reason(),
        "expected": outcome.expected,
        "took_ms": milliseconds(outcome.took),
        "exchanges": exchanges.collect::<Vec<_>>(),
    })
}

fn milliseconds(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

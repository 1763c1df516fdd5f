//! What believing an access token costs: proving its signature, and recalling that it was proven.

use std::time::Instant;

use anyhow::anyhow;
use drawbridge::{
    security::jwt::{Grant, Keyring},
    types::Timestamp,
};

use crate::{
    say,
    spread::{Spread, as_number},
    stage::Stage,
};

/// Few enough to be remembered all at once.
const TOKENS: usize = 500;
const ROUNDS: usize = 20;

pub fn compare(stage: &Stage) -> anyhow::Result<()> {
    let now = stage.givens.now();
    let issuer = Keyring::open(stage.config.jwt.clone(), now)?;
    let tokens: Vec<String> = (0..TOKENS)
        .map(|_| Ok(issuer.issue(grant(stage, now), &stage.givens)?.token.expose().clone()))
        .collect::<anyhow::Result<_>>()?;
    let (mut proven, mut recalled) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // A new keyring remembers nothing.
        let keyring = Keyring::open(stage.config.jwt.clone(), now)?;
        proven.push(micros_each(&keyring, &tokens, now)?);
        recalled.push(micros_each(&keyring, &tokens, now)?);
    }
    let ratio = Spread::of(recalled.iter().zip(&proven).map(|(recalled, proven)| recalled / proven));
    say(&format!("\none access token, {ROUNDS} rounds of {TOKENS}, one thread"));
    say(&format!(
        "  proven (once a token) µs {}; recalled (every request after) µs {}",
        Spread::of(proven),
        Spread::of(recalled)
    ));
    say(&format!("  recalled : proven = {ratio}"));
    Ok(())
}

fn micros_each(keyring: &Keyring, tokens: &[String], now: Timestamp) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for token in tokens {
        keyring.verify(token, now).map_err(|refusal| anyhow!(refusal.reason()))?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / as_number(tokens.len()))
}

/// As a login grants it.
fn grant(stage: &Stage, now: Timestamp) -> Grant {
    Grant {
        user_id: stage.people[0].id,
        session_id: stage.givens.new_id(),
        generation: 1,
        role: "user",
        scope: "profile:read profile:write articles:read articles:write".to_owned(),
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        client_id: "bench".to_owned(),
    }
}

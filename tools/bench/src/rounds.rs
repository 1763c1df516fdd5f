//! This and that in turn, and when not to believe the difference.
//!
//! Each round measures the base, the thing, and the base again, so that a machine that grows slower meanwhile harms all
//! alike. The thing is held against the mean of the two bases; the second base against the first is what noise alone
//! does. Where the two overlap, nothing is claimed.

use std::{fmt, time::Duration};

/// What one turn saw.
pub struct Turn {
    pub count: usize,
    pub elapsed: Duration,
    /// Of the process that is measured, and not of the load or the database.
    pub processor: Duration,
}

impl Turn {
    fn rate(&self) -> f64 {
        as_number(self.count) / self.elapsed.as_secs_f64()
    }

    fn micros_each(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / as_number(self.count)
    }
}

pub struct Round {
    pub base: Turn,
    pub thing: Turn,
    pub base_again: Turn,
}

/// Turn by turn: base, thing, base. The first round only warms up.
pub async fn in_turn(
    rounds: usize,
    mut base: impl AsyncFnMut() -> anyhow::Result<Turn>,
    mut thing: impl AsyncFnMut() -> anyhow::Result<Turn>,
) -> anyhow::Result<Vec<Round>> {
    let mut seen = Vec::with_capacity(rounds);
    for _ in 0..=rounds {
        seen.push(Round { base: base().await?, thing: thing().await?, base_again: base().await? });
    }
    seen.remove(0);
    Ok(seen)
}

/// The median of a number of rounds, and the range that the middle four fifths of them lie in.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        let cut = values.len() / 10;
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { low: at(cut), median: at(last / 2), high: at(last - cut.min(last)) }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, median, high } = self;
        // Rates need no decimals, ratios do.
        let digits = if *median >= 10.0 { 0 } else { 2 };
        write!(f, "{median:.digits$} ({low:.digits$} to {high:.digits$})")
    }
}

/// A ratio beside what noise alone makes of 1.
pub struct Ratio {
    pub thing: Spread,
    pub noise: Spread,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing, noise } = self;
        if thing.overlaps(noise) {
            return write!(f, "no claim: {thing} lies within the noise, {noise}");
        }
        write!(f, "{thing}; noise {noise}")
    }
}

/// The four lines of a comparison: both rates, their ratio, the ratio of processor time.
pub fn report(rounds: &[Round], base: &str, thing: &str, unit: &str) -> String {
    let each = |of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
    let ratio = |of: fn(&Turn) -> f64| Ratio {
        thing: Spread::of(rounds.iter().map(|round| of(&round.thing) / of_both(round, of))),
        noise: Spread::of(rounds.iter().map(|round| of(&round.base_again) / of(&round.base))),
    };
    let width = base.len().max(thing.len());
    let line = |name: &str, rate: Spread, micros: Spread| {
        format!("  {name:width$}  {unit}/s {rate}; processor µs each {micros}")
    };
    let lines = [
        line(base, each(|round| of_both(round, Turn::rate)), each(|round| of_both(round, Turn::micros_each))),
        line(thing, each(|round| round.thing.rate()), each(|round| round.thing.micros_each())),
        format!("  {unit}/s, {thing} : {base} = {}", ratio(Turn::rate)),
        format!("  processor time each, {thing} : {base} = {}", ratio(Turn::micros_each)),
    ];
    lines.join("\n")
}

fn of_both(round: &Round, of: fn(&Turn) -> f64) -> f64 {
    f64::midpoint(of(&round.base), of(&round.base_again))
}

/// Counts of a bench are far below the 2^52 from which this would round.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub fn as_number(count: usize) -> f64 {
    count as f64
}

/// `p50 … ms, p99 … ms, worst … ms (… times)`. Sorts.
pub fn latency(latencies: &mut [Duration]) -> String {
    let [half, most, worst] = [0.5, 0.99, 1.0].map(|share| within(share, latencies));
    format!("p50 {half:.2} ms, p99 {most:.2} ms, worst {worst:.2} ms ({} times)", latencies.len())
}

/// The latency that this share of all stays within, in milliseconds. Sorts.
pub fn within(share: f64, latencies: &mut [Duration]) -> f64 {
    latencies.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count")]
    let rank = (as_number(latencies.len()) * share).ceil() as usize;
    latencies.get(rank.saturating_sub(1)).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_noise_can_make_is_not_claimed() {
        let noise = Spread { low: 0.9, median: 1.0, high: 1.1 };
        let claim = |low, high| Ratio { thing: Spread { low, median: low, high }, noise }.to_string();
        assert!(claim(0.5, 0.91).starts_with("no claim"), "{}", claim(0.5, 0.91));
        assert!(claim(0.5, 0.89).starts_with("0.50 (0.50 to 0.89)"), "{}", claim(0.5, 0.89));
    }

    #[test]
    fn one_round_in_ten_at_either_end_is_left_out() {
        let Spread { low, median, high } = Spread::of([1000.0, 5.0, 4.0, 3.0, 6.0, 7.0, 2.0, 8.0, 9.0, 0.0]);
        assert_eq!([low, median, high].map(f64::to_bits), [2.0, 5.0, 9.0].map(f64::to_bits));
    }

    #[test]
    fn the_worst_of_a_hundred_is_not_within_99_percent() {
        let mut latencies: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(
            [within(0.5, &mut latencies), within(0.99, &mut latencies)].map(f64::to_bits),
            [50.0, 99.0].map(f64::to_bits)
        );
    }
}

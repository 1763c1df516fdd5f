//! Many measurements in one line: a median and how far they lie apart, a ratio and whether to believe it, a latency.

use std::{fmt, time::Duration};

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

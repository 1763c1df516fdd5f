//! This and that in turn, and when not to believe the difference.
//!
//! A round measures the base, the thing, and the base a second time, as `control`; each round begins with another of the
//! three, for a turn's place in the row matters: who has just slept, the scheduler favours. The thing is held against
//! the mean of base and control; control against base is what noise alone does. Where the two overlap, nothing is
//! claimed.

use std::time::Duration;

use crate::spread::{Ratio, Spread, as_number};

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

#[derive(Default)]
pub struct Rounds {
    base: Vec<Turn>,
    thing: Vec<Turn>,
    control: Vec<Turn>,
}

impl Rounds {
    /// The first round only warms up.
    pub async fn take(
        count: usize,
        mut base: impl AsyncFnMut() -> anyhow::Result<Turn>,
        mut thing: impl AsyncFnMut() -> anyhow::Result<Turn>,
        mut control: impl AsyncFnMut() -> anyhow::Result<Turn>,
    ) -> anyhow::Result<Self> {
        let mut rounds = Self::default();
        for round in 0..=count {
            for place in 0..3 {
                let (turn, row) = match (round + place) % 3 {
                    0 => (base().await?, &mut rounds.base),
                    1 => (thing().await?, &mut rounds.thing),
                    _ => (control().await?, &mut rounds.control),
                };
                if round > 0 {
                    row.push(turn);
                }
            }
        }
        Ok(rounds)
    }

    fn ratio(&self, of: fn(&Turn) -> f64) -> Ratio {
        let both = self.of_both(of);
        Ratio {
            thing: Spread::of(self.thing.iter().zip(both).map(|(thing, both)| of(thing) / both)),
            noise: Spread::of(self.control.iter().zip(&self.base).map(|(control, base)| of(control) / of(base))),
        }
    }

    fn of_both(&self, of: fn(&Turn) -> f64) -> impl Iterator<Item = f64> {
        self.base.iter().zip(&self.control).map(move |(base, control)| f64::midpoint(of(base), of(control)))
    }

    /// The four lines of a comparison: both rates, their ratio, the ratio of processor time.
    pub fn report(&self, base: &str, thing: &str, unit: &str) -> String {
        let width = base.len().max(thing.len());
        let line = |name: &str, rate: Spread, micros: Spread| {
            format!("  {name:width$}  {unit}/s {rate}; processor µs each {micros}")
        };
        let of_thing = |of: fn(&Turn) -> f64| Spread::of(self.thing.iter().map(of));
        let lines = [
            line(base, Spread::of(self.of_both(Turn::rate)), Spread::of(self.of_both(Turn::micros_each))),
            line(thing, of_thing(Turn::rate), of_thing(Turn::micros_each)),
            format!("  {unit}/s, {thing} : {base} = {}", self.ratio(Turn::rate)),
            format!("  processor time each, {thing} : {base} = {}", self.ratio(Turn::micros_each)),
        ];
        lines.join("\n")
    }
}

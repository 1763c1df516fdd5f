//! What came of all cases, in four forms.

mod card;
mod html;
mod json;
mod junit;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::case::{Outcome, Verdict};

pub struct Report {
    /// The URL that was attacked.
    pub target: String,
    /// In the order of the families.
    pub outcomes: Vec<Outcome>,
    pub took: Duration,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub held: usize,
    pub holes: usize,
    pub skipped: usize,
    pub broken: usize,
}

impl Report {
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in &self.outcomes {
            *(match outcome.verdict {
                Verdict::Held => &mut counts.held,
                Verdict::Hole(_) => &mut counts.holes,
                Verdict::Skipped(_) => &mut counts.skipped,
                Verdict::Broken(_) => &mut counts.broken,
            }) += 1;
        }
        counts
    }

    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.case.id == id)
    }

    /// Families in order, each with its outcomes.
    fn families(&self) -> Vec<(&'static str, Vec<&Outcome>)> {
        let mut families: Vec<(&'static str, Vec<&Outcome>)> = Vec::new();
        for outcome in &self.outcomes {
            match families.last_mut() {
                Some((name, outcomes)) if *name == outcome.family => outcomes.push(outcome),
                _ => families.push((outcome.family, vec![outcome])),
            }
        }
        families
    }
}

impl Counts {
    /// Cases that have a verdict.
    pub const fn run(self) -> usize {
        self.held + self.holes
    }
}

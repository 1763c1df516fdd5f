//! What need not be told with every request: signs that come with each of thousands, as a scanner's name does.

use super::{
    memory::{Memory, Trace},
    network::Network,
    threshold::{Cooldown, Threshold},
};

/// Networks and signs that were told within the last minute: 24 bytes each.
const MOST: usize = 28_672;
const ONCE_A_MINUTE: Threshold = Threshold { count: 1, seconds: 60 };

/// What is told once a minute a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    ForeignOrigin,
    AttackTool,
}

pub(super) struct Sightings {
    told: Memory<(Network, Sign), Cooldown>,
}

impl Sightings {
    pub(super) fn new() -> Self {
        Self { told: Memory::of(MOST, ONCE_A_MINUTE) }
    }

    pub(super) fn is_news(&self, network: Network, sign: Sign, now: i64) -> bool {
        self.told.look((network, sign), now, |told, rule| {
            let news = told.is_over(now, rule.window());
            if news {
                *told = Cooldown::of(now, rule.window());
            }
            news
        })
    }

    pub(super) fn sweep(&self, now: i64) {
        self.told.sweep(now);
    }
}

impl Trace for Cooldown {
    fn worth(&mut self, rule: Threshold, now: i64) -> Option<(u32, i64)> {
        (!self.is_over(now, rule.window())).then_some((1, self.until()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_news_once_a_minute_for_each_network_and_each_kind() {
        let sightings = Sightings::new();
        let (eve, bob) = (Network::of([192, 0, 2, 1].into()), Network::of([192, 0, 2, 2].into()));
        let told = (1_000..1_120).filter(|now| sightings.is_news(eve, Sign::AttackTool, *now)).count();
        assert_eq!(told, 2, "in two minutes");
        assert!(sightings.is_news(eve, Sign::ForeignOrigin, 1_119));
        assert!(sightings.is_news(bob, Sign::AttackTool, 1_119));
    }

    #[test]
    fn who_was_told_is_forgotten_after_a_minute() {
        let sightings = Sightings::new();
        for n in 0..100 {
            sightings.is_news(Network::of([192, 0, 2, n].into()), Sign::AttackTool, 1_000);
        }
        sightings.sweep(1_059);
        assert_eq!(sightings.told.len(), 100);
        sightings.sweep(1_060);
        assert_eq!(sightings.told.len(), 0);
    }
}

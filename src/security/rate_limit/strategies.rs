//! Three ways to count, as state machines over a time that is given to them. They differ in what they promise:
//!
//! | strategy | promise | price |
//! |---|---|---|
//! | fixed window | at most `limit` in each window; windows begin with a key's first request, one after the other | twice the limit can fall around the border of two; 16 bytes |
//! | sliding window | at most `limit` in any window whatever | 8 bytes for each request in it |
//! | token bucket | at most `burst + rate · t` in any time t | 8 bytes |
//!
//! The fixed window begins with the first request and not with the clock's minute: else all clients of the world come
//! back in the same second. The sliding window is an exact log. The usual counter of two buckets was rejected: it
//! assumes that the last window's requests were spread evenly, and lets through more than the limit when they were not;
//! for guessing at a password "about ten" is not the promise, and at limits of a few dozen the log costs little.
//! The bucket is a GCRA: one number, the moment at which it will be full again.
//!
//! A refused request is not charged: someone who keeps knocking is let in as soon as one who waits.

use std::collections::VecDeque;

use super::rule::{Rule, Strategy};

/// What one key has spent. Times are microseconds since 1970.
pub(super) enum Count {
    FixedWindow { start: i64, used: u32 },
    SlidingWindow { charged: VecDeque<i64> },
    TokenBucket { full_at: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) allowed: bool,
    pub(super) remaining: u32,
    /// When more than `remaining` will be there; after a refusal, when it is worth trying again.
    pub(super) renews_at: i64,
}

impl Count {
    pub(super) const fn unspent(rule: &Rule, now: i64) -> Self {
        match rule.strategy {
            Strategy::FixedWindow => Self::FixedWindow { start: now, used: 0 },
            Strategy::SlidingWindow => Self::SlidingWindow { charged: VecDeque::new() },
            Strategy::TokenBucket => Self::TokenBucket { full_at: now },
        }
    }

    pub(super) fn charge(&mut self, rule: &Rule, now: i64) -> Charge {
        self.settle(rule, now);
        let allowed = self.spent(rule, now) < rule.capacity();
        if allowed {
            self.spend(rule, now);
        }
        let remaining = rule.capacity().saturating_sub(self.spent(rule, now));
        Charge { allowed, remaining, renews_at: self.renews_at(rule, now) }
    }

    /// Forgets what has run out.
    ///
    /// What lies in the future was counted before the clock was set back. It is moved to the present: its true age is
    /// not known, but it is not less than nothing. So a step back neither gives anything away, nor shuts anyone out for
    /// longer than the rule's own time.
    pub(super) fn settle(&mut self, rule: &Rule, now: i64) {
        let window = rule.window_micros();
        match self {
            Self::FixedWindow { start, used } => {
                *start = now.min(*start);
                if *used == 0 || now - *start >= window {
                    (*start, *used) = (now, 0);
                }
            }
            Self::SlidingWindow { charged } => {
                charged.iter_mut().rev().take_while(|at| **at > now).for_each(|at| *at = now);
                while charged.front().is_some_and(|at| now - at >= window) {
                    charged.pop_front();
                }
            }
            Self::TokenBucket { full_at } => {
                *full_at = (*full_at).clamp(now, now + rule.interval() * i64::from(rule.capacity()));
            }
        }
    }

    /// How much is spent, after `settle`.
    pub(super) fn spent(&self, rule: &Rule, now: i64) -> u32 {
        match self {
            Self::FixedWindow { used, .. } => *used,
            Self::SlidingWindow { charged } => u32::try_from(charged.len()).unwrap_or(u32::MAX),
            // A token that is only half there is still spent.
            Self::TokenBucket { full_at } => {
                let tokens = (full_at - now).max(0).unsigned_abs().div_ceil(rule.interval().unsigned_abs());
                u32::try_from(tokens).unwrap_or(u32::MAX)
            }
        }
    }

    fn spend(&mut self, rule: &Rule, now: i64) {
        match self {
            Self::FixedWindow { used, .. } => *used += 1,
            Self::SlidingWindow { charged } => charged.push_back(now),
            Self::TokenBucket { full_at } => *full_at += rule.interval(),
        }
    }

    /// When the first of what is spent comes back, after `settle`.
    pub(super) fn renews_at(&self, rule: &Rule, now: i64) -> i64 {
        match self {
            Self::FixedWindow { start, .. } => start + rule.window_micros(),
            Self::SlidingWindow { charged } => charged.front().unwrap_or(&now) + rule.window_micros(),
            Self::TokenBucket { full_at } => full_at - rule.interval() * (i64::from(self.spent(rule, now)) - 1).max(0),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::{prelude::*, strategy::Strategy as Generator};

    use super::{Count, Rule, Strategy};

    const SECOND: i64 = 1_000_000;

    /// Small limits and windows, so that a run of requests meets every border.
    pub(in super::super) fn any_rule() -> impl Generator<Value = Rule> {
        (0..3, 1..12_u32, 1..20_u32, proptest::option::of(1..12_u32)).prop_map(|(strategy, limit, window, burst)| {
            let text = match (strategy, burst) {
                (0, _) => format!("fixed-window {limit}/{window}s"),
                (1, _) => format!("sliding-window {limit}/{window}s"),
                (_, None) => format!("token-bucket {limit}/{window}s"),
                (_, Some(burst)) => format!("token-bucket {limit}/{window}s burst {burst}"),
            };
            Rule::parse(&text).unwrap()
        })
    }

    /// Pauses between requests: none at all, a few microseconds, or up to three seconds.
    fn pauses() -> impl Generator<Value = Vec<i64>> {
        proptest::collection::vec(prop_oneof![Just(0), 1..10_i64, 0..3 * SECOND], 1..200)
    }

    /// The moments at which requests were let through.
    fn let_through(rule: &Rule, pauses: &[i64]) -> Vec<i64> {
        let mut now = 0;
        let mut count = Count::unspent(rule, now);
        let mut passed = Vec::new();
        for pause in pauses {
            now += pause;
            if count.charge(rule, now).allowed {
                passed.push(now);
            }
        }
        passed
    }

    /// The most that passed in any half-open time `[t, t + length)`. It is enough to look from each passage on.
    fn most_within(passed: &[i64], length: i64) -> usize {
        passed
            .iter()
            .map(|from| passed.iter().filter(|at| (*from..from + length).contains(at)).count())
            .max()
            .unwrap_or(0)
    }

    fn broken_promise(rule: &Rule, passed: &[i64]) -> Option<String> {
        let window = rule.window_micros();
        match rule.strategy {
            Strategy::SlidingWindow => {
                let most = most_within(passed, window);
                (most > rule.limit as usize).then(|| format!("{most} in one window"))
            }
            Strategy::FixedWindow => {
                let mut rest = passed;
                while let Some(start) = rest.first() {
                    let used = rest.iter().take_while(|at| **at < start + window).count();
                    if used > rule.limit as usize {
                        return Some(format!("{used} in the window from {start}"));
                    }
                    rest = &rest[used..];
                }
                None
            }
            // burst + rate * t, for the time between any two passages.
            Strategy::TokenBucket => passed.iter().enumerate().find_map(|(first, from)| {
                passed[first..].iter().enumerate().find_map(|(more, to)| {
                    let allowed = i64::from(rule.capacity()) + (to - from) * i64::from(rule.limit) / window;
                    let used = i64::try_from(more + 1).unwrap();
                    (used > allowed).then(|| format!("{used} from {from} to {to}"))
                })
            }),
        }
    }

    proptest! {
        #[test]
        fn no_pattern_of_requests_gets_more_than_the_strategy_promises(rule in any_rule(), pauses in pauses()) {
            prop_assert_eq!(broken_promise(&rule, &let_through(&rule, &pauses)), None);
        }

        #[test]
        fn who_comes_exactly_when_told_gets_no_more_than_promised_either(rule in any_rule()) {
            let (mut now, mut count, mut passed) = (0, Count::unspent(&rule, 0), Vec::new());
            for _ in 0..200 {
                let charge = count.charge(&rule, now);
                if charge.allowed { passed.push(now) } else { now = charge.renews_at }
            }
            prop_assert_eq!(broken_promise(&rule, &passed), None);
        }

        #[test]
        fn waiting_as_long_as_told_is_enough_and_a_moment_less_is_not(rule in any_rule(), pauses in pauses()) {
            let mut now = 0;
            let mut count = Count::unspent(&rule, now);
            for pause in pauses {
                now += pause;
                let charge = count.charge(&rule, now);
                if !charge.allowed {
                    prop_assert!(charge.renews_at > now && charge.renews_at - now <= rule.window_micros());
                    prop_assert!(!count.charge(&rule, charge.renews_at - 1).allowed, "it was told to wait too long");
                    now = charge.renews_at;
                    prop_assert!(count.charge(&rule, now).allowed, "it waited in vain");
                }
            }
        }

        #[test]
        fn a_client_that_is_told_how_much_remains_can_spend_exactly_that(rule in any_rule(), pauses in pauses()) {
            let mut now = 0;
            let mut count = Count::unspent(&rule, now);
            for pause in pauses {
                now += pause;
                count.charge(&rule, now);
            }
            let remaining = count.charge(&rule, now).remaining;
            for left in (0..remaining).rev() {
                let charge = count.charge(&rule, now);
                prop_assert!(charge.allowed && charge.remaining == left);
            }
            prop_assert!(!count.charge(&rule, now).allowed);
        }

        #[test]
        fn a_refused_request_is_not_charged(rule in any_rule(), knocks in 0..50_i64) {
            let mut count = Count::unspent(&rule, 0);
            for _ in 0..rule.capacity() {
                count.charge(&rule, 0);
            }
            let told = count.charge(&rule, 0).renews_at;
            for knock in 0..knocks {
                prop_assert_eq!(count.charge(&rule, knock * told / 50).renews_at, told);
            }
            prop_assert!(count.charge(&rule, told).allowed);
        }

        /// `true_time` is the real time, `shown` what the clock says: the promise must hold in the real time.
        #[test]
        fn a_clock_set_back_gives_nothing_away_and_shuts_nobody_out(
            rule in any_rule(), pauses in pauses(), steps in proptest::collection::vec(0..100 * SECOND, 1..4)
        ) {
            let (mut true_time, mut shown) = (0, 1_000 * SECOND);
            let mut count = Count::unspent(&rule, shown);
            let mut passed = Vec::new();
            for (turn, pause) in pauses.iter().enumerate() {
                true_time += pause;
                shown += pause;
                if turn % 50 == 25 {
                    shown -= steps[turn / 50 % steps.len()];
                }
                let charge = count.charge(&rule, shown);
                prop_assert!(charge.renews_at - shown <= rule.window_micros(), "shut out for longer than the rule says");
                if !charge.allowed {
                    true_time += charge.renews_at - shown;
                    shown = charge.renews_at;
                    prop_assert!(count.charge(&rule, shown).allowed, "it waited in vain");
                }
                passed.push(true_time);
            }
            // A fixed window that is begun anew lasts longer, so its borders are no longer those of the real time.
            if rule.strategy != Strategy::FixedWindow {
                prop_assert_eq!(broken_promise(&rule, &passed), None);
            }
        }

        #[test]
        fn what_has_rested_long_enough_is_as_good_as_new(rule in any_rule(), pauses in pauses()) {
            let end: i64 = pauses.iter().sum();
            let mut count = Count::unspent(&rule, 0);
            let mut now = 0;
            for pause in pauses {
                now += pause;
                count.charge(&rule, now);
            }
            let rested = end + rule.interval() * i64::from(rule.capacity()) + rule.window_micros();
            count.settle(&rule, rested);
            prop_assert_eq!(count.spent(&rule, rested), 0);
        }
    }

    #[test]
    fn a_fixed_window_begins_with_the_first_request_and_not_with_the_clocks_minute() {
        let rule = Rule::parse("fixed-window 2/1m").unwrap();
        let mut count = Count::unspent(&rule, 0);
        assert_eq!(count.charge(&rule, 59 * SECOND).renews_at, 119 * SECOND);
        assert!(count.charge(&rule, 118 * SECOND).allowed);
        assert!(!count.charge(&rule, 118 * SECOND).allowed, "the minute of the clock has changed, the window has not");
        assert!(count.charge(&rule, 119 * SECOND).allowed);
    }

    #[test]
    fn a_sliding_window_does_not_double_at_a_border() {
        let rule = Rule::parse("sliding-window 10/15m").unwrap();
        let mut count = Count::unspent(&rule, 0);
        let late = 899 * SECOND;
        assert_eq!((0..20).filter(|_| count.charge(&rule, late).allowed).count(), 10);
        assert_eq!((0..20).filter(|_| count.charge(&rule, late + 2 * SECOND).allowed).count(), 0);
    }
}

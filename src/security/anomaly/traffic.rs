//! Far more requests than usual: of one client address, of one principal, or in all.
//!
//! "Now" is a window of ten parts, exact to a tenth; "usual" is what left that window, averaged so that the last ten
//! minutes weigh most. A spike is at least the threshold and four times what is usual. The threshold is the floor below
//! which nothing counts: a quiet service's first visitors, and a page that loads thirty things at once, are many times
//! nothing. Whoever steadily asks much is told once, and then that is what is usual.
//!
//! Rejected: the same hour of yesterday, or seasons. They would need a store and days of learning; who wants them has them
//! in Prometheus, on the counters of requests.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::{
    Anomaly,
    memory::{Memory, Trace},
    network::Network,
    threshold::{Cooldown, Threshold},
};

/// Networks, and principals, of whom a count is kept: 72 bytes each.
const MOST: usize = 57_344;
const PARTS: u8 = 10;
/// Seconds. Over how much of the past the usual is averaged.
const PAST: u32 = 600;
/// So many times the usual is a spike.
const TIMES: f64 = 4.0;

/// Whose requests were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    Address,
    Principal,
    /// All that this replica serves.
    Service,
}

impl Crowd {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Principal => "principal",
            Self::Service => "service",
        }
    }
}

pub(super) struct Traffic {
    addresses: Memory<Network, Flow>,
    principals: Memory<Uuid, Flow>,
    /// One lock for everybody, held for some nanoseconds.
    all: Mutex<Flow>,
    service: Threshold,
}

#[derive(Default)]
struct Flow {
    /// The window, the present last.
    parts: [u32; PARTS as usize],
    /// Which part of time the last one is.
    present: i64,
    /// Requests a window.
    usual: f64,
    cooldown: Cooldown,
}

impl Traffic {
    pub(super) fn new(client: Threshold, service: Threshold, now: i64) -> Self {
        // After a restart everybody is new, and a busy service is no spike: in all, it is quiet until there is a past.
        let all = Flow { cooldown: Cooldown::of(now, PAST.into()), ..Flow::default() };
        Self {
            addresses: Memory::of(MOST, client),
            principals: Memory::of(MOST, client),
            all: Mutex::new(all),
            service,
        }
    }

    pub(super) fn note(&self, network: Network, principal: Option<Uuid>, now: i64) -> [Option<Anomaly>; 3] {
        let told = |of: Crowd| move |(requests, usual)| Anomaly::TrafficSpike { of, requests, usual };
        let count = |flow: &mut Flow, rule| flow.count(rule, now);
        let address = self.addresses.look(network, now, count).map(told(Crowd::Address));
        let principal = principal.and_then(|id| self.principals.look(id, now, count)).map(told(Crowd::Principal));
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).count(self.service, now);
        [address, principal, all.map(told(Crowd::Service))]
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn sweep(&self, now: i64) {
        self.addresses.sweep(now);
        self.principals.sweep(now);
    }
}

impl Flow {
    /// One more. On a spike: how many there are now, and how many were usual.
    fn count(&mut self, rule: Threshold, now: i64) -> Option<(u32, u32)> {
        self.settle(rule, now);
        let [.., part] = &mut self.parts;
        *part = part.saturating_add(1);
        let requests = self.requests();
        let spike = requests >= rule.count && f64::from(requests) >= TIMES * self.usual;
        if !spike || !self.cooldown.is_over(now, PAST.into()) {
            return None;
        }
        self.cooldown = Cooldown::of(now, PAST.into());
        Some((requests, rounded(self.usual)))
    }

    /// Moves the window to the present. What leaves it becomes the past. A clock that was set back moves nothing: what was
    /// counted counts as present.
    fn settle(&mut self, rule: Threshold, now: i64) {
        let length = rule.seconds / u32::from(PARTS);
        let present = now / i64::from(length);
        let passed = usize::try_from(present - self.present).unwrap_or(0);
        self.present = present;
        if passed == 0 {
            return;
        }
        let left = passed.min(self.parts.len());
        let weight = f64::from(length) / f64::from(PAST);
        for part in &self.parts[..left] {
            self.usual += (f64::from(*part) * f64::from(PARTS) - self.usual) * weight;
        }
        // And the time in which there was nothing.
        self.usual *= (1.0 - weight).powi(i32::try_from(passed - left).unwrap_or(i32::MAX));
        self.parts.copy_within(left.., 0);
        let still = self.parts.len() - left;
        self.parts[still..].fill(0);
    }

    fn requests(&self) -> u32 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }
}

impl Trace for Flow {
    fn worth(&mut self, rule: Threshold, now: i64) -> Option<(u32, i64)> {
        self.settle(rule, now);
        let strength = self.requests().max(rounded(self.usual));
        let over = strength == 0 && self.cooldown.is_over(now, PAST.into());
        (!over).then_some((strength, self.present))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and the cast saturates"
)]
const fn rounded(usual: f64) -> u32 {
    usual.round() as u32
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RULE: Threshold = Threshold { count: 100, seconds: 10 };
    const NOON: i64 = 1_772_366_400;

    /// So many a second for so many seconds, and how often it was told.
    fn steadily(flow: &mut Flow, from: i64, seconds: i64, a_second: u32) -> usize {
        let counted = (from..from + seconds).flat_map(|now| (0..a_second).map(move |_| now));
        counted.filter(|now| flow.count(RULE, *now).is_some()).count()
    }

    #[test]
    fn a_burst_from_a_quiet_client_is_told_once_wherever_it_lies_between_two_windows() {
        for start in 0..20 {
            let mut flow = Flow::default();
            flow.count(RULE, NOON);
            assert_eq!(steadily(&mut flow, NOON + 3_600 + start, 10, 15), 1, "begun at {start}");
        }
    }

    #[test]
    fn a_page_that_loads_many_things_at_once_is_no_spike_however_quiet_it_was() {
        let mut flow = Flow::default();
        for page in 0..1_000 {
            assert_eq!(steadily(&mut flow, NOON + page * 5, 1, 40), 0, "page {page}");
        }
    }

    #[test]
    fn who_steadily_asks_much_is_told_once_and_then_it_is_usual() {
        let mut flow = Flow::default();
        assert_eq!(steadily(&mut flow, NOON, 4 * 3_600, 20), 1);
        assert!((180.0..=200.0).contains(&flow.usual), "{}", flow.usual);
        assert_eq!(steadily(&mut flow, NOON + 4 * 3_600, 30, 60), 0, "three times as much as ever");
        assert_eq!(steadily(&mut flow, NOON + 4 * 3_600 + 60, 30, 200), 1, "ten times as much");
    }

    #[test]
    fn what_was_usual_is_forgotten_and_a_flood_does_not_count_as_usual_at_once() {
        let mut flow = Flow::default();
        steadily(&mut flow, NOON, 3_600, 20);
        assert_eq!(steadily(&mut flow, NOON + 7_200, 1, 150), 1, "an hour of silence makes it new");
        let mut flow = Flow::default();
        assert_eq!(steadily(&mut flow, NOON, 5, 100), 1);
        assert!(flow.usual < 1.0, "{}", flow.usual);
    }

    #[test]
    fn nothing_but_silence_is_worth_nothing() {
        let mut flow = Flow::default();
        flow.count(RULE, NOON);
        assert_eq!(flow.worth(RULE, NOON + 9), Some((1, NOON + 9)));
        assert_eq!(flow.worth(RULE, NOON + 10), None);
        steadily(&mut flow, NOON + 20, 10, 15);
        assert!(flow.worth(RULE, NOON + 620).is_some(), "still told: forgotten, it would be told again");
        assert_eq!(flow.worth(RULE, NOON + 7_200), None);
    }

    #[test]
    fn a_clock_that_jumps_makes_no_spike_and_does_not_end_the_watch() {
        let mut flow = Flow::default();
        assert_eq!(steadily(&mut flow, NOON, 60, 5), 0);
        assert_eq!(steadily(&mut flow, NOON - 3_600, 60, 4), 0);
        assert_eq!(steadily(&mut flow, NOON - 3_000, 10, 15), 1);
        assert_eq!(steadily(&mut flow, i64::MAX / 2, 1, 50), 0);
    }

    #[test]
    fn a_busy_service_that_is_started_again_is_no_spike_and_a_real_one_later_is() {
        let traffic = Traffic::new(RULE, Threshold { count: 1_000, seconds: 10 }, NOON);
        let crowd = |from: i64, seconds: i64, a_second: u32| {
            let told = (from..from + seconds).flat_map(|now| {
                let traffic = &traffic;
                (0..a_second)
                    .map(move |client| traffic.note(Network::of(Ipv4Addr::from_bits(client % 256).into()), None, now))
            });
            told.flatten().flatten().collect::<Vec<_>>()
        };
        assert_eq!(crowd(NOON, 1_200, 200), [], "twenty a second each is nobody's spike");
        let [Anomaly::TrafficSpike { of: Crowd::Service, requests, usual }] = crowd(NOON + 1_200, 10, 1_000)[..] else {
            panic!("not told once");
        };
        assert!(requests >= 4 * usual && usual > 1_500, "{requests} where {usual} were usual");
    }
}

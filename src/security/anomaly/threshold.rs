//! How many within what time, as a setting says it: `20/1m`. And how long it is quiet after an alarm.

use std::ops::RangeInclusive;

use time::Duration;

use crate::settings::duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    pub(super) count: u32,
    /// The window.
    pub(super) seconds: u32,
}

impl Threshold {
    pub(super) fn window(self) -> i64 {
        self.seconds.into()
    }
}

/// Requests: many, within a window that is short beside the past that it is compared with.
pub(super) fn spike(text: &str) -> Result<Threshold, &'static str> {
    const RULE: &str = "is `<requests>/<window>`, such as `120/10s`: 10 to 1000000, in 10s, 20s … 1m";
    let threshold = parse(text, 10..=1_000_000, Duration::seconds(10)..=Duration::MINUTE).ok_or(RULE)?;
    // The window is counted in ten parts of whole seconds.
    if threshold.seconds % 10 == 0 { Ok(threshold) } else { Err(RULE) }
}

/// Different things. Each of them is remembered, so the number is also a bound on memory; one alone is never a pattern.
pub(super) fn distinct(text: &str) -> Result<Threshold, &'static str> {
    const RULE: &str = "is `<count>/<window>`, such as `20/1m`: 2 to 100, in 10s to 1d";
    parse(text, 2..=100, Duration::seconds(10)..=Duration::DAY).ok_or(RULE)
}

fn parse(text: &str, counts: RangeInclusive<u32>, windows: RangeInclusive<Duration>) -> Option<Threshold> {
    let (count, window) = text.split_once('/')?;
    // Digits alone: `u32`'s own parser would take `+5`.
    let count = count.parse().ok().filter(|_| count.bytes().all(|byte| byte.is_ascii_digit()))?;
    let window = duration(window).ok()?;
    let whole = window.subsec_nanoseconds() == 0;
    let known = whole && counts.contains(&count) && windows.contains(&window);
    let seconds = u32::try_from(window.whole_seconds()).ok()?;
    known.then_some(Threshold { count, seconds })
}

/// After an alarm about a subject: until when no other is given about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Cooldown {
    until: i64,
}

impl Cooldown {
    pub(super) const fn of(now: i64, length: i64) -> Self {
        Self { until: now + length }
    }

    pub(super) const fn until(self) -> i64 {
        self.until
    }

    /// A clock that was set back must not make it longer than it is.
    pub(super) const fn is_over(self, now: i64, length: i64) -> bool {
        self.until <= now || self.until > now + length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_read_as_it_is_written() {
        assert_eq!(distinct("20/1m"), Ok(Threshold { count: 20, seconds: 60 }));
        assert_eq!(distinct("6/15m"), Ok(Threshold { count: 6, seconds: 900 }));
        assert_eq!(spike("100/10s"), Ok(Threshold { count: 100, seconds: 10 }));
    }

    #[test]
    fn a_threshold_that_would_always_or_never_fire_is_refused() {
        for wrong in ["", "20", "20/m", "+20/1m", "-1/1m", "1/1m", "101/1m", "20/1s", "20/2d", "20/10500ms", "20/1m/1m"]
        {
            assert!(distinct(wrong).is_err(), "{wrong}");
        }
        for wrong in ["9/10s", "1000001/10s", "100/5s", "100/15s", "100/2m", "100"] {
            assert!(spike(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_is_quiet_for_as_long_as_was_said_and_no_clock_makes_it_longer() {
        let cooldown = Cooldown::of(1_000, 60);
        assert!(!cooldown.is_over(1_000, 60) && !cooldown.is_over(1_059, 60));
        assert!(cooldown.is_over(1_060, 60));
        assert!(cooldown.is_over(10, 60), "the clock was set back by a quarter of an hour");
        assert!(Cooldown::default().is_over(1_000, 60), "nothing has been told yet");
    }
}

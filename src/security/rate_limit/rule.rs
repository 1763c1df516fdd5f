//! What a class allows, as it is written in a setting: `sliding-window 10/15m`, `token-bucket 100/1s burst 200`.

use time::Duration;

use crate::settings::duration;

/// How requests are counted, and what is promised: see `strategies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    FixedWindow,
    SlidingWindow,
    TokenBucket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub strategy: Strategy,
    pub limit: u32,
    pub window: Duration,
    /// What a token bucket holds when it is full, where that is not `limit`.
    burst: Option<u32>,
}

const FORM: &str =
    "is `<fixed-window|sliding-window|token-bucket> <limit>/<window> [burst <n>]`, such as `sliding-window 10/15m`";
const WINDOW: &str = "has a window of whole seconds, `1s` to `1d`";
const LIMIT: &str = "has a limit from 1 to 100000, and at most 10000 a second";
const BURST: &str = "has a burst from 1 to 100000, with `token-bucket` alone";
const LOG: &str = "has a limit of at most 1000 with `sliding-window`, which remembers each request";

const MOST: u32 = 100_000;
/// Above this the time between two tokens is no longer well told in microseconds; it is also more than one address or
/// principal can mean.
const MOST_A_SECOND: i64 = 10_000;
/// Eight bytes a request: this bounds what one key can take.
const MOST_LOGGED: u32 = 1_000;

impl Rule {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (strategy, rate, burst) = match words[..] {
            [strategy, rate] => (strategy, rate, None),
            [strategy, rate, "burst", burst] => (strategy, rate, Some(number(burst, BURST)?)),
            _ => return Err(FORM),
        };
        let strategy = match strategy {
            "fixed-window" => Strategy::FixedWindow,
            "sliding-window" => Strategy::SlidingWindow,
            "token-bucket" => Strategy::TokenBucket,
            _ => return Err(FORM),
        };
        let (limit, window) = rate.split_once('/').ok_or(FORM)?;
        Self { strategy, limit: number(limit, LIMIT)?, window: duration(window).map_err(|_| WINDOW)?, burst }.judged()
    }

    fn judged(self) -> Result<Self, &'static str> {
        // Whole seconds, because that is all that `Retry-After` and the policy field can say.
        if !(Duration::SECOND..=Duration::DAY).contains(&self.window) || self.window.subsec_nanoseconds() != 0 {
            return Err(WINDOW);
        }
        if i64::from(self.limit) > MOST_A_SECOND * self.window.whole_seconds() {
            return Err(LIMIT);
        }
        match self.strategy {
            Strategy::FixedWindow | Strategy::SlidingWindow if self.burst.is_some() => Err(BURST),
            Strategy::SlidingWindow if self.limit > MOST_LOGGED => Err(LOG),
            _ => Ok(self),
        }
    }

    /// How many requests pass at once when nothing has been spent.
    pub const fn capacity(&self) -> u32 {
        match self.burst {
            Some(burst) => burst,
            None => self.limit,
        }
    }

    /// Microseconds until a token bucket gains one token. Rounded up: a shade slower than written, never faster.
    pub(super) fn interval(&self) -> i64 {
        let limit = i64::from(self.limit);
        (self.window_micros() + limit - 1) / limit
    }

    pub(super) const fn window_micros(&self) -> i64 {
        self.window.whole_seconds() * 1_000_000
    }

    /// The time in which the whole capacity comes back, in seconds: what the policy field calls its window. For a
    /// bucket whose burst is not its limit this is not the window of the setting: 200 at 100 a second are `w=2`, since
    /// `q=200;w=1` would promise twice the rate.
    pub(super) fn renewal_seconds(&self) -> u64 {
        let micros = match self.strategy {
            Strategy::TokenBucket => self.interval() * i64::from(self.capacity()),
            Strategy::FixedWindow | Strategy::SlidingWindow => self.window_micros(),
        };
        micros.unsigned_abs().div_ceil(1_000_000)
    }
}

/// Digits alone: `u32`'s own parser would take `+5`.
fn number(text: &str, rule: &'static str) -> Result<u32, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (1..=MOST).contains(number)).ok_or(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        let rule = Rule::parse("token-bucket  300/1m burst 100").unwrap();
        assert_eq!((rule.strategy, rule.limit, rule.capacity()), (Strategy::TokenBucket, 300, 100));
        assert_eq!((rule.window, rule.interval()), (Duration::MINUTE, 200_000));
        assert_eq!(Rule::parse("sliding-window 10/15m").unwrap().window, Duration::minutes(15));
        assert_eq!(Rule::parse("fixed-window 10/1h").unwrap().capacity(), 10);
    }

    #[test]
    fn a_rule_that_would_allow_everything_or_nothing_is_refused() {
        for wrong in [
            "",
            "10/1m",
            "leaky-bucket 10/1m",
            "Fixed-Window 10/1m",
            "fixed-window 10",
            "fixed-window 0/1m",
            "fixed-window -1/1m",
            "fixed-window +1/1m",
            "fixed-window 1.5/1m",
            "fixed-window 10/0s",
            "fixed-window 10/m",
            "fixed-window 10/500ms",
            "fixed-window 10/1500ms",
            "fixed-window 10/2d",
            "fixed-window 100001/1h",
            "fixed-window 99999999999999999999/1h",
            "fixed-window 20000/1s",
            "fixed-window 10/1m burst 5",
            "sliding-window 10/1m burst 5",
            "sliding-window 1001/1m",
            "token-bucket 10/1m burst 0",
            "token-bucket 10/1m burst",
            "token-bucket 10/1m burst 5 5",
            "token-bucket 10/1m peak 5",
        ] {
            assert!(Rule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_published_window_never_promises_more_than_the_rate() {
        for (text, seconds) in [
            ("token-bucket 100/1s burst 200", 2),
            ("token-bucket 300/1m burst 100", 20),
            ("token-bucket 30/1m", 60),
            ("token-bucket 7/1s burst 8", 2),
            ("sliding-window 10/15m", 900),
        ] {
            assert_eq!(Rule::parse(text).unwrap().renewal_seconds(), seconds, "{text}");
        }
    }
}

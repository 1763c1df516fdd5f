//! What a client is told about its budget, on every answer and not only on a refusal: a client that can see the wall
//! does not run into it.

use std::cmp::Reverse;

use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};

use super::{Class, rule::Rule, strategies::Charge};
use crate::{
    error::{Error, Result, problems},
    types::Timestamp,
};

/// The outcome of one charge.
///
/// `reset` and `wait` are one and the same moment: when more than `remaining` will be there. The IETF draft defines its
/// `t` so; and since a refusal's `Retry-After` is that moment too, no two fields of an answer can contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub class: Class,
    pub allowed: bool,
    pub limit: u32,
    pub remaining: u32,
    /// Seconds in which the whole limit comes back.
    pub window: u64,
    /// In Unix seconds, rounded up.
    pub reset: i64,
    /// In seconds from the charge, rounded up and at least one: a client that is told 0 comes back at once.
    pub wait: u64,
}

impl Decision {
    pub(super) fn new(class: Class, rule: &Rule, charge: Charge, now: i64) -> Self {
        let until = charge.renews_at.saturating_sub(now).max(0).unsigned_abs();
        Self {
            class,
            allowed: charge.allowed,
            limit: rule.capacity(),
            remaining: charge.remaining,
            window: rule.renewal_seconds(),
            reset: charge.renews_at.div_euclid(MICROS) + i64::from(charge.renews_at.rem_euclid(MICROS) > 0),
            wait: until.div_ceil(MICROS.unsigned_abs()).max(1),
        }
    }

    /// `?` ends a request that is over its limit.
    pub fn checked(self) -> Result<()> {
        if self.allowed { Ok(()) } else { Err(Error::Later(problems::RATE_LIMITED, self.wait)) }
    }

    /// Leaves the decision with the answer. Of several, the one nearest to running out stays.
    pub fn note(self, extensions: &mut Extensions) {
        let nearest = extensions.remove::<Self>().map_or(self, |other| self.nearer(other));
        extensions.insert(nearest);
    }

    /// Writes the fields that every answer of a route carries.
    pub fn write(&self, headers: &mut HeaderMap, ietf: bool) {
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), self.limit.into());
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), self.remaining.into());
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), self.reset.into());
        if !self.allowed {
            headers.insert(header::RETRY_AFTER, self.wait.into());
        }
        if ietf {
            self.write_draft(headers);
        }
    }

    /// draft-ietf-httpapi-ratelimit-headers-11. No partition key (`pk`): it would have to be an address or an account.
    fn write_draft(&self, headers: &mut HeaderMap) {
        let Self { limit, remaining, window, wait, .. } = self;
        let name = self.class.name();
        let fields = [
            ("ratelimit-policy", format!(r#""{name}";q={limit};w={window}"#)),
            ("ratelimit", format!(r#""{name}";r={remaining};t={wait}"#)),
        ];
        for (field, value) in fields {
            let value = HeaderValue::try_from(value).expect("a name of ours and numbers are visible ASCII");
            headers.insert(HeaderName::from_static(field), value);
        }
    }

    /// A refusal comes first, and of two the longer one: only then is waiting for `Retry-After` enough for both.
    fn nearer(self, other: Self) -> Self {
        std::cmp::min_by_key(self, other, |decision| (decision.allowed, decision.remaining, Reverse(decision.wait)))
    }
}

/// The limit that will run out first.
pub fn nearest(decisions: &[Decision]) -> Option<Decision> {
    decisions.iter().copied().reduce(Decision::nearer)
}

const MICROS: i64 = 1_000_000;

pub(super) fn micros(now: Timestamp) -> i64 {
    // The years that a timestamp can name, -9999 to 9999, fit.
    i64::try_from(now.0.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Decision =
        Decision { class: Class::Read, allowed: true, limit: 100, remaining: 42, window: 20, reset: 1_000, wait: 3 };

    fn text(headers: &HeaderMap, name: &str) -> Option<String> {
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_answer_says_what_is_left_and_a_refusal_how_long_to_wait() {
        let mut headers = HeaderMap::new();
        ALLOWED.write(&mut headers, false);
        assert_eq!(text(&headers, "X-RateLimit-Limit").unwrap(), "100");
        assert_eq!(text(&headers, "X-RateLimit-Remaining").unwrap(), "42");
        assert_eq!(text(&headers, "X-RateLimit-Reset").unwrap(), "1000");
        assert_eq!(headers.len(), 3, "neither Retry-After nor the draft's fields");

        Decision { allowed: false, ..ALLOWED }.write(&mut headers, false);
        assert_eq!(text(&headers, "Retry-After").unwrap(), "3");
    }

    #[test]
    fn the_drafts_fields_count_from_now_and_agree_with_retry_after() {
        let mut headers = HeaderMap::new();
        Decision { allowed: false, remaining: 0, ..ALLOWED }.write(&mut headers, true);
        assert_eq!(text(&headers, "RateLimit-Policy").unwrap(), r#""read";q=100;w=20"#);
        assert_eq!(text(&headers, "RateLimit").unwrap(), r#""read";r=0;t=3"#);
        assert_eq!(text(&headers, "Retry-After").unwrap(), "3");
    }

    #[test]
    fn parts_of_a_second_are_rounded_up_so_that_waiting_is_enough() {
        let rule = Rule::parse("token-bucket 100/1s").unwrap();
        let charge = |renews_at| Charge { allowed: false, remaining: 0, renews_at };
        let soon = Decision::new(Class::Read, &rule, charge(10_200_000), 10_190_000);
        assert_eq!((soon.wait, soon.reset), (1, 11));
        let exact = Decision::new(Class::Read, &rule, charge(12_000_000), 10_000_000);
        assert_eq!((exact.wait, exact.reset), (2, 12));
        let over = Decision::new(Class::Read, &rule, charge(12_000_001), 10_000_000);
        assert_eq!((over.wait, over.reset), (3, 13));
        assert_eq!(Decision::new(Class::Read, &rule, charge(10), 10).wait, 1, "never 0: it would come back at once");
    }

    #[test]
    fn of_several_limits_the_one_that_runs_out_first_is_shown() {
        let scarce = Decision { class: Class::Login, remaining: 3, ..ALLOWED };
        let refused = Decision { class: Class::Flood, allowed: false, remaining: 0, wait: 1, ..ALLOWED };
        let longer = Decision { class: Class::Write, wait: 60, ..refused };
        assert_eq!(nearest(&[ALLOWED, scarce]), Some(scarce));
        assert_eq!(nearest(&[refused, ALLOWED, longer, scarce]), Some(longer));
        assert_eq!(nearest(&[]), None);

        let mut extensions = Extensions::new();
        for decision in [scarce, longer, ALLOWED, refused] {
            decision.note(&mut extensions);
        }
        assert_eq!(extensions.get::<Decision>(), Some(&longer));
    }

    #[test]
    fn a_refused_request_ends_with_the_same_wait_that_its_headers_say() {
        assert!(ALLOWED.checked().is_ok());
        let error = Decision { allowed: false, ..ALLOWED }.checked().unwrap_err();
        assert!(matches!(error, Error::Later(problems::RATE_LIMITED, 3)), "{error:?}");
    }
}

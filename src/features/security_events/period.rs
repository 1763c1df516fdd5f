//! A stretch of time, as ids: events are found by their key, and each key is made from the time.

use uuid::Uuid;

use crate::types::Timestamp;

/// An event's id and its time are read off the clock one after the other, and a clock may be set in between. So ids bound
/// the search, a little wider; the time itself decides.
const SLACK_MILLIS: i64 = 60_000;

/// No event of this time or later has a smaller id.
pub fn first_id(since: Option<Timestamp>) -> Uuid {
    since.map_or(Uuid::nil(), |since| id_at(millis(since) - SLACK_MILLIS))
}

/// No event from before this time has this id or a greater one.
pub fn end_id(until: Option<Timestamp>) -> Uuid {
    until.map_or(Uuid::max(), |until| id_at(millis(until) + SLACK_MILLIS))
}

fn millis(at: Timestamp) -> i64 {
    at.unix() * 1000
}

fn id_at(millis: i64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::types::{Givens, System};

    #[test]
    fn an_id_that_was_made_in_a_period_lies_between_its_bounds() {
        let givens = Givens::new(System, System);
        let (now, id) = (givens.now(), givens.new_id());
        let hour = time::Duration::hours(1);
        assert!(first_id(Some(now)) <= id && id < end_id(Some(now)));
        assert!(end_id(Some(now - hour)) < id && id < first_id(Some(now + hour)));
        assert!(first_id(None) < id && id < end_id(None));
    }

    #[test]
    fn the_ends_of_the_calendar_are_times_like_any_other() {
        let ends = [datetime!(0000-01-01 0:00 UTC), datetime!(9999-12-31 23:59:59.999999 UTC)].map(Timestamp);
        assert!(ends.map(|end| first_id(Some(end)) <= end_id(Some(end))) == [true; 2]);
    }
}

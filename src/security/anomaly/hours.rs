//! Rights are changed at night: by somebody who has an administrator's session and hopes that nobody looks.
//!
//! `BUSINESS_HOURS` says when such a change is usual, in UTC: `mon-fri 07:00-19:00`, several separated by commas. Where the
//! day in UTC turns before people go home, the end lies on the next day: `mon-fri 15:00-03:00`. Unset, nothing is told: no
//! default could know where the people are.

use time::Weekday;

use crate::types::Timestamp;

const RULE: &str = "is days and hours in UTC, such as `mon-fri 07:00-19:00, sat 09:00-13:00`";
const MINUTES_A_DAY: u32 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// More than anyone needs; so that it stays a small list that can be copied.
const MOST: usize = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    spans: [Option<Span>; MOST],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// On which days it begins, from Monday.
    days: [bool; 7],
    from: u32,
    /// In minutes from the beginning of its day; beyond its end, if it is past midnight.
    to: u32,
}

impl Hours {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut spans = [None; MOST];
        for (index, part) in text.split(',').enumerate() {
            let place = spans.get_mut(index).ok_or(RULE)?;
            *place = Some(Span::parse(part.trim()).ok_or(RULE)?);
        }
        Ok(Self { spans })
    }

    pub(super) fn contain(&self, now: Timestamp) -> bool {
        let minute = u32::from(now.0.hour()) * 60 + u32::from(now.0.minute());
        self.spans.iter().flatten().any(|span| span.contains(now.0.weekday(), minute))
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (days, hours) = text.split_once(' ')?;
        let (from, to) = hours.trim().split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        let to = if to > from { to } else { to + MINUTES_A_DAY };
        (from < MINUTES_A_DAY && from != to).then_some(Self { days: self::days(days)?, from, to })
    }

    fn contains(&self, day: Weekday, minute: u32) -> bool {
        let today = usize::from(day.number_days_from_monday());
        let yesterday = (today + 6) % 7;
        (self.days[today] && (self.from..self.to).contains(&minute))
            || (self.days[yesterday] && (self.from..self.to).contains(&(minute + MINUTES_A_DAY)))
    }
}

/// `mon`, `mon-fri`, `sat-mon`.
fn days(text: &str) -> Option<[bool; 7]> {
    let named = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (mut day, last) = (named(first)?, named(last)?);
    let mut days = [false; 7];
    loop {
        days[day] = true;
        if day == last {
            return Some(days);
        }
        day = (day + 1) % 7;
    }
}

/// `07:00`; also `24:00`, as an end.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let known = digits(hour) && digits(minute);
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let time = hour * 60 + minute;
    (known && minute < 60 && time <= MINUTES_A_DAY).then_some(time)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// Whether it is usual at these times of the week that begins on Monday, 2 March 2026.
    fn contain(hours: &str, at: time::OffsetDateTime) -> bool {
        Hours::parse(hours).unwrap().contain(Timestamp(at))
    }

    #[test]
    fn the_working_week_ends_on_friday_evening() {
        let hours = "mon-fri 07:00-19:00";
        assert!(contain(hours, datetime!(2026-03-02 07:00 UTC)));
        assert!(contain(hours, datetime!(2026-03-06 18:59:59 UTC)));
        assert!(!contain(hours, datetime!(2026-03-02 06:59:59 UTC)));
        assert!(!contain(hours, datetime!(2026-03-06 19:00 UTC)));
        assert!(!contain(hours, datetime!(2026-03-07 12:00 UTC)), "Saturday");
        assert!(!contain(hours, datetime!(2026-03-08 12:00 UTC)), "Sunday");
    }

    #[test]
    fn hours_may_end_on_the_next_day_which_is_not_a_day_of_its_own() {
        let hours = "mon-fri 15:00-03:00";
        assert!(contain(hours, datetime!(2026-03-02 23:00 UTC)));
        assert!(contain(hours, datetime!(2026-03-07 02:59 UTC)), "Friday's night");
        assert!(!contain(hours, datetime!(2026-03-07 03:00 UTC)));
        assert!(!contain(hours, datetime!(2026-03-07 23:00 UTC)), "Saturday");
        assert!(!contain(hours, datetime!(2026-03-02 02:00 UTC)), "Sunday's night");
        assert!(contain("sun 22:00-24:00", datetime!(2026-03-08 23:59 UTC)));
    }

    #[test]
    fn several_are_separated_by_commas_and_a_week_may_turn() {
        let hours = "Mon-Thu 08:00-18:00, fri 08:00-14:00,sat-sun 10:00-11:00";
        assert!(contain(hours, datetime!(2026-03-05 17:00 UTC)));
        assert!(!contain(hours, datetime!(2026-03-06 17:00 UTC)));
        assert!(contain(hours, datetime!(2026-03-08 10:30 UTC)));
        assert!(contain("sat-mon 09:00-10:00", datetime!(2026-03-02 09:30 UTC)));
        assert!(!contain("sat-mon 09:00-10:00", datetime!(2026-03-03 09:30 UTC)));
    }

    #[test]
    fn what_names_no_hours_is_refused() {
        for wrong in [
            "",
            "mon-fri",
            "07:00-19:00",
            "mon-fri 7:00-19:00",
            "mon-fri 07:00",
            "mon-fri 07:60-19:00",
            "mon-fri 24:00-25:00",
            "mon-fri 24:00-03:00",
            "mon-fri 07:00-24:01",
            "mon-fri +7:00-19:00",
            "monday 07:00-19:00",
            "mon,fri 07:00-19:00",
            "mon-fri 07:00-19:00,",
        ] {
            assert!(Hours::parse(wrong).is_err(), "{wrong}");
        }
        let week = ["mon 07:00-08:00"; 8].join(",");
        assert!(Hours::parse(&week).is_err());
    }
}

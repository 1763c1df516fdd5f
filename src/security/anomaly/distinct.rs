//! How many different things were seen of one subject within a window. A bare counter was rejected: a client that asks for
//! one deleted thing again and again, or a program with an old password, is not searching.

/// Each as 32 bits of a keyed hash, with the second in which it was last seen: eight bytes, and nothing that could be read
/// back. Two that meet by chance would be counted as one, which costs an alarm one more try. Seconds fit until 2106.
#[derive(Default)]
pub(super) struct Distinct {
    seen: Vec<(u32, u32)>,
}

impl Distinct {
    /// How many there are with this one. Callers stop at their threshold, so the list is never longer than that.
    pub(super) fn note(&mut self, hash: u64, now: i64, window: i64) -> u32 {
        self.settle(now, window);
        let (hash, now) = (u32::try_from(hash >> 32).unwrap_or_default(), second(now));
        match self.seen.iter_mut().find(|(known, _)| *known == hash) {
            Some((_, at)) => *at = now,
            None => self.seen.push((hash, now)),
        }
        self.len()
    }

    /// Forgets what is older than the window. What lies in the future was seen before the clock was set back: it is moved
    /// to the present.
    pub(super) fn settle(&mut self, now: i64, window: i64) {
        let (now, window) = (second(now), second(window));
        self.seen.retain_mut(|(_, at)| {
            *at = now.min(*at);
            now - *at < window
        });
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.seen.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn last(&self) -> i64 {
        self.seen.iter().map(|(_, at)| i64::from(*at)).max().unwrap_or(0)
    }
}

fn second(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIS: u64 = 1 << 40;
    const THAT: u64 = 2 << 40;
    const OTHER: u64 = 3 << 40;

    #[test]
    fn the_same_thing_again_counts_once_and_keeps_alive() {
        let mut distinct = Distinct::default();
        for second in 0..50 {
            assert_eq!(distinct.note(THIS, 1_000 + second, 60), 1);
        }
        assert_eq!(distinct.note(THAT, 1_059, 60), 2);
        assert_eq!(distinct.note(OTHER, 1_109, 60), 2, "the first was last seen a minute ago");
    }

    #[test]
    fn a_clock_set_back_neither_forgets_nor_keeps_for_ever() {
        let mut distinct = Distinct::default();
        distinct.note(THIS, 10_000, 60);
        assert_eq!(distinct.note(THAT, 1_000, 60), 2);
        distinct.settle(1_060, 60);
        assert_eq!(distinct.len(), 0);
    }
}

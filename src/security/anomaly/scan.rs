//! Somebody tries doors: many answers 404, 405 and 403 to one network.
//!
//! What counts is how many *different* things were asked for, by method and path: a scanner goes through a list, while a
//! program that asks for one deleted thing for hours finds one closed door. And there are two kinds. A path that does not
//! exist, a method that is not there, a route that is not for this caller: no client of ours knows any of them, so each
//! counts whole. A thing that is not there on a route that is (`/v1/articles/{id}`): clients have old lists, so each counts
//! a third; but who goes through sixty ids within a minute has no list, but a hope.
//!
//! Rejected: counting templates instead of paths, under which going through ids would be one thing for ever.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
};

use axum::http::Method;

use super::{
    Anomaly,
    distinct::Distinct,
    memory::{Memory, Trace},
    network::Network,
    threshold::{Cooldown, Threshold},
};

/// Networks of which closed doors are remembered, with 640 bytes each at the very most.
const MOST: usize = 14_336;
/// So many things that are not there weigh as much as one closed door.
const THINGS_A_DOOR: u32 = 3;

/// What was asked for, as a hash under a key of this process.
#[derive(Clone, Copy)]
pub struct Asked(u64);

/// How it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such path, no such method, or not for this caller.
    Door,
    /// The route is there, and the thing is not, or is not the caller's.
    Thing,
}

pub(super) struct Scan {
    hiding: RandomState,
    networks: Memory<Network, Doors>,
}

#[derive(Default)]
struct Doors {
    closed: Distinct,
    missing: Distinct,
    cooldown: Cooldown,
}

impl Scan {
    pub(super) fn new(rule: Threshold) -> Self {
        Self { hiding: RandomState::new(), networks: Memory::of(MOST, rule) }
    }

    pub(super) fn asked(&self, method: &Method, path: &str) -> Asked {
        // Without the query: it names nothing.
        Asked(self.hiding.hash_one(Pair(method, path)))
    }

    pub(super) fn note(&self, network: Network, asked: Asked, refused: Refused, now: i64) -> Option<Anomaly> {
        let told = self.networks.look(network, now, |doors, rule| doors.note(asked, refused, rule, now));
        told.map(|refused| Anomaly::EndpointScan { refused })
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.networks.len()
    }

    pub(super) fn sweep(&self, now: i64) {
        self.networks.sweep(now);
    }
}

#[derive(Hash)]
struct Pair<'a>(&'a Method, &'a str);

impl Doors {
    fn note(&mut self, asked: Asked, refused: Refused, rule: Threshold, now: i64) -> Option<u32> {
        if !self.cooldown.is_over(now, rule.window()) {
            return None;
        }
        let (noted, other) = match refused {
            Refused::Door => (&mut self.closed, &mut self.missing),
            Refused::Thing => (&mut self.missing, &mut self.closed),
        };
        noted.note(asked.0, now, rule.window());
        other.settle(now, rule.window());
        if self.strength() < rule.count * THINGS_A_DOOR {
            return None;
        }
        let told = self.closed.len() + self.missing.len();
        *self = Self { cooldown: Cooldown::of(now, rule.window()), ..Self::default() };
        Some(told)
    }

    fn strength(&self) -> u32 {
        self.closed.len() * THINGS_A_DOOR + self.missing.len()
    }
}

impl Trace for Doors {
    fn worth(&mut self, rule: Threshold, now: i64) -> Option<(u32, i64)> {
        if !self.cooldown.is_over(now, rule.window()) {
            return Some((rule.count * THINGS_A_DOOR, now));
        }
        self.closed.settle(now, rule.window());
        self.missing.settle(now, rule.window());
        let strength = self.strength();
        (strength > 0).then(|| (strength, self.closed.last().max(self.missing.last())))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RULE: Threshold = Threshold { count: 20, seconds: 60 };
    const NOON: i64 = 1_772_366_400;
    const EVE: [u8; 4] = [192, 0, 2, 66];

    struct Scanner(Scan);

    impl Scanner {
        fn new() -> Self {
            Self(Scan::new(RULE))
        }

        fn asks(&self, path: &str, refused: Refused, now: i64) -> Option<Anomaly> {
            self.0.note(Network::of(EVE.into()), self.0.asked(&Method::GET, path), refused, now)
        }

        /// How often it was told, of so many paths or ids at this distance in seconds.
        fn goes_through(&self, paths: i64, refused: Refused, apart: i64) -> usize {
            (0..paths).filter_map(|n| self.asks(&format!("/{n}"), refused, NOON + n * apart)).count()
        }
    }

    #[test]
    fn who_goes_through_a_list_of_paths_is_told_once_a_minute_and_not_once_a_path() {
        assert_eq!(Scanner::new().goes_through(19, Refused::Door, 0), 0);
        assert_eq!(Scanner::new().goes_through(20, Refused::Door, 0), 1);
        assert_eq!(Scanner::new().goes_through(10_000, Refused::Door, 0), 1);
        let scanner = Scanner::new();
        let told = (0..600).filter(|n| scanner.asks(&format!("/{n}"), Refused::Door, NOON + n).is_some()).count();
        assert_eq!(told, 8, "ten minutes, a path a second: a minute of quiet after each twenty");
    }

    #[test]
    fn one_closed_door_is_no_scan_however_often_it_is_tried() {
        let scanner = Scanner::new();
        for second in 0..5_000 {
            assert_eq!(scanner.asks("/v1/articles/gone", Refused::Door, NOON + second / 50), None);
        }
    }

    #[test]
    fn an_old_list_of_things_is_no_scan_and_going_through_ids_is() {
        assert_eq!(Scanner::new().goes_through(59, Refused::Thing, 0), 0);
        assert_eq!(Scanner::new().goes_through(60, Refused::Thing, 0), 1);
        let scanner = Scanner::new();
        scanner.goes_through(30, Refused::Thing, 0);
        let told = (0..10).filter_map(|n| scanner.asks(&format!("/odd/{n}"), Refused::Door, NOON)).collect::<Vec<_>>();
        assert_eq!(told, [Anomaly::EndpointScan { refused: 40 }], "both together");
    }

    #[test]
    fn the_other_method_is_another_door() {
        let scan = Scan::new(RULE);
        let methods = [Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE];
        let asked = |n: usize| scan.asked(&methods[n % 4], &format!("/{}", n / 4));
        let told = (0..20).filter_map(|n| scan.note(Network::of(EVE.into()), asked(n), Refused::Door, NOON)).count();
        assert_eq!(told, 1);
    }

    #[test]
    fn closed_doors_of_an_hour_are_no_scan() {
        assert_eq!(Scanner::new().goes_through(1_000, Refused::Door, 4), 0, "fifteen in each minute");
        assert_eq!(Scanner::new().goes_through(1_000, Refused::Thing, 4), 0);
    }

    #[test]
    fn neighbours_do_not_add_up() {
        let scan = Scan::new(RULE);
        for n in 0..1_000_u32 {
            let neighbour = Network::of(Ipv4Addr::from_bits(n % 100).into());
            let asked = scan.asked(&Method::GET, &format!("/{n}"));
            assert_eq!(scan.note(neighbour, asked, Refused::Door, NOON), None);
        }
    }
}

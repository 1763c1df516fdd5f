//! All detectors together: what a million strangers do to them, and what an ordinary day does not.

use std::{collections::BTreeMap, net::Ipv4Addr};

use time::{Duration, macros::datetime};

use super::*;
use crate::types::System;

/// Addresses. A million take a debug build half a minute; a fifth of them fills every memory three times over as well.
const STRANGERS: u32 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
/// A Monday.
const NOON: Timestamp = Timestamp(datetime!(2026-03-02 12:00 UTC));

fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut env = Env::new(pairs.collect::<BTreeMap<_, _>>());
    (Settings::read(&mut env), env.mistakes())
}

fn watch_with(pairs: &[(&str, &str)]) -> Watch {
    Watch::new(&read(pairs).0, &Givens::new(System, System))
}

fn stranger(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

fn visit(address: IpAddr) -> Seen {
    Seen { address, principal: None, refused: None }
}

fn knocks(watch: &Watch, address: IpAddr, path: &str, now: Timestamp) -> Vec<Anomaly> {
    let refused = Some((watch.asked(&Method::GET, path), Refused::Door));
    watch.request(now, Seen { refused, ..visit(address) }).collect()
}

#[test]
fn a_million_strangers_neither_exhaust_memory_nor_hide_a_scanner_among_them() {
    let watch = watch_with(&[]);
    let eve = [203, 0, 113, 9].into();
    for door in 0..19 {
        assert_eq!(knocks(&watch, eve, &format!("/{door}"), NOON), []);
    }
    for number in 0..STRANGERS {
        watch.request(NOON, visit(stranger(number))).count();
        if number % 4 == 0 {
            knocks(&watch, stranger(number), "/", NOON);
            watch.login_failed(NOON, stranger(number), &Email::trimmed(&format!("{number}@example.com"))).count();
        }
    }
    assert!(watch.traffic.remembered() <= 57_344, "{}", watch.traffic.remembered());
    assert!(watch.scan.remembered() <= 14_336, "{}", watch.scan.remembered());
    assert!(watch.guessing.remembered() <= 2 * 14_336, "{}", watch.guessing.remembered());
    assert_eq!(knocks(&watch, eve, "/19", NOON), [Anomaly::EndpointScan { refused: 20 }], "was forgotten");
}

#[test]
fn sweeping_forgets_all_of_them_when_they_are_gone() {
    let watch = watch_with(&[]);
    for number in 0..10_000 {
        knocks(&watch, stranger(number), "/", NOON);
    }
    let remembered = || watch.traffic.remembered() + watch.scan.remembered();
    watch.sweep(NOON + Duration::seconds(9));
    assert_eq!(remembered(), 20_000);
    watch.sweep(NOON + Duration::seconds(59));
    assert_eq!(remembered(), 10_000);
    watch.sweep(NOON + Duration::MINUTE);
    assert_eq!(remembered(), 0);
}

#[test]
fn a_principal_that_asks_from_many_addresses_is_one() {
    let (watch, program) = (watch_with(&[]), Uuid::from_u128(7));
    let told: Vec<_> =
        (0..150).flat_map(|n| watch.request(NOON, Seen { principal: Some(program), ..visit(stranger(n)) })).collect();
    assert_eq!(told, [Anomaly::TrafficSpike { of: Crowd::Principal, requests: 120, usual: 0 }]);
}

#[test]
fn a_burst_of_one_address_is_told_of_the_address_alone() {
    let watch = watch_with(&[]);
    let told: Vec<_> = (0..150).flat_map(|_| watch.request(NOON, visit(stranger(1)))).collect();
    assert_eq!(told, [Anomaly::TrafficSpike { of: Crowd::Address, requests: 120, usual: 0 }]);
}

#[test]
fn a_change_of_rights_is_unusual_at_night_and_only_where_hours_are_set() {
    let watch = watch_with(&[("BUSINESS_HOURS", "mon-fri 07:00-19:00")]);
    let night = NOON + Duration::hours(10);
    assert!(!watch.is_after_hours(NOON));
    assert!(watch.is_after_hours(night));
    assert!(!watch_with(&[]).is_after_hours(night));
}

#[test]
fn requests_at_the_same_moment_are_all_counted_and_told_once() {
    let watch = watch_with(&[]);
    let told: usize = std::thread::scope(|scope| {
        let knock = || (0..50).map(|_| watch.request(NOON, visit(stranger(1))).count()).sum::<usize>();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(knock)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(told, 1);
}

#[test]
fn nonsense_is_refused_by_the_settings_name_and_never_by_value() {
    let wrong = [("ANOMALY_ENDPOINT_SCAN", "1-secret"), ("ANOMALY_CLIENT_SPIKE", "5/1s"), ("BUSINESS_HOURS", "secret")];
    let (_, mistakes) = read(&wrong);
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    assert!(!mistakes.concat().contains("secret"), "{mistakes:?}");
}

//! The scripts beside the state machines of `strategies`: the same requests, the same answers.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::call;
use crate::security::rate_limit::strategies::{Charge, Count, tests::any_rule};

#[path = "../../../../tests/redis_server/mod.rs"]
#[expect(dead_code, reason = "the tests over HTTP need more of it")]
mod redis_server;

use redis_server::RedisServer;

/// In the order of `Strategy`, with a clock that is given.
const SCRIPTS: [&str; 3] = [
    concat!("local now = tonumber(ARGV[4])\n", include_str!("fixed_window.lua")),
    concat!("local now = tonumber(ARGV[4])\n", include_str!("sliding_window.lua")),
    concat!("local now = tonumber(ARGV[4])\n", include_str!("token_bucket.lua")),
];

/// Seconds; so many that nothing ends during a test, whose time is another than Redis's.
const KEPT: u64 = 10_000;
const SECOND: i64 = 1_000_000;
/// Large enough that a number written too short would show.
const BEGINNING: i64 = 1_900_000_000_123_457;

/// What happens before the next request.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes; or, below zero, the clock is set back.
    Pass(i64),
    /// To the moment that was told last, or a microsecond beside it.
    Wait(i64),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Pass(0)),
        4 => (1..10_i64).prop_map(Step::Pass),
        12 => (0..3 * SECOND).prop_map(Step::Pass),
        1 => (-100 * SECOND..0).prop_map(Step::Pass),
        4 => (-1..=1_i64).prop_map(Step::Wait),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec(step, 1..150)
}

#[test]
fn a_script_decides_as_its_strategy_does_whatever_time_does() {
    let server = RedisServer::start();
    let (redis, cases) = (RefCell::new(server.connection()), Cell::new(0));
    proptest!(|(rule in any_rule(), steps in steps())| {
        let mut redis = redis.borrow_mut();
        let name = format!("case:{}", cases.replace(cases.get() + 1));
        let (mut now, mut told, mut count) = (BEGINNING, BEGINNING, None);
        for step in steps {
            match step {
                Step::Pass(time) => now += time,
                Step::Wait(beside) => now = told + beside,
                Step::Clear => {
                    count = None;
                    redis::cmd("DEL").arg(&name).exec(&mut *redis).unwrap();
                }
            }
            let script = SCRIPTS[rule.strategy as usize];
            let answer = call("EVAL", script, &name, &rule, KEPT).arg(now).query(&mut *redis);
            let (allowed, remaining, renews_at, at): (bool, u32, i64, i64) = answer.unwrap();
            prop_assert_eq!(at, now);
            told = renews_at;
            let count = count.get_or_insert_with(|| Count::unspent(&rule, now));
            prop_assert_eq!(Charge { allowed, remaining, renews_at }, count.charge(&rule, now));
        }
        let left: u64 = redis::cmd("TTL").arg(&name).query(&mut *redis).unwrap();
        prop_assert!((KEPT / 2..=KEPT).contains(&left), "it stays for {}", left);
    });
}

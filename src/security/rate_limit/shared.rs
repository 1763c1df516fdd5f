//! The counts that all replicas share, on Redis or Valkey.
//!
//! A charge is one script, which Redis runs as a whole: whoever reads a count and writes it back in two steps lets two
//! replicas spend the same request. The scripts are `strategies` once more, and a test holds each against it.
//!
//! The time is Redis's own, and not given as everywhere else. Replicas' clocks differ by some milliseconds on a good
//! day and by hours on a bad one; a replica that is ahead would push every budget into the future, where the others find
//! it spent. With one clock a `Retry-After` from one replica is true at another. Tests move time all the same: what they
//! run is these scripts with another clock in front.
//!
//! Redis sees nobody: each key is a keyed hash (the key lies in our database), also of an address or an id. Each
//! ends when its budget is whole again, so memory is bounded by how many clients come in one window. One server is meant,
//! or one that moves to its replica by itself; a cluster is not.

use std::sync::Arc;

use aws_lc_rs::hmac;
use redis::{Client, Cmd, ConnectionAddr, IntoConnectionInfo, RedisResult, aio::MultiplexedConnection, cmd};

pub(super) use redis::RedisError as Failure;

use super::{Class, Decision, Key, Rule, Strategy, strategies::Charge};
use crate::settings::{Env, is_this_machine};

/// Where the counts are. No `Debug`: it may hold a password.
#[derive(Clone)]
pub struct Settings(Client);

impl Settings {
    pub fn read(env: &mut Env) -> Option<Self> {
        let production = env.production;
        env.optional("REDIS_URL", |text| address(text, production).map(Self))
    }
}

fn address(text: &str, production: bool) -> Result<Client, &'static str> {
    const RULE: &str = "is `redis://user:password@host:port`, or `rediss://…` with TLS";
    const TLS: &str = "needs `rediss://` in production, unless Redis is on this machine";
    let address = text.into_connection_info().map_err(|_| RULE)?;
    match address.addr() {
        ConnectionAddr::Tcp(host, _) if production && !is_this_machine(host) => Err(TLS),
        ConnectionAddr::TcpTls { insecure: true, .. } => Err("has no `#insecure`: a certificate is always checked"),
        _ => Client::open(address).map_err(|_| RULE),
    }
}

/// A server that may or may not be there.
pub(super) struct Redis {
    client: Client,
    hiding: hmac::Key,
}

/// A connection over which any number of charges go at the same time, and what Redis calls the scripts.
#[derive(Clone)]
pub(super) struct Line {
    connection: MultiplexedConnection,
    scripts: Arc<[String; 3]>,
}

macro_rules! script {
    ($name:literal) => {
        concat!(include_str!("scripts/time.lua"), include_str!(concat!("scripts/", $name, ".lua")))
    };
}

const SCRIPTS: [&str; 3] = [script!("fixed_window"), script!("sliding_window"), script!("token_bucket")];

impl Redis {
    pub(super) fn new(settings: Settings, hiding: hmac::Key) -> Self {
        Self { client: settings.0, hiding }
    }

    /// A new connection, proven to work. The scripts are handed over once; a charge names its own by its hash.
    pub(super) async fn open(&self) -> RedisResult<Line> {
        let mut connection = self.client.get_multiplexed_async_connection().await?;
        let mut scripts = [const { String::new() }; 3];
        for (hash, text) in scripts.iter_mut().zip(SCRIPTS) {
            *hash = cmd("SCRIPT").arg("LOAD").arg(text).query_async(&mut connection).await?;
        }
        let mut line = Line { connection, scripts: scripts.into() };
        line.prove().await?;
        Ok(line)
    }

    /// With the strategy, whose counts no other strategy could read: replicas of two settings can run side by side.
    pub(super) fn name(&self, class: Class, rule: &Rule, key: &Key<'_>) -> String {
        let strategy = ["fixed", "sliding", "bucket"][rule.strategy as usize];
        let hash = u128::from_be_bytes(key.hidden(&self.hiding));
        format!("drawbridge:rl:{}:{strategy}:{hash:032x}", class.name())
    }
}

impl Line {
    pub(super) async fn charge(&mut self, class: Class, rule: &Rule, name: &str) -> RedisResult<Decision> {
        let script = &self.scripts[rule.strategy as usize];
        // A second more than it takes: Redis ends a key by milliseconds, and a budget must not come back too soon.
        let keep = rule.renewal_seconds() + 1;
        let (allowed, remaining, renews_at, now) =
            call("EVALSHA", script, name, rule, keep).query_async(&mut self.connection).await?;
        Ok(Decision::new(class, rule, Charge { allowed, remaining, renews_at }, now))
    }

    pub(super) async fn clear(&mut self, name: &str) -> RedisResult<()> {
        cmd("DEL").arg(name).query_async(&mut self.connection).await
    }

    /// Charges a budget of nobody's. A mere PING is also answered by a server that takes no writes or runs no scripts.
    pub(super) async fn prove(&mut self) -> RedisResult<()> {
        let rule = Rule::parse("fixed-window 1/1s").expect("a test opens a line");
        self.charge(Class::Flood, &rule, "drawbridge:rl:proof").await.map(drop)
    }
}

fn call(command: &str, script: &str, name: &str, rule: &Rule, keep: u64) -> Cmd {
    let span = if rule.strategy == Strategy::TokenBucket { rule.interval() } else { rule.window_micros() };
    let mut call = cmd(command);
    call.arg(script).arg(1).arg(name).arg(rule.capacity()).arg(span).arg(keep);
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_judged_as_the_databases_is_and_never_repeated() {
        for (good, production) in [
            ("redis://localhost", true),
            ("redis://user:hunter2@127.0.0.1:6380/1", true),
            ("redis://[::1]:6379", true),
            ("unix:///run/redis.sock", true),
            ("rediss://user:hunter2@cache.example.com", true),
            ("redis://cache.example.com", false),
        ] {
            assert!(address(good, production).is_ok(), "{good}");
        }
        for (bad, production) in [
            ("hunter2", false),
            ("http://hunter2", false),
            ("redis://", false),
            ("redis://host/hunter2", false),
            ("rediss://cache.example.com/#insecure", false),
            ("redis://user:hunter2@cache.example.com", true),
        ] {
            let Err(rule) = address(bad, production) else { panic!("{bad}") };
            assert!(!rule.contains("hunter2"), "{rule}");
        }
    }
}

#[cfg(test)]
#[cfg(feature = "redis-tests")]
#[path = "scripts/tests.rs"]
mod script_tests;

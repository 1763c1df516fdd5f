//! What the service promises, over HTTP, against a real Postgres: a database for each test, time that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "redis-tests")]
#[path = "../cli/program.rs"]
#[expect(dead_code, reason = "the tests of the command line need more of it")]
mod program;
#[cfg(feature = "redis-tests")]
#[path = "../redis_server/mod.rs"]
mod redis_server;
mod support;

mod accounts;
mod admin_users;
mod alarms;
mod api_keys;
mod articles;
mod attack_surface;
mod attacks;
mod compliance;
mod email_change;
mod email_verification;
mod enumeration;
mod envelope;
mod event_chain;
mod health;
mod house;
mod idempotency;
mod login;
mod mailbox;
mod matrix;
mod metrics;
mod mfa;
mod notices;
mod pages;
mod passwords;
mod personal_data;
mod recovery;
mod refresh;
mod revocation;
mod schema_agreement;
mod security_events;
mod security_events_admin;
mod sessions;
#[cfg(feature = "redis-tests")]
mod shared_limits;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;
mod walks;
mod watchtower;

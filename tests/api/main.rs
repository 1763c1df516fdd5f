//! What the service promises, over HTTP, against a real Postgres: a database for each test, time that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod accounts;
mod attack_surface;
mod attacks;
mod email_verification;
mod envelope;
mod health;
mod house;
mod login;
mod refresh;
mod revocation;
mod tokens;

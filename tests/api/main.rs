//! What the service promises, over HTTP, against a real Postgres: a database for each test, time that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod accounts;
mod admin_users;
mod api_keys;
mod articles;
mod attack_surface;
mod attacks;
mod email_change;
mod email_verification;
mod enumeration;
mod envelope;
mod health;
mod house;
mod idempotency;
mod login;
mod mailbox;
mod matrix;
mod mfa;
mod notices;
mod pages;
mod passwords;
mod personal_data;
mod recovery;
mod refresh;
mod revocation;
mod schema_agreement;
mod sessions;
mod tokens;
mod walks;

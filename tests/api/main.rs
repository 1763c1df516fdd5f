//! What the service promises, over HTTP, against a real Postgres: a database for each test, time that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod accounts;
mod admin_users;
mod api_keys;
mod attack_surface;
mod attacks;
mod email_verification;
mod enumeration;
mod envelope;
mod health;
mod house;
mod login;
mod mailbox;
mod matrix;
mod notices;
mod pages;
mod personal_data;
mod refresh;
mod revocation;
mod schema_agreement;
mod sessions;
mod tokens;

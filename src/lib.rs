//! Drawbridge: a reference secure REST service.
//!
//! The floor plan, from the ground up. Each floor imports only from below (a test holds the code to it), so whoever reads
//! from the top of this list downwards has met every word before it is used.

// Ground floor: words that everyone uses.
/// What can go wrong, and what the caller is told about it.
pub mod error;
/// Reads settings one by one and remembers everything that is wrong with them.
pub mod settings;
/// What is logged, by an allow-list of fields.
pub mod telemetry;
/// Time, chance, ids, an e-mail address.
pub mod types;

// The pillars: one file is one threat is one lesson.
pub mod security;

// What the service stands on.
/// Attacks are told to somebody who is awake.
pub mod alarms;
/// Every setting, typed; all mistakes at once.
pub mod config;
/// Who connects to the database as what, and how every replica hears of a revocation.
pub mod database;
/// Mail, committed with the change that causes it and sent afterwards.
pub mod mail;
/// One POST to an address that the operator named.
pub mod outbound;
/// What a request may reach.
pub mod state;
/// One span a request for a collector of traces, in a build with the feature `otlp`.
pub mod traces;

/// The rooms: what the service does.
pub mod features;
/// The front door: crossed by every request, edited by few.
pub mod http;

/// What of all this can be watched from outside, in numbers.
pub mod metrics;

/// The whole service on one screen, and every layer a request passes.
pub mod app;
/// Listeners: TLS, HTTP/1 and HTTP/2, and an end to every wait.
pub mod server;

/// The service with a pillar left out, to see what it was for. In no build but that of the feature `insecure-lab`.
#[cfg(feature = "insecure-lab")]
pub mod lab;

//! Drawbridge: a reference secure REST service. The floor plan, in reading order; each floor imports only from below.

pub mod app;
pub mod config;
pub mod database;
pub mod error;
pub mod features;
pub mod http;
pub mod mail;
pub mod security;
pub mod server;
pub mod settings;
pub mod state;
pub mod telemetry;
pub mod types;

//! The pillars. One file is one threat is one lesson.

pub mod access;
pub mod api_key;
pub mod audit;
pub mod client_address;
pub mod cors;
pub mod headers;
pub mod input;
pub mod jwt;
pub mod limits;
pub mod password;
pub mod rate_limit;
pub mod secret;
pub mod session_cache;
pub mod session_token;
pub mod transport;

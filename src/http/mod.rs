//! The front door: crossed by every request, edited by few.

pub mod answer;
pub mod caller;
pub mod context;
pub mod credential;
pub mod etag;
pub mod event_stream;
pub mod gate;
pub mod idempotency;
pub mod input;
pub mod live_key;
pub mod live_session;
pub mod openapi;
pub mod page;
pub mod password_check;
pub mod respond;
pub mod revocation;
pub mod route;
pub mod routes;
pub mod second_factor;
pub mod user_view;
pub mod watch;

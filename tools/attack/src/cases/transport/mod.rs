//! The handshake: versions, suites, names, and what may be said before and around it.

mod certificate;
mod handshake;
mod hello;
mod port;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[handshake::CASES, port::CASES];

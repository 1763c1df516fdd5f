//! HTTP/2 in frames by hand (RFC 9113): no client library would send these.

mod floods;
mod frames;
mod heads;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[floods::CASES, heads::CASES];

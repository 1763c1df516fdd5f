//! What a browser would do for an attacker: read across origins, guess types, frame, cache, send what forms can send.

mod cors;
mod headers;
mod pages;
mod requests;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[cors::CASES, headers::CASES, pages::CASES, requests::CASES];

const EVIL: &str = "https://evil.example";

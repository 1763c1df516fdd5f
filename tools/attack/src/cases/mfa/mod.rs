//! The second factor: codes that are replayed, guessed, bent and gone around.

mod around;
mod codes;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[codes::CASES, around::CASES];

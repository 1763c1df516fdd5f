//! A genuine credential in a wrong place, twice, or half; and the keys of programs.

mod carriers;
mod key_making;
mod keys;
mod several;
mod step_up;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[several::CASES, carriers::CASES, keys::CASES, key_making::CASES, step_up::CASES];

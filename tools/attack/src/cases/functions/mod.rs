//! What one may not do at all (API5, broken function level authorization): administration, and the parts of one's own
//! account that want a session, a scope, or a sign-in a moment ago.

mod disguises;
mod keys;
mod paths;
mod roles;
mod step_up;
mod walks;

use crate::case::Case;

pub const PARTS: &[&[Case]] =
    &[walks::CASES, roles::CASES, disguises::CASES, paths::CASES, keys::CASES, step_up::CASES];

//! Other people's objects (API1, broken object level authorization): the request is well-formed and signed in, only the
//! object is somebody else's.

pub mod belongings;
mod identity;
mod ids;
mod objects;
mod walks;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[objects::CASES, walks::CASES, ids::CASES, identity::CASES];

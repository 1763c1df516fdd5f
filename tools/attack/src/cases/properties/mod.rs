//! Parts of an object (API3, broken object property level authorization): what may be written of it, what is shown of it,
//! and on what condition it changes.

mod assignment;
mod exposure;
mod idempotency;
mod passwords;
mod preconditions;
mod shapes;

use crate::case::Case;

pub const PARTS: &[&[Case]] =
    &[assignment::CASES, shapes::CASES, exposure::CASES, preconditions::CASES, idempotency::CASES, passwords::CASES];

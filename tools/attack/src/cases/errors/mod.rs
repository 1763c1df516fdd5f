//! What goes wrong, and what is told about it (API8, security misconfiguration).

mod detail;
mod methods;
mod probes;
mod provoked;
mod robust;

use crate::case::Case;

pub const PARTS: &[&[Case]] = &[detail::CASES, robust::CASES, methods::CASES, probes::CASES];

//! The front door: crossed by every request, edited by few.

pub mod input;

//! An enemy in a box: cases that attack a service from the outside, and say what they tried, what should have happened
//! and what did. It knows nothing of the service's code; it may ask for what any client can ask for.
//!
//! In reading order:
//! - `case`: what a case is, and what can come of it
//! - `cases`: the attacks, one file a family
//! - `attempt`: what a running case holds in its hands
//! - `wire`: requests, raw bytes, and the record of both
//! - `forge`: tokens of any header, claims and signature
//! - `actors`: people who are signed in
//! - `target`, `survey`: whom we attack, and what it has
//! - `runner`: all cases, side by side
//! - `report`: scorecard, JSON, JUnit, HTML

pub mod actors;
pub mod attempt;
pub mod case;
pub mod cases;
pub mod forge;
mod needs;
pub mod report;
mod runner;
mod survey;
pub mod target;
pub mod wire;

pub use case::{Case, Need, Outcome, PLAIN, Trouble, Verdict};
pub use cases::{cases, families};
pub use report::Report;
pub use runner::{Progress, attack};
pub use target::{Options, Target};

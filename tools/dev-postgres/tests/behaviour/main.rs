//! What `dev-postgres` promises, tried on real processes: they are started, killed and looked for.
//! Nothing waits for a fixed time; `eventually` polls for the event.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed the test")]

mod kept;
mod run;
mod support;

//! `drawbridge password`: what hashing costs here.

use std::time::Duration;

use clap::Subcommand;
use drawbridge::{
    config::Config,
    security::password::{
        Settings,
        calibrate::{CHOICES, hashes_a_second},
    },
};

use super::say;

/// For each set of parameters. A dear one overruns it by one hash.
const TIME: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum Password {
    /// Measure what each set of hash parameters costs on this machine; a few seconds
    Calibrate,
}

impl Password {
    pub fn run(self) -> anyhow::Result<()> {
        let Self::Calibrate = self;
        let settings = Config::load()?.password;
        let present = (settings.memory_kib, settings.iterations);
        say(&format!("argon2id, {} threads (PASSWORD_HASH_THREADS)\n", settings.threads))?;
        say(" memory KiB  passes  ms a hash  sign-ins/s  memory in use")?;
        let choices = CHOICES.into_iter().chain((!CHOICES.contains(&present)).then_some(present));
        choices.map(|choice| line(&settings, choice, choice == present)).try_for_each(|line| say(&line))?;
        say(
            "\nTake the dearest that leaves as many sign-ins a second as your busiest hour wants. A hash that was made with",
        )?;
        say("other parameters is renewed at its owner's next sign-in.")
    }
}

fn line(settings: &Settings, (memory_kib, iterations): (u32, u32), is_present: bool) -> String {
    let rate = hashes_a_second(&Settings { memory_kib, iterations, ..settings.clone() }, TIME);
    let each = f64::from(settings.threads) / rate * 1000.0;
    let mebibytes = memory_kib * settings.threads / 1024;
    let mark = if is_present { "  <- now" } else { "" };
    format!("{memory_kib:>11}  {iterations:>6}  {each:>9.1}  {rate:>10.1}  {mebibytes:>9} MiB{mark}")
}

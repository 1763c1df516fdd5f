//! `drawbridge dev`: what a person with a terminal and no phone needs to try everything.

use anyhow::Context;
use clap::Subcommand;
use drawbridge::security::totp::{TotpSecret, step_at};

use super::{givens, say};

#[derive(Subcommand)]
pub enum Dev {
    /// The code that an authenticator app would show now
    Totp {
        /// As the service gave it, in base32
        // An argument, and hence in the shell's history: a secret that matters belongs on a phone.
        secret: String,
        /// The next half-minute's, which is taken already: no code opens twice
        #[arg(long)]
        next: bool,
    },
}

impl Dev {
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Totp { secret, next } => {
                let secret = TotpSecret::typed(&secret).context("a TOTP secret is 32 letters and digits in base32")?;
                let step = step_at(givens().now()) + i64::from(next);
                say(secret.code(step).expose())
            }
        }
    }
}

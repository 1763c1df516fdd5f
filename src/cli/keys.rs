//! `drawbridge keys`: the keys that sign access tokens.

use clap::Subcommand;
use drawbridge::{
    config::Config,
    security::jwt::{self, Algorithm, Stage},
};

use super::{givens, patience::busy, say};

pub const EXAMPLES: &str = "\
Examples:
  drawbridge keys list
  drawbridge keys rotate --alg ES256    signs within seconds; tokens of the old key live out their time

Keys are files in JWT_KEYS_DIR. Replicas on other machines need the new file before one of them signs with it.";

#[derive(Subcommand)]
pub enum Keys {
    /// Show each key, newest first, and what it is used for
    List,
    /// Make a key; a running service signs with it within seconds
    New {
        /// EdDSA, ES256, or RS256 for gateways that know nothing newer
        #[arg(long, default_value = "EdDSA", value_parser = algorithm)]
        alg: Algorithm,
    },
    /// Make a key and remove those whose last token has died
    Rotate {
        /// EdDSA, ES256, or RS256 for gateways that know nothing newer
        #[arg(long, default_value = "EdDSA", value_parser = algorithm)]
        alg: Algorithm,
    },
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::named(name).ok_or_else(|| "EdDSA, ES256 or RS256".to_owned())
}

fn stage(stage: Stage) -> String {
    match stage {
        Stage::Published => "published, not signing yet".to_owned(),
        Stage::Signing => "signing".to_owned(),
        Stage::Retired { until } => format!("retired, verifies until {until}"),
        Stage::Dead => "dead: `keys rotate` removes it".to_owned(),
    }
}

impl Keys {
    pub fn run(self) -> anyhow::Result<()> {
        let (settings, now) = (Config::load()?.jwt, givens().now());
        let _busy = busy("Looking for large primes …");
        match self {
            Self::List => {
                let mut keys = jwt::list(&settings, now)?;
                keys.reverse();
                keys.iter().try_for_each(|key| {
                    say(&format!("{}  {}  {}  born {}", key.kid, key.algorithm.name(), stage(key.stage), key.born))
                })
            }
            Self::New { alg } => say(&format!("Made {}.", jwt::new(&settings.keys_dir, alg, now)?)),
            Self::Rotate { alg } => {
                let rotated = jwt::rotate(&settings, alg, now)?;
                say(&format!("Made {}.", rotated.made))?;
                rotated.removed.iter().try_for_each(|kid| say(&format!("Removed {kid}: its last token has died.")))
            }
        }
    }
}

//! What an operator can do that no request can.

mod audit;
mod dev;
mod dev_users;
mod doctor;
mod keys;
mod password;
mod reset_mfa;
mod serve;
mod table;
mod user;
mod why;

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};
use drawbridge::{
    config::Config,
    database::{self, Located, Purpose},
    types::{Givens, System},
};
use sqlx::PgPool;

/// A reference secure REST service.
///
/// Settings come from the environment and from `.env`; `.env.example` lists them all.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand, Default)]
pub enum Command {
    /// Serve requests (this is what happens without a command)
    #[default]
    Serve,
    /// Bring the database's schema up to date, as its owner
    Migrate,
    /// Show the attack surface: every route, who may use it and how often
    Routes {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Signing keys of access tokens
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Accounts; the only way to make an admin
    #[command(subcommand)]
    User(user::User),
    /// Hashing of passwords
    #[command(subcommand)]
    Password(password::Password),
    /// The trail of security events
    #[command(subcommand)]
    Audit(audit::Audit),
    /// What stands behind the reference that a client was given: its request, the cause and the events
    Why(why::Why),
    /// Read the settings and say what is wrong or weak
    Doctor,
    /// Helpers for trying the service out
    #[command(subcommand)]
    Dev(dev::Dev),
}

impl Command {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve => serve::serve().await,
            Self::Migrate => migrate().await,
            Self::Routes { json } => table::routes(json),
            Self::Openapi => table::openapi(),
            Self::Keys(command) => command.run(),
            Self::User(command) => command.run().await,
            Self::Password(command) => command.run(),
            Self::Audit(command) => command.run().await,
            Self::Why(command) => command.run().await,
            Self::Doctor => doctor::doctor().await,
            Self::Dev(command) => command.run(),
        }
    }
}

async fn migrate() -> anyhow::Result<()> {
    let config = Config::load()?;
    let located = database::locate(&config.database, Purpose::Command).await?;
    let owner = located.owner.context("set DATABASE_OWNER_URL: the service's own role may not change tables")?;
    database::migrate(&owner).await?;
    say("The database is up to date.")
}

/// A migrated database and connections to it, for a command beside or without a running service.
async fn open(config: &Config) -> anyhow::Result<(Located, PgPool)> {
    let located = database::locate(&config.database, Purpose::Command).await?;
    if let Some(owner) = &located.owner {
        database::migrate(owner).await?;
    }
    let pool = database::pool(located.service.clone(), 2);
    Ok((located, pool))
}

fn givens() -> Givens {
    Givens::new(System, System)
}

/// Standard output, for people and pipes. A pipe whose reader has left is no failure of ours.
fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("write to standard output"),
    }
}

pub fn complain(error: &anyhow::Error) {
    hint(&format!("drawbridge: {error:#}"));
}

/// Standard error: for people, beside the log on standard output. Nobody is left to tell when that fails too.
fn hint(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A file that only its owner may read.
fn write_private(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("write {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

//! What an operator can do that no request can.

mod audit;
mod dev;
mod dev_users;
mod doctor;
mod keys;
#[cfg(feature = "insecure-lab")]
mod lab;
mod password;
mod patience;
mod reset_mfa;
mod serve;
mod table;
mod user;
mod why;
pub mod wrong_use;

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use drawbridge::{
    config::Config,
    database::{self, Located, Purpose},
    types::{Givens, System},
};

use sqlx::{PgPool, postgres::PgConnectOptions};

use self::patience::busy;

const FIRST_STEPS: &str = "\
Examples:
  drawbridge                                  serve, in development with a database of its own
  drawbridge doctor                           what is wrong or weak, before anything is started
  drawbridge user create --email ada@example.com --name Ada --role admin --generate-password

Settings come from the environment and from `.env`; `.env.example` lists them all. NO_COLOR turns colours off.

Exit codes:
  0  done
  1  it failed, with one sentence on standard error
  2  used wrongly";

/// A reference secure REST service.
#[derive(Parser)]
#[command(version, after_help = FIRST_STEPS)]
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
    #[command(
        after_help = "Example:\n  DATABASE_OWNER_URL=postgres://owner:…@db.example.com/drawbridge drawbridge migrate"
    )]
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
    #[command(subcommand, arg_required_else_help = false, after_help = keys::EXAMPLES)]
    Keys(keys::Keys),
    /// Accounts; the only way to make an admin
    #[command(subcommand, arg_required_else_help = false, after_help = user::EXAMPLES)]
    User(user::User),
    /// Hashing of passwords
    #[command(subcommand, arg_required_else_help = false)]
    Password(password::Password),
    /// The trail of security events
    #[command(subcommand, arg_required_else_help = false, after_help = audit::EXAMPLES)]
    Audit(audit::Audit),
    /// What stands behind the reference that a client was given
    #[command(after_help = why::EXAMPLES)]
    Why(why::Why),
    /// Read the settings and say what is wrong or weak; in production a finding is exit code 1
    Doctor,
    /// Helpers for trying the service out
    #[command(subcommand, arg_required_else_help = false)]
    Dev(dev::Dev),
    /// Serve with a pillar left out, to this machine alone, and see what it was for
    #[cfg(feature = "insecure-lab")]
    #[command(after_help = lab::EXAMPLES)]
    Lab(lab::Lab),
    /// Print what a shell needs to complete these commands
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The one that you type into: `echo $SHELL`
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

const COMPLETIONS: &str = "\
Examples:
  drawbridge completions bash > ~/.local/share/bash-completion/completions/drawbridge
  drawbridge completions zsh  > ~/.zfunc/_drawbridge        (a folder in $fpath)
  drawbridge completions fish > ~/.config/fish/completions/drawbridge.fish";

impl Command {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            // On the heap: all that a service is made of is large for a stack.
            Self::Serve => Box::pin(serve::serve()).await,
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
            #[cfg(feature = "insecure-lab")]
            Self::Lab(command) => Box::pin(command.run()).await,
            Self::Completions { shell } => completions(shell),
        }
    }
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "drawbridge", &mut script);
    say(String::from_utf8(script).context("the script is text")?.trim_end())
}

/// The database that the settings name, or this checkout's own.
async fn locate(config: &Config, purpose: Purpose) -> anyhow::Result<Located> {
    let _busy = busy("Waiting for the database; the first start makes one, which takes some seconds …");
    database::locate(&config.database, purpose).await
}

async fn bring_up_to_date(owner: &PgConnectOptions) -> anyhow::Result<()> {
    let _busy = busy("Bringing the database's schema up to date …");
    database::migrate(owner).await
}

async fn migrate() -> anyhow::Result<()> {
    let config = Config::load()?;
    let located = locate(&config, Purpose::Command).await?;
    let owner = located.owner.context("set DATABASE_OWNER_URL: the service's own role may not change tables")?;
    bring_up_to_date(&owner).await?;
    say("The database is up to date.")
}

/// A migrated database and connections to it, for a command beside or without a running service.
async fn open(config: &Config) -> anyhow::Result<(Located, PgPool)> {
    let located = locate(config, Purpose::Command).await?;
    if let Some(owner) = &located.owner {
        bring_up_to_date(owner).await?;
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

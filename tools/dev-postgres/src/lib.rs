//! A real PostgreSQL for development and tests, with nothing to set up.
//!
//! It runs the programs that are found on this machine, as a child of this process. Set aside: a database in
//! memory (not the SQL of production), a container (not every machine may start one), and the crate
//! `postgresql_embedded` (always downloads, refuses root, turns fsync off, leaves its server behind after `kill -9`).
//!
//! In reading order:
//! - [`Cluster`]: the kept server of a development service, and joining it from the command line
//! - `kept`: its port and its settings; `supervisor`: the thread that starts it again when it dies
//! - [`throwaway`]: one server for a whole test run, gone when the run is gone
//! - `folder`: what lies where, and who may use it
//! - `account`: which user of the operating system runs the server, since PostgreSQL refuses root
//! - `programs`: where `postgres` and `initdb` come from
//! - `initdb`: makes the cluster and its password
//! - `server`: the process, and `watchdog.sh`, which ends it however we end
//! - `leftover`: a server or a pid file that a crash has left
//! - `pid_file`: what PostgreSQL writes about itself

#[cfg(not(unix))]
compile_error!("dev-postgres runs PostgreSQL on Unix; elsewhere build with --no-default-features and set DATABASE_URL");

mod account;
mod cluster;
mod folder;
mod initdb;
mod kept;
mod leftover;
mod pid_file;
mod programs;
mod server;
mod supervisor;
mod throwaway;

use std::path::Path;
use std::{fmt, io};

pub use cluster::Cluster;
pub use folder::data_dir;
pub use throwaway::throwaway;

/// The role that owns a new cluster. It passes row security and may do anything, so a service should connect as a
/// plain role of its own.
pub const SUPERUSER: &str = "postgres";

/// One message for the person at the keyboard: what went wrong and what to do about it.
///
/// Text and not an enum, because no caller can do more than show it.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Error {
        Error(message.into())
    }

    /// For `map_err`: "cannot `act` `path`: why".
    pub(crate) fn cannot(act: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |why| Error(format!("Postgres for development: cannot {act} {}: {why}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

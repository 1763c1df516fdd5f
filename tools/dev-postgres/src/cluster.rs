//! The kept server of a development service: who starts it, who joins it.

use crate::Error;
use crate::folder::Folder;
use crate::initdb::{self, Socket};
use crate::kept::Kept;
use crate::pid_file::{PidFile, is_alive};
use crate::programs;
use crate::supervisor::Supervisor;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A service that is restarted by a file watcher overlaps with its predecessor's shutdown for a moment.
const PATIENCE_WITH_A_PREDECESSOR: Duration = Duration::from_secs(3);
/// That service may be making its cluster, or recovering from a crash.
const PATIENCE_WITH_A_STARTING_SERVICE: Duration = Duration::from_secs(30);

/// A running server. Dropping it stops the server, unless another process had started it.
pub struct Cluster {
    password: String,
    port: u16,
    supervisor: Option<Supervisor>, // none where another process has started the server
}

impl Cluster {
    /// For the service: starts the server over `data_dir`, or says that another instance is using it.
    ///
    /// Blocks for about a second the first time; inside an async runtime, call it on a thread that may block.
    pub fn start(data_dir: &Path) -> Result<Cluster, Error> {
        let folder = Folder::open(data_dir)?;
        let started = within(PATIENCE_WITH_A_PREDECESSOR, || start_if_free(&folder))?;
        started.ok_or_else(|| {
            let folder = folder.path.display();
            Error::new(format!("{folder} is in use by another running instance. Stop that one, or set DATABASE_URL"))
        })
    }

    /// For the command line, which works beside a running service: joins its server, and starts one where none runs.
    ///
    /// A joined server is left running. One that was started stops with this process, under whoever has joined it
    /// meanwhile: commands are short, and a server that outlives its owner is what this crate exists to avoid.
    pub fn join_or_start(data_dir: &Path) -> Result<Cluster, Error> {
        let folder = Folder::open(data_dir)?;
        let start_or_join = || match start_if_free(&folder)? {
            None => join(&folder),
            started => Ok(started),
        };
        within(PATIENCE_WITH_A_STARTING_SERVICE, start_or_join)?.ok_or_else(|| {
            let (log, folder) = (folder.log(), folder.path.display());
            Error::new(format!(
                "an instance that holds {folder} does not get its Postgres ready; see {}",
                log.display()
            ))
        })
    }

    /// For a role of the cluster, whose name and the database's need no escaping in a URL.
    ///
    /// All roles have the same password: a role for the service keeps it from passing row security by accident, and
    /// is no wall against someone who can read the password file. Roles other than [`SUPERUSER`](crate::SUPERUSER)
    /// are made by the caller, with that password.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    /// Fast shutdown; returns when the server is gone.
    pub fn stop(self) {
        drop(self.supervisor);
    }
}

/// Polled, since neither a lock that is given back nor a server that gets ready says so by itself.
fn within<T>(patience: Duration, mut attempt: impl FnMut() -> Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    let deadline = Instant::now() + patience;
    loop {
        let outcome = attempt()?;
        if outcome.is_some() || Instant::now() > deadline {
            return Ok(outcome);
        }
        sleep(Duration::from_millis(50));
    }
}

fn start_if_free(folder: &Folder) -> Result<Option<Cluster>, Error> {
    let Some(lock) = folder.try_lock()? else {
        return Ok(None);
    };
    let programs = programs::find(folder, &folder.path.with_file_name("pgsql"))?;
    let password = initdb::password(folder, &programs, Socket::Closed)?;
    folder.begin_log();
    let kept = Kept { folder: folder.clone(), programs };
    let (server, port) = kept.start()?;
    Ok(Some(Cluster { password, port, supervisor: Some(Supervisor::watch(kept, server, port, lock)) }))
}

/// Only a server that lives counts: a pid file also says "ready" after its server was killed.
fn join(folder: &Folder) -> Result<Option<Cluster>, Error> {
    let running = PidFile::read(&folder.data()).filter(|file| file.ready && is_alive(file.pid));
    let Some(port) = running.and_then(|file| file.port) else {
        return Ok(None);
    };
    let password = fs::read_to_string(folder.password()).map_err(Error::cannot("read", &folder.password()))?;
    Ok(Some(Cluster { password, port, supervisor: None }))
}

//! One server for a whole test run: started by the first test that asks, gone when the run is gone.

use crate::account::Account;
use crate::folder::{Folder, data_dir, private, write_private};
use crate::initdb::{self, Socket};
use crate::pid_file::is_alive;
use crate::programs;
use crate::server::{Farewell, Server};
use crate::{Error, SUPERUSER};
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, PipeReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, process};

const RUN_WATCHDOG: &str = include_str!("run_watchdog.sh");
/// A failure is told to the tests of its own run, which follow at once. Older, it may be a dead run's.
const FAILURE_IS_NEWS: Duration = Duration::from_mins(1);
const SOCKET_PORT: u16 = 5432; // no port of the network, only a part of the socket's name
const DOWNLOADS: &str = ".data/pgsql"; // the service's; programs in a folder where everyone may write could be anyone's

/// The superuser's URL of the run's server, for all tests of one `cargo test` or `cargo nextest run`.
///
/// `prepare` is called once per run, right after the start, while all others wait: the place to make a template
/// database. When it fails, every test of the run fails with the same words.
///
/// The data lies in the folder for temporary files. On a slow or busy disk `TMPDIR=/dev/shm` makes clones of a template
/// many times faster; not by default, for a container has 64 MB of it.
pub fn throwaway(prefix: &str, prepare: impl FnOnce(&str) -> Result<(), String>) -> Result<String, Error> {
    let runs = folder_of_runs()?;
    sweep(&runs, prefix);
    let run = run_id();
    let path = runs.join(format!("{prefix}-{run}"));
    own_folder(&path)?;
    let lock = private(&path.join("run.lock")).map_err(Error::cannot("write to", &path))?;
    lock.lock().map_err(Error::cannot("lock", &path))?; // the kernel gives it to the next one if we die
    if let Some(outcome) = earlier_outcome(&path) {
        return outcome;
    }
    let lifeline = watch_run(run, &path)?;
    // Written beforehand, for a test that panics or is killed can say nothing afterwards.
    write_private(&path.join("failure"), "the test that was to prepare the database has crashed or was killed")?;
    let outcome = start(&path, lifeline).and_then(|url| prepare(&url).map(|()| url).map_err(Error::new));
    match &outcome {
        Ok(url) => write_private(&path.join("url"), url)?,
        Err(why) => write_private(&path.join("failure"), &why.to_string())?,
    }
    outcome
}

/// For temporary files, or elsewhere where root's are closed to the server's user. Short, since the path of a socket
/// has room for a hundred bytes.
fn folder_of_runs() -> Result<PathBuf, Error> {
    let runs = data_dir(&env::temp_dir())?;
    fs::create_dir_all(&runs).map_err(Error::cannot("create", &runs))?;
    Ok(runs)
}

/// Folders of runs whose watchdog was killed too, as when a container is stopped.
fn sweep(runs: &Path, prefix: &str) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let run = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).and_then(|pid| pid.parse().ok());
        if run.is_some_and(|pid| !is_alive(pid)) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// All test binaries and, under nextest, all tests of a run have one parent: cargo. A binary that is started by hand,
/// by a shell or a debugger that may live for days, is a run of its own.
fn run_id() -> u32 {
    let by_cargo = env::var_os("CARGO_PKG_NAME").is_some() || env::var_os("NEXTEST").is_some();
    if by_cargo { parent_id() } else { process::id() }
}

/// The folder lies where everyone may write, so one that is already there must be ours and closed to others.
fn own_folder(path: &Path) -> Result<(), Error> {
    let mode = Account::for_cluster(&path.join("data"))?.folder_mode();
    match DirBuilder::new().mode(mode).create(path) {
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
        outcome => return outcome.map_err(Error::cannot("create", path)),
    }
    let found = fs::symlink_metadata(path).map_err(Error::cannot("look at", path))?;
    let ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    if ours { Ok(()) } else { Err(Error::new(format!("{} belongs to someone else; remove it", path.display()))) }
}

/// What the first test of this run has found. A folder may also be left from a dead run whose pid has come round
/// again; then its server does not answer, its failure is old, and we start afresh.
fn earlier_outcome(path: &Path) -> Option<Result<String, Error>> {
    let socket = socket_folder(path).join(format!(".s.PGSQL.{SOCKET_PORT}"));
    if let Ok(url) = fs::read_to_string(path.join("url"))
        && UnixStream::connect(socket).is_ok()
    {
        return Some(Ok(url));
    }
    let failure = path.join("failure");
    let age = fs::metadata(&failure).and_then(|found| found.modified()).ok()?.elapsed().ok()?;
    let why = fs::read_to_string(failure).ok().filter(|_| age < FAILURE_IS_NEWS)?;
    Some(Err(Error::new(why)))
}

/// Before the server, so that the folder goes even when the server does not start. Returns the server's lifeline.
fn watch_run(run: u32, path: &Path) -> Result<PipeReader, Error> {
    let (server_end, watchdog_end) = io::pipe().map_err(Error::cannot("make a pipe for", path))?;
    let mut watchdog = Command::new("/bin/sh");
    watchdog.args(["-c", RUN_WATCHDOG, "postgres-run-watchdog", &run.to_string()]).arg(path);
    watchdog.current_dir("/").process_group(0); // Ctrl-C ends the run, and then we have work to do
    watchdog.stdin(Stdio::null()).stdout(watchdog_end).stderr(Stdio::null());
    watchdog.spawn().map_err(Error::cannot("run", Path::new("/bin/sh")))?;
    Ok(server_end)
}

fn start(path: &Path, lifeline: PipeReader) -> Result<String, Error> {
    drop(fs::remove_dir_all(path.join("data")));
    let folder = Folder::open(path)?;
    let programs = programs::find(&folder, &data_dir(Path::new(DOWNLOADS))?)?;
    initdb::password(&folder, &programs, Socket::Trusted)?;
    let sockets = socket_folder(path);
    drop(DirBuilder::new().mode(0o700).create(&sockets));
    folder.account.take_over(&sockets)?;
    // Let go at once, for the server is the run's and not this test's.
    Server::start(&folder, &programs, &settings(&sockets), lifeline.into(), Farewell::AtOnce)?;
    Ok(format!("postgres://{SUPERUSER}@localhost:{SOCKET_PORT}/postgres?host={}", sockets.display()))
}

fn socket_folder(path: &Path) -> PathBuf {
    path.join("sock")
}

/// A socket that only its owner may open, and no TCP at all: no port to race for, no password to check. Nothing is ever
/// flushed to disk: after a crash of the machine no one asks for this data.
fn settings(sockets: &Path) -> Vec<String> {
    let sockets = format!("unix_socket_directories={}", sockets.display());
    let port = format!("port={SOCKET_PORT}");
    let fixed = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "max_connections=300", // a pool for each of the tests that run at the same time
        "timezone=UTC",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal", // no standby to feed
        "max_wal_senders=0",
        "autovacuum=off", // a worker in the template database holds up every clone of it
    ];
    fixed.into_iter().map(String::from).chain([sockets, port]).collect()
}

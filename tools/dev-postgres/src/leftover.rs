//! What a crash may have left in a folder that is ours to use now: a server without an owner, or a stale pid file.

use crate::Error;
use crate::folder::Folder;
use crate::pid_file::{PidFile, is_alive};
use crate::programs::Programs;
use std::path::Path;

const TRIES: u32 = 3;

/// Ends a server that still runs here. It is restarted and not adopted, so that there is one way of running:
/// with our settings, under our watchdog.
///
/// Returns the pid in a pid file whose process is a stranger's, as happens in containers, where the same small pids
/// come round again. PostgreSQL would take the stranger for a rival and refuse to start, unless `PG_GRANDPARENT_PID`
/// says that it is none. Removing the file instead would also remove PostgreSQL's own check for surviving backends.
pub(crate) fn clear(folder: &Folder, programs: &Programs) -> Result<Option<u32>, Error> {
    for _ in 0..TRIES {
        let Some(file) = PidFile::read(&folder.data()).filter(|file| is_alive(file.pid)) else {
            return Ok(None);
        };
        if !serves(file.pid, folder) {
            return Ok(Some(file.pid));
        }
        stop(folder, programs);
    }
    Err(Error::new(format!(
        "a Postgres that an earlier run has left in {} does not stop; end it by hand (its pid is the first line of \
         postmaster.pid there)",
        folder.data().display()
    )))
}

/// A server's working directory is its data folder. Asked as the server's user: a container's root may not look at
/// the processes of others, and a process that the server's user may not look at is no server of his.
fn serves(pid: u32, folder: &Folder) -> bool {
    let as_server = |program: &str| folder.account.command(Path::new(program), &folder.path);
    if Path::new("/proc/self/cwd").exists() {
        let answer = as_server("readlink").arg(format!("/proc/{pid}/cwd")).output();
        answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim_end() == folder.data().to_string_lossy())
    } else {
        let answer = as_server("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output();
        answer.is_ok_and(|answer| answer.stdout.trim_ascii_end().ends_with(b"postgres"))
    }
}

/// `pg_ctl` waits until the server is gone, also when its watchdog is stopping it already. Its status is of no use:
/// it fails when the server is gone before it looks.
fn stop(folder: &Folder, programs: &Programs) {
    let mut pg_ctl = folder.account.command(&programs.bin.join("pg_ctl"), &folder.path);
    drop(pg_ctl.args(["stop", "--mode=fast", "--timeout=20", "--pgdata"]).arg(folder.data()).output());
}

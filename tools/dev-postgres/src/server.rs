//! The server process: started with its watchdog, waited for, stopped.

use crate::Error;
use crate::folder::Folder;
use crate::leftover;
use crate::pid_file::PidFile;
use crate::programs::Programs;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const WATCHDOG: &str = include_str!("watchdog.sh");
const PATIENCE: Duration = Duration::from_mins(2); // recovery after a crash replays what was not yet on disk

/// How the watchdog ends the server.
#[derive(Clone, Copy)]
pub(crate) enum Farewell {
    /// Clients are cut off, data is written.
    Fast,
    /// Nothing is written: the data is thrown away.
    AtOnce,
}

pub(crate) struct Server {
    process: Child, // the postmaster itself, and no shell around it: its pid and its end are the server's
}

impl Server {
    /// `lifeline` is the server's end of a pipe: the server lives as long as the other end is open.
    pub(crate) fn start(
        folder: &Folder,
        programs: &Programs,
        settings: &[String],
        lifeline: Stdio,
        farewell: Farewell,
    ) -> Result<Server, Error> {
        let stranger = leftover::clear(folder, programs)?;
        let (log, errors) = open_log(&folder.log()).map_err(Error::cannot("write", &folder.log()))?;
        let mut command = folder.account.command(Path::new("/bin/sh"), &folder.path);
        command.args(["-c", WATCHDOG, "postgres-watchdog"]).arg(match farewell {
            Farewell::Fast => "INT",
            Farewell::AtOnce => "QUIT",
        });
        command.arg(programs.bin.join("postgres")).arg("-D").arg(folder.data());
        // On the command line and not in postgresql.conf, so that an old cluster gets the settings of a new version.
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        if let Some(pid) = stranger {
            command.env("PG_GRANDPARENT_PID", pid.to_string());
        }
        command.process_group(0); // Ctrl-C is meant for us: the server goes after our last request
        command.stdin(lifeline).stdout(log).stderr(errors);
        let process = command.spawn().map_err(Error::cannot("run", &programs.bin.join("postgres")))?;
        let mut server = Server { process };
        server.wait_until_ready(folder)?;
        Ok(server)
    }

    /// By the pid file, where the pid tells our server from the one before, whose file may still say "ready".
    fn wait_until_ready(&mut self, folder: &Folder) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let own = PidFile::read(&folder.data()).filter(|file| file.pid == self.process.id());
            if own.is_some_and(|file| file.ready) {
                return Ok(());
            }
            if let Some(status) = self.exited() {
                return Err(died(status, &folder.log()));
            }
            if Instant::now() > deadline {
                self.stop();
                return Err(Error::new(format!("Postgres is not getting ready; see {}", folder.log().display())));
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// A process that cannot be asked is none of ours any more.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap_or_else(|_| Some(ExitStatus::default()))
    }

    /// Returns when the server is gone.
    pub(crate) fn stop(&mut self) {
        drop(self.process.stdin.take()); // the watchdog sees it, and loses patience after ten seconds
        drop(self.process.wait());
    }
}

/// Appended to, for the supervisor's restarts must not wipe out why they were needed.
fn open_log(path: &Path) -> io::Result<(File, File)> {
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    Ok((log.try_clone()?, log))
}

/// The reason, where it can be read, and not a hint to look for it: most often nobody is there but a CI log.
fn died(status: ExitStatus, log: &Path) -> Error {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(15)..];
    Error::new(format!("Postgres did not start ({status}). {} ends with:\n{}", log.display(), last.join("\n")))
}

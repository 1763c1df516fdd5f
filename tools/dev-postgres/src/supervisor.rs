//! The thread that has the kept server: starts it again when it dies, stops it when the service is done.

use crate::kept::Kept;
use crate::server::Server;
use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A look costs one system call. A thread that waits for the end of the process could not be told to stop it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Supervisor {
    /// Nothing is ever sent: the thread wakes when this end is gone.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// The lock on the folder goes with the thread, and so is given back after the server has stopped.
    pub(crate) fn watch(kept: Kept, server: Server, port: u16, lock: File) -> Supervisor {
        let (alive, gone) = channel();
        let thread = thread::spawn(move || {
            supervise(&kept, server, port, &gone);
            drop(lock);
        });
        Supervisor { alive: Some(alive), thread: Some(thread) }
    }
}

/// A postmaster that was killed (out of memory, `pg_ctl restart`) comes back on its port, so that the service's pool
/// recovers by itself. Tried until it succeeds: its backends may need a moment to notice, its port may be taken.
fn supervise(kept: &Kept, first: Server, port: u16, gone: &Receiver<()>) {
    let mut server = Some(first);
    while gone.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        if server.as_mut().is_none_or(|running| running.exited().is_some()) {
            server = kept.start_on(port).ok();
        }
    }
    if let Some(mut running) = server {
        running.stop();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

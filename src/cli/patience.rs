//! One line for whoever looks on while nothing seems to happen.

use std::{
    io::IsTerminal,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::hint;

/// What takes less needs no word.
const SLOW: Duration = Duration::from_secs(2);

/// While this lives, something is being done. A thread watches, since some of it is calculation that would keep an
/// asynchronous timer from its turn.
#[must_use = "it is over when this is dropped"]
pub struct Busy {
    /// Held for its end, of which the watcher hears.
    _working: Option<Sender<()>>,
}

/// Says what is being done, if it is still being done after two seconds. To a terminal alone: a log has its own lines.
pub fn busy(doing: &'static str) -> Busy {
    let watched = std::io::stderr().is_terminal().then(|| watch(SLOW, move || hint(doing)).0);
    Busy { _working: watched }
}

fn watch(patience: Duration, say: impl FnOnce() + Send + 'static) -> (Sender<()>, JoinHandle<()>) {
    let (working, over) = channel();
    let watcher = thread::spawn(move || {
        if over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            say();
        }
    });
    (working, watcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_told_and_what_is_over_is_not() {
        let (said, heard) = channel();
        let (working, watcher) = watch(Duration::ZERO, move || said.send("slow").unwrap());
        watcher.join().unwrap();
        drop(working);
        assert_eq!(heard.recv(), Ok("slow"));

        let (said, heard) = channel();
        let (working, watcher) = watch(Duration::from_hours(1), move || said.send("slow").unwrap());
        drop(working);
        watcher.join().unwrap();
        assert!(heard.recv().is_err());
    }
}

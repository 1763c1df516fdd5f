//! The throwaway server of a test run. The run is played by a shell that stands where cargo stands.

use crate::support::{eventually, is_alive, processes, server_pid, signal, sql};
use dev_postgres::throwaway;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

const FIRST_USERS: usize = 6;

/// A run in which several test programs ask for the server at the same moment, and which then goes on.
struct Run {
    shell: Child,
    said: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Run {
    fn begin(prefix: &str) -> Run {
        let users = "\"$0\" throwaway \"$1\" </dev/null & ".repeat(FIRST_USERS);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{users} wait; echo all; read -r _"), env!("CARGO_BIN_EXE_dev-postgres"), prefix]);
        shell.env("CARGO_PKG_NAME", "as under cargo").process_group(0);
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(shell.stdout.take().unwrap());
        let folder = std::env::temp_dir().join(format!("{prefix}-{}", shell.id()));
        Run { shell, said, folder }
    }

    fn urls(&mut self) -> Vec<String> {
        self.said.by_ref().lines().map(Result::unwrap).take_while(|line| line != "all").collect()
    }

    /// The server, its watchdogs and its folder.
    fn leaves_nothing(mut self, server: i32) {
        eventually("the server is gone", || !is_alive(server));
        eventually("its folder is gone", || !self.folder.exists());
        let path = self.folder.display().to_string();
        eventually("its watchdogs are gone", || processes(&[&path]).is_empty());
        self.shell.wait().unwrap(); // only now: until then a killed run is a zombie
    }
}

#[test]
fn first_users_at_the_same_moment_get_one_server() {
    let mut run = Run::begin("dev-postgres-at-once");
    let urls = run.urls();
    assert_eq!(urls.len(), FIRST_USERS);
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
    assert_eq!(sql(&urls[0], "select current_setting('max_connections')").unwrap(), "300");
    let data = format!("-D {}", run.folder.join("data").display());
    let server = server_pid(&run.folder).unwrap();
    let servers = processes(&["/postgres -D", &data]).into_iter().filter(|pid| *pid == server).count();
    assert_eq!(servers, 1);
    assert_eq!(processes(&["postgres-run-watchdog", &run.folder.display().to_string()]).len(), 1);
    drop(run.shell.stdin.take());
    run.leaves_nothing(server);
}

#[test]
fn the_server_vanishes_with_a_killed_run() {
    let mut run = Run::begin("dev-postgres-killed");
    run.urls();
    let server = server_pid(&run.folder).unwrap();
    run.shell.kill().unwrap();
    run.leaves_nothing(server);
}

#[test]
fn the_server_vanishes_with_an_interrupted_run() {
    let mut run = Run::begin("dev-postgres-interrupted");
    run.urls();
    let server = server_pid(&run.folder).unwrap();
    // As the terminal does at Ctrl-C: to the whole group.
    kill_process_group(Pid::from_child(&run.shell), Signal::INT).unwrap();
    run.leaves_nothing(server);
}

#[test]
fn the_server_vanishes_even_when_its_watchdog_is_killed_before_the_run() {
    let mut run = Run::begin("dev-postgres-unwatched");
    run.urls();
    let server = server_pid(&run.folder).unwrap();
    for watchdog in processes(&["postgres-run-watchdog", &run.folder.display().to_string()]) {
        signal(watchdog, Signal::KILL);
    }
    eventually("the server has lost its lifeline", || !is_alive(server));
    run.shell.kill().unwrap();
    run.shell.wait().unwrap();
    let mut next = Run::begin("dev-postgres-unwatched");
    next.urls();
    assert!(!run.folder.exists(), "the next run sweeps the folder");
    let server = server_pid(&next.folder).unwrap();
    next.shell.kill().unwrap();
    next.leaves_nothing(server);
}

#[test]
fn the_server_is_prepared_once() {
    static PREPARED: AtomicU32 = AtomicU32::new(0);
    let ask = || {
        throwaway("dev-postgres-prepared", |url| {
            PREPARED.fetch_add(1, Ordering::Relaxed);
            sql(url, "create table prepared ()").map(drop)
        })
    };
    let asking: Vec<_> = (0..4).map(|_| thread::spawn(ask)).collect();
    let urls: Vec<String> = asking.into_iter().map(|it| it.join().unwrap().unwrap()).collect();
    assert_eq!(PREPARED.load(Ordering::Relaxed), 1);
    assert!(urls.iter().all(|url| sql(url, "select from prepared").is_ok()));
}

#[test]
fn a_failed_preparation_is_told_to_every_test_and_not_repeated() {
    let ask = |words: &str| throwaway("dev-postgres-unprepared", |_| Err(words.to_owned())).unwrap_err().to_string();
    assert_eq!(ask("migration 7 is broken"), "migration 7 is broken");
    assert_eq!(ask("never said"), "migration 7 is broken");
}

#[test]
fn a_crash_while_preparing_is_told_to_the_tests_that_waited() {
    let ask = || throwaway("dev-postgres-crashed", |_| panic!("a test that dies while the others wait"));
    assert!(thread::spawn(ask).join().is_err());
    assert!(ask().unwrap_err().to_string().contains("has crashed or was killed"));
}

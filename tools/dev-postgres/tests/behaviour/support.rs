//! The program under test as a process of its own (one cannot `kill -9` a library), and the questions put to it.

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A folder of the test's own, removed at its end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dev-postgres-tests.{}.{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Scratch(path.canonicalize().unwrap())
    }

    /// Where the cluster of this test goes: two folders deep, as `.data/postgres` is.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.0.join("data").join("postgres")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running `dev-postgres start` or `join`. Dropped, it is ended in peace, also by a failing test: a server that were
/// still stopping would write into the folder that is being removed.
pub(crate) struct Running {
    process: Child,
    pub(crate) url: String,
}

impl Running {
    pub(crate) fn start(cluster: &Path) -> Running {
        Running::of(program("start", cluster))
    }

    pub(crate) fn join(cluster: &Path) -> Running {
        Running::of(program("join", cluster))
    }

    pub(crate) fn of(mut command: Command) -> Running {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        if url.is_empty() {
            let mut why = String::new();
            process.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            panic!("no server: {why}");
        }
        Running { process, url: url.trim().to_owned() }
    }

    pub(crate) fn end(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

pub(crate) fn program(act: &str, cluster: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dev-postgres"));
    command.arg(act).arg(cluster);
    command
}

/// The same as a user without rights; where the tests do not run as root, that is what they do anyway.
pub(crate) fn ordinary(act: &str, cluster: &Path, scratch: &Scratch) -> Command {
    if !geteuid().is_root() {
        return program(act, cluster);
    }
    let copy = scratch.0.join("dev-postgres"); // the build folder may be closed to others
    fs::copy(env!("CARGO_BIN_EXE_dev-postgres"), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy).arg(act).arg(cluster);
    command.current_dir("/");
    command
}

/// What a start that must fail says.
pub(crate) fn refusal(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(status.code(), Some(1));
    String::from_utf8(stderr).unwrap().trim().to_owned()
}

/// The answer, or the complaint. By psql, so that the URL is tried by another program than the service.
pub(crate) fn sql(url: &str, statement: &str) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        Command::new("psql").args(["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", statement]).output().unwrap();
    let text = String::from_utf8(if status.success() { stdout } else { stderr }).unwrap().trim().to_owned();
    if status.success() { Ok(text) } else { Err(text) }
}

pub(crate) fn server_pid(cluster: &Path) -> Option<i32> {
    let text = fs::read_to_string(cluster.join("data/postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Processes whose command line holds all these words.
pub(crate) fn processes(words: &[&str]) -> Vec<i32> {
    let listing = Command::new("ps").args(["-e", "-ww", "-o", "pid=,args="]).output().unwrap().stdout;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let matching = listing.lines().filter(|line| words.iter().all(|word| line.contains(word)));
    matching.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}

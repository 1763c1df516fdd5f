//! A server in a process of its own, seen from the outside: what it has used of processor and memory.

use std::{
    fs::{self, File},
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::{net::TcpStream, sync::oneshot};

use crate::stage::Stage;

/// The roles of a child, as its first argument.
pub const SERVICE: &str = "service";
pub const BARE: &str = "bare";

pub struct Server {
    pub address: SocketAddr,
    process: Child,
    log: PathBuf,
}

impl Server {
    /// This program once more, in another role, with these settings and no others of the environment.
    pub async fn start(role: &str, name: &str, stage: &Stage) -> anyhow::Result<Self> {
        Self::start_with(role, name, stage, &[]).await
    }

    pub async fn start_with(role: &str, name: &str, stage: &Stage, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (address, log) = (free_address()?, stage.folder.path().join(format!("{name}.jsonl")));
        let process = Command::new(std::env::current_exe()?)
            .arg(role)
            .current_dir(stage.folder.path())
            .env_clear()
            .envs(&stage.settings)
            .envs(settings.iter().copied())
            .env("LISTEN_ADDR", address.to_string())
            .stdin(Stdio::piped())
            .stdout(File::create(&log)?)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let mut server = Self { address, process, log };
        server.answers().await.with_context(|| format!("wait for {name}"))?;
        Ok(server)
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        for _ in 0..600 {
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended at once ({status}): {}", fs::read_to_string(&self.log)?);
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("it does not answer")
    }

    /// Processor time so far, of all its threads. Nanoseconds from the scheduler and not the ticks of `stat`, of which
    /// a second has a hundred. What the kernel did for it counts too.
    pub fn processor(&self) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id())).context("this needs Linux")? {
            // One that has just ended.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            nanos += ran(&text)?.as_nanos();
        }
        Ok(Duration::from_nanos(u64::try_from(nanos)?))
    }

    /// `VmRSS` is what it holds now, `VmHWM` the most that it ever held.
    pub fn memory(&self, what: &str) -> String {
        memory_of(self.process.id(), what)
    }

    /// The last line of its log that tells of a failure: where an answer was not the expected one, it says why.
    pub fn complaint(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rfind(|line| line.contains("\"ERROR\"")).unwrap_or("none").to_owned()
    }

    pub fn log_lines(&self) -> anyhow::Result<usize> {
        Ok(fs::read_to_string(&self.log)?.lines().count())
    }
}

impl Drop for Server {
    /// It ends when its standard input does; waited for, so that the database does not go first.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

pub fn memory_of(process: u32, what: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.1} MiB", kib / 1024.0))
}

/// The time that a thread has run, of its line in `schedstat`: time running, time waiting, turns.
pub fn ran(schedstat: &str) -> anyhow::Result<Duration> {
    let first = schedstat.split_whitespace().next().context("an empty schedstat")?;
    Ok(Duration::from_nanos(first.parse()?))
}

/// A port that another program may take before the child does; then the child says so, and the bench ends.
fn free_address() -> anyhow::Result<SocketAddr> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    ensure!(address.port() != 0, "no port");
    Ok(address)
}

/// For the child: until the bench is gone, however it went. The kernel closes the pipe also after a `kill -9`.
pub async fn parent_gone() {
    let (gone, told) = oneshot::channel();
    std::thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        drop(gone);
    });
    drop(told.await as Result<(), _>);
}

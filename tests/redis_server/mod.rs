//! A Redis for one test, on a socket in a folder of its own. With the feature `redis-tests` alone.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub struct RedisServer {
    folder: tempfile::TempDir,
    process: Child,
}

impl RedisServer {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("drawbridge-redis-").tempdir().unwrap();
        let process = spawn(&folder);
        Self { folder, process }
    }

    /// What `REDIS_URL` is then.
    pub fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    /// For looking at what stands in it.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Gone, with all it knew.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        self.process = spawn(&self.folder);
    }

    /// From here on it is there, and says nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &tempfile::TempDir) -> Child {
    let socket = folder.path().join("socket");
    let _ = std::fs::remove_file(&socket);
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    let started = command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut process = started.unwrap_or_else(|why| panic!("redis-server: {why}; install it: apt install redis-server"));
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = lines.map_while(Result::ok).map(|line| line.to_lowercase());
    assert!(said.any(|line| line.contains("ready to accept connections")), "redis-server ended at once");
    process
}

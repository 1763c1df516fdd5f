//! The kept server of a development service.

use crate::Error;
use crate::folder::{Folder, write_private};
use crate::initdb::{self, Socket};
use crate::pid_file::{PidFile, is_alive};
use crate::programs::{self, Programs};
use crate::server::{Farewell, Server};
use crate::supervisor::Supervisor;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A service that is restarted by a file watcher overlaps with its predecessor's shutdown for a moment.
const PATIENCE_WITH_A_PREDECESSOR: Duration = Duration::from_secs(3);
const PATIENCE_WITH_A_STARTING_SERVICE: Duration = Duration::from_secs(30);
const PORTS_TO_TRY: u32 = 5;

/// A running server. Dropping it stops the server, unless another process had started it.
pub struct Cluster {
    password: String,
    port: u16,
    supervisor: Option<Supervisor>,
}

impl Cluster {
    /// For the service: starts the server over `data_dir`, or says that another instance is using it.
    ///
    /// Blocks for about a second the first time; inside an async runtime, call it on a thread that may block.
    pub fn start(data_dir: &Path) -> Result<Cluster, Error> {
        let folder = Folder::open(data_dir)?;
        let deadline = Instant::now() + PATIENCE_WITH_A_PREDECESSOR;
        loop {
            if let Some(lock) = folder.try_lock()? {
                return Cluster::own(folder, lock);
            }
            if Instant::now() > deadline {
                return Err(Error::new(format!(
                    "{} is in use by another running instance. Stop that one, or set DATABASE_URL",
                    folder.path.display()
                )));
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// For the command line, which works beside a running service: joins its server, and starts one where none runs.
    /// A joined server is left running.
    pub fn join_or_start(data_dir: &Path) -> Result<Cluster, Error> {
        let folder = Folder::open(data_dir)?;
        let deadline = Instant::now() + PATIENCE_WITH_A_STARTING_SERVICE;
        loop {
            if let Some(lock) = folder.try_lock()? {
                return Cluster::own(folder, lock);
            }
            if let Some(port) = ready_port(&folder) {
                let password = fs::read_to_string(folder.password());
                let password = password.map_err(Error::cannot("read", &folder.password()))?;
                return Ok(Cluster { password, port, supervisor: None });
            }
            if Instant::now() > deadline {
                return Err(Error::new(format!(
                    "a running instance holds {}, but its Postgres is not getting ready; see {}",
                    folder.path.display(),
                    folder.log().display()
                )));
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn own(folder: Folder, lock: File) -> Result<Cluster, Error> {
        let programs = programs::find(&folder, &folder.path.with_file_name("pgsql"))?;
        let password = initdb::password(&folder, &programs, Socket::Closed)?;
        folder.begin_log();
        let kept = Kept { folder, programs };
        let (server, port) = kept.start()?;
        Ok(Cluster { password, port, supervisor: Some(Supervisor::watch(kept, server, port, lock)) })
    }

    /// For a role of the cluster; all have the same password, and those other than [`SUPERUSER`](crate::SUPERUSER)
    /// are made with it by the caller.
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

/// Only a server that lives counts: a pid file also says "ready" after its server was killed.
fn ready_port(folder: &Folder) -> Option<u16> {
    let file = PidFile::read(&folder.data())?;
    file.port.filter(|_| file.ready && is_alive(file.pid))
}

/// All that it takes to start the server, and to start it again.
pub(crate) struct Kept {
    folder: Folder,
    programs: Programs,
}

impl Kept {
    /// On the port of the last start, so that an open database client finds its server again, else on any free one.
    /// The port may be taken between choosing and starting, hence the tries.
    fn start(&self) -> Result<(Server, u16), Error> {
        let remembered = fs::read_to_string(self.folder.port()).ok().and_then(|port| port.parse().ok());
        let mut port = remembered.map_or_else(free_port, Ok)?;
        for _ in 1..PORTS_TO_TRY {
            match self.start_on(port) {
                Err(_) if is_taken(port) => port = free_port()?,
                outcome => return outcome.map(|server| (server, port)),
            }
        }
        self.start_on(port).map(|server| (server, port))
    }

    pub(crate) fn start_on(&self, port: u16) -> Result<Server, Error> {
        let settings = settings(port);
        let server = Server::start(&self.folder, &self.programs, &settings, Stdio::piped(), Farewell::Fast)?;
        write_private(&self.folder.port(), &port.to_string())?;
        Ok(server)
    }
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(Error::cannot("find a free port on", Path::new("127.0.0.1")))
}

/// Asked of the system and not read from the log, whose words are another program's.
fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// TCP on the loopback with a password that cannot be guessed: other users of the machine stay out, and psql and
/// graphical clients, which often know no sockets, come in. Durability is PostgreSQL's own default, on.
fn settings(port: u16) -> [String; 7] {
    [
        "listen_addresses=127.0.0.1".into(),
        format!("port={port}"),
        "unix_socket_directories=".into(),
        "max_connections=100".into(),
        "timezone=UTC".into(),
        // A failed statement or a "Key (email)=(…) already exists" would put people's data into server.log.
        "log_min_error_statement=panic".into(),
        "log_error_verbosity=terse".into(),
    ]
}

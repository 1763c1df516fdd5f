//! How a kept server is run: on which port, with which settings.

use crate::Error;
use crate::folder::{Folder, write_private};
use crate::programs::Programs;
use crate::server::{Farewell, Server};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;

const PORTS_TO_TRY: u32 = 5; // each race for a free port is rare; five lost in a row is something else

/// All that it takes to start the server, and to start it again.
pub(crate) struct Kept {
    pub(crate) folder: Folder,
    pub(crate) programs: Programs,
}

impl Kept {
    /// On the port of the last start, so that an open database client finds its server again, else on any free one.
    /// The port may be taken between choosing and starting, hence the tries.
    pub(crate) fn start(&self) -> Result<(Server, u16), Error> {
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

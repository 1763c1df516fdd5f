//! The listener against clients that misbehave, over real sockets. Every test waits for what should happen (an end of
//! the stream, a line, a message), never for an amount of time; what should never happen has an hour.

mod door;
mod http1;
mod http2;
mod stop;
mod tls;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::Request,
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use super::{Answers, bind, serve, serve_metrics};
use crate::{
    security::transport::{Caps, Encryption, Secure, Settings, TurnedAway},
    telemetry::Door,
};

const SHORT: Duration = Duration::from_millis(50);
const NEVER: Duration = Duration::from_hours(1);

/// Nothing ends by itself; a test shortens the one wait that it is about.
fn patient() -> Caps {
    Caps {
        handshake: NEVER,
        head: NEVER,
        idle: NEVER,
        write: NEVER,
        http2_ping: NEVER,
        drain: NEVER,
        certificate_check: SHORT,
        ..Caps::default()
    }
}

struct Running {
    address: SocketAddr,
    door: Door,
    stop: oneshot::Sender<()>,
    done: JoinHandle<anyhow::Result<()>>,
}

async fn start(caps: Caps, encryption: Encryption, service: impl Answers) -> Running {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { listen: address, metrics: None, encryption, caps };
    let (stop, stopped) = oneshot::channel::<()>();
    let door = Door::default();
    let doors = door.clone();
    let done = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        serve(listener, &settings, &doors, service, stopped).await
    });
    Running { address, door, stop, done }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Tells what it was told about the connection.
fn introduces_itself() -> impl Answers {
    tower::service_fn(async |request: Request<Body>| -> Result<Response, Infallible> {
        let known = request.extensions();
        let Secure(secure) = *known.get().unwrap();
        let ConnectInfo(peer) = *known.get::<ConnectInfo<SocketAddr>>().unwrap();
        let full = known.get::<TurnedAway>().is_some();
        Ok(format!("secure={secure} peer={} full={full}", peer.ip()).into_response())
    })
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// One request on a connection that stays open.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("full=") || answer.ends_with(b"full=") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "ended early");
    }
    String::from_utf8(answer).unwrap()
}

/// Everything until the end of the stream. A reset is an end too.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

//! One connection, from its handshake to its end.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::{
    Answers,
    patience::Patient,
    traffic::{Answer, InFlight, Traffic},
};
use crate::{
    security::transport::{Caps, Secure, TurnedAway},
    telemetry::Door,
};

/// What is known about the other side before it has said a word of HTTP.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) secure: bool,
    pub(super) turned_away: bool,
}

pub(super) struct Connection<S> {
    pub(super) peer: Peer,
    pub(super) caps: Caps,
    pub(super) service: S,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) door: Door,
}

impl<S: Answers> Connection<S> {
    pub(super) async fn attend(mut self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        // Answers are small and whole; Nagle's algorithm would only hold back their last part.
        let _ = stream.set_nodelay(true);
        keep_the_rest_here(&stream);
        let Some(tls) = tls else { return self.converse(stream, false).await };
        // Too late, or not TLS: scanners fail handshakes all day long, so there is no line in the log for it, only a count.
        let handshake = timeout(self.caps.handshake, TlsAcceptor::from(tls).accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = stopping(&mut self.stopped) => return,
        };
        let Ok(Ok(stream)) = shaken else {
            self.door.failed_handshakes.inc();
            return;
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.converse(stream, http2).await;
    }

    async fn converse(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
        let traffic = Arc::new(Traffic::default());
        let stream = TokioIo::new(Patient::new(stream, self.caps, traffic.clone(), http2));
        let service = service_fn({
            let (service, peer, traffic) = (self.service, self.peer, traffic.clone());
            move |request| answer(service.clone(), peer, traffic.begin(), request)
        });
        let builder = builder(&self.caps, http2, !self.peer.turned_away);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let mut stalled = std::pin::pin!(traffic.stalled(self.caps.write));
        // On HTTP/1 the missing keep-alive does this, after the answer.
        let mut leaving = self.peer.turned_away && http2;
        if leaving {
            connection.as_mut().graceful_shutdown();
        }
        loop {
            tokio::select! {
                // How it ended is the client's affair; what it asked for is in the log already.
                _ = connection.as_mut() => return,
                () = &mut stalled, if http2 => return,
                () = time_to_leave(&mut self.stopped, &traffic), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// The kernel would take megabytes of an answer off our hands and call it written: a client that reads a byte a second
/// would look idle, with the idle connection's longer life, and its megabytes would outlive our close. So the kernel gets
/// little more than is on its way. `SO_SNDBUF` was rejected: it also bounds what is on its way, and so the speed afar.
fn keep_the_rest_here(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(Caps::FAIR_SHARE.into());
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

async fn stopping(stopped: &mut watch::Receiver<bool>) {
    // It fails where the sender is gone, which is the same news.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn time_to_leave(stopped: &mut watch::Receiver<bool>, traffic: &Traffic) {
    tokio::select! {
        () = stopping(stopped) => {}
        () = traffic.idle.notified() => {}
    }
}

/// What a peer may cost beside time: in HTTP/1 by the size of its head (twice what the service takes, so that most who
/// send too much are told so by the service, in its own words), in HTTP/2 also by streams that it opens and
/// resets (CVE-2023-44487, answered with GOAWAY) and by data that it makes us hold.
fn builder(caps: &Caps, http2: bool, keep_alive: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The time is kept by `patience`. This only makes hyper begin to wait for the next head when an answer is out.
        .header_read_timeout(caps.idle + caps.head)
        .max_buf_size(caps.head_bytes as usize)
        .keep_alive(keep_alive);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(caps.http2_streams)
        .max_header_list_size(caps.head_bytes)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(64 * 1024) // a body of ours is no larger
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(caps.http2_ping)
        .keep_alive_timeout(caps.http2_ping);
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

async fn answer<S: Answers>(
    service: S,
    peer: Peer,
    in_flight: InFlight,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let mut request = request.map(Body::new);
    let known = request.extensions_mut();
    known.insert(ConnectInfo(peer.address));
    known.insert(Secure(peer.secure));
    if peer.turned_away {
        known.insert(TurnedAway);
    }
    let response = service.oneshot(request).await?;
    Ok(response.map(|body| Answer::new(body, in_flight)))
}

//! One POST over HTTP/1.1 to an address that the operator named, and nothing else: no redirect followed, no answer read, no
//! connection kept. Alarms and traces leave the house this way, and none of it is in the way of a request.
//!
//! Whether an address may be called at all is judged by whoever posts (`alarms::target`), so it comes with the call.

mod endpoint;

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

pub use self::endpoint::Endpoint;

/// Until there is a connection, whichever address it is to.
const CONNECT: Duration = Duration::from_secs(5);
/// The answer's head; its body is not read.
const LARGEST_HEAD: usize = 16 * 1024;

/// What is posted: JSON, and perhaps a header that says whose it is.
pub(crate) struct Post {
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Poster {
    tls: TlsConnector,
}

impl Poster {
    /// Receivers are known by the certificates that the world's browsers trust.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    pub(crate) fn trusting(roots: RootCertStore) -> anyhow::Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS of our own making")?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The status that came back, whatever it was. How long it may take is for the caller to say.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        addresses: &[IpAddr],
        post: Post,
    ) -> anyhow::Result<StatusCode> {
        let stream = connect(addresses, endpoint.port).await?;
        match &endpoint.tls {
            None => speak(stream, endpoint, post).await,
            Some(name) => {
                let stream = self.tls.connect(name.clone(), stream).await.context("no TLS with the receiver")?;
                speak(stream, endpoint, post).await
            }
        }
    }
}

/// To the first that answers. Each has its share of the time: one that swallows packets must not use up the others'.
async fn connect(addresses: &[IpAddr], port: u16) -> anyhow::Result<TcpStream> {
    let share = CONNECT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(share, TcpStream::connect((*address, port))).await {
            return Ok(stream);
        }
    }
    bail!("the receiver cannot be connected to")
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    endpoint: &Endpoint,
    post: Post,
) -> anyhow::Result<StatusCode> {
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(endpoint.path.expose())
        .header(header::HOST, &endpoint.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "drawbridge")
        .header(header::CONNECTION, "close");
    if let Some((name, value)) = post.header {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(post.body)))?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    // A connection that has ended may have brought an answer before; hyper knows.
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    Ok(answer.context("no answer that is HTTP")?.status())
}

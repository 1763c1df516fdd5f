//! One POST to the receiver, and nothing else: no second look-up of a name, no redirect followed, no answer read.
//!
//! A client from the shelf resolves a name by itself, after whoever judged it did, and is told something else (DNS
//! rebinding); or it follows a redirect to where nobody judged anything. Here the name is resolved once, each address that it
//! leads to is judged (`target`), and the connection is made to one of these; the certificate must still be the name's.

use std::{io, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    endpoint::Endpoint,
    signature,
    target::{self, Verdict},
};

/// Until there is a connection, whichever address it is to; and until there is an answer.
const CONNECT: Duration = Duration::from_secs(5);
pub(super) const IN_ALL: Duration = Duration::from_secs(10);
/// The answer's head; its body is not read.
const LARGEST_HEAD: usize = 16 * 1024;

/// Who knows what a name leads to. A trait, so that a test can give a name to an attacker.
pub(super) trait Resolve: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

pub(super) type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// The resolver of the machine. It reads addresses in every spelling (`0x7f.1`), which is why it is asked for those too.
pub(super) struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move { Ok(lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// What is posted.
pub(super) struct Letter {
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

#[derive(Clone)]
pub(super) struct Client {
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    allow_private: bool,
}

impl Client {
    /// Receivers are known by the certificates that the world's browsers trust.
    pub(super) fn new(allow_private: bool) -> anyhow::Result<Self> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::with(Arc::new(System), roots, allow_private)
    }

    fn with(resolver: Arc<dyn Resolve>, roots: RootCertStore, allow_private: bool) -> anyhow::Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS for the webhook")?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { resolver, tls: TlsConnector::from(Arc::new(config)), allow_private })
    }

    /// `Ok`: the receiver has taken it. The error is one sentence for the log, without the path of the address.
    pub(super) async fn post(&self, endpoint: &Endpoint, letter: Letter) -> anyhow::Result<()> {
        let status = timeout(IN_ALL, self.exchange(endpoint, letter)).await.context("no answer within ten seconds")??;
        ensure!(!status.is_redirection(), "the receiver answered {}: redirects are not followed", status.as_u16());
        ensure!(status.is_success(), "the receiver answered {}", status.as_u16());
        Ok(())
    }

    async fn exchange(&self, endpoint: &Endpoint, letter: Letter) -> anyhow::Result<StatusCode> {
        let addresses = self.addresses(endpoint).await?;
        let stream = connect(&addresses, endpoint.port).await?;
        match &endpoint.tls {
            None => speak(stream, endpoint, letter).await,
            Some(name) => {
                let stream = self.tls.connect(name.clone(), stream).await.context("no TLS with the receiver")?;
                speak(stream, endpoint, letter).await
            }
        }
    }

    /// What the name leads to, if all of it may be called. One bad address condemns the name: whoever mixes them in hopes
    /// that the good ones fail.
    pub(super) async fn addresses(&self, endpoint: &Endpoint) -> anyhow::Result<Vec<IpAddr>> {
        let addresses = self.resolver.resolve(&endpoint.host).await.context("the receiver's name is not known")?;
        ensure!(!addresses.is_empty(), "the receiver's name leads nowhere");
        for address in &addresses {
            match target::judge(*address) {
                Verdict::Public => {}
                Verdict::Private if self.allow_private => {}
                Verdict::Private => {
                    bail!("ALERT_WEBHOOK_URL leads to a private address, and ALERT_WEBHOOK_ALLOW_PRIVATE is not 1")
                }
                Verdict::Never => bail!("ALERT_WEBHOOK_URL leads to an address that is no receiver's"),
            }
        }
        Ok(addresses)
    }
}

/// To the first that answers. Each has its share of the time: one that swallows packets must not use up the others'.
async fn connect(addresses: &[IpAddr], port: u16) -> anyhow::Result<TcpStream> {
    let share = CONNECT / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
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
    letter: Letter,
) -> anyhow::Result<StatusCode> {
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(endpoint.path.expose())
        .header(header::HOST, &endpoint.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "drawbridge")
        .header(header::CONNECTION, "close")
        .header(signature::HEADER, letter.signature)
        .body(Full::new(Bytes::from(letter.body)))?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    // A connection that has ended may have brought an answer before; hyper knows.
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    Ok(answer.context("no answer that is HTTP")?.status())
}

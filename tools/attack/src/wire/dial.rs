//! A connection: from an address of our own, with TLS where the target has it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::Wire;
use crate::{case::Trouble, target::Target};

/// Either end of a pipe, whatever it is made of.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

const PATIENCE: Duration = Duration::from_secs(8);

/// Connects, and shakes hands where the target speaks TLS; `protocols` is what ALPN offers.
pub async fn dial(wire: &Wire, protocols: &[&[u8]]) -> Result<Box<dyn Duplex>, Trouble> {
    let target = &wire.target;
    let stream = timeout(PATIENCE, tcp(wire)).await.map_err(|_| unreachable(target, "no answer to a connection"))??;
    if !target.base.tls {
        return Ok(Box::new(stream));
    }
    let mut config = tls(target.insecure_tls)?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let host = target.base.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| unreachable(target, &error.to_string()))?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let secured =
        timeout(PATIENCE, shaking).await.map_err(|_| unreachable(target, "no answer in the TLS handshake"))?;
    Ok(Box::new(secured.map_err(|error| unreachable(target, &format!("TLS: {error}")))?))
}

/// TCP alone, also where the target speaks TLS.
pub(super) async fn tcp(wire: &Wire) -> Result<TcpStream, Trouble> {
    let (target, address) = (&wire.target, wire.target.base.address);
    let opened = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = wire.address() {
            socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    opened.await.map_err(|error| unreachable(target, &error.to_string()))
}

fn unreachable(target: &Target, why: &str) -> Trouble {
    Trouble::Unreachable(format!("{} cannot be reached: {why}", target.base.url()))
}

fn tls(insecure: bool) -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Broken(error.to_string()))?;
    if insecure {
        let anyone = Arc::new(Anyone(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth());
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Believes any certificate, since `--insecure-tls` says so; that the handshake was signed with it is still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

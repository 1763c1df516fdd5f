//! A handshake through the library, for what it agrees on and for the certificate that is shown.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_rustls::TlsConnector;

use crate::{attempt::Attempt, case::Trouble, wire::Socket};

/// What was agreed on.
pub(super) struct Agreed {
    pub version: Option<ProtocolVersion>,
    pub protocol: Option<Vec<u8>>,
    pub certificate: Option<CertificateDer<'static>>,
    pub name: ServerName<'static>,
}

/// Shakes hands and offers these protocols; the error is the handshake's.
pub(super) async fn shake(attempt: &Attempt, protocols: &[&[u8]]) -> Result<Result<Agreed, String>, Trouble> {
    let witness = Arc::new(Witness { provider: Arc::new(aws_lc_rs::default_provider()), seen: Mutex::default() });
    let builder = ClientConfig::builder_with_provider(witness.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Broken(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(witness.clone()).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let host = attempt.target.base.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| Trouble::Broken(error.to_string()))?;
    let stream = Socket::open_without_tls(&attempt.wire.elsewhere()).await?.stream;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream).await;
    let certificate = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(shaken.map_err(|error| error.to_string()).map(|stream| {
        let session = stream.get_ref().1;
        let (version, protocol) = (session.protocol_version(), session.alpn_protocol().map(<[u8]>::to_vec));
        Agreed { version, protocol, certificate, name }
    }))
}

/// Believes any certificate and remembers it: it is judged afterwards.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

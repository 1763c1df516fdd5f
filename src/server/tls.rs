//! TLS 1.2 and 1.3 by rustls, and a certificate that is renewed without a restart.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::certificate;
use crate::{security::transport::Encryption, telemetry::Door};

pub(super) struct Tls {
    encryption: Encryption,
    current: watch::Sender<Option<Arc<ServerConfig>>>,
    /// What the files held when they were first read.
    first: Vec<u8>,
    door: Door,
}

impl Tls {
    /// The first pair must be good: a service that has no certificate to show does not start.
    pub(super) async fn load(encryption: &Encryption, door: &Door) -> anyhow::Result<Self> {
        let (shown, first) = match encryption {
            Encryption::None => (None, Vec::new()),
            Encryption::SelfSigned => (Some(self_signed()?), Vec::new()),
            Encryption::Files { certificate, key } => {
                let pair = Pair::read(certificate, key).await?;
                (Some(pair.config()?), pair.fingerprint())
            }
        };
        let (encryption, current, door) = (encryption.clone(), watch::Sender::new(None), door.clone());
        let tls = Self { encryption, current, first, door };
        if let Some(shown) = shown {
            tls.show(shown);
        }
        Ok(tls)
    }

    fn show(&self, shown: Shown) {
        self.door.certificate_expires.set(shown.expires);
        self.current.send_replace(Some(Arc::new(shown.config)));
    }

    /// What a connection that is opened now should use; `None` is plain text.
    pub(super) fn current(&self) -> Option<Arc<ServerConfig>> {
        self.current.borrow().clone()
    }

    /// Takes up a renewed certificate. Connections that are open keep the one they began with. The files are compared
    /// by what is in them: their times say nothing where a volume is mounted anew or a link is turned round.
    pub(super) async fn keep_fresh(&self, every: Duration) -> Infallible {
        let Encryption::Files { certificate, key } = &self.encryption else { return std::future::pending().await };
        let mut seen = self.first.clone();
        loop {
            tokio::time::sleep(every).await;
            // In the middle of a renewal a file may be missing: the next look will find it.
            let Ok(pair) = Pair::read(certificate, key).await else { continue };
            // A bad pair counts as seen, so that it is one line in the log and not one at every look.
            if std::mem::replace(&mut seen, pair.fingerprint()) == seen {
                continue;
            }
            match pair.config() {
                Ok(shown) => {
                    self.show(shown);
                    tracing::info!("a new TLS certificate is in use");
                }
                Err(error) => {
                    let cause = format!("{error:#}");
                    tracing::error!(cause, "the new TLS certificate is not usable; the old one stays");
                }
            }
        }
    }
}

/// What clients are shown, and when it ends: in Unix seconds, 0 where that cannot be read.
struct Shown {
    config: ServerConfig,
    expires: i64,
}

/// A certificate chain and its key, as they stand in their files.
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pair {
    async fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let certificate = tokio::fs::read(certificate).await.context("TLS_CERT_FILE cannot be read")?;
        let key = tokio::fs::read(key).await.context("TLS_KEY_FILE cannot be read")?;
        Ok(Self { certificate, key: Zeroizing::new(key) })
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut hasher = Hasher::new(&SHA256);
        hasher.update(&self.certificate);
        hasher.update(&self.key);
        hasher.finish().as_ref().to_vec()
    }

    fn config(&self) -> anyhow::Result<Shown> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .context("TLS_CERT_FILE is not a PEM certificate chain")?;
        // The parser's error is left out: it can quote the line that it stumbled over.
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|_| anyhow!("TLS_KEY_FILE is not a PEM private key"))?;
        config(chain, key)
    }
}

/// The provider's own list of cipher suites: AEAD and forward secrecy alone (ASVS 12.1.2). A whole new configuration
/// for each certificate, so that no session begun under the old one is resumed.
fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> anyhow::Result<Shown> {
    let expires = chain.first().and_then(certificate::expires).unwrap_or(0);
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the key do not fit together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Shown { config, expires })
}

fn self_signed() -> anyhow::Result<Shown> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    config(vec![made.cert.der().clone()], key.into())
}

use std::{fs, path::Path, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use tokio::sync::mpsc;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::telemetry::{Form, LogLines, Outlet};

/// A certificate for localhost in the folder that the service looks at; the old one is replaced.
pub(super) fn renew(folder: &Path) -> CertificateDer<'static> {
    write(folder, &rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap())
}

pub(super) fn write(folder: &Path, params: &rcgen::CertificateParams) -> CertificateDer<'static> {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
    };
    fs::write(folder.join("key"), pem("PRIVATE KEY", &key.serialize_der())).unwrap();
    fs::write(folder.join("certificate"), pem("CERTIFICATE", made.der())).unwrap();
    made.into()
}

pub(super) fn files(folder: &Path) -> Encryption {
    Encryption::Files { certificate: folder.join("certificate"), key: folder.join("key") }
}

impl Running {
    /// A client that trusts this certificate and no other.
    pub(super) async fn connect_tls(
        &self,
        trusted: &CertificateDer<'static>,
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }
}

#[tokio::test]
async fn a_request_knows_that_it_came_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = renew(folder.path());
    let server = start(patient(), files(folder.path()), introduces_itself()).await;
    let mut stream = server.connect_tls(&certificate, b"http/1.1").await.unwrap();
    assert!(ask(&mut stream).await.contains("secure=true"));
}

#[tokio::test]
async fn a_silent_handshake_is_cut_off() {
    let server = start(Caps { handshake: SHORT, ..patient() }, Encryption::SelfSigned, introduces_itself()).await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02"] {
        let mut stream = server.connect().await;
        stream.write_all(beginning).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "{beginning:?}");
    }
}

#[tokio::test]
async fn what_is_not_tls_is_not_answered_in_the_clear() {
    let server = start(patient(), Encryption::SelfSigned, introduces_itself()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(!rest(&mut stream).await.contains("HTTP"));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_while_old_ones_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let server = start(patient(), files(folder.path()), introduces_itself()).await;
    let mut old = server.connect_tls(&first, b"http/1.1").await.unwrap();
    ask(&mut old).await;

    let second = renew(folder.path());
    let mut new = loop {
        if let Ok(stream) = server.connect_tls(&second, b"http/1.1").await {
            break stream;
        }
    };
    ask(&mut new).await;
    ask(&mut old).await;
    assert!(server.connect_tls(&first, b"http/1.1").await.is_err());
}

#[tokio::test]
async fn a_bad_new_pair_is_one_line_in_the_log_and_the_old_one_stays() {
    let (lines, mut line) = mpsc::unbounded_channel();
    let write = Arc::new(move |line: &str| drop(lines.send(line.to_owned())));
    let log = LogLines::new("info".parse().unwrap(), vec![Outlet { form: Form::Json, write }]);
    let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(log));

    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let server = start(patient(), files(folder.path()), introduces_itself()).await;
    ask(&mut server.connect_tls(&first, b"http/1.1").await.unwrap()).await;

    fs::write(folder.path().join("key"), "-----BEGIN hunter2").unwrap();
    let complaint = line.recv().await.unwrap();
    assert!(complaint.contains("the old one stays") && !complaint.contains("hunter2"), "{complaint}");
    ask(&mut server.connect_tls(&first, b"http/1.1").await.unwrap()).await;

    // Another server, which cuts a silent handshake after several looks at the files, is the measure of time.
    let several_looks = start(Caps { handshake: 4 * SHORT, ..patient() }, Encryption::SelfSigned, introduces_itself());
    rest(&mut several_looks.await.connect().await).await;
    assert!(line.try_recv().is_err(), "it was said already");
}

#[tokio::test]
async fn a_service_without_a_usable_certificate_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(patient(), files(folder.path()), introduces_itself()).await;
    let error = format!("{:#}", server.done.await.unwrap().unwrap_err());
    assert!(error.contains("TLS_CERT_FILE cannot be read"), "{error}");
}

/// `ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`.
const GOOD: [u8; 2] = [0xc0, 0x2b];

/// The ClientHello of a client that speaks nothing newer than this version, with this suite alone, but is modern otherwise.
fn hello(version: u8, suite: [u8; 2]) -> Vec<u8> {
    let suites = [0, 2, suite[0], suite[1]];
    let curves = [0, 10, 0, 4, 0, 2, 0, 0x17]; // supported_groups: P-256
    let signatures = [0, 13, 0, 4, 0, 2, 4, 3]; // signature_algorithms: ecdsa_secp256r1_sha256
    let points = [0, 11, 0, 2, 1, 0]; // ec_point_formats: uncompressed
    let extensions = [&curves[..], &signatures, &points].concat();
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
    let end = [&[1, 0][..], &length(extensions.len()), &extensions].concat();
    let body = [&[3, version][..], &[7; 32], &[0], &suites, &end].concat();
    [&[22, 3, 1][..], &length(body.len() + 4), &[1, 0], &length(body.len()), &body].concat()
}

impl Running {
    /// What is answered to a first message: its kind, and what it is about.
    async fn greeted(&self, hello: &[u8]) -> [u8; 3] {
        let (mut stream, mut answer) = (self.connect().await, [0; 7]);
        stream.write_all(hello).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        [answer[0], answer[5], answer[6]]
    }
}

/// A handshake that goes on; and alerts, which end it: `protocol_version` and `handshake_failure`.
const GOES_ON: [u8; 3] = [22, 2, 0];
const WRONG_VERSION: [u8; 3] = [21, 2, 70];
const NOTHING_IN_COMMON: [u8; 3] = [21, 2, 40];

/// ASVS 12.1.1.
#[tokio::test]
async fn whoever_speaks_only_old_tls_is_told_so_and_not_served() {
    let server = start(patient(), Encryption::SelfSigned, introduces_itself()).await;
    for version in [0, 1, 2] {
        assert_eq!(server.greeted(&hello(version, GOOD)).await, WRONG_VERSION, "version 3.{version}");
    }
    assert_eq!(server.greeted(&hello(3, GOOD)).await, GOES_ON, "TLS 1.2");
}

/// ASVS 12.1.2 and 11.3.1: `RSA_WITH_AES_128_CBC_SHA`, `ECDHE_ECDSA_WITH_AES_128_CBC_SHA`, `RSA_WITH_AES_128_GCM_SHA256`,
/// `RSA_WITH_3DES_EDE_CBC_SHA`, `ECDHE_ECDSA_WITH_RC4_128_SHA`, `ECDHE_ECDSA_WITH_NULL_SHA`.
#[tokio::test]
async fn no_suite_without_forward_secrecy_and_authenticated_encryption_is_spoken() {
    let server = start(patient(), Encryption::SelfSigned, introduces_itself()).await;
    for weak in [[0, 0x2f], [0xc0, 0x09], [0, 0x9c], [0, 0x0a], [0xc0, 0x07], [0xc0, 0x06]] {
        assert_eq!(server.greeted(&hello(3, weak)).await, NOTHING_IN_COMMON, "{weak:x?}");
    }
    assert_eq!(server.greeted(&hello(3, GOOD)).await, GOES_ON);
}

/// ASVS 12.1.1: the newest where both can.
#[tokio::test]
async fn tls_1_3_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = renew(folder.path());
    let server = start(patient(), files(folder.path()), introduces_itself()).await;
    let stream = server.connect_tls(&certificate, b"http/1.1").await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
}

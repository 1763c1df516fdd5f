//! One POST to the receiver, and nothing else: no second look-up of a name, no redirect followed, no answer read.
//!
//! A client from the shelf resolves a name by itself, after whoever judged it did, and is told something else (DNS
//! rebinding); or it follows a redirect to where nobody judged anything. Here the name is resolved once, each address that it
//! leads to is judged (`target`), and the connection is made to one of these; the certificate must still be the name's.

use std::{io, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use axum::http::StatusCode;
use tokio::{net::lookup_host, time::timeout};

use super::{
    signature,
    target::{self, Verdict},
};
use crate::outbound::{Endpoint, Post, Poster};

/// Until there is an answer.
pub(super) const IN_ALL: Duration = Duration::from_secs(10);

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
    poster: Poster,
    allow_private: bool,
    patience: Duration,
}

impl Client {
    pub(super) fn new(allow_private: bool) -> anyhow::Result<Self> {
        Ok(Self::with(Arc::new(System), Poster::new()?, allow_private))
    }

    fn with(resolver: Arc<dyn Resolve>, poster: Poster, allow_private: bool) -> Self {
        Self { resolver, poster, allow_private, patience: IN_ALL }
    }

    /// `Ok`: the receiver has taken it. The error is one sentence for the log, without the path of the address.
    pub(super) async fn post(&self, endpoint: &Endpoint, letter: Letter) -> anyhow::Result<()> {
        let exchange = timeout(self.patience, self.exchange(endpoint, letter));
        let status = exchange.await.context("the receiver did not answer in time")??;
        ensure!(!status.is_redirection(), "the receiver answered {}: redirects are not followed", status.as_u16());
        ensure!(status.is_success(), "the receiver answered {}", status.as_u16());
        Ok(())
    }

    async fn exchange(&self, endpoint: &Endpoint, letter: Letter) -> anyhow::Result<StatusCode> {
        let addresses = self.addresses(endpoint).await?;
        let header = Some((signature::HEADER, letter.signature));
        self.poster.post(endpoint, &addresses, Post { header, body: letter.body }).await
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs::default_provider, pki_types::PrivateKeyDer};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Whoever has the name: every look-up has the next answer, the last one for ever.
    struct Owner {
        answers: Vec<Vec<&'static str>>,
        asked: AtomicUsize,
    }

    impl Owner {
        fn of(answers: &[&[&'static str]]) -> Arc<Self> {
            let answers = answers.iter().map(|answer| answer.to_vec()).collect();
            Arc::new(Self { answers, asked: AtomicUsize::new(0) })
        }
    }

    impl Resolve for Owner {
        fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
            let turn = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
            let answer = self.answers[turn].iter().map(|address| address.parse().unwrap()).collect();
            Box::pin(async move { Ok(answer) })
        }
    }

    fn client(owner: &Arc<Owner>, allow_private: bool) -> Client {
        Client::with(owner.clone(), Poster::trusting(RootCertStore::empty()).unwrap(), allow_private)
    }

    fn letter() -> Letter {
        Letter { signature: "t=1,v1=00".to_owned(), body: br#"{"id":1}"#.to_vec() }
    }

    /// A receiver on this machine, under a name that no resolver knows.
    async fn receiver(scheme: &str) -> (TcpListener, Endpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, Endpoint::parse(&format!("{scheme}://receiver.invalid:{port}/hook?token=x")).unwrap())
    }

    async fn nobody_came(listener: &TcpListener) -> bool {
        timeout(Duration::ZERO, listener.accept()).await.is_err()
    }

    async fn somebody(listener: &TcpListener) -> TcpStream {
        timeout(Duration::from_secs(30), listener.accept()).await.expect("nobody came").unwrap().0
    }

    /// Takes one request and answers it with these bytes; what came is returned.
    async fn answer(listener: &TcpListener, answer: &[u8]) -> String {
        let mut stream = somebody(listener).await;
        let mut came = Vec::new();
        while !came.ends_with(br#"{"id":1}"#) {
            assert!(stream.read_buf(&mut came).await.unwrap() > 0, "{}", String::from_utf8_lossy(&came));
        }
        stream.write_all(answer).await.unwrap();
        String::from_utf8(came).unwrap()
    }

    async fn refusal(client: &Client, endpoint: &Endpoint) -> String {
        format!("{:#}", client.post(endpoint, letter()).await.unwrap_err())
    }

    #[tokio::test]
    async fn the_letter_arrives_whole_and_with_its_signature() {
        let (listener, endpoint) = receiver("http").await;
        let client = client(&Owner::of(&[&["127.0.0.1"]]), true);
        let (posted, came) =
            tokio::join!(client.post(&endpoint, letter()), answer(&listener, b"HTTP/1.1 204 No Content\r\n\r\n"));
        posted.unwrap();
        let came = came.to_ascii_lowercase();
        assert!(came.starts_with("post /hook?token=x http/1.1\r\n"), "{came}");
        for line in [
            format!("host: receiver.invalid:{}", endpoint.port),
            "content-type: application/json".to_owned(),
            "content-length: 8".to_owned(),
            "x-drawbridge-signature: t=1,v1=00".to_owned(),
        ] {
            assert!(came.contains(&format!("\r\n{line}\r\n")), "{line}: {came}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inwards_is_not_called_also_not_if_it_leads_elsewhere_as_well() {
        let (listener, endpoint) = receiver("http").await;
        for addresses in [["127.0.0.1"].as_slice(), &["8.8.8.8", "127.0.0.1"], &["::ffff:127.0.0.1"], &["10.0.0.1"]] {
            let refusal = refusal(&client(&Owner::of(&[addresses]), false), &endpoint).await;
            assert!(refusal.contains("ALERT_WEBHOOK_ALLOW_PRIVATE"), "{addresses:?}: {refusal}");
        }
        for addresses in [["169.254.169.254"].as_slice(), &["127.0.0.1", "169.254.169.254"], &["0.0.0.0"]] {
            let refusal = refusal(&client(&Owner::of(&[addresses]), true), &endpoint).await;
            assert!(refusal.contains("no receiver's"), "{addresses:?}: {refusal}");
        }
        assert!(nobody_came(&listener).await);
    }

    /// DNS rebinding: the name leads to a good address while it is judged, and inwards when it is called.
    #[tokio::test]
    async fn the_address_that_was_judged_is_the_one_that_is_called() {
        let (listener, endpoint) = receiver("http").await;
        let owner = Owner::of(&[&["127.0.0.1"], &["127.0.0.2"]]);
        let client = client(&owner, true);
        let (posted, _) = tokio::join!(client.post(&endpoint, letter()), answer(&listener, b"HTTP/1.1 200 OK\r\n\r\n"));
        posted.unwrap();
        assert_eq!(owner.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_second_address_is_tried_where_nobody_listens_at_the_first() {
        let (listener, endpoint) = receiver("http").await;
        let client = client(&Owner::of(&[&["::1", "127.0.0.1"]]), true);
        let (posted, _) = tokio::join!(client.post(&endpoint, letter()), answer(&listener, b"HTTP/1.1 200 OK\r\n\r\n"));
        posted.unwrap();
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let ((first, endpoint), (second, elsewhere)) = (receiver("http").await, receiver("http").await);
        let client = client(&Owner::of(&[&["127.0.0.1"]]), true);
        let location = format!("HTTP/1.1 307 -\r\nLocation: http://{}/\r\n\r\n", elsewhere.authority);
        let (refusal, _) = tokio::join!(refusal(&client, &endpoint), answer(&first, location.as_bytes()));
        assert!(refusal.contains("answered 307"), "{refusal}");
        assert!(nobody_came(&second).await);
    }

    #[tokio::test]
    async fn only_a_success_is_one() {
        let (listener, endpoint) = receiver("http").await;
        let client = client(&Owner::of(&[&["127.0.0.1"]]), true);
        for (status, taken) in
            [(200, true), (202, true), (299, true), (304, false), (400, false), (410, false), (503, false)]
        {
            let line = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
            let (posted, _) = tokio::join!(client.post(&endpoint, letter()), answer(&listener, line.as_bytes()));
            assert_eq!(posted.is_ok(), taken, "{status}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_endless_or_no_http_or_never_comes_is_none() {
        let (listener, endpoint) = receiver("http").await;
        let client = client(&Owner::of(&[&["127.0.0.1"]]), true);
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; 1024 * 1024]].concat();
        for wrong in [endless.as_slice(), b"220 smtp.example.com\r\n", b""] {
            let (refusal, ()) = tokio::join!(refusal(&client, &endpoint), async {
                let mut stream = somebody(&listener).await;
                // It may hang up before all of it is sent.
                let _ = stream.write_all(wrong).await;
            });
            assert!(refusal.contains("no answer that is HTTP"), "{refusal}");
        }
        let impatient = Client { patience: Duration::from_millis(50), ..client };
        let (refusal, _held) = tokio::join!(refusal(&impatient, &endpoint), somebody(&listener));
        assert!(refusal.contains("did not answer in time"), "{refusal}");
    }

    #[tokio::test]
    async fn a_body_without_end_is_not_waited_for() {
        let (listener, endpoint) = receiver("http").await;
        let client = client(&Owner::of(&[&["127.0.0.1"]]), true);
        let (posted, _) = tokio::join!(
            client.post(&endpoint, letter()),
            answer(&listener, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n{")
        );
        posted.unwrap();
    }

    /// An authority of the test's own, and a receiver with its certificate for this name.
    fn certified(name: &str) -> (RootCertStore, TlsAcceptor) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        (roots, TlsAcceptor::from(Arc::new(config)))
    }

    async fn answer_over_tls(listener: &TcpListener, acceptor: &TlsAcceptor) {
        let stream = somebody(listener).await;
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut came = Vec::new();
        while stream.read_buf(&mut came).await.unwrap_or(0) > 0 && !came.ends_with(br#"{"id":1}"#) {}
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    }

    #[tokio::test]
    async fn the_certificate_is_the_name_s_and_of_an_authority_that_is_known() {
        let (listener, endpoint) = receiver("https").await;
        let (good, others) = (certified("receiver.invalid"), certified("other.invalid"));
        let unknown = certified("receiver.invalid");
        for ((roots, _), (_, acceptor), taken) in
            [(&good, &good, true), (&others, &others, false), (&unknown, &good, false)]
        {
            let owner = Owner::of(&[&["127.0.0.1"]]);
            let client = Client::with(owner, Poster::trusting(roots.clone()).unwrap(), true);
            let (posted, ()) = tokio::join!(client.post(&endpoint, letter()), answer_over_tls(&listener, acceptor));
            assert_eq!(posted.is_ok(), taken, "{posted:?}");
        }
    }
}

//! Threat: the wire is read or changed by those in between, and a few clients that are slow on purpose hold every
//! connection (OWASP API4, API8; ASVS 12.1.1, 12.2.1, 13.1.2; CWE-400). So production speaks TLS, or stands behind a
//! proxy that is named; and every state in which a connection may wait has an end.
//!
//! It covers connections; `server` enforces it. What a request may cost once it is read stands in `limits`, and who
//! sent it, behind a proxy, in `client_address`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::settings::Env;

#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Where the metrics are; unset, nowhere.
    pub metrics: Option<SocketAddr>,
    pub encryption: Encryption,
    pub caps: Caps,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Plain HTTP: in development, or where a proxy speaks TLS for us.
    None,
    /// A certificate chain and its key, PEM.
    Files { certificate: PathBuf, key: PathBuf },
    /// A certificate made at start, for localhost alone.
    SelfSigned,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let listen = env.read("LISTEN_ADDR", "127.0.0.1:3000", address);
        let metrics = env.optional("METRICS_ADDR", address);
        if metrics.is_some_and(|metrics| is_same_door(metrics, listen)) {
            env.refuse("METRICS_ADDR", "is another address or port than LISTEN_ADDR: metrics are not for everyone");
        }
        Self { listen, metrics, encryption: Encryption::read(env), caps: Caps::default() }
    }

    /// The same patience for whoever reads the metrics, and room for a few of them. In the clear: it stands on loopback
    /// or a private network, and holds no secret.
    pub fn of_metrics(&self) -> Self {
        let caps = Caps { connections: 16, turned_away: 0, ..self.caps };
        Self { encryption: Encryption::None, caps, ..self.clone() }
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "is an IP address and a port, such as `127.0.0.1:3000`")
}

/// Port 0 is a free one, and never the same.
fn is_same_door(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && overlap
}

impl Encryption {
    fn read(env: &mut Env) -> Self {
        let certificate = env.optional("TLS_CERT_FILE", |text| Ok(PathBuf::from(text)));
        let key = env.optional("TLS_KEY_FILE", |text| Ok(PathBuf::from(text)));
        let self_signed = env.switch("TLS_SELF_SIGNED", false);
        if self_signed && env.production {
            env.refuse("TLS_SELF_SIGNED", "is for development: in production nobody could tell it from a forgery");
        }
        match (certificate, key) {
            (Some(_), Some(_)) if self_signed => env.refuse("TLS_SELF_SIGNED", "and TLS_CERT_FILE exclude each other"),
            (Some(certificate), Some(key)) => return Self::Files { certificate, key },
            (Some(_), None) => env.refuse("TLS_KEY_FILE", "must be set where TLS_CERT_FILE is"),
            (None, Some(_)) => env.refuse("TLS_CERT_FILE", "must be set where TLS_KEY_FILE is"),
            (None, None) if self_signed => return Self::SelfSigned,
            (None, None) if env.production && !env.is_set("TRUSTED_PROXIES") => env.refuse(
                "TLS_CERT_FILE",
                "must be set in production, or TRUSTED_PROXIES where a proxy in front speaks TLS",
            ),
            (None, None) => {}
        }
        Self::None
    }
}

/// How long and how much a connection may take. Constants of the contract and no settings: nobody tunes them well in
/// a hurry. Tests pass shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    pub connections: usize,
    /// So many more are answered 503 before they are closed; beyond these a connection is closed unheard.
    pub turned_away: usize,
    pub handshake: Duration,
    /// From the first byte of a request's head to its last; on a new connection, from its opening.
    pub head: Duration,
    /// Twice what `limits` admits: what lies between gets an answer in our form, and only more gets hyper's bare 431.
    pub head_bytes: u32,
    /// For the whole body, not between two pieces: a byte a second is always in time for the next one.
    pub body: Duration,
    /// Between two requests. Longer than the 60 s for which common proxies keep a connection to reuse it: where the
    /// service gives up first, the proxy's next request meets a closed door, and its client a 502.
    pub idle: Duration,
    /// A client must take [`Caps::FAIR_SHARE`] of an answer in this time, or all that is left of it.
    pub write: Duration,
    pub http2_streams: u32,
    /// After this silence on HTTP/2 the peer is pinged, and has as long again to answer.
    pub http2_ping: Duration,
    /// How long requests may go on after the service was told to stop.
    pub drain: Duration,
    /// How often the certificate's files are looked at.
    pub certificate_check: Duration,
}

impl Caps {
    /// 16 KiB in 30 s: a poor mobile link is twenty times faster.
    pub const FAIR_SHARE: u16 = 16 * 1024;
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 10_000,
            turned_away: 100,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            head_bytes: 64 * 1024,
            body: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            http2_streams: 100,
            http2_ping: Duration::from_secs(20),
            drain: Duration::from_secs(30),
            certificate_check: Duration::from_secs(5),
        }
    }
}

/// In a request's extensions: whether it came over our own TLS. HSTS is only sent there (RFC 6797 section 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secure(pub bool);

/// In a request's extensions when the service is full: answer 503. Its connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedAway;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        (Settings::read(&mut env), env.mistakes())
    }

    #[test]
    fn production_refuses_to_speak_in_the_clear_unless_a_proxy_is_named() {
        assert_eq!(read(&[("APP_ENV", "production")]).1.len(), 1);
        assert_eq!(read(&[("APP_ENV", "production"), ("TLS_SELF_SIGNED", "1")]).1.len(), 1);
        for enough in [&[("TRUSTED_PROXIES", "10.0.0.0/8")][..], &[("TLS_CERT_FILE", "c"), ("TLS_KEY_FILE", "k")]] {
            assert_eq!(read(&[&[("APP_ENV", "production")], enough].concat()).1, [] as [&str; 0]);
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together_and_alone() {
        for wrong in [
            &[("TLS_CERT_FILE", "c")][..],
            &[("TLS_KEY_FILE", "k")],
            &[("TLS_CERT_FILE", "c"), ("TLS_KEY_FILE", "k"), ("TLS_SELF_SIGNED", "1")],
        ] {
            assert_eq!(read(wrong).1.len(), 1, "{wrong:?}");
        }
    }

    #[test]
    fn the_metrics_never_share_a_door_with_the_service() {
        for (metrics, listen, admitted) in [
            ("127.0.0.1:9464", "127.0.0.1:3000", true),
            ("10.0.0.1:3000", "127.0.0.1:3000", true),
            ("127.0.0.1:0", "127.0.0.1:0", true),
            ("127.0.0.1:3000", "127.0.0.1:3000", false),
            ("127.0.0.1:3000", "0.0.0.0:3000", false),
            ("[::]:3000", "127.0.0.1:3000", false),
            ("9464", "127.0.0.1:3000", false),
        ] {
            let (_, mistakes) = read(&[("METRICS_ADDR", metrics), ("LISTEN_ADDR", listen)]);
            assert_eq!(mistakes.is_empty(), admitted, "{metrics} beside {listen}: {mistakes:?}");
        }
        assert_eq!(read(&[]).0.metrics, None, "nobody gets a listener that they did not ask for");
    }

    #[test]
    fn development_listens_on_loopback_alone() {
        let (settings, mistakes) = read(&[]);
        assert!(settings.listen.ip().is_loopback() && mistakes.is_empty());
        assert_eq!(settings.encryption, Encryption::None);
    }
}

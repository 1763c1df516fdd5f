//! Where something is posted to, as far as the text of the setting says. What its name leads to is another question, for
//! whoever posts.

use std::sync::Arc;

use axum::http::Uri;
use rustls::pki_types::ServerName;

use crate::security::secret::Secret;

/// A web address that is posted to.
#[derive(Clone)]
pub struct Endpoint {
    /// What the certificate must be for; `None`: plain HTTP.
    pub(crate) tls: Option<ServerName<'static>>,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `Host`, as it was written.
    pub(crate) authority: String,
    /// Path and query: many receivers know their callers by a token in there.
    pub(crate) path: Arc<Secret<String>>,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is a web address such as `https://receiver.example.com:8443/path`";
        // `Uri` drops a fragment without a word, and whoever wrote one meant something by it.
        if text.contains('#') {
            return Err("has a fragment (#…), which is never sent");
        }
        let url: Uri = text.parse().map_err(|_| FORM)?;
        let authority = url.authority().ok_or(FORM)?;
        if authority.as_str().contains('@') {
            return Err("names a user, which would be sent to nobody");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // Also for plain HTTP: what cannot stand in a certificate is no name of a host.
        let name = ServerName::try_from(host.clone()).map_err(|_| FORM)?;
        let (tls, usual) = match url.scheme_str() {
            Some("https") => (Some(name), 443),
            Some("http") => (None, 80),
            _ => return Err(FORM),
        };
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => port.parse().ok().filter(|port| *port > 0).ok_or(FORM)?,
            _ => usual,
        };
        let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { tls, host, port, authority: authority.to_string(), path: Arc::new(Secret::new(path)) })
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> &str {
        self.path.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_is_taken_apart() {
        for (text, host, port, path) in [
            ("https://alerts.example.com", "alerts.example.com", 443, "/"),
            ("https://alerts.example.com:8443/a/b?token=x", "alerts.example.com", 8443, "/a/b?token=x"),
            ("http://127.0.0.1:9000/hook", "127.0.0.1", 9000, "/hook"),
            ("http://[::1]/hook", "::1", 80, "/hook"),
            ("https://[2606:4700::1111]:8443/", "2606:4700::1111", 8443, "/"),
        ] {
            let Ok(endpoint) = Endpoint::parse(text) else { panic!("{text}") };
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port), "{text}");
            assert_eq!(endpoint.path.expose(), path, "{text}");
            assert_eq!(endpoint.tls.is_some(), text.starts_with("https"), "{text}");
            let written = text.split('/').nth(2).unwrap();
            assert_eq!(endpoint.authority, written);
        }
    }

    #[test]
    fn what_is_no_such_address_or_means_more_than_is_sent_is_refused() {
        for wrong in [
            "",
            "alerts.example.com",
            "/hook",
            "ftp://alerts.example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_x",
            "https://",
            "https:///hook",
            "https://user@alerts.example.com/",
            "https://user:password@alerts.example.com/",
            "https://alerts.example.com/#part",
            "https://alerts.example.com:0/",
            "https://alerts.example.com:99999/",
            "https://alerts.example.com:/",
            "https://al erts.example.com/",
            "https://alerts.example.com/a b",
            "https://[::1",
            "https://[fe80::1%25eth0]/",
            "https://a..b/",
        ] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}

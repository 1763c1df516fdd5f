//! Whom we attack. A target that is not on this machine is refused unless its owner says so.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use http::{Uri, uri::Scheme};
use serde_json::Value;
use tokio::net::lookup_host;

use crate::forge::SigningKey;

/// What may be said about a target.
#[derive(Clone, Default)]
pub struct Options {
    pub url: String,
    /// A file of `NAME=VALUE` lines, as the service writes for development.
    pub credentials: Option<PathBuf>,
    /// A folder of PKCS#8 PEM files named by key id.
    pub keys_dir: Option<PathBuf>,
    /// The secret of a target that signs with HS256.
    pub jwt_secret: Option<String>,
    /// A bearer token for any API, with a second person's, and a path that the first opens.
    pub token: Option<String>,
    pub other_token: Option<String>,
    pub protected: Option<String>,
    /// Accept any certificate.
    pub insecure_tls: bool,
    /// Attack a target that is not on this machine.
    pub i_own_this_target: bool,
}

/// A target and what it has.
pub struct Target {
    pub base: Base,
    pub insecure_tls: bool,
    pub document: Option<Value>,
    pub credentials: Credentials,
    pub keys: Vec<SigningKey>,
    pub token: Option<String>,
    pub other_token: Option<String>,
    pub protected: Option<String>,
    /// `/dev/mailbox.json` answers: what is mailed can be read.
    pub mailbox: bool,
}

/// Where it listens. The address is looked up once: a name that later means another machine changes nothing.
#[derive(Clone, Debug)]
pub struct Base {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub address: SocketAddr,
    /// What stands before every path, as `/api`; mostly nothing.
    pub prefix: String,
}

/// Who we may sign in as.
#[derive(Clone, Default)]
pub struct Credentials {
    pub user: Option<Login>,
    pub editor: Option<Login>,
    pub admin: Option<Login>,
}

#[derive(Clone)]
pub struct Login {
    pub email: String,
    pub password: String,
}

impl Base {
    pub async fn resolve(url: &str, i_own_this_target: bool) -> anyhow::Result<Self> {
        let uri: Uri =
            url.parse().ok().with_context(|| format!("{url} is not a URL; give one as http://127.0.0.1:3000"))?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => bail!("{url} is neither http:// nor https://"),
        };
        let host = uri.host().with_context(|| format!("{url} names no host"))?.to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let found =
            lookup_host((name, port)).await.with_context(|| format!("{host} is not a name that can be found"))?;
        let addresses: Vec<SocketAddr> = found.collect();
        if !i_own_this_target && !addresses.iter().all(|address| address.ip().is_loopback()) {
            bail!("{host} is not this machine; attack only what is yours, and say so with --i-own-this-target");
        }
        let address = first_that_answers(&addresses).await.with_context(|| {
            format!("nothing answers at {url}; start the service (cargo run), or give the address of one that runs")
        })?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { tls, host, port, address, prefix })
    }

    /// As the `Host` header says it.
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.prefix)
    }

    /// On IPv4 loopback a client may call from sixteen million addresses.
    pub fn has_many_addresses(&self) -> bool {
        self.address.is_ipv4() && self.address.ip().is_loopback() && cfg!(target_os = "linux")
    }
}

/// IPv4 first: there each attempt can have an address of its own.
async fn first_that_answers(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let mut sorted = addresses.to_vec();
    sorted.sort_by_key(SocketAddr::is_ipv6);
    for address in sorted {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Some(address);
        }
    }
    None
}

impl Target {
    /// Every operation of the document, as (`GET`, `/v1/users/{id}`, its description).
    pub fn operations(&self) -> Vec<(String, String, &Value)> {
        const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
        let paths = self.document.as_ref().and_then(|document| document["paths"].as_object());
        let mut found = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            for method in METHODS.iter().filter(|method| item[**method].is_object()) {
                found.push((method.to_uppercase(), path.clone(), &item[*method]));
            }
        }
        found
    }

    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let document = self.document.as_ref()?;
        document["paths"].get(path)?.get(method.to_lowercase())
    }

    /// A schema or anything else that the document names, behind its `$ref`s.
    pub fn behind<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..8 {
            let Some(reference) = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) else {
                break;
            };
            let Some(found) = self.document.as_ref().and_then(|document| document.pointer(reference)) else { break };
            value = found;
        }
        value
    }

    /// The schema of a JSON body, if the operation takes one.
    pub fn body_schema<'a>(&'a self, operation: &'a Value) -> Option<&'a Value> {
        let body = self.behind(&operation["requestBody"]);
        let schema = body.pointer("/content/application~1json/schema")?;
        Some(self.behind(schema))
    }

    /// Can somebody register, read the mail and sign in?
    pub fn makes_accounts(&self) -> bool {
        self.mailbox
            && ["/v1/auth/register", "/v1/auth/verify-email", "/v1/auth/login"]
                .iter()
                .all(|path| self.operation("POST", path).is_some())
    }
}

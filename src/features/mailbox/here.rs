//! Who asks from this very machine, and from nowhere else.
//!
//! Three ways lead to a server that only its own machine should reach. Over the network, where it listens on more than
//! loopback: the socket says so. Through a tunnel or a proxy that runs here: it says whom it speaks for, or else it is
//! no help. And through the developer's own browser, from a page whose name was made to point here (DNS rebinding,
//! CWE-350): the browser then asks for that name. What a client writes can only shut it out, never let it in.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header::HOST, request::Parts, uri::Authority},
};

use crate::{
    error::{Error, Result, problems},
    http::openapi::{Input, Operation},
    state::App,
};

/// What proxies add.
const FORWARDED: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// Proof of it. To everybody else there is nothing here.
pub struct FromHere;

impl FromRequestParts<App> for FromHere {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        match refusal(parts) {
            None => Ok(Self),
            Some(reason) => Err(problems::NOT_FOUND.because(reason)),
        }
    }
}

impl Input for FromHere {
    fn describe(operation: &mut Operation<'_>) {
        operation.refuses(problems::NOT_FOUND);
    }
}

fn refusal(parts: &Parts) -> Option<&'static str> {
    // The socket's peer, and not the client's address: that one may come from a header.
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if !peer.is_some_and(|peer| peer.to_canonical().is_loopback()) {
        return Some("this page is for this machine");
    }
    if FORWARDED.iter().any(|name| parts.headers.contains_key(*name)) {
        return Some("this page is for this machine, and this came through a proxy");
    }
    if !asked_for(parts).is_some_and(|host| is_name_of_here(host.host())) {
        return Some("this page is for this machine, and this asked for another");
    }
    None
}

/// HTTP/2 has it in the address, HTTP/1.1 in a header; of two headers `gate::sizes` has refused the request.
pub(crate) fn asked_for(parts: &Parts) -> Option<Authority> {
    let named = parts.uri.authority().cloned();
    named.or_else(|| parts.headers.get(HOST)?.to_str().ok()?.parse().ok())
}

fn is_name_of_here(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // RFC 6761 section 6.3: `localhost`, and whatever ends in it, is loopback and nobody else's.
    literal.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn asked(peer: Option<&str>, host: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/dev/mailbox").header(HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        }
        refusal(&request.into_parts().0).is_none()
    }

    #[test]
    fn this_machine_is_let_in_by_any_of_its_own_names() {
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            for host in ["localhost", "LocalHost:3000", "127.0.0.1:3000", "[::1]:3000", "api.localhost:3000"] {
                assert!(asked(Some(peer), host, &[]), "{peer} {host}");
            }
        }
    }

    #[test]
    fn whoever_comes_over_the_network_is_not_let_in_whatever_it_writes() {
        for peer in ["192.0.2.1", "10.0.0.1", "172.17.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0", "fe80::1"] {
            assert!(!asked(Some(peer), "localhost", &[]), "{peer}");
            for name in FORWARDED {
                assert!(!asked(Some(peer), "localhost", &[(name, "127.0.0.1")]), "{peer} {name}");
            }
        }
        assert!(!asked(None, "localhost", &[]), "nobody knows where from");
    }

    #[test]
    fn what_came_through_a_proxy_on_this_machine_is_not_let_in() {
        for name in FORWARDED {
            for value in ["198.51.100.7", "127.0.0.1", "for=127.0.0.1", ""] {
                assert!(!asked(Some("127.0.0.1"), "localhost", &[(name, value)]), "{name}: {value}");
            }
        }
    }

    #[test]
    fn a_page_whose_name_was_made_to_point_here_is_not_let_in() {
        for host in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "192.0.2.1:3000",
            "2130706433",
            "",
        ] {
            assert!(!asked(Some("127.0.0.1"), host, &[]), "{host}");
        }
    }

    #[test]
    fn over_http_2_the_name_in_the_address_counts() {
        let ask = |uri: &str| {
            let mut request = Request::builder().uri(uri).header(HOST, "localhost").body(()).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
            refusal(&request.into_parts().0).is_none()
        };
        assert!(ask("https://localhost:3000/dev/mailbox") && !ask("https://evil.example/dev/mailbox"));
    }
}

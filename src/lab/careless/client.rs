//! What a client says of itself and of its request, and is believed.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::HttpBody,
    extract::{ConnectInfo, Request},
    http::{
        HeaderMap, HeaderValue,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    middleware::map_request,
};

use crate::{lab::pillar::Finished, state::App};

pub fn any_address(_: &App, service: Finished) -> Finished {
    service.layer(map_request(async |mut request: Request| {
        if let Some(address) = client(request.headers()) {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 0)));
        }
        request
    }))
}

// ANCHOR: client-address
/// "The first address in `X-Forwarded-For` is the client's." The first is what the client wrote there itself.
fn client(headers: &HeaderMap) -> Option<IpAddr> {
    ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok()?.split(',').next()?.trim().parse().ok())
}
// ANCHOR_END: client-address

pub fn any_type(_: &App, service: Finished) -> Finished {
    service.layer(map_request(async |request: Request| of_json(request)))
}

// ANCHOR: content-type
/// "Clients forget the header, and it is JSON anyway." A form on a stranger's page can send JSON too, as `text/plain`,
/// and its browser asks nobody first.
fn of_json(mut request: Request) -> Request {
    if !request.body().is_end_stream() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().remove(CONTENT_ENCODING);
    }
    request
}
// ANCHOR_END: content-type

pub fn forgotten_key(_: &App, service: Finished) -> Finished {
    service.layer(map_request(async |request: Request| without_key(request)))
}

// ANCHOR: idempotency
/// "A client that sends twice wants it twice." Or has heard no answer to the first.
fn without_key(mut request: Request) -> Request {
    request.headers_mut().remove("idempotency-key");
    request
}
// ANCHOR_END: idempotency

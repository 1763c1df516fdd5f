//! HTTP/2 in bytes (RFC 9113): no client library would do what these tests must do.

use rustls::pki_types::CertificateDer;
use tokio_rustls::client::TlsStream;

use super::{
    tls::{files, renew},
    *,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// `:method GET`, `:scheme https` and `:path /` are numbers in HPACK's static table; `:authority` is spelled out.
const GET_ROOT: &[u8] = b"\x82\x87\x84\x41\x09localhost";
/// This is the end of the headers, and of the stream.
const WHOLE: u8 = 0x4 | 0x1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads frames until one of this kind, which it gives back; `None` when the stream ends first.
async fn until(kind: u8, stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == kind {
            return Some(payload);
        }
    }
}

async fn connect(server: &Running, certificate: &CertificateDer<'static>) -> TlsStream<TcpStream> {
    let mut stream = server.connect_tls(certificate, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    stream
}

/// Serves HTTP/2 and opens one connection.
async fn over_http2(caps: Caps) -> (Running, TlsStream<TcpStream>) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = renew(folder.path());
    let server = start(caps, files(folder.path()), introduces_itself()).await;
    // The service has read its files once it has answered a handshake.
    let stream = connect(&server, &certificate).await;
    (server, stream)
}

async fn ask_for_root(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(&frame(HEADERS, WHOLE, 1, GET_ROOT)).await.unwrap();
    String::from_utf8(until(DATA, stream).await.unwrap()).unwrap()
}

#[tokio::test]
async fn alpn_chooses_http_2() {
    let (_server, mut stream) = over_http2(patient()).await;
    assert_eq!(ask_for_root(&mut stream).await, "secure=true peer=127.0.0.1 full=false");
}

#[tokio::test]
async fn http_2_is_not_spoken_in_the_clear() {
    let server = start(patient(), Encryption::None, introduces_itself()).await;
    let mut stream = server.connect().await;
    let request = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(HEADERS, WHOLE, 1, GET_ROOT)].concat();
    stream.write_all(&request).await.unwrap();
    assert_eq!(until(DATA, &mut stream).await, None);
}

#[tokio::test]
async fn a_client_that_stops_before_its_first_request_is_cut_off() {
    let (server, mut after_preface) = over_http2(Caps { head: SHORT, ..patient() }).await;
    assert_eq!(until(GOAWAY, &mut after_preface).await, None);
    drop(server);
}

#[tokio::test]
async fn an_idle_connection_is_told_before_it_is_closed() {
    let (_server, mut stream) = over_http2(Caps { idle: SHORT, head: SHORT, ..patient() }).await;
    ask_for_root(&mut stream).await;
    assert!(until(GOAWAY, &mut stream).await.is_some());
    // It does not answer the ping that follows, and is cut.
    assert_eq!(until(GOAWAY, &mut stream).await, None);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_cut_off() {
    let (_server, mut stream) = over_http2(Caps { http2_ping: SHORT, ..patient() }).await;
    ask_for_root(&mut stream).await;
    while until(DATA, &mut stream).await.is_some() {}
}

#[tokio::test]
async fn a_peer_that_lets_no_answer_through_is_cut_off() {
    let (_server, mut stream) = over_http2(Caps { write: SHORT, ..patient() }).await;
    let no_window = [&[0, 4][..], &0_u32.to_be_bytes()].concat();
    stream.write_all(&frame(SETTINGS, 0, 0, &no_window)).await.unwrap();
    stream.write_all(&frame(HEADERS, WHOLE, 1, GET_ROOT)).await.unwrap();
    assert_eq!(until(DATA, &mut stream).await, None);
}

#[tokio::test]
async fn streams_that_are_opened_to_be_reset_end_the_connection() {
    let (_server, mut stream) = over_http2(patient()).await;
    let cancel = 8_u32.to_be_bytes();
    let rapid: Vec<u8> = (0..1000)
        .flat_map(|n| [frame(HEADERS, WHOLE, 2 * n + 1, GET_ROOT), frame(RST_STREAM, 0, 2 * n + 1, &cancel)].concat())
        .collect();
    let _ = stream.write_all(&rapid).await;
    let goaway = until(GOAWAY, &mut stream).await.unwrap();
    assert_eq!(goaway[4..8], 11_u32.to_be_bytes(), "ENHANCE_YOUR_CALM");
}

/// CVE-2025-8671: the client grants more room than can be counted, so that it is we who reset the stream.
#[tokio::test]
async fn streams_that_we_are_made_to_reset_end_the_connection() {
    let (_server, mut stream) = over_http2(patient()).await;
    let too_much = (u32::MAX >> 1).to_be_bytes();
    let rapid: Vec<u8> = (0..1000)
        .flat_map(|n| {
            [frame(HEADERS, WHOLE, 2 * n + 1, GET_ROOT), frame(WINDOW_UPDATE, 0, 2 * n + 1, &too_much)].concat()
        })
        .collect();
    let _ = stream.write_all(&rapid).await;
    let goaway = until(GOAWAY, &mut stream).await.unwrap();
    assert_eq!(goaway[4..8], 11_u32.to_be_bytes(), "ENHANCE_YOUR_CALM");
}

/// CVE-2024-27316: a head that has no end, and would be held in memory until it had one.
#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let (_server, stream) = over_http2(patient()).await;
    let (mut reader, mut writer) = tokio::io::split(stream);
    // A field of 1 + 16 000 bytes that is to be kept in no table.
    let field = [b"\x00\x01x\x7f\x81\x7c", &[b'a'; 16_000][..]].concat();
    let flood = async {
        writer.write_all(&frame(HEADERS, 1, 1, GET_ROOT)).await.unwrap();
        let mut sent = 0;
        while writer.write_all(&frame(CONTINUATION, 0, 1, &field)).await.is_ok() {
            sent += field.len();
        }
        sent
    };
    let (sent, told) = tokio::join!(flood, until(GOAWAY, &mut reader));
    assert!(told.is_some());
    // A head may have 64 KiB; the rest is what fits between the two of us.
    assert!(sent < 8 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn a_connection_beyond_the_cap_is_answered_once_and_ended() {
    let caps = Caps { connections: 0, turned_away: 1, ..patient() };
    let (_server, mut stream) = over_http2(caps).await;
    assert!(ask_for_root(&mut stream).await.ends_with("full=true"));
}

#[tokio::test]
async fn the_service_states_its_limits() {
    let (_server, mut stream) = over_http2(patient()).await;
    let settings = until(SETTINGS, &mut stream).await.unwrap();
    let of = |id: u16| {
        let mut pairs = settings.chunks(6).filter(|pair| pair[..2] == id.to_be_bytes());
        pairs.next().map(|pair| u32::from_be_bytes(pair[2..].try_into().unwrap()))
    };
    assert_eq!(of(3), Some(100), "MAX_CONCURRENT_STREAMS");
    assert_eq!(of(6), Some(64 * 1024), "MAX_HEADER_LIST_SIZE");
}

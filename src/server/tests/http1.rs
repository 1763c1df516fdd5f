use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::Frame;
use tokio::{net::TcpSocket, sync::mpsc};

use super::*;

async fn plain(caps: Caps) -> Running {
    start(caps, Encryption::None, introduces_itself()).await
}

#[tokio::test]
async fn a_request_knows_where_it_came_from_and_that_it_came_in_the_clear() {
    let server = plain(patient()).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let answer = ask(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("secure=false peer=127.0.0.1 full=false"));
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_or_not_all_is_cut_off() {
    let server = plain(Caps { head: SHORT, ..patient() }).await;
    for beginning in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"PRI * HTTP"] {
        let mut stream = server.connect().await;
        stream.write_all(beginning).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "{beginning:?}");
    }
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_although_it_never_pauses() {
    let server = plain(Caps { head: SHORT, ..patient() }).await;
    let (mut reader, mut writer) = server.connect().await.into_split();
    let trickle = async {
        writer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut pace = tokio::time::interval(SHORT / 10);
        while writer.write_all(b"a").await.is_ok() {
            pace.tick().await;
        }
    };
    tokio::select! {
        () = trickle => {}
        text = rest(&mut reader) => assert_eq!(text, ""),
    }
}

#[tokio::test]
async fn also_the_second_head_must_be_completed() {
    let server = plain(Caps { head: SHORT, ..patient() }).await;
    let mut stream = server.connect().await;
    ask(&mut stream).await;
    stream.write_all(b"GET").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn between_two_requests_there_is_more_time_than_within_one() {
    let server = plain(Caps { head: SHORT, ..patient() }).await;
    let mut kept = server.connect().await;
    ask(&mut kept).await;
    // Two connections that are begun later and cut for their silence are the measure of time.
    for _ in 0..2 {
        rest(&mut server.connect().await).await;
    }
    ask(&mut kept).await;
}

#[tokio::test]
async fn a_connection_that_is_kept_for_nothing_is_closed() {
    let server = plain(Caps { idle: SHORT, ..patient() }).await;
    let mut stream = server.connect().await;
    ask(&mut stream).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_head_of_more_than_twice_32_kib_is_not_even_read() {
    let server = plain(patient()).await;
    let mut stream = server.connect().await;
    let mut head = b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".to_vec();
    // Exactly what the buffer holds: more would be unread at the close, and the reset could overtake the answer.
    head.resize(patient().head_bytes as usize, b'a');
    stream.write_all(&head).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431"));
}

/// A body that always has more.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 * 1024])))))
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let endless = tower::service_fn(async |_: Request<Body>| Ok(Body::new(Endless).into_response()));
    let server = start(Caps { write: SHORT, ..patient() }, Encryption::None, endless).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    let mut first = [0; 16 * 1024];
    stream.read_exact(&mut first).await.unwrap();
    // From here on it reads no more. The service waits for its end without a limit of its own.
    server.stop.send(()).unwrap();
    server.done.await.unwrap().unwrap();
}

/// A body of 512 KiB that tells of each part that is taken from it, and by its end of its own.
struct Counted(mpsc::UnboundedSender<()>, usize);

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.1.checked_sub(1) else { return Poll::Ready(None) };
        self.1 = left;
        let _ = self.0.send(());
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 * 1024])))))
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_that_nobody_reads_waits_with_us_and_not_in_the_kernel() {
    let (parts, mut part) = mpsc::unbounded_channel();
    let all = 32;
    let counted = tower::service_fn(move |_: Request<Body>| {
        let body = Body::new(Counted(parts.clone(), all));
        async { Ok(body.into_response()) }
    });
    let server = start(Caps { write: SHORT, ..patient() }, Encryption::None, counted).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    // Its connection was cut for not reading; had the kernel taken the whole, it would count as idle, and be kept.
    let mut first = [0; 1024];
    stream.read_exact(&mut first).await.unwrap();
    server.stop.send(()).unwrap();
    server.done.await.unwrap().unwrap();
    let mut taken = 0;
    while part.recv().await.is_some() {
        taken += 1;
    }
    assert!(taken < all, "the kernel took it all");
}

#[tokio::test]
async fn beyond_the_cap_a_few_are_told_so_and_the_rest_closed_unheard() {
    let server = plain(Caps { connections: 1, turned_away: 1, ..patient() }).await;
    let mut first = server.connect().await;
    assert!(ask(&mut first).await.ends_with("full=false"));

    let (mut second, mut third) = (server.connect().await, server.connect().await);
    assert_eq!(rest(&mut third).await, "");
    second.write_all(GET).await.unwrap();
    let answer = rest(&mut second).await;
    assert!(answer.ends_with("full=true") && answer.contains("connection: close"), "{answer}");

    assert!(ask(&mut first).await.ends_with("full=false"), "whoever is in stays in");
    drop(first);
    // Its place is free as soon as the server has seen it go.
    while !ask(&mut server.connect().await).await.ends_with("full=false") {}
}

#[tokio::test]
async fn a_port_in_use_is_one_sentence_that_says_what_to_do() {
    let server = plain(patient()).await;
    let error = bind(server.address).await.unwrap_err().to_string();
    assert!(error.contains("already in use") && error.contains("LISTEN_ADDR"), "{error}");
}

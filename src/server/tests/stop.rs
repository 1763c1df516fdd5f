use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::*;

/// A service that says when it has begun, and answers when it is told to.
fn slow() -> (impl Answers, mpsc::Receiver<()>, Arc<Notify>) {
    let (begun, has_begun) = mpsc::channel(1);
    let go_on = Arc::new(Notify::new());
    let told = go_on.clone();
    let service = tower::service_fn(move |_: Request<Body>| {
        let (begun, told) = (begun.clone(), told.clone());
        async move {
            begun.send(()).await.unwrap();
            told.notified().await;
            Ok("done".into_response())
        }
    });
    (service, has_begun, go_on)
}

#[tokio::test]
async fn what_is_in_flight_finishes_while_nothing_new_is_taken() {
    let (service, mut has_begun, go_on) = slow();
    let server = start(patient(), Encryption::None, service).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    has_begun.recv().await.unwrap();

    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {}
    go_on.notify_one();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let server = start(patient(), Encryption::None, introduces_itself()).await;
    let (mut used, mut fresh) = (server.connect().await, server.connect().await);
    ask(&mut used).await;
    server.stop.send(()).unwrap();
    assert_eq!(rest(&mut used).await, "");
    assert_eq!(rest(&mut fresh).await, "");
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_service_alive() {
    let (service, mut has_begun, _) = slow();
    let server = start(Caps { drain: SHORT, ..patient() }, Encryption::None, service).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    has_begun.recv().await.unwrap();
    server.stop.send(()).unwrap();
    server.done.await.unwrap().unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

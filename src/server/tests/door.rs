//! What the listener counts, and what the one for the metrics bears.

use super::*;

/// What is counted a moment after the peer can know of it.
async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it was never counted");
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let server = start(patient(), Encryption::None, introduces_itself()).await;
    let (mut one, mut other) = (server.connect().await, server.connect().await);
    ask(&mut one).await;
    ask(&mut other).await;
    until(|| server.door.open.get() == 2).await;
    drop((one, other));
    until(|| server.door.open.get() == 0).await;
}

#[tokio::test]
async fn who_finds_no_place_is_counted_whether_or_not_they_are_told() {
    let server =
        start(Caps { connections: 1, turned_away: 1, ..patient() }, Encryption::None, introduces_itself()).await;
    let mut inside = server.connect().await;
    ask(&mut inside).await;
    let mut told = server.connect().await;
    until(|| server.door.turned_away.get() == 1).await;
    let mut unheard = server.connect().await;
    assert_eq!(rest(&mut unheard).await, "");
    assert_eq!(server.door.turned_away.get(), 2);
    assert!(ask(&mut told).await.ends_with("full=true"));
}

#[tokio::test]
async fn handshakes_that_fail_are_counted_and_good_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = tls::renew(folder.path());
    let server = start(patient(), tls::files(folder.path()), introduces_itself()).await;
    ask(&mut server.connect_tls(&certificate, b"http/1.1").await.unwrap()).await;
    assert_eq!(server.door.failed_handshakes.get(), 0);
    let mut in_the_clear = server.connect().await;
    in_the_clear.write_all(GET).await.unwrap();
    rest(&mut in_the_clear).await;
    until(|| server.door.failed_handshakes.get() == 1).await;
}

#[tokio::test]
async fn the_end_of_the_certificate_is_known_also_of_a_renewed_one() {
    let folder = tempfile::tempdir().unwrap();
    let ends = |year| {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        tls::write(folder.path(), &params);
        params.not_after.unix_timestamp()
    };
    let first = ends(2040);
    let server = start(patient(), tls::files(folder.path()), introduces_itself()).await;
    until(|| server.door.certificate_expires.get() == first).await;
    let second = ends(2055);
    until(|| server.door.certificate_expires.get() == second).await;
    let plain = start(patient(), Encryption::None, introduces_itself()).await;
    ask(&mut plain.connect().await).await;
    assert_eq!(plain.door.certificate_expires.get(), 0);
}

#[tokio::test]
async fn readers_of_the_metrics_have_a_few_places_of_their_own() {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { listen: address, metrics: None, encryption: Encryption::SelfSigned, caps: patient() };
    let places = settings.of_metrics().caps.connections;
    tokio::spawn(async move { serve_metrics(Some(listener), &settings, introduces_itself()).await });

    let mut readers = Vec::new();
    for _ in 0..places {
        let mut reader = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut reader).await.contains("secure=false"), "in the clear, also where the service speaks TLS");
        readers.push(reader);
    }
    assert_eq!(rest(&mut TcpStream::connect(address).await.unwrap()).await, "", "one too many is closed unheard");
    assert!(ask(&mut readers[0]).await.contains("full=false"));
}

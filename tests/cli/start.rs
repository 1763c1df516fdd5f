//! Starts that must not succeed, and ends that must lose nothing.

use std::net::TcpListener;

use crate::program::{NOTHING, Service, folder, run, run_with};

#[test]
fn production_without_settings_lists_every_mistake_and_starts_nothing() {
    let folder = folder();
    let said = run_with(folder.path(), &[("APP_ENV", "production")]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    for name in [
        "PUBLIC_URL",
        "JWT_ISSUER",
        "JWT_KEYS_DIR",
        "DATA_ENCRYPTION_KEYS",
        "DATABASE_URL",
        "MAIL_URL",
        "TLS_CERT_FILE",
    ] {
        assert!(said.err.contains(&format!("\n  {name} ")), "{name}: {}", said.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_port_that_is_taken_is_one_sentence_and_nothing_is_touched() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let refused = run_with(folder.path(), &[("LISTEN_ADDR", &port)]).refused();
    assert!(refused.contains(&port), "{refused}");
    assert!(!folder.path().join(".data/postgres").exists(), "no database was started");
}

#[test]
fn metrics_have_a_port_of_their_own_or_nothing_starts() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let start = |metrics| run_with(folder.path(), &[("LISTEN_ADDR", "127.0.0.1:0"), ("METRICS_ADDR", metrics)]);
    let refused = start(&port).refused();
    assert!(refused.contains(&port) && refused.contains("choose another METRICS_ADDR"), "{refused}");
    assert!(start("9464").err.contains("METRICS_ADDR is an IP address and a port"));
    assert!(!folder.path().join(".data/postgres").exists(), "no database was started");
}

#[test]
fn metrics_are_served_for_as_long_as_the_service_is() {
    let folder = folder();
    let mut service = Service::start_with(folder.path(), &[("METRICS_ADDR", "127.0.0.1:0")]);
    let address = service.heard("metrics are at /metrics")["address"].as_str().unwrap().to_owned();
    let (status, _) = service.ask("/metrics", &NOTHING);
    assert_eq!(status, 404, "the service itself has none");
    service.base = format!("http://{address}");
    assert_eq!(service.ask("/metrics", &NOTHING).0, 200);
    assert!(service.stop().success());
    assert!(std::net::TcpStream::connect(&address).is_err());
}

#[test]
fn of_two_services_in_one_folder_the_second_says_so_and_the_first_goes_on() {
    let folder = folder();
    let first = Service::start(folder.path());
    let refused = run_with(folder.path(), &[("LISTEN_ADDR", "127.0.0.1:0")]).refused();
    assert!(refused.contains("already") || refused.contains("another"), "{refused}");
    assert_eq!(first.ask("/health/ready", &NOTHING).0, 200);
    assert!(first.stop().success());
}

#[test]
fn a_service_that_was_killed_starts_again_with_everything_it_had_acknowledged() {
    let folder = folder();
    let service = Service::start(folder.path());
    let create =
        ["user", "create", "--email", "ada@example.org", "--name", "Ada", "--role", "user", "--generate-password"];
    let said = run(folder.path(), &create).done();
    let password = said.lines().last().unwrap().rsplit(' ').next().unwrap();
    let tokens: Vec<_> = (0..5).map(|_| service.login("ada@example.org", password).unwrap()).collect();
    service.kill();

    let service = Service::start(folder.path());
    for token in tokens {
        let authorization = format!("Authorization: Bearer {token}");
        let (status, me) = service.ask("/v1/users/me", &["-H", &authorization]);
        assert_eq!(status, 200, "a session from before: {me}");
    }
    assert!(service.stop().success());
}

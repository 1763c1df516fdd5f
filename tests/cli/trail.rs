//! What an operator reads of the trail: what stands behind a reference, and whether the trail is still as it was written.

use serde_json::Value;

use crate::program::{Service, folder, run, run_with_input};

/// What a client was told when its password was wrong.
fn refused(service: &Service) -> String {
    let body = r#"{"email":"nobody@example.org","password":"not the right one at all"}"#;
    let (status, answer) = service.ask("/v1/auth/login", &["-d", body]);
    assert_eq!(status, 401, "{answer}");
    answer["reference"].as_str().unwrap().to_owned()
}

#[test]
fn a_reference_leads_to_the_request_its_cause_and_its_events() {
    let folder = folder();
    let service = Service::start(folder.path());
    let (other, reference) = (refused(&service), refused(&service));
    let (status, unknown) = service.ask("/v1/users/me?colour=red", &["-H", "Authorization: Bearer x"]);
    assert_eq!(status, 401);
    // Lines and rows are written in the background, and are all there when the service has stopped.
    assert!(service.stop().success());

    let why = run(folder.path(), &["why", &reference]).done();
    for told in ["POST /v1/auth/login", "401 INVALID_CREDENTIALS", "Cause       unknown address", "authn_login_fail"] {
        assert!(why.contains(told), "`{told}` is missing in:\n{why}");
    }
    let requests = |text: &str| text.lines().filter(|line| line.starts_with("Event")).count();
    assert_eq!(requests(&why), 1, "of one request alone:\n{why}");
    let ids = [&why, &run(folder.path(), &["why", &other]).done()].map(|why| id_in(why));
    assert_ne!(ids[0], ids[1]);

    let why = run(folder.path(), &["why", unknown["reference"].as_str().unwrap()]).done();
    assert!(why.contains("GET /v1/users/me\n") && !why.contains("colour"), "{why}");
    assert_eq!(requests(&why), 0);

    // From elsewhere: a log that somebody hands in.
    let log = std::fs::read_dir(folder.path().join(".data/log")).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::read_to_string(log).unwrap();
    let again = run_with_input(folder.path(), &["why", &reference, "--log", "-"], &log).done();
    assert_eq!(id_in(&again), ids[0]);
}

fn id_in(why: &str) -> String {
    why.lines().find_map(|line| line.strip_prefix("Request id  ")).unwrap_or_else(|| panic!("{why}")).to_owned()
}

#[test]
fn a_reference_that_nobody_was_given_is_told_apart_from_what_is_none() {
    let folder = folder();
    let service = Service::start(folder.path());
    let why = run(folder.path(), &["why", "err-2026-03-000000000000"]).refused();
    assert!(why.contains("stands in no log here"), "{why}");
    for wrong in ["err-2026-03-short", "../../etc/passwd", "%"] {
        assert_eq!(run(folder.path(), &["why", wrong]).code, 2, "{wrong}");
    }
    assert!(service.stop().success());
}

#[test]
fn a_sound_trail_is_told_and_one_that_was_tampered_with_is_a_failure() {
    let folder = folder();
    let service = Service::start(folder.path());
    refused(&service);
    assert!(service.stop().success());
    let log = std::fs::read_dir(folder.path().join(".data/log")).unwrap().next().unwrap().unwrap().path();
    let verify = ["audit", "verify", "--log", log.to_str().unwrap()];
    let sound = run(folder.path(), &verify).done();
    assert!(sound.contains("are as they were written") && sound.contains("held against 1 kept hash"), "{sound}");
    // The end that the service logged last is the end that is there.
    let logged = std::fs::read_to_string(&log).unwrap();
    let head = logged.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["head"].as_str().map(str::to_owned)
    });
    assert!(sound.contains(&format!("The chain ends at {}", head.unwrap())), "{sound}");

    let false_head = format!("1:{}", "0".repeat(64));
    let said = run(folder.path(), &["audit", "verify", "--head", &false_head]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("position 1 is not as it was logged"), "{}", said.out);
    assert_eq!(said.err, "drawbridge: the trail was tampered with: 1 finding\n");
    assert_eq!(run(folder.path(), &["audit", "verify", "--head", "1:abc"]).code, 2);
}

/// At the level that says most, of everything that a sign-in, a refusal and a mail bring about.
#[test]
fn neither_standard_output_nor_the_files_hold_a_secret_at_any_level() {
    let folder = folder();
    let service = Service::start_with(folder.path(), &[("RUST_LOG", "trace")]);
    let credentials = std::fs::read_to_string(folder.path().join(".data/dev-credentials.env")).unwrap();
    let credential = |name: &str| {
        let line = credentials.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(['=', '\'', '"']).to_owned()
    };
    let (email, password) = (credential("USER_EMAIL"), credential("USER_PASSWORD"));
    let mut secrets = vec![email.clone(), password.clone(), "nightjar of a password".to_owned()];
    let body = |email: &str, password: &str| format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    let (status, tokens) = service.ask("/v1/auth/login", &["-d", &body(&email, &password)]);
    assert_eq!(status, 200, "{tokens}");
    secrets.extend(["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap().to_owned()));
    assert_eq!(service.ask("/v1/auth/login", &["-d", &body(&email, "nightjar of a password")]).0, 401);
    let refresh = format!(r#"{{"refresh_token":{}}}"#, tokens["refresh_token"]);
    assert_eq!(service.ask("/v1/auth/refresh", &["-d", &refresh]).0, 200);
    let register = r#"{"email":"nightjar@example.org","name":"Nightjar","password":"a small owl in the old barn"}"#;
    assert_eq!(service.ask("/v1/auth/register", &["-d", register]).0, 202);
    secrets.extend(["nightjar@example.org", "Nightjar", "in the old barn"].map(str::to_owned));

    let mut told = service.stop_and_read();
    assert!(told.lines().count() > 5, "it logs: {told}");
    for file in std::fs::read_dir(folder.path().join(".data/log")).unwrap() {
        told.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    for secret in secrets {
        assert!(!told.contains(&secret), "{secret} in {told}");
    }
}

//! The program as people and scripts call it.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drawbridge-attack")).args(arguments).output().expect("the program was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_target_that_is_not_this_machine_is_refused_in_one_sentence() {
    let output = run(&["http://192.0.2.1:9"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("--i-own-this-target"), "{said}");
}

#[test]
fn used_wrongly_it_says_so_and_attacks_nobody() {
    for arguments in [
        &["--only", "no-such-case"][..],
        &["--family", "no-such-family"],
        &["--token", "x"],
        &["http://127.0.0.1:1", "--token", "", "--protected", "/x"],
        &["http://127.0.0.1:1"],
        &["http://127.0.0.1:1", "--credentials", "/no/such/file"],
        &["--no-such-option"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_list_names_every_case_once() {
    let output = run(&["--list"]);
    let list = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    let cases = drawbridge_attack::cases();
    for case in &cases {
        assert_eq!(
            list.lines().filter(|line| line.split_whitespace().next() == Some(case.id)).count(),
            1,
            "{}",
            case.id
        );
    }
    assert!(list.trim_end().ends_with(&format!("{} cases", cases.len())));
}

#[test]
fn families_and_ids_narrow_the_list() {
    let output = run(&["--list", "--only", "jwt-alg-none,jwt-jku", "--family", "sessions"]);
    let list = text(&output.stdout);
    assert!(list.contains("tokens (2)") && list.contains("sessions (") && !list.contains("claims ("), "{list}");
}

#[test]
fn what_could_not_be_tried_is_no_success() {
    // Whatever is asked, it says no: the genuine token fails, so nothing is proved.
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in server.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let token = "e30.eyJzdWIiOiJhIn0.c2ln";
    let output = run(&[&url, "--only", "jwt-alg-none", "--token", token, "--protected", "/door"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("0 held, 0 holes, 0 skipped, 1 broken"), "{said}");
}

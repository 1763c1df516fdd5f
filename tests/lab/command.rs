//! `drawbridge lab`, as people start it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use drawbridge::lab::PILLARS;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Said, Service, drawbridge, folder, run};

fn refused(arguments: &[&str], settings: &[(&str, &str)]) -> Said {
    let folder = folder();
    let said = bounded(drawbridge(folder.path(), arguments).envs(settings.iter().copied()));
    assert!(!folder.path().join(".data").exists(), "it had begun");
    said
}

/// A lab that starts where it should not would serve on.
fn bounded(command: &mut Command) -> Said {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    let Ok(output) = ended.recv_timeout(Duration::from_secs(20)) else {
        kill_process(pid, Signal::KILL).unwrap();
        panic!("it has started");
    };
    output.into()
}

#[test]
fn there_is_no_lab_in_production_nor_on_a_network() {
    for (setting, why) in [
        (("APP_ENV", "production"), "drawbridge: the lab is for development: APP_ENV says otherwise\n"),
        (
            ("LISTEN_ADDR", "0.0.0.0:3000"),
            "drawbridge: the lab listens on loopback alone: LISTEN_ADDR is another address\n",
        ),
        (
            ("LISTEN_ADDR", "[::]:3000"),
            "drawbridge: the lab listens on loopback alone: LISTEN_ADDR is another address\n",
        ),
    ] {
        assert_eq!(refused(&["lab", "--without", "step-up"], &[setting]).refused(), why);
    }
}

#[test]
fn who_mistypes_a_pillar_is_told_the_nearest() {
    let said = refused(&["lab", "--without", "jwt-audiense"], &[]);
    assert_eq!((said.code, said.err.lines().count()), (2, 1), "{}", said.err);
    assert!(said.err.contains("near to it are `jwt-audience`"), "{}", said.err);
}

#[test]
fn two_careless_handlers_do_not_fit_behind_one_line() {
    let why = refused(&["lab", "--without", "strict-json", "--without", "if-match"], &[]).refused();
    assert!(why.contains("`strict-json` and `if-match` both replace PATCH /v1/users/me"), "{why}");
}

#[test]
fn the_list_names_every_pillar_and_its_files() {
    let list = run(folder().path(), &["lab", "--list"]).done();
    for pillar in &PILLARS {
        for text in [pillar.name, pillar.title, pillar.defence.file, pillar.careless.file] {
            assert!(list.contains(text), "{text}");
        }
    }
}

/// Everything in a folder but the lab's own database, with what stands in it.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let paths = paths.filter(|path| !path.ends_with("lab/postgres"));
    let mut found: Vec<_> = paths
        .flat_map(|path| if path.is_dir() { contents(&path) } else { vec![(path.clone(), fs::read(&path).unwrap())] })
        .collect();
    found.sort();
    found
}

#[test]
fn what_a_developer_has_is_not_touched_and_what_the_lab_had_is_made_anew() {
    let folder = folder();
    let data = folder.path().join(".data");
    for (file, text) in [
        ("keys/2026-01-01T00-00-00Z.pem", "a key"),
        ("mail/1.eml", "a mail"),
        ("postgres/PG_VERSION", "a database"),
        ("dev-credentials.env", "USER_PASSWORD=theirs"),
        ("data-encryption.keys", "keys"),
    ] {
        fs::create_dir_all(data.join(file).parent().unwrap()).unwrap();
        fs::write(data.join(file), text).unwrap();
    }
    let before = contents(&data);
    let theirs =
        || -> Vec<_> { contents(&data).into_iter().filter(|(path, _)| !path.starts_with(data.join("lab"))).collect() };
    let settings = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/theirs"), ("LOG_DIR", "their-log")];

    let mut service = Service::start_as(folder.path(), &["lab", "--without", "strict-json"], &settings);
    let credentials = fs::read_to_string(data.join("lab/dev-credentials.env")).unwrap();
    let named = |name: &str| {
        let line = credentials.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches('=').to_owned()
    };
    let token = service.login("user@example.com", &named("USER_PASSWORD")).unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    let doubled = service.ask("/v1/users/me", &["-X", "PATCH", "-H", &bearer, "-d", r#"{"name":"A","name":"B"}"#]);
    assert_eq!((doubled.0, &doubled.1["name"]), (200, &"B".into()));
    assert!(service.stop_and_read().contains("sys_shutdown"));
    assert_eq!(theirs(), before);
    assert!(!folder.path().join("their-log").exists());

    service = Service::start_as(folder.path(), &["lab"], &settings);
    assert_eq!(service.login("user@example.com", &named("USER_PASSWORD")), Err("INVALID_CREDENTIALS".into()));
    assert!(service.stop().success());
    assert_eq!(theirs(), before);
}

#[test]
fn what_is_left_out_is_said_loudly_in_the_log_and_to_the_person() {
    let folder = folder();
    let command = ["lab", "--without", "step-up", "--without", "cors-allowlist"];
    let mut service = drawbridge(folder.path(), &command);
    service.env("LISTEN_ADDR", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut service = service.spawn().unwrap();
    let hints = BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok);
    let hints: Vec<_> = hints.take_while(|line| !line.contains("cargo run -p drawbridge-attack")).collect();
    assert!(Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap().success());
    assert!(service.wait().unwrap().success());
    let loud = "INSECURE LAB: this service has a hole on purpose; left out: step-up, cors-allowlist";
    assert!(hints.iter().any(|line| line.contains(loud)), "{hints:?}");
    let log = contents(&folder.path().join(".data/lab/log"));
    assert!(log.iter().any(|(_, text)| String::from_utf8_lossy(text).contains(loud)));
}

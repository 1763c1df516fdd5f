//! The kept server of a service.

use crate::support::{
    Running, Scratch, eventually, is_alive, ordinary, processes, program, refusal, server_pid, signal, sql,
};
use rustix::process::{Signal, geteuid};
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_second_start_finds_the_data_the_password_and_the_port() {
    let scratch = Scratch::new();
    let first = Running::start(&scratch.cluster());
    let url = first.url.clone();
    sql(&url, "create table kept (word text); insert into kept values ('still here')").unwrap();
    first.end();
    assert!(sql(&url, "select 1").is_err(), "the server stops with its owner");
    let second = Running::start(&scratch.cluster());
    assert_eq!(second.url, url);
    assert_eq!(sql(&url, "select word from kept").unwrap(), "still here");
    assert_eq!(sql(&url, "select current_setting('fsync')").unwrap(), "on");
}

#[test]
fn an_ordinary_user_needs_nothing_set_up() {
    let scratch = Scratch::new();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o777)).unwrap();
    let running = Running::of(ordinary("start", &scratch.cluster(), &scratch));
    assert_eq!(sql(&running.url, "select 1").unwrap(), "1");
    running.end();
}

#[test]
fn a_start_as_root_leaves_an_ordinary_users_cluster_usable_for_its_owner() {
    let scratch = Scratch::new();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o777)).unwrap();
    let owner = || Running::of(ordinary("start", &scratch.cluster(), &scratch));
    let first = owner();
    sql(&first.url, "create table kept (word text)").unwrap();
    first.end();
    let by_root = Running::start(&scratch.cluster());
    assert_eq!(sql(&by_root.url, "select count(*) from kept").unwrap(), "0");
    by_root.end();
    let again = owner();
    assert_eq!(sql(&again.url, "select count(*) from kept").unwrap(), "0");
    again.end();
}

#[test]
fn without_the_password_nobody_comes_in_and_it_is_written_down_only_once() {
    let scratch = Scratch::new();
    let running = Running::start(&scratch.cluster());
    let password = fs::read_to_string(scratch.cluster().join("password")).unwrap();
    let wrong = running.url.replace(&password, "wrong");
    assert!(sql(&wrong, "select 1").unwrap_err().contains("password authentication failed"));
    assert_eq!(password.len(), 64, "256 bits in hexadecimal");
    assert!(processes(&[&password]).is_empty(), "not on a command line");
    let mode = fs::metadata(scratch.cluster().join("password")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!fs::read_to_string(scratch.cluster().join("server.log")).unwrap().contains(&password));
}

#[test]
fn refused_values_do_not_reach_the_log() {
    let scratch = Scratch::new();
    let running = Running::start(&scratch.cluster());
    sql(&running.url, "create table people (email text primary key); insert into people values ('canary@x')").unwrap();
    assert!(sql(&running.url, "insert into people values ('canary@x')").is_err());
    let log = fs::read_to_string(scratch.cluster().join("server.log")).unwrap();
    assert!(log.contains("duplicate key"), "the error itself is logged");
    assert!(!log.contains("canary"), "its values are not");
}

#[test]
fn the_server_dies_with_a_killed_owner() {
    let scratch = Scratch::new();
    let running = Running::start(&scratch.cluster());
    let server = server_pid(&scratch.cluster()).unwrap();
    running.kill();
    eventually("the watchdog has stopped the server", || !is_alive(server));
    let path = scratch.cluster().display().to_string();
    eventually("the watchdog is gone too", || processes(&[&path]).is_empty());
}

#[test]
fn a_start_right_after_a_kill_waits_for_the_old_server() {
    let scratch = Scratch::new();
    let killed = Running::start(&scratch.cluster());
    sql(&killed.url, "create table kept (word text)").unwrap();
    killed.kill();
    let next = Running::start(&scratch.cluster());
    assert_eq!(sql(&next.url, "select count(*) from kept").unwrap(), "0");
}

#[test]
fn a_server_whose_watchdog_was_killed_too_is_replaced() {
    let scratch = Scratch::new();
    let running = Running::start(&scratch.cluster());
    let orphan = server_pid(&scratch.cluster()).unwrap();
    let path = scratch.cluster().display().to_string();
    for watchdog in processes(&["postgres-watchdog", &path]) {
        signal(watchdog, Signal::KILL);
    }
    running.kill();
    assert!(is_alive(orphan), "nobody is left to stop it");
    let next = Running::start(&scratch.cluster());
    eventually("init has buried the orphan", || !is_alive(orphan));
    assert_eq!(sql(&next.url, "select 1").unwrap(), "1");
}

#[test]
fn a_stale_pid_file_is_no_obstacle_even_when_its_pid_is_a_strangers() {
    let scratch = Scratch::new();
    Running::start(&scratch.cluster()).end();
    let data = scratch.cluster().join("data");
    let owner = fs::metadata(&data).unwrap();
    // It ends with its standard input, and so with this test.
    let mut stranger = Command::new("cat");
    stranger.uid(owner.uid()).gid(owner.gid()).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut stranger = stranger.spawn().unwrap();
    for pid in [i32::MAX.to_string(), stranger.id().to_string()] {
        fs::write(data.join("postmaster.pid"), format!("{pid}\n{}\n1\n1\n\n127.0.0.1\n\nready\n", data.display()))
            .unwrap();
        Running::start(&scratch.cluster()).end();
    }
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger is left alone");
}

#[test]
fn a_killed_server_comes_back_on_its_port_with_its_data() {
    let scratch = Scratch::new();
    let running = Running::start(&scratch.cluster());
    sql(&running.url, "create table kept (word text)").unwrap();
    let killed = server_pid(&scratch.cluster()).unwrap();
    signal(killed, Signal::KILL);
    eventually("the same URL answers again", || sql(&running.url, "select count(*) from kept").is_ok());
    assert_ne!(server_pid(&scratch.cluster()), Some(killed));
    running.end();
    assert_eq!(server_pid(&scratch.cluster()), None, "the new server stops with its owner as well");
}

#[test]
fn two_at_once_are_told_and_the_first_is_not_harmed() {
    let scratch = Scratch::new();
    let first = Running::start(&scratch.cluster());
    let server = server_pid(&scratch.cluster());
    let refusal = refusal(program("start", &scratch.cluster()));
    assert!(refusal.contains("in use by another running instance"), "{refusal}");
    assert_eq!(refusal.lines().count(), 1);
    assert_eq!(sql(&first.url, "select 1").unwrap(), "1");
    assert_eq!(server_pid(&scratch.cluster()), server);
}

#[test]
fn the_command_line_joins_a_running_server_and_leaves_it_running() {
    let scratch = Scratch::new();
    let service = Running::start(&scratch.cluster());
    let joined = Running::join(&scratch.cluster());
    assert_eq!(joined.url, service.url);
    joined.end();
    assert_eq!(sql(&service.url, "select 1").unwrap(), "1");
}

#[test]
fn the_command_line_starts_a_server_where_none_runs_and_stops_it() {
    let scratch = Scratch::new();
    let alone = Running::join(&scratch.cluster());
    assert_eq!(sql(&alone.url, "select 1").unwrap(), "1");
    let server = server_pid(&scratch.cluster()).unwrap();
    alone.end();
    assert!(!is_alive(server));
}

#[test]
fn a_taken_port_is_left_for_another() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    fs::create_dir_all(scratch.cluster()).unwrap();
    fs::write(scratch.cluster().join("port"), port.to_string()).unwrap();
    let running = Running::start(&scratch.cluster());
    assert!(!running.url.contains(&format!(":{port}/")));
    assert_eq!(sql(&running.url, "select 1").unwrap(), "1");
}

#[test]
fn a_read_only_folder_is_answered_by_one_sentence_with_a_way_out() {
    let scratch = Scratch::new();
    let closed = scratch.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
    let refusal = refusal(ordinary("start", &closed.join("postgres"), &scratch));
    assert_eq!(refusal.lines().count(), 1);
    assert!(refusal.contains("cannot write to") && refusal.contains("DATABASE_URL"), "{refusal}");
}

#[test]
fn programs_that_are_named_but_absent_are_not_replaced_by_others() {
    let scratch = Scratch::new();
    let mut start = program("start", &scratch.cluster());
    start.env("PG_BIN", scratch.0.join("nothing"));
    let refusal = refusal(start);
    assert!(refusal.starts_with("PG_BIN=") && refusal.lines().count() == 1, "{refusal}");
}

#[test]
fn data_of_another_major_version_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.cluster().join("data")).unwrap();
    fs::write(scratch.cluster().join("data/PG_VERSION"), "9\n").unwrap();
    let mut start = program("start", &scratch.cluster());
    start.env_remove("CARGO"); // no download
    let refusal = refusal(start);
    assert!(refusal.contains("made by PostgreSQL 9"), "{refusal}");
    assert_eq!(fs::read_to_string(scratch.cluster().join("data/PG_VERSION")).unwrap(), "9\n");
}

#[test]
fn a_checkout_closed_to_the_servers_user_has_its_data_elsewhere() {
    let scratch = Scratch::new();
    assert_eq!(dev_postgres::data_dir(&scratch.cluster()).unwrap(), scratch.cluster());
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o700)).unwrap();
    let elsewhere = dev_postgres::data_dir(&scratch.cluster()).unwrap();
    if geteuid().is_root() {
        let below_root = scratch.cluster().strip_prefix("/").unwrap().to_owned();
        assert_eq!(elsewhere, Path::new("/var/lib/dev-postgres").join(below_root));
    } else {
        assert_eq!(elsewhere, scratch.cluster(), "an ordinary user's server is himself");
    }
}

#[test]
fn data_that_became_closed_to_the_servers_user_is_not_silently_replaced_by_an_empty_database() {
    let scratch = Scratch::new();
    Running::start(&scratch.cluster()).end();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o700)).unwrap();
    match dev_postgres::data_dir(&scratch.cluster()) {
        Ok(same) => assert!(!geteuid().is_root() && same == scratch.cluster()),
        Err(why) => assert!(why.to_string().contains("chmod o+x"), "{why}"),
    }
}

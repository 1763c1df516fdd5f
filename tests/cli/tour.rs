//! README's tour, the chapter on the second factor and the practice questions, as written: their commands are run by `sh`,
//! and what they print must be what is shown.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use regex::Regex;

use crate::program::{Service, command, folder};

/// One shell runs all blocks, as a reader has one terminal; this line between them tells their output apart.
const BORDER: &str = "=====";

/// A block of commands, and the block below it that shows what they print.
struct Step {
    commands: String,
    shown: String,
}

fn steps(readme: &str) -> Vec<Step> {
    let pair = Regex::new(r"(?s)```sh\n(.*?)```\n```text\n(.*?)```\n").unwrap();
    let steps = pair.captures_iter(readme);
    steps.map(|step| Step { commands: step[1].to_owned(), shown: step[2].to_owned() }).collect()
}

/// `…` stands for what differs from time to time, within one line.
fn pattern(shown: &str) -> Regex {
    let text = regex::escape(shown.trim_end()).replace('…', ".*");
    Regex::new(&format!("^{text}$")).unwrap()
}

/// Runs every block of a document against a service in this folder.
fn follow(document: &str, folder: &std::path::Path, service: &Service) {
    let text = std::fs::read_to_string(document).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= 7 && steps.len() == text.matches("```sh\n").count(), "each block shows what it prints");

    let commands: Vec<_> = steps.iter().map(|step| step.commands.as_str()).collect();
    let script = commands.join(&format!("echo\necho {BORDER}\n")).replace("http://localhost:3000", &service.base);
    let script = script.replace("cargo run -q --", env!("CARGO_BIN_EXE_drawbridge"));
    let Output { status, stdout, stderr } = shell(folder, &script);
    let (printed, complaints) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{complaints}\n{printed}");

    let printed: Vec<_> = printed.split(&format!("\n{BORDER}\n")).collect();
    assert_eq!(printed.len(), steps.len(), "{printed:?}");
    for (step, printed) in steps.iter().zip(printed) {
        let shown = pattern(&step.shown);
        assert!(shown.is_match(printed.trim_end()), "\n{}\nprinted\n{printed}\nand not\n{}", step.commands, step.shown);
    }
}

#[test]
fn the_tour_in_the_readme_runs_as_written_and_its_data_outlives_the_service() {
    let folder = folder();
    let service = Service::start(folder.path());
    follow("README.md", folder.path(), &service);
    assert!(service.stop().success(), "SIGTERM ends it in order");
    let service = Service::start(folder.path());
    assert!(service.login("ada@example.org", "a lamp in the north window").is_ok(), "Ada is still there");
}

#[test]
fn the_chapter_on_the_second_factor_runs_as_written() {
    let folder = folder();
    let service = Service::start(folder.path());
    follow("docs/second-factor.md", folder.path(), &service);
}

#[test]
fn the_practice_questions_are_answered_as_written() {
    let folder = folder();
    let service = Service::start(folder.path());
    follow("docs/practice.md", folder.path(), &service);
}

fn shell(folder: &std::path::Path, script: &str) -> Output {
    let mut shell = command("sh", folder);
    let shell = shell.arg("-e").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

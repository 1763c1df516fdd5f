//! `cargo run -p compliance -- check [RESULTS…]` holds the tables in `docs/compliance/` against the complete list of requirements, the
//! code, the tests, and what the tests did (RESULTS: what `cargo test` or `cargo nextest run` wrote, both streams). `write` brings
//! the counts in the documents up to date.
//!
//! Without it such a table is a promise from the day when somebody wrote it. With it a test that is renamed, or fails, or is not
//! run any more takes its row along. It cannot tell whether a test shows what its row says: that is for whoever reads the change.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Write},
    process::ExitCode,
};

mod check;
mod code;
mod counts;
mod project;
mod requirements;
mod results;
mod table;

use crate::{project::Project, results::Results, table::Row};

const USAGE: &str = "\
usage: compliance check [RESULTS…]    hold the tables against code and tests; RESULTS: saved output of `cargo test … 2>&1`
       compliance write               bring the counts in README.md and docs/compliance/README.md up to date
Run it in the project's folder. Exit 0: all of it holds. 1: something does not. 2: used wrongly.
";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match run(&words) {
        Ok((code, said)) => speak(&mut io::stdout(), &said, code),
        Err(wrong) => speak(&mut io::stderr(), &format!("compliance: {wrong}\n{USAGE}"), 2),
    }
}

/// Who closes the pipe has seen enough.
fn speak(out: &mut impl Write, text: &str, code: u8) -> ExitCode {
    let _ = out.write_all(text.as_bytes());
    ExitCode::from(code)
}

fn run(words: &[String]) -> Result<(u8, String), String> {
    let project = Project::here()?;
    match words.split_first() {
        Some((word, files)) if word == "check" => Ok(report(&project, read(files)?.as_ref())),
        Some((word, [])) if word == "write" => {
            let written = counts::write(&project)?;
            Ok((0, lines(written.into_iter().map(|file| format!("{file}: counts brought up to date")))))
        }
        _ => Err("say `check` or `write`".to_owned()),
    }
}

fn read(files: &[String]) -> Result<Option<Results>, String> {
    let mut results = Results::default();
    for file in files {
        let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        if results.add(&String::from_utf8_lossy(&bytes)) == 0 {
            return Err(format!("{file} holds no test of any binary: save both streams, `cargo test … > FILE 2>&1`"));
        }
    }
    Ok((!files.is_empty()).then_some(results))
}

fn report(project: &Project, results: Option<&Results>) -> (u8, String) {
    let (rows, findings) = check::check(project, results);
    if !findings.is_empty() {
        let end = format!("{} findings", findings.len());
        return (1, lines(findings.iter().map(ToString::to_string).chain([end])));
    }
    let tests: BTreeSet<_> = rows.iter().flat_map(Row::tests).collect();
    let passed = if results.is_some() { "have passed" } else { "exist (whether they pass was not asked)" };
    (0, format!("{} rows hold; the {} tests that they name {passed}\n", rows.len(), tests.len()))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.flat_map(|line| [line, "\n".to_owned()]).collect()
}

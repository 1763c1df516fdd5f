//! A project in which all of it holds, and each way in which it does not.

use std::{fs, path::Path};

use super::*;

const HEAD: &str = "| id | level | asked | status | defence | shown by | notes |\n|---|---|---|---|---|---|---|\n";

struct Sample {
    folder: tempfile::TempDir,
}

/// The rows of a sample: the first three, and all others as not applicable.
fn rows(first: &[&str]) -> String {
    let given = |id: &str| first.iter().any(|row| row.starts_with(&format!("| {id} ")));
    let all = requirements::all();
    let others = all.iter().filter(|(id, _)| !given(id));
    let others = others.map(|(id, level)| format!("| {id} | {level} | it | not applicable | | | a reason |"));
    let all: Vec<_> = first.iter().map(|row| (*row).to_owned()).chain(others).collect();
    all.join("\n") + "\n"
}

const GOOD: [&str; 3] = [
    "| 1.1.1 | L2 | decoded once | met | `src/lib.rs` | `api::doors::one_is_shut`, doc tests of `src/lib.rs` | |",
    "| 1.1.2 | L2 | encoded last | partly | `src/lib.rs`, `docs/x.md` | says `shut by night`, step `drills` | half of it |",
    "| 1.2.1 | L1 | per context | not met | | | nobody has |",
];

impl Sample {
    fn new(rows: &str) -> Self {
        let sample = Self { folder: tempfile::tempdir().unwrap() };
        sample.put(
            "docs/compliance/v01.md",
            &format!("# V1\n\n| a | b |\n|---|---|\n| x | y |\n\n{HEAD}{rows}\nProse.\n"),
        );
        sample.put("docs/compliance/README.md", "# It\n<!-- compliance: table -->\n<!-- compliance: end -->\n");
        sample.put("README.md", "# It\n<!-- compliance: line --><!-- compliance: end -->\n");
        sample.put("docs/x.md", "Every door is shut\nby night.\n");
        sample.put("src/lib.rs", "//! ```\n//! ```\n");
        sample.put("tests/api/doors.rs", "#[test]\nfn one_is_shut() {}\n");
        sample.put(".ci/run", "    step \"drills\" tools/drills\n");
        counts::write(&sample.project()).unwrap();
        sample
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, text).unwrap();
    }

    fn project(&self) -> Project {
        Project::at(self.folder.path())
    }

    fn findings(&self, results: Option<&Results>) -> Vec<String> {
        check(&self.project(), results).1.iter().map(ToString::to_string).collect()
    }
}

/// What is found when the first row is this one.
fn found_in(row: &str) -> Vec<String> {
    Sample::new(&rows(&[row, GOOD[1], GOOD[2]])).findings(None)
}

fn ran(outcome: &str) -> Results {
    let mut results = Results::default();
    let read = results.add(&format!(
        "Running tests/api/main.rs (target/debug/deps/api-1)\ntest doors::one_is_shut ... {outcome}\n\
         test src/lib.rs - (line 1) ... ok\n"
    ));
    assert!(read > 0);
    results
}

#[test]
fn where_all_of_it_holds_nothing_is_found() {
    let sample = Sample::new(&rows(&GOOD));
    assert_eq!(sample.findings(None), [""; 0]);
    assert_eq!(sample.findings(Some(&ran("ok"))), [""; 0]);
}

#[test]
fn a_requirement_without_a_row_is_found() {
    let all = rows(&GOOD);
    let without: Vec<_> = all.lines().filter(|line| !line.contains("| 6.2.1 |")).collect();
    assert_eq!(Sample::new(&without.join("\n")).findings(None), ["docs/compliance:0: 6.2.1 has no row"]);
}

#[test]
fn a_row_that_stands_twice_is_found() {
    let twice = rows(&GOOD) + "| 6.2.1 | L1 | it | not applicable | | | a reason |\n";
    let found = Sample::new(&twice).findings(None);
    assert!(found.len() == 1 && found[0].contains("6.2.1: has a row already: docs/compliance/v01.md:"), "{found:?}");
}

#[test]
fn an_id_that_nobody_knows_is_found_and_so_is_a_level_that_is_not_its_own() {
    let unknown = rows(&GOOD) + "| 99.1.1 | L1 | it | not applicable | | | a reason |\n";
    let found = Sample::new(&unknown).findings(None);
    assert!(found.len() == 1 && found[0].ends_with("99.1.1: is no requirement of the list"), "{found:?}");
    let found = found_in(&GOOD[0].replace("L2", "L1"));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: is of level L2, not L1"]);
}

#[test]
fn a_claim_without_a_file_or_without_a_test_is_found() {
    let found = found_in("| 1.1.1 | L2 | it | met | | `api::doors::one_is_shut` | |");
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: claims a defence and names no file"]);
    let found = found_in("| 1.1.1 | L2 | it | partly | `src/lib.rs` | | half |");
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: claims a defence and names no test"]);
}

#[test]
fn a_file_that_is_gone_is_found() {
    let found = found_in(&GOOD[0].replace("| `src/lib.rs` |", "| `src/lib.rs`, `src/gone.rs` |"));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: src/gone.rs is not there"]);
}

#[test]
fn a_test_that_was_renamed_is_found() {
    let found = found_in(&GOOD[0].replace("one_is_shut", "one_is_open"));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: no test is called api::doors::one_is_open"]);
}

#[test]
fn a_test_that_failed_or_was_not_run_is_found() {
    let sample = Sample::new(&rows(&GOOD));
    let failed = sample.findings(Some(&ran("FAILED")));
    assert_eq!(failed, ["docs/compliance/v01.md:9: 1.1.1: api::doors::one_is_shut failed"]);
    let left_out = sample.findings(Some(&ran("ignored")));
    assert_eq!(left_out, ["docs/compliance/v01.md:9: 1.1.1: api::doors::one_is_shut was not run"]);
}

#[test]
fn a_row_that_is_not_met_wants_a_reason() {
    for status in ["partly", "not met", "not applicable"] {
        let row = format!("| 1.1.1 | L2 | it | {status} | `src/lib.rs` | `api::doors::one_is_shut` | |");
        let found = found_in(&row);
        assert_eq!(found, [format!("docs/compliance/v01.md:9: 1.1.1: is `{status}` and gives no reason")]);
    }
}

#[test]
fn words_that_the_document_does_not_say_and_a_step_that_is_gone_are_found() {
    let row = |proof: &str| GOOD[0].replace("`api::doors::one_is_shut`", proof);
    let found = found_in(&row("says `open by night`"));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: none of its files says `open by night`"]);
    let found = found_in(&row("step `dreams`"));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: .ci/run has no step `dreams`"]);
    let found = found_in("| 1.1.1 | L2 | it | met | `src/lib.rs` | doc tests of `docs/x.md` | |");
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: docs/x.md has no examples"]);
}

#[test]
fn examples_that_were_not_run_are_found() {
    let mut results = Results::default();
    results.add("Running tests/api/main.rs (target/debug/deps/api-1)\ntest doors::one_is_shut ... ok\n");
    let found = Sample::new(&rows(&GOOD)).findings(Some(&results));
    assert_eq!(found, ["docs/compliance/v01.md:9: 1.1.1: src/lib.rs was not run"]);
}

#[test]
fn a_row_that_cannot_be_read_is_found_at_its_line() {
    let found = found_in(&GOOD[0].replace("met", "fine"));
    assert!(found.contains(&"docs/compliance/v01.md:9: 1.1.1: `fine` is no status".to_owned()), "{found:?}");
}

#[test]
fn counts_that_are_not_what_the_rows_say_are_found_in_both_documents() {
    let sample = Sample::new(&rows(&GOOD));
    for file in ["README.md", "docs/compliance/README.md"] {
        let before = sample.project().text(file);
        sample.put(file, &before.replacen('1', "7", 1));
        let found = sample.findings(None);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{file}:2: the counts are not")), "{found:?}");
        sample.put(file, "# It\n");
        let found = sample.findings(None);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{file}:1: the counts have no place")), "{found:?}");
        sample.put(file, &before);
    }
    assert_eq!(sample.findings(None), [""; 0]);
}

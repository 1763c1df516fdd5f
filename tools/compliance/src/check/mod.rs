//! What does not hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    code, counts,
    project::{Project, TABLES},
    requirements,
    results::Results,
    table::{self, Finding, Proof, Row, Status},
};

/// The steps that run beside the tests.
const STEPS: &str = ".ci/run";

/// Every row, and every finding in the order of files and lines.
pub fn check(project: &Project, results: Option<&Results>) -> (Vec<Row>, Vec<Finding>) {
    let (rows, mut findings) = table::read(project);
    let judge = Judge { project, known: code::tests(project), steps: project.text(STEPS), results };
    findings.extend(complete(&rows));
    for row in &rows {
        findings.extend(judge.row(row).into_iter().map(|what| finding(row, &what)));
    }
    findings.extend(counts::stale(project, &rows));
    findings.sort();
    (rows, findings)
}

fn finding(row: &Row, what: &str) -> Finding {
    Finding { file: row.file.clone(), line: row.line, what: format!("{}: {what}", row.id) }
}

/// Each id of the list once, and none that is not on it.
fn complete(rows: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, &Row> = BTreeMap::new();
    let all = requirements::all();
    for row in rows {
        match all.get(row.id.as_str()) {
            None => findings.push(finding(row, "is no requirement of the list")),
            Some(level) if *level != row.level => {
                findings.push(finding(row, &format!("is of level {level}, not {}", row.level)));
            }
            Some(_) => {}
        }
        if let Some(first) = seen.insert(&row.id, row) {
            findings.push(finding(row, &format!("has a row already: {}:{}", first.file, first.line)));
        }
    }
    let missing = all.keys().filter(|id| !seen.contains_key(*id));
    findings.extend(missing.map(|id| Finding { file: TABLES.to_owned(), line: 0, what: format!("{id} has no row") }));
    findings
}

/// What a row is held against.
struct Judge<'a> {
    project: &'a Project,
    known: BTreeSet<String>,
    steps: String,
    results: Option<&'a Results>,
}

impl Judge<'_> {
    fn row(&self, row: &Row) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut rule = |holds: bool, what: &str| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        let claims = matches!(row.status, Status::Met | Status::Partly);
        rule(!row.asked.is_empty(), "does not say what is asked");
        rule(!claims || !row.files.is_empty(), "claims a defence and names no file");
        rule(!claims || !row.proofs.is_empty(), "claims a defence and names no test");
        rule(
            row.status == Status::Met || !row.notes.is_empty(),
            &format!("is `{}` and gives no reason", row.status.name()),
        );
        let absent = row.files.iter().filter(|file| !self.project.exists(file));
        wrong.extend(absent.map(|file| format!("{file} is not there")));
        wrong.extend(row.proofs.iter().filter_map(|proof| self.proof(row, proof)));
        wrong
    }

    fn proof(&self, row: &Row, proof: &Proof) -> Option<String> {
        match proof {
            Proof::Test(name) if !self.known.contains(name) => Some(format!("no test is called {name}")),
            Proof::Test(name) => self.outcome(name, |results| results.test(name)),
            Proof::DocTests(file) if !self.project.text(file).contains("```") => {
                Some(format!("{file} has no examples"))
            }
            Proof::DocTests(file) => self.outcome(file, |results| results.examples(file)),
            Proof::Step(name) => {
                let there = self.steps.contains(&format!("step \"{name}\""));
                (!there).then(|| format!("{STEPS} has no step `{name}`"))
            }
            Proof::Words(words) => {
                let said = row.files.iter().any(|file| flat(&self.project.text(file)).contains(&flat(words)));
                (!said).then(|| format!("none of its files says `{words}`"))
            }
        }
    }

    fn outcome(&self, name: &str, of: impl Fn(&Results) -> Option<bool>) -> Option<String> {
        match of(self.results?) {
            Some(true) => None,
            Some(false) => Some(format!("{name} failed")),
            None => Some(format!("{name} was not run")),
        }
    }
}

/// Wherever its lines are broken.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

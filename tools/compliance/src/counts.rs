//! The counts in the documents: what the rows say, and nothing that somebody typed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::{
    project::Project,
    table::{self, Finding, Proof, Row, Status},
};

/// A place in a document, between this mark and [`END`], and what stands in it.
struct Place {
    file: &'static str,
    mark: &'static str,
    text: fn(&[Row]) -> String,
}

const PLACES: [Place; 2] = [
    Place { file: "README.md", mark: "<!-- compliance: line -->", text: line },
    Place { file: "docs/compliance/README.md", mark: "<!-- compliance: table -->", text: table },
];
const END: &str = "<!-- compliance: end -->";

/// Which documents say something else than the rows.
pub fn stale(project: &Project, rows: &[Row]) -> Vec<Finding> {
    let judge = |Place { file, mark, text }: Place| {
        let document = project.text(file);
        let finding = |line, what: String| Some(Finding { file: file.to_owned(), line, what });
        let Some((before, counts, _)) = around(&document, mark) else {
            return finding(1, format!("the counts have no place: {mark} … {END}"));
        };
        let at = before.lines().count() + usize::from(before.ends_with('\n'));
        (counts != text(rows))
            .then(|| finding(at, "the counts are not what the rows say: `compliance write`".to_owned()))?
    };
    PLACES.into_iter().filter_map(judge).collect()
}

/// Brings them up to date; which were not.
pub fn write(project: &Project) -> Result<Vec<&'static str>, String> {
    let (rows, _) = table::read(project);
    let mut written = Vec::new();
    for Place { file, mark, text } in PLACES {
        let document = project.text(file);
        let (before, counts, after) = around(&document, mark).ok_or(format!("{file} has no {mark} … {END}"))?;
        let now = text(&rows);
        if counts != now {
            project.write(file, &format!("{before}{mark}{now}{END}{after}"))?;
            written.push(file);
        }
    }
    Ok(written)
}

fn around<'a>(document: &'a str, mark: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, rest) = document.split_once(mark)?;
    let (counts, after) = rest.split_once(END)?;
    Some((before, counts, after))
}

fn is_asvs(row: &Row) -> bool {
    row.level != "-"
}

fn count(rows: &[Row], of: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| of(row)).count()
}

/// One sentence for the front page.
fn line(rows: &[Row]) -> String {
    let told = |of: fn(&Row) -> bool| {
        let numbers = Status::ALL.map(|status| (count(rows, |row| of(row) && row.status == status), status.name()));
        numbers.map(|(number, name)| format!("{number} {name}")).join(", ")
    };
    format!(
        "Of the {} requirements of OWASP ASVS 5.0.0, levels 1 and 2: {}. Of the {} preventions of the OWASP API Security Top 10 2023: {}.",
        count(rows, is_asvs),
        told(is_asvs),
        count(rows, |row| !is_asvs(row)),
        told(|row| !is_asvs(row)),
    )
}

/// The documents one by one, the levels, and what shows it.
fn table(rows: &[Row]) -> String {
    let names = Status::ALL.map(Status::name).join(" | ");
    let mut text = format!("\n| | rows | {names} |\n|---|---|---|---|---|---|\n");
    let mut tell = |name: &str, of: &dyn Fn(&Row) -> bool| {
        let numbers =
            Status::ALL.map(|status| count(rows, |row| of(row) && row.status == status).to_string()).join(" | ");
        let _ = writeln!(text, "| {name} | {} | {numbers} |", count(rows, of));
    };
    let documents: BTreeSet<_> = rows.iter().map(|row| (row.file.as_str(), row.title.as_str())).collect();
    // The chapters have two digits, so this is their order; the Top 10 comes before them.
    for (file, title) in documents {
        let name = file.rsplit('/').next().unwrap_or(file);
        tell(&format!("[{title}]({name})"), &|row| row.file == file);
    }
    for level in ["L1", "L2"] {
        tell(&format!("**ASVS {level}**"), &|row| row.level == level);
    }
    tell("**API Security Top 10**", &|row| !is_asvs(row));
    tell("**all**", &|_| true);
    text + &proofs(rows)
}

/// A row by the strongest that it has: a test that runs, a step of CI, words.
fn proofs(rows: &[Row]) -> String {
    let mut kinds: BTreeMap<usize, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.status == Status::Met) {
        let rank = row.proofs.iter().map(|proof| match proof {
            Proof::Test(_) | Proof::DocTests(_) => 0,
            Proof::Step(_) => 1,
            Proof::Words(_) => 2,
        });
        *kinds.entry(rank.min().unwrap_or(3)).or_default() += 1;
    }
    let of = |rank: usize| kinds.get(&rank).copied().unwrap_or(0);
    let tests = rows.iter().flat_map(Row::tests).collect::<BTreeSet<_>>().len();
    format!(
        "\nOf what is met, {} are shown by a test, {} by another step of `.ci/run` alone, {} by a document or a manifest that says it. \
         {tests} different tests are named.\n",
        of(0),
        of(1),
        of(2)
    )
}

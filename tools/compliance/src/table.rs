//! Rows of the tables. A table of ours is known by its head; any other table in the same files is prose.

use crate::project::{Project, TABLES};

const HEAD: [&str; 7] = ["id", "level", "asked", "status", "defence", "shown by", "notes"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Met,
    Partly,
    NotMet,
    NotApplicable,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Met, Self::Partly, Self::NotMet, Self::NotApplicable];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::NotMet => "not met",
            Self::NotApplicable => "not applicable",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What shows that a row is true.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// `binary::module::name`.
    Test(String),
    /// The examples in the comments of this file.
    DocTests(String),
    /// A step of `.ci/run` that is no Rust test.
    Step(String),
    /// Words that stand in one of the row's files: for what is a document, or a line of a manifest.
    Words(String),
}

#[derive(Clone, Debug)]
pub struct Row {
    pub file: String,
    /// Of the document.
    pub title: String,
    pub line: usize,
    pub id: String,
    pub level: String,
    pub asked: String,
    pub status: Status,
    pub files: Vec<String>,
    pub proofs: Vec<Proof>,
    pub notes: String,
}

impl Row {
    pub fn tests(&self) -> impl Iterator<Item = &str> {
        self.proofs.iter().filter_map(|proof| if let Proof::Test(name) = proof { Some(name.as_str()) } else { None })
    }
}

/// Something that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Every row of every document, and what cannot be read as one.
pub fn read(project: &Project) -> (Vec<Row>, Vec<Finding>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for file in project.files(TABLES, ".md") {
        let (text, mut ours) = (project.text(&file), false);
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        for (at, line) in text.lines().enumerate() {
            let cells = cells(line);
            ours = !cells.is_empty() && (ours || cells == HEAD);
            if !ours || cells == HEAD || cells[0].starts_with("--") {
                continue;
            }
            match row(&cells) {
                Ok(row) => rows.push(Row { file: file.clone(), title: title.to_owned(), line: at + 1, ..row }),
                Err(what) => findings.push(Finding { file: file.clone(), line: at + 1, what }),
            }
        }
    }
    (rows, findings)
}

/// None: no line of a table.
fn cells(line: &str) -> Vec<&str> {
    let within = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    within.map(|line| line.split('|').map(str::trim).collect()).unwrap_or_default()
}

fn row(cells: &[&str]) -> Result<Row, String> {
    let &[id, level, asked, status, files, proofs, notes] = cells else {
        return Err(format!("a row has {} cells, and this one {} (no cell may hold a `|`)", HEAD.len(), cells.len()));
    };
    Ok(Row {
        file: String::new(),
        title: String::new(),
        line: 0,
        id: id.to_owned(),
        level: level.to_owned(),
        asked: asked.to_owned(),
        status: Status::named(status).ok_or_else(|| format!("{id}: `{status}` is no status"))?,
        files: marked(files).map_err(|what| format!("{id}: {what}"))?.into_iter().map(|(_, path)| path).collect(),
        proofs: proofs_in(proofs).map_err(|what| format!("{id}: {what}"))?,
        notes: notes.to_owned(),
    })
}

fn proofs_in(cell: &str) -> Result<Vec<Proof>, String> {
    let proof = |(kind, text): (String, String)| match kind.as_str() {
        "" => Ok(Proof::Test(text)),
        "doc tests of" => Ok(Proof::DocTests(text)),
        "step" => Ok(Proof::Step(text)),
        "says" => Ok(Proof::Words(text)),
        _ => Err(format!("`{kind}` is no kind of proof")),
    };
    marked(cell)?.into_iter().map(proof).collect()
}

/// What stands between back-ticks, each with the word before it.
fn marked(cell: &str) -> Result<Vec<(String, String)>, String> {
    let parts: Vec<_> = cell.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return Err(format!("a back-tick without its other one in: {cell}"));
    }
    let (pairs, rest) = parts.as_chunks::<2>();
    if rest.iter().any(|rest| !rest.trim().is_empty()) {
        return Err(format!("`{}` stands outside of back-ticks", rest[0].trim()));
    }
    Ok(pairs.iter().map(|[before, text]| (before.trim_matches([',', ' ']).to_owned(), (*text).to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_proof_is_read() {
        let cell = "`api::a::b`, says `at least 15`, step `the book`, doc tests of `src/lib.rs`";
        let proofs = proofs_in(cell).unwrap();
        assert_eq!(
            proofs,
            [
                Proof::Test("api::a::b".into()),
                Proof::Words("at least 15".into()),
                Proof::Step("the book".into()),
                Proof::DocTests("src/lib.rs".into())
            ]
        );
        assert!(proofs_in("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        for wrong in ["api::a::b", "`api::a::b", "because `api::a::b`", "`a` and more"] {
            assert!(proofs_in(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_row_has_its_cells_and_a_status_that_there_is() {
        assert_eq!(row(&["1.1.1", "L1", "x", "met", "`a`", "`b::c`", ""]).unwrap().files, ["a"]);
        assert!(row(&["1.1.1", "L1", "x", "met", "`a`", "`b::c`"]).unwrap_err().contains("cells"));
        assert!(row(&["1.1.1", "L1", "x", "fine", "`a`", "`b::c`", ""]).unwrap_err().contains("no status"));
    }
}

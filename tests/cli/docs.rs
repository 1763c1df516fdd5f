//! What the documents point to is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = found.partition(|path| path.is_dir());
    let deeper = folders.iter().flat_map(|folder| self::files(folder.to_str().unwrap(), ending));
    files.into_iter().filter(|file| file.extension().is_some_and(|found| found == ending)).chain(deeper).collect()
}

fn documents() -> impl Iterator<Item = (PathBuf, String)> {
    let top =
        ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md"].map(PathBuf::from);
    top.into_iter().chain(files("docs", "md")).map(|file| (file.clone(), fs::read_to_string(file).unwrap()))
}

#[test]
fn every_test_that_a_document_names_exists() {
    let code = ["src", "tests"].iter().flat_map(|folder| files(folder, "rs"));
    let code: String = code.map(|file| fs::read_to_string(file).unwrap()).collect();
    let name = Regex::new(r"`(?:\w+::)+(\w+)`").unwrap();
    let mut seen = 0;
    for (document, text) in documents() {
        for named in name.captures_iter(&text).filter(|named| named[1].matches('_').count() > 2) {
            assert!(code.contains(&format!("fn {}()", &named[1])), "{} names {}", document.display(), &named[0]);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn every_link_and_path_in_a_document_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    let path =
        Regex::new(r"`((?:src|tests|docs|tools|migrations|features|http|security|server|database)/[\w./-]*)`").unwrap();
    for (document, text) in documents() {
        let beside = document.parent().unwrap();
        // A page of the host that the repository lives on is no file.
        for target in link.captures_iter(&text).filter(|link| !link[1].starts_with("../../")) {
            assert!(beside.join(&target[1]).exists(), "{} links to {}", document.display(), &target[1]);
        }
        for named in path.captures_iter(&text) {
            let known = ["", "src"].iter().any(|root| Path::new(root).join(&named[1]).exists());
            assert!(known, "{} names {}", document.display(), &named[1]);
        }
    }
}

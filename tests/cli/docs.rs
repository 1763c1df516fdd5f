//! What the documents point to is there.

use std::{
    collections::BTreeSet,
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
            assert!(code.contains(&format!("fn {}(", &named[1])), "{} names {}", document.display(), &named[0]);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn every_link_and_path_in_a_document_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#:]*)(?:#([^):]+))?\)").unwrap();
    let path =
        Regex::new(r"`((?:src|tests|docs|tools|migrations|features|http|security|server|database)/[\w./-]*)`").unwrap();
    for (document, text) in documents() {
        let beside = document.parent().unwrap();
        // Above the top of the repository are pages of the host that it lives on, and no files.
        let leaves = |link: &str| beside == Path::new("") && link.starts_with("../");
        for found in link.captures_iter(&text).filter(|link| !leaves(&link[1])) {
            let target = if found[1].is_empty() { document.clone() } else { beside.join(&found[1]) };
            assert!(target.exists(), "{} links to {}", document.display(), &found[1]);
            if let Some(place) = found.get(2) {
                let places = headings(&fs::read_to_string(&target).unwrap());
                assert!(places.contains(place.as_str()), "{} links to #{}", document.display(), place.as_str());
            }
        }
        for named in path.captures_iter(&text) {
            let known = ["", "src"].iter().any(|root| Path::new(root).join(&named[1]).exists());
            assert!(known, "{} names {}", document.display(), &named[1]);
        }
    }
}

/// As GitHub and mdBook name the places of a page: in small letters, hyphens for spaces, without punctuation.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let name = |title: &str| title.trim().to_lowercase().replace(' ', "-");
    titles.map(|title| name(title).chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()).collect()
}

/// The book (`tools/book/build`) takes code from between two marks, and shows an empty block where there are none.
#[test]
fn every_inclusion_finds_its_marks_and_every_chapter_its_place() {
    let inclusion = Regex::new(r"\{\{#include ([^}:]+):([\w-]+)\}\}").unwrap();
    let contents = fs::read_to_string("docs/SUMMARY.md").unwrap();
    for chapter in files("docs", "md") {
        let text = fs::read_to_string(&chapter).unwrap();
        for found in inclusion.captures_iter(&text) {
            let source = fs::read_to_string(chapter.parent().unwrap().join(&found[1])).unwrap_or_default();
            let inside = source.split_once(&format!("// ANCHOR: {}\n", &found[2]));
            let inside = inside.and_then(|(_, rest)| rest.split_once(&format!("// ANCHOR_END: {}\n", &found[2])));
            assert!(inside.is_some_and(|(code, _)| !code.trim().is_empty()), "{}: {}", chapter.display(), &found[0]);
        }
        let place = chapter.strip_prefix("docs").unwrap().display();
        let listed = contents.contains(&format!("({place})")) || chapter.ends_with("SUMMARY.md");
        assert!(listed, "{} is not in docs/SUMMARY.md", chapter.display());
    }
}

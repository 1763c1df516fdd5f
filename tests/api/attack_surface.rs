//! The whole attack surface in one file that a reviewer reads: a change to it shows in a diff.

use std::collections::BTreeSet;

use drawbridge::{app, http::openapi};

/// `drawbridge routes`, as it was last agreed to.
const AGREED: &str = include_str!("attack_surface.txt");

#[test]
fn the_attack_surface_is_the_one_that_was_agreed_to() {
    let table: Vec<_> = app::table().iter().map(ToString::to_string).collect();
    assert_eq!(
        table,
        AGREED.lines().collect::<Vec<_>>(),
        "if this is intended: cargo run -- routes > tests/api/attack_surface.txt"
    );
}

#[test]
fn the_committed_openapi_document_is_the_one_that_is_served() {
    let document = serde_json::to_string_pretty(&openapi::document(&app::table())).unwrap() + "\n";
    assert_eq!(document, include_str!("../../openapi.json"), "run: cargo run -- openapi > openapi.json");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let table = app::table();
    let names: BTreeSet<_> = table.iter().map(|route| route.about.summary).collect();
    assert_eq!(names.len(), table.len());
}

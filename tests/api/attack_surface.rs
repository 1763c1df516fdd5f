//! The whole attack surface in one file that a reviewer reads: a change to it shows in a diff.

use std::collections::BTreeSet;

use drawbridge::{app, http::openapi};
use serde_json::json;

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

#[test]
fn the_document_names_the_role_that_a_route_wants() {
    let document = openapi::document(&app::table());
    for (path, role) in [("/v1/admin/users", json!(["admin"])), ("/v1/users/me", json!([]))] {
        assert_eq!(document["paths"][path]["get"]["security"][0]["access_token"], role, "{path}");
    }
}

/// A generated client takes an example for a promise of the form.
#[test]
fn an_example_of_an_answer_has_the_fields_that_may_be_null() {
    let document = openapi::document(&app::table());
    let page = &document["paths"]["/v1/users/me/sessions"]["get"]["responses"]["200"]["content"]["application/json"];
    assert!(page["example"].as_object().unwrap().contains_key("next_cursor"), "{page}");
}

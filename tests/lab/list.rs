//! The list of pillars, held against the code that it points to, the attacks that it names, and the page that prints it.

use std::{collections::BTreeSet, fmt::Write, fs};

use drawbridge::lab::PILLARS;
use drawbridge_attack::cases;

const PAGE: &str = "docs/lab.md";
const BEGIN: &str = "<!-- The table is written by tests/lab/list.rs: UPDATE_EXPECT=1 cargo test --features insecure-lab --test lab list -->\n";

#[test]
fn every_pillar_has_a_defence_and_a_careless_counterpart_to_be_read() {
    for pillar in &PILLARS {
        for excerpt in [&pillar.defence, &pillar.careless] {
            let lines = excerpt.code().lines().count();
            assert!((1..=60).contains(&lines), "{} in {}: {lines} lines", excerpt.anchor, excerpt.file);
        }
    }
}

#[test]
fn the_attacks_that_a_pillar_names_are_its_own() {
    for pillar in &PILLARS {
        for id in pillar.cases {
            let case = cases().into_iter().find(|case| case.id == *id).unwrap_or_else(|| panic!("{id} is no attack"));
            assert_eq!(case.pillar, Some(pillar.name), "{id}");
        }
    }
    let named: BTreeSet<_> = PILLARS.iter().map(|pillar| pillar.name).collect();
    for case in cases() {
        assert!(case.pillar.is_none_or(|pillar| named.contains(pillar)), "{}: {:?} is no pillar", case.id, case.pillar);
    }
}

/// Two pillars are left out by putting the layers on once more. A layer that is added to the service is one of the lab's.
#[test]
fn the_lab_puts_on_the_layers_of_the_service_but_for_those_it_leaves_out() {
    let layers = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(".layer("));
        lines.map(|line| line.split(" //").next().unwrap().trim().to_owned()).collect()
    };
    let service = layers("src/app.rs");
    assert!(service.len() > 6, "{service:?}");
    let beside = ["from_fn(turned_away))"]; // a full house has no lab
    let sizes = ["DefaultBodyLimit::max(limits::BODY_BYTES))", "from_fn(gate::sizes))"];
    for (file, left_out) in [("layers", &sizes[..]), ("answers", &[])] {
        let lab = layers(&format!("src/lab/careless/{file}.rs"));
        for layer in service.iter().filter(|layer| ![&beside, left_out].concat().contains(&layer.as_str())) {
            assert!(lab.contains(layer), "{file}.rs lacks {layer}");
        }
    }
}

#[test]
fn the_readme_says_how_many_there_are() {
    let readme = fs::read_to_string("README.md").unwrap();
    for count in [format!("{} attacks", cases().len()), format!("{} pillars", PILLARS.len())] {
        assert!(readme.contains(&count), "README.md does not say {count}");
    }
}

#[test]
fn the_page_prints_this_list() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let after = rest.find("\n\n").map_or("", |end| &rest[end..]);
    let written = format!("{before}{BEGIN}{}{after}", table().trim_end());
    #[expect(clippy::disallowed_methods, reason = "not a setting of the service")]
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(PAGE, &written).unwrap();
    }
    assert!(fs::read_to_string(PAGE).unwrap() == written, "the table of {PAGE} is out of date: {BEGIN}");
}

fn table() -> String {
    let mut table = "| left out | then | attacks that succeed without it, and are refused with it | defence | by |\n|---|---|---|---|---|\n".to_owned();
    for pillar in &PILLARS {
        let attacks: Vec<_> = pillar.cases.iter().map(|id| format!("`{id}`")).collect();
        writeln!(
            table,
            "| `{}` | {} | {} | `{}` | {} in `{}` |",
            pillar.name,
            pillar.title,
            attacks.join(", "),
            pillar.defence.file,
            pillar.without.means(),
            pillar.careless.file,
        )
        .unwrap();
    }
    table
}

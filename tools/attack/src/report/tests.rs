use std::time::Duration;

use super::{Counts, Report};
use crate::{
    case::{Case, Outcome, PLAIN, Verdict},
    wire::Exchange,
};

const EVIL: &str = "</pre><script>alert(1)</script>\" onload='x' & \u{1b}[31m]]>";

static CASE: Case = Case {
    id: "a-case",
    title: "Somebody tries something",
    owasp: &["API2:2023"],
    asvs: &["9.1.2"],
    teaching: "What it is, who fell for it, and what stops it.",
    ..PLAIN
};

fn outcome(verdict: Verdict) -> Outcome {
    let exchange =
        Exchange { note: EVIL.to_owned(), request: EVIL.to_owned(), answer: EVIL.to_owned(), ..Exchange::default() };
    let (expected, took) = (EVIL.to_owned(), Duration::from_millis(7));
    Outcome { case: &CASE, family: "tokens", verdict, expected, exchanges: vec![exchange], took }
}

fn report() -> Report {
    let verdicts = [
        Verdict::Held,
        Verdict::Hole(EVIL.to_owned()),
        Verdict::Skipped(EVIL.to_owned()),
        Verdict::Broken(EVIL.to_owned()),
    ];
    let outcomes = verdicts.into_iter().map(outcome).collect();
    Report { target: EVIL.to_owned(), outcomes, took: Duration::from_secs(1) }
}

#[test]
fn what_a_target_sends_is_text_in_the_page_and_nothing_more() {
    let page = report().html();
    assert!(!page.contains("<script") && !page.contains("onload='") && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(page.matches("</pre>").count(), page.matches("<pre").count());
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = report().html();
    let policy = page.split("http-equiv=\"Content-Security-Policy\" content=\"").nth(1).unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    for word in ["src=", "url(", "@import", "<link", "<a href=\"http", " style=", "unsafe-inline"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_hash_in_the_policy_is_that_of_the_style_as_it_stands_there() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let page = report().html();
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes()));
    assert!(page.contains(&format!("'sha256-{hash}'")));
}

#[test]
fn a_build_server_reads_a_failure_an_error_and_a_skip() {
    let xml = report().junit();
    assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""));
    assert_eq!(
        (xml.matches("<failure ").count(), xml.matches("<error ").count(), xml.matches("<skipped ").count()),
        (1, 1, 1)
    );
    assert!(!xml.contains("<script") && !xml.contains('\u{1b}') && !xml.contains("]]>"));
}

#[test]
fn a_program_reads_every_verdict_and_exchange() {
    let json = report().json();
    assert_eq!(json["counts"], serde_json::json!({"held": 1, "hole": 1, "skipped": 1, "broken": 1}));
    assert_eq!(json["cases"][1]["verdict"], "hole");
    assert_eq!(json["cases"][1]["exchanges"][0]["request"], EVIL);
}

#[test]
fn the_card_has_colours_only_where_they_are_wanted() {
    let report = Report { target: "http://127.0.0.1:1".to_owned(), outcomes: vec![outcome(Verdict::Held)], ..report() };
    assert!(report.card(true).contains("\u{1b}[32m✓"));
    assert!(!report.card(false).contains('\u{1b}'));
}

#[test]
fn the_card_is_not_written_by_the_target() {
    assert!(!report().card(false).contains('\u{1b}'), "an escape sequence of the target's reached the terminal");
}

#[test]
fn only_a_verdict_counts_as_run() {
    let counts = report().counts();
    assert_eq!(counts, Counts { held: 1, holes: 1, skipped: 1, broken: 1 });
    assert_eq!(counts.run(), 2);
}

//! For build servers: a hole is a failure, a broken case an error, a skipped one skipped.

use std::fmt::Write;

use super::Report;
use crate::case::{Outcome, Verdict};

impl Report {
    pub fn junit(&self) -> String {
        let counts = self.counts();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            xml,
            "<testsuites name=\"drawbridge-attack\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
            self.outcomes.len(),
            counts.holes,
            counts.broken,
            counts.skipped,
            self.took.as_secs_f64(),
        );
        for (family, outcomes) in self.families() {
            let number = |wanted: &str| outcomes.iter().filter(|outcome| outcome.verdict.word() == wanted).count();
            let _ = writeln!(
                xml,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
                escaped(family),
                outcomes.len(),
                number("hole"),
                number("broken"),
                number("skipped"),
            );
            for outcome in outcomes {
                test(&mut xml, outcome);
            }
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }
}

fn test(xml: &mut String, outcome: &Outcome) {
    let (family, id) = (escaped(outcome.family), escaped(outcome.case.id));
    let time = outcome.took.as_secs_f64();
    let _ = write!(xml, "    <testcase classname=\"{family}\" name=\"{id}\" time=\"{time:.3}\"");
    let reason = escaped(outcome.verdict.reason());
    let _ = match &outcome.verdict {
        Verdict::Held => writeln!(xml, "/>"),
        Verdict::Skipped(_) => writeln!(xml, "><skipped message=\"{reason}\"/></testcase>"),
        Verdict::Broken(_) => writeln!(xml, "><error message=\"{reason}\"/></testcase>"),
        Verdict::Hole(_) => {
            let last = outcome.telling().map(|exchange| format!("{}\n\n{}", exchange.request, exchange.answer));
            let text = escaped(&last.unwrap_or_default());
            writeln!(xml, "><failure message=\"{reason}\">{text}</failure></testcase>")
        }
    };
}

/// XML 1.0 has no way at all to say most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

//! The scorecard for a terminal.

use std::fmt::Write;

use super::Report;
use crate::case::{Outcome, Verdict};

const GREEN: &str = "32";
const RED: &str = "1;31";
const GREY: &str = "90";
const YELLOW: &str = "33";

impl Report {
    /// With colours or without.
    pub fn card(&self, colours: bool) -> String {
        let paint = |code: &str, text: &str| painted(colours, code, text);
        let mut card = String::new();
        for (family, outcomes) in self.families() {
            let _ = writeln!(card, "\n{}", paint("1", family));
            for alike in outcomes.chunk_by(|a, b| matches!(a.verdict, Verdict::Skipped(_)) && a.verdict == b.verdict) {
                let _ = match alike {
                    [first, .., last] if alike.len() > 2 => {
                        let ids = format!("{} … {}", first.case.id, last.case.id);
                        let why = first.verdict.reason();
                        writeln!(card, "{}", paint(GREY, &format!("  – {ids}: {} skipped: {why}", alike.len())))
                    }
                    few => few.iter().try_for_each(|outcome| writeln!(card, "{}", line(outcome, &paint))),
                };
            }
        }
        card.push_str(&self.summary(colours));
        card
    }

    /// The counts, and what is known of each hole.
    pub fn summary(&self, colours: bool) -> String {
        let paint = |code: &str, text: &str| painted(colours, code, text);
        let mut card = String::new();
        let counts = self.counts();
        let holes = paint(if counts.holes == 0 { GREEN } else { RED }, &counted(counts.holes, "hole"));
        let _ = writeln!(
            card,
            "\n{} against {} in {:.1} s: {} held, {holes}, {} skipped, {} broken.",
            counted(self.outcomes.len(), "case"),
            plain(&self.target),
            self.took.as_secs_f32(),
            counts.held,
            counts.skipped,
            counts.broken,
        );
        for outcome in self.outcomes.iter().filter(|outcome| outcome.verdict.is_hole()) {
            card.push_str(&hole(outcome, &paint));
        }
        card
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn painted(colours: bool, code: &str, text: &str) -> String {
    let text = plain(text);
    if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
}

/// A target must not be able to paint on the terminal of whoever attacks it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn line(outcome: &Outcome, paint: &impl Fn(&str, &str) -> String) -> String {
    let (id, title) = (outcome.case.id, outcome.case.title);
    match &outcome.verdict {
        Verdict::Held => format!("  {} {id:<36} {}", paint(GREEN, "✓"), paint(GREY, title)),
        Verdict::Hole(_) => format!("  {} {}", paint(RED, "✗"), paint(RED, &format!("{id:<36} {title}"))),
        Verdict::Skipped(why) => paint(GREY, &format!("  – {id:<36} skipped: {why}")),
        Verdict::Broken(why) => {
            format!("  {} {id:<36} {}", paint(YELLOW, "!"), paint(YELLOW, &format!("broken: {why}")))
        }
    }
}

/// What somebody needs who wants to mend it.
fn hole(outcome: &Outcome, paint: &impl Fn(&str, &str) -> String) -> String {
    let case = outcome.case;
    let mut text = format!("\n{} {}\n", paint(RED, "✗ HOLE"), paint("1", &format!("{}: {}", case.id, case.title)));
    let _ = writeln!(text, "  {}", paint(GREY, &ids(outcome)));
    if let Some(exchange) = outcome.telling() {
        let _ = writeln!(text, "{}", indented("sent", &head_and_body(&exchange.request)));
    }
    let _ = writeln!(text, "{}", indented("expected", &outcome.expected));
    let _ = writeln!(text, "{}", indented("seen", outcome.verdict.reason()));
    let _ = writeln!(text, "{}", indented("about it", case.teaching));
    text
}

fn ids(outcome: &Outcome) -> String {
    let asvs = outcome.case.asvs.iter().map(|id| format!("ASVS {id}"));
    outcome.case.owasp.iter().map(ToString::to_string).chain(asvs).collect::<Vec<_>>().join(" · ")
}

/// The first line, and the last if there is a body: what stands between is in the other reports.
fn head_and_body(request: &str) -> String {
    let head = request.lines().next().unwrap_or_default();
    request.split_once("\n\n").map_or_else(|| head.to_owned(), |(_, body)| format!("{head}  {}", first(body, 200)))
}

fn first(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// Wrapped at 100 columns, under a word of its own.
fn indented(word: &str, text: &str) -> String {
    let mut lines = vec![String::new()];
    for part in text.split_whitespace().map(plain) {
        let line = lines.last_mut().expect("there is always one");
        if line.chars().count() + part.chars().count() > 88 && !line.is_empty() {
            lines.push(part);
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&part);
        }
    }
    let mut indented = String::new();
    for (i, line) in lines.iter().enumerate() {
        let _ = write!(indented, "{}  {:<9} {line}", if i == 0 { "" } else { "\n" }, if i == 0 { word } else { "" });
    }
    indented
}

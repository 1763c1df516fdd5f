//! A page that stands alone: no script, no address of anything else, and a policy that would let neither in. What the
//! target sent is text in it and nothing more.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Counts, Report};
use crate::{
    case::{Outcome, Verdict},
    wire::Exchange,
};

const STYLE: &str = include_str!("page.css");

impl Report {
    pub fn html(&self) -> String {
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Attack report: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
            escaped(&self.target)
        );
        self.head(&mut page);
        page.push_str("<main>\n");
        let holes: Vec<_> = self.outcomes.iter().filter(|outcome| outcome.verdict.is_hole()).collect();
        if !holes.is_empty() {
            section(&mut page, "holes", &format!("{} to be closed", holes.len()), &holes, true);
        }
        for (family, outcomes) in self.families() {
            let held = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Held).count();
            section(&mut page, family, &format!("{held} of {} held", outcomes.len()), &outcomes, false);
        }
        page.push_str(
            "</main>\n<footer>Made by drawbridge-attack. Tokens are shortened, passwords left out. Held: the target did \
             what it should, and the genuine twin of the attack worked. Broken: the attempt could not be made, so it says \
             nothing.</footer>\n</body>\n</html>\n",
        );
        page
    }

    fn head(&self, page: &mut String) {
        let counts = self.counts();
        let verdict = match counts {
            Counts { holes: 0, held: 0, .. } => "Nothing could be tried",
            Counts { holes: 0, .. } => "The bridge held",
            Counts { holes: 1, .. } => "One hole in the wall",
            _ => "Holes in the wall",
        };
        let _ = write!(
            page,
            "<header><div class=\"in\">\n<h1>{verdict}</h1>\n<p>{} attacks on <b>{}</b> in {:.1} s</p>\n<ul class=\"tiles\">\n",
            self.outcomes.len(),
            escaped(&self.target),
            self.took.as_secs_f32(),
        );
        let tiles =
            [("held", counts.held), ("hole", counts.holes), ("skipped", counts.skipped), ("broken", counts.broken)];
        for (word, count) in tiles {
            let name = if word == "hole" && count != 1 { "holes" } else { word };
            let class = if count == 0 { "nothing" } else { word };
            let _ = writeln!(page, "<li class=\"{class}\"><strong>{count}</strong>{name}</li>");
        }
        page.push_str("</ul>\n");
        bar(page, &tiles, self.outcomes.len());
        page.push_str("<nav aria-label=\"Families\"><ul>\n");
        for (family, outcomes) in self.families() {
            let class =
                if outcomes.iter().any(|outcome| outcome.verdict.is_hole()) { " class=\"has-hole\"" } else { "" };
            let _ = writeln!(page, "<li><a href=\"#{family}\"{class}>{family} {}</a></li>", outcomes.len());
        }
        page.push_str("</ul></nav>\n</div></header>\n");
    }
}

/// The shares of the verdicts. Widths as attributes of a drawing: the policy admits no style on an element.
fn bar(page: &mut String, tiles: &[(&str, usize)], all: usize) {
    page.push_str("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    let mut left = 0;
    for (word, count) in tiles {
        let width = count * 1000 / all.max(1);
        let _ = write!(page, "<rect class=\"{word}\" x=\"{left}\" width=\"{width}\" height=\"10\"/>");
        left += width;
    }
    page.push_str("</svg>\n");
}

fn section(page: &mut String, name: &str, about: &str, outcomes: &[&Outcome], open: bool) {
    let _ = writeln!(page, "<section id=\"{name}\" aria-label=\"{name}\">\n<h2>{name}<small>{about}</small></h2>");
    for outcome in outcomes {
        case(page, outcome, open);
    }
    page.push_str("</section>\n");
}

fn case(page: &mut String, outcome: &Outcome, open: bool) {
    let case = outcome.case;
    let word = outcome.verdict.word();
    let chips = case.owasp.iter().map(ToString::to_string).chain(case.asvs.iter().map(|id| format!("ASVS {id}")));
    let chips: Vec<_> = chips.map(|chip| format!("<span class=\"chip\">{}</span>", escaped(&chip))).collect();
    let _ = writeln!(
        page,
        "<details class=\"case is-{word}\"{}><summary><span class=\"badge {word}\">{word}</span>\
         <span class=\"title\">{}<span class=\"id\">{}</span></span><span class=\"chips\">{}</span></summary>\n<div class=\"inside\">",
        if open { " open" } else { "" },
        prose(case.title),
        escaped(case.id),
        chips.concat(),
    );
    let _ = writeln!(page, "<p>{}</p>\n<dl>", prose(case.teaching));
    let reason = match outcome.verdict {
        Verdict::Held => "as expected",
        _ => outcome.verdict.reason(),
    };
    let label = if matches!(outcome.verdict, Verdict::Held | Verdict::Hole(_)) { "Seen" } else { "Why" };
    let pillar = case.pillar.unwrap_or_default();
    for (term, text) in [("Expected", outcome.expected.as_str()), (label, reason), ("Defence", pillar)] {
        if !text.is_empty() {
            let _ = writeln!(page, "<dt>{term}</dt><dd>{}</dd>", escaped(text));
        }
    }
    page.push_str("</dl>\n");
    for exchange in &outcome.exchanges {
        show(page, exchange);
    }
    page.push_str("</div></details>\n");
}

fn show(page: &mut String, exchange: &Exchange) {
    let note = if exchange.note.is_empty() { "Request and answer" } else { &exchange.note };
    let _ = writeln!(
        page,
        "<h3>{} · {} ms</h3>\n<div class=\"exchange{}\"><pre tabindex=\"0\" aria-label=\"Request\">{}</pre>\
         <pre tabindex=\"0\" aria-label=\"Answer\">{}</pre></div>",
        escaped(note),
        exchange.took.as_millis(),
        if exchange.telling { " telling" } else { "" },
        escaped(&exchange.request),
        escaped(&exchange.answer),
    );
}

/// What stands between backticks is code. Only for words of our own, but escaped all the same.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts =
        parts.map(|(i, part)| if i % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) });
    parts.collect::<Vec<_>>().concat()
}

/// For text and for attributes in double quotes alike.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

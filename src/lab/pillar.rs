//! One pillar of the lab: what it is called, where its defence and its careless counterpart stand, and how it is left out.

use std::collections::{BTreeMap, BTreeSet};

use axum::routing::MethodRouter;

use super::PILLARS;
use crate::{config::Config, http::routes::Routes, state::App};

/// A service with all its layers. Nothing gets a route by this name; something is put in front of it.
#[expect(clippy::disallowed_types, reason = "the finished router, as `app` makes it")]
pub type Finished = axum::Router;

/// Something that stands between an attack and its success.
pub struct Pillar {
    /// As `--without` and the attack program's cases name it.
    pub name: &'static str,
    /// What is so where it is left out.
    pub title: &'static str,
    /// The lines that are the defence.
    pub defence: Excerpt,
    /// What is written where somebody forgets it.
    pub careless: Excerpt,
    /// The attacks that prove it: refused with the pillar, and one of them at least succeeds without.
    pub cases: &'static [&'static str],
    pub without: Without,
}

/// The three ways to leave a pillar out, and what is needed of each. All end at the composition root (`compose`): no pillar
/// knows that it can be absent.
#[derive(Clone, Copy)]
pub enum Without {
    /// Settings that an operator could choose, and should not.
    Chosen(&'static [(&'static str, &'static str)]),
    /// Settings that no environment can ask for, changed after they were read.
    Changed(fn(&mut Config)),
    /// Lines of the route table, each with a careless handler behind it.
    Handlers(&'static [Line]),
    /// The layers put on once more, but for one.
    Layers(fn(&App, Routes) -> Finished),
    /// Something in front of the finished service.
    Front(fn(&App, Finished) -> Finished),
}

/// A line of the route table whose handler is replaced. Policy, limit and document stay: they promise what they always did.
pub struct Line {
    pub method: &'static str,
    pub path: &'static str,
    pub handler: fn() -> MethodRouter<App>,
}

/// Lines of a source file between `ANCHOR: name` and `ANCHOR_END: name`: the book shows the same ones.
#[derive(Clone, Copy)]
pub struct Excerpt {
    pub file: &'static str,
    pub anchor: &'static str,
    pub source: &'static str,
}

impl Pillar {
    /// By its name, or a sentence with the names that come near to it.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        if let Some(pillar) = PILLARS.iter().find(|pillar| pillar.name == name) {
            return Ok(pillar);
        }
        let mut near: Vec<_> = PILLARS.iter().map(|pillar| (distance(name, pillar.name), pillar.name)).collect();
        near.sort_unstable();
        let near: Vec<_> = near.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
        Err(format!("there is no such pillar; near to it are {} (`drawbridge lab --list` shows all)", near.join(", ")))
    }

    /// Whether these can be left out together: two careless handlers do not fit behind one line.
    pub fn fit_together(pillars: &[&'static Self]) -> Result<(), String> {
        let mut taken = BTreeMap::new();
        for pillar in pillars {
            for place in pillar.without.places() {
                if let Some(other) = taken.insert(place.clone(), pillar.name).filter(|other| *other != pillar.name) {
                    return Err(format!("`{other}` and `{}` both replace {place}: leave one of them out", pillar.name));
                }
            }
        }
        Ok(())
    }
}

impl Without {
    fn places(self) -> BTreeSet<String> {
        match self {
            Self::Handlers(lines) => lines.iter().map(|line| format!("{} {}", line.method, line.path)).collect(),
            Self::Layers(_) => BTreeSet::from(["the layers".to_owned()]),
            Self::Chosen(_) | Self::Changed(_) | Self::Front(_) => BTreeSet::new(),
        }
    }

    /// In a word or two, for lists.
    pub const fn means(self) -> &'static str {
        match self {
            Self::Chosen(_) | Self::Changed(_) => "a setting",
            Self::Handlers(_) => "a careless handler",
            Self::Layers(_) => "layers left out",
            Self::Front(_) => "something in front",
        }
    }
}

impl Excerpt {
    /// Every passage of the file that bears the anchor's name, without the anchors and without the indentation that they
    /// share.
    pub fn code(&self) -> String {
        let (begin, end) = (format!("// ANCHOR: {}", self.anchor), format!("// ANCHOR_END: {}", self.anchor));
        let (mut passages, mut inside) = (Vec::<Vec<&str>>::new(), false);
        for line in self.source.lines() {
            match line.trim() {
                text if text == begin => {
                    passages.push(Vec::new());
                    inside = true;
                }
                text if text == end => inside = false,
                text if inside && !text.starts_with("// ANCHOR") => {
                    passages.last_mut().into_iter().for_each(|passage| passage.push(line));
                }
                _ => {}
            }
        }
        passages.iter().map(|lines| unindented(lines)).collect::<Vec<_>>().join("\n\n")
    }
}

fn unindented(lines: &[&str]) -> String {
    let written = lines.iter().filter(|line| !line.trim().is_empty());
    let shared = written.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    lines.iter().map(|line| line.get(shared..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// How many letters have to be put in, taken out or changed (Levenshtein). Names are short, so nothing cleverer is needed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut corner = above;
        row[0] = above + 1;
        for (at, same) in other.iter().map(|there| *there == letter).enumerate() {
            let changed = corner + usize::from(!same);
            corner = row[at + 1];
            row[at + 1] = changed.min(corner + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_what_was_meant() {
        for (typed, meant) in [("jwt-audiense", "jwt-audience"), ("stepup", "step-up"), ("IF-MATCH", "if-match")] {
            let Err(told) = Pillar::named(&typed.to_lowercase().replace("if-match", "if-mach")) else {
                panic!("{typed}")
            };
            assert!(told.contains(&format!("near to it are `{meant}`")), "{told}");
        }
        assert!(Pillar::named("jwt-audience").is_ok());
    }

    #[test]
    fn an_excerpt_is_what_stands_between_its_anchors_and_nothing_else() {
        let source = "a\n    // ANCHOR: x\n    b {\n        // ANCHOR: y\n        c\n    }\n    // ANCHOR_END: x\nd\n// ANCHOR: x\ne\n// ANCHOR_END: x";
        let excerpt = Excerpt { file: "f", anchor: "x", source };
        assert_eq!(excerpt.code(), "b {\n    c\n}\n\ne");
    }
}

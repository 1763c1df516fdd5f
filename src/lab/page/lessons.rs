//! What there is to learn: each pillar with its attacks, both codes and its chapter.

use std::sync::LazyLock;

use drawbridge_attack::Case;
use schemars::JsonSchema;
use serde::Serialize;

use super::{CSP, Fresh};
use crate::{
    features::mailbox::here::FromHere,
    http::{answer::Asset, caller::Caller},
    lab::{Excerpt, PILLARS, Pillar},
    security::access::Public,
};

/// The pillar that each group of the table begins with.
const GROUPS: [(&str, &str); 6] = [
    ("jwt-signature", "Tokens"),
    ("object-ownership", "Who may do what"),
    ("mass-assignment", "What comes in"),
    ("login-limit", "How often, and how slowly"),
    ("cors-allowlist", "What browsers are told, and what attackers are"),
    ("refresh-reuse", "What opens an account"),
];

/// A pillar, as the page shows it.
#[derive(Serialize, JsonSchema)]
pub struct Lesson {
    name: &'static str,
    title: &'static str,
    group: &'static str,
    /// How it is left out.
    means: &'static str,
    defence: Code,
    careless: Code,
    chapter: Option<&'static str>,
    attacks: Vec<Attack>,
}

#[derive(Serialize, JsonSchema)]
struct Code {
    file: &'static str,
    text: String,
}

/// A case of the attack program.
#[derive(Serialize, JsonSchema)]
struct Attack {
    id: &'static str,
    title: &'static str,
    owasp: &'static [&'static str],
    asvs: &'static [&'static str],
    teaching: &'static str,
}

pub fn all() -> Vec<Lesson> {
    let mut group = "";
    let lesson = |pillar: &'static Pillar| {
        group = GROUPS.iter().find(|(first, _)| *first == pillar.name).map_or(group, |(_, group)| group);
        Lesson {
            name: pillar.name,
            title: pillar.title,
            group,
            means: pillar.without.means(),
            defence: code(&pillar.defence),
            careless: code(&pillar.careless),
            chapter: CHAPTERS.iter().find(|chapter| chapter.is_about(pillar)).map(|chapter| chapter.path),
            attacks: cases(pillar).into_iter().map(attack).collect(),
        }
    };
    PILLARS.iter().map(lesson).collect()
}

/// An attack that the lab can run, and what stops it.
pub fn case(id: &str) -> Option<(&'static Case, &'static Pillar)> {
    let case = drawbridge_attack::cases().into_iter().find(|case| case.id == id)?;
    Some((case, Pillar::named(case.pillar?).ok()?))
}

/// Those that the pillar names come first: one that succeeds without it is what a student wants to see.
fn cases(pillar: &Pillar) -> Vec<&'static Case> {
    let mut cases = drawbridge_attack::cases();
    cases.retain(|case| case.pillar == Some(pillar.name));
    cases.sort_by_key(|case| !pillar.cases.contains(&case.id));
    cases
}

fn attack(case: &'static Case) -> Attack {
    let Case { id, title, owasp, asvs, teaching, .. } = *case;
    Attack { id, title, owasp, asvs, teaching }
}

fn code(excerpt: &Excerpt) -> Code {
    Code { file: excerpt.file, text: excerpt.code() }
}

/// A chapter of the book as it was written, but for the code that it takes from the source: that is put in.
pub struct Chapter {
    pub path: &'static str,
    /// As it stands in the book's folder.
    text: &'static str,
    pub read: fn(Caller<Public>, FromHere) -> std::future::Ready<Fresh>,
}

impl Chapter {
    /// Chapters take the lines of a pillar by its name.
    fn is_about(&self, pillar: &Pillar) -> bool {
        self.text.contains(&format!(":{}}}}}", pillar.name))
    }
}

macro_rules! chapters {
    ($($name:literal)*) => {
        pub const CHAPTERS: [Chapter; [$($name),*].len()] = [$({
            const WRITTEN: &str = include_str!(concat!("../../../docs/", $name, ".md"));
            static COMPLETE: LazyLock<String> = LazyLock::new(|| complete(WRITTEN));
            Chapter {
                path: concat!("/lab/chapters/", $name, ".md"),
                text: WRITTEN,
                read: |_, _| std::future::ready(Fresh(Asset {
                    media_type: "text/plain; charset=utf-8", bytes: COMPLETE.as_bytes(), gzip: false, csp: Some(CSP),
                })),
            }
        }),*];
    };
}

chapters! {
    "access-tokens" "access" "api-keys" "changes" "client-address" "cors" "errors" "headers" "input" "limits" "passwords"
    "rate-limits" "recovery" "second-factor" "sessions" "transport"
}

fn complete(text: &str) -> String {
    PILLARS.iter().fold(text.to_owned(), |text, pillar| {
        let Excerpt { file, anchor, .. } = pillar.defence;
        text.replace(
            &format!("{{{{#include ../{file}:{anchor}}}}}"),
            &format!("// {file}:{anchor}\n{}", pillar.defence.code()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pillar_has_a_group_both_codes_and_a_chapter() {
        let lessons = all();
        assert_eq!(lessons.len(), PILLARS.len());
        for lesson in &lessons {
            assert!(!lesson.group.is_empty() && lesson.chapter.is_some(), "{}", lesson.name);
            assert!(!lesson.defence.text.is_empty() && !lesson.careless.text.is_empty(), "{}", lesson.name);
        }
        let mut groups: Vec<_> = lessons.iter().map(|lesson| lesson.group).collect();
        groups.dedup();
        assert_eq!(groups, GROUPS.map(|(_, group)| group));
    }
}

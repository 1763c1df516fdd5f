//! Threat: text that means something else to the next reader. An address that breaks the mail it is put into, a name
//! that turns a line of text around or that nobody can see, a NUL that Postgres cannot store, JSON that two parsers
//! read differently (OWASP API3, API8; ASVS 1.5.3, 2.2.1; CWE-20, CWE-436).
//!
//! It does not cover markup: names and bodies are kept as written, and escaped where they are shown.
//!
//! Each pattern here is both enforced and published, so it is written in what Rust's and ECMAScript's (flag `u`)
//! regular expressions have in common: no look-around, no `\w`, no `\s`, no inline flags.

mod json;

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

pub use json::{JsonRefusal, strict_json};

/// RFC 5321 section 4.5.3.1.3, less the angle brackets. Spaces around the address count.
pub const EMAIL_MAX_LENGTH: u64 = 254;
pub const NAME_MAX_LENGTH: u64 = 100;

/// The common allowlist, `[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}` between spaces, less what no mail system
/// takes: dots that lead, trail or follow each other, and labels that begin or end with a hyphen or pass 63 characters.
/// For whatever passes here, a mail will be written.
pub static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^ *[a-zA-Z0-9_%+-]+(?:\.[a-zA-Z0-9_%+-]+)*",
        r"@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63} *$",
    ))
});

/// A letter or a digit somewhere, and nothing that is not seen: no control (NUL among them) or format character
/// (zero-width ones, bidi overrides and isolates, tags), no line separator.
pub static NAME: LazyLock<Regex> = LazyLock::new(|| {
    const UNSEEN: &str = r"\p{Cc}\p{Cf}\u2028\u2029\u034F\u17B4\u17B5\u180B-\u180F";
    pattern(&format!(r"^[^{UNSEEN}]*[\p{{L}}\p{{N}}][^{UNSEEN}]*$"))
});

/// Text of several lines with a letter or a digit in it, and nothing that turns or cuts a line unseen: of the control
/// characters only tab and line ends, no bidi override or isolate, no line separator. Joiners stay: scripts and emoji
/// need them.
pub static PROSE: LazyLock<Regex> = LazyLock::new(|| {
    const UNSEEN: &str = r"\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u2028-\u202E\u2066-\u2069";
    pattern(&format!(r"^[^{UNSEEN}]*[\p{{L}}\p{{N}}][^{UNSEEN}]*$"))
});

/// Any text that can be stored: Postgres has no NUL.
pub static TEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^\x00]*$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that the tests compile")
}

/// What must hold besides, where one of the patterns above stands. `http::input` publishes and enforces it as well.
///
/// Without look-around one expression cannot both mind the dots of an address and count to 64 (RFC 5321 section
/// 4.5.3.1.1), nor tell the four letters that are drawn as nothing, Hangul's fillers, from other letters.
pub fn companion(pattern: &str) -> Option<&'static str> {
    if pattern == EMAIL.as_str() {
        Some("^ *[^ @]{1,64}@")
    } else if pattern == NAME.as_str() {
        Some(r"^[^\u115F\u1160\u3164\uFFA0]*$")
    } else {
        None
    }
}

/// A name as it is stored: without spaces around it, and in NFC, so that one name has one spelling.
///
/// A few letters are longer in NFC than as written. Where that would break the limit that the name has just passed, it
/// stays as it is: what the schema admits is not refused afterwards.
pub fn normalise_name(name: &str) -> String {
    let trimmed = name.trim();
    let normalised: String = trimmed.nfc().collect();
    if normalised.chars().count() as u64 <= NAME_MAX_LENGTH { normalised } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use lettre::Address;
    use proptest::{prelude::*, string::string_regex};

    use super::*;

    /// Texts from the pattern itself. Repetition is kept short, or most would be over the maximum length.
    fn from_pattern(pattern: &Regex) -> impl Strategy<Value = String> + use<> {
        let body = pattern.as_str().trim_start_matches('^').trim_end_matches('$');
        let short = [("]+", "]{1,9}"), (")*", "){0,3}"), (")+", "){1,3}"), (" *", " {0,2}")];
        let body = short.iter().fold(body.to_owned(), |body, (long, short)| body.replace(long, short));
        string_regex(&body).expect("a pattern that proptest can read backwards")
    }

    fn admits(rule: &Regex, text: &str) -> bool {
        rule.is_match(text) && pattern(companion(rule.as_str()).unwrap_or_default()).is_match(text)
    }

    fn is_email(text: &str) -> bool {
        admits(&EMAIL, text) && text.len() <= 254
    }

    proptest! {
        #[test]
        fn to_every_address_that_is_admitted_a_mail_can_be_written(text in from_pattern(&EMAIL).prop_filter("length", |text| is_email(text))) {
            let address = text.trim().parse::<Address>();
            prop_assert!(address.is_ok(), "{:?}: {:?}", text, address);
        }

        #[test]
        fn an_address_that_lettre_takes_is_refused_for_its_alphabet_alone(text in r"[a-z0-9.%+-]{1,8}@[a-z0-9.-]{1,8}\.[a-z]{2,3}") {
            prop_assert_eq!(is_email(&text), text.parse::<Address>().is_ok(), "{}", text);
        }

        #[test]
        fn a_name_that_is_admitted_is_still_admitted_as_it_is_stored(name in from_pattern(&NAME)) {
            let name: String = name.chars().take(100).collect();
            prop_assume!(admits(&NAME, &name));
            let stored = normalise_name(&name);
            prop_assert!(admits(&NAME, &stored), "{:?} became {:?}", name, stored);
            prop_assert!((1..=100).contains(&stored.chars().count()));
            prop_assert_eq!(normalise_name(&stored), stored, "it is normalised once and for all");
        }
    }

    #[test]
    fn addresses_at_the_edges() {
        let label = "x".repeat(63);
        let local = "l".repeat(64);
        for good in ["a@b.co", "  ada@example.com ", "a.b+c%d_e-f@a-b.example.com", &format!("{local}@{label}.com")] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "a@b.c",
            ".a@b.co",
            "a.@b.co",
            "a..b@b.co",
            "a@.b.co",
            "a@b..co",
            "-@-.co",
            "a@-b.co",
            "a@b-.co",
            "a@[127.0.0.1]",
            "a@b.co\n",
            "\ta@b.co",
            "a@b.co\0",
            "a b@b.co",
            "a@b@c.co",
            "é@b.co",
            "a@bé.co",
            "a@b.co>\r\nBcc: c@d.co",
            &format!("l{local}@b.co"),
            &format!("a@x{label}.com"),
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_of_people_are_names() {
        for good in ["Ada", "O'Brien-Smith", "J.R.R. Tolkien 3", "李小龙", "علي", "नरेंद्र", "Jürgen", "X Æ A-12", "7"]
        {
            assert!(admits(&NAME, good), "{good}");
        }
    }

    #[test]
    fn what_cannot_be_seen_or_turns_text_around_is_no_name() {
        for unseen in [
            '\0',
            '\n',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202e}',
            '\u{2066}',
            '\u{2060}',
            '\u{feff}',
            '\u{2028}',
            '\u{3164}',
            '\u{e0041}',
            '\u{61c}',
            '\u{180e}',
        ] {
            for name in [format!("Ada{unseen}Lovelace"), format!("{unseen}A"), format!("A{unseen}")] {
                assert!(!admits(&NAME, &name), "{name:?}");
            }
        }
        for empty in ["", " ", "---", "🙂", "\u{3164}", "\u{2800}"] {
            assert!(!admits(&NAME, empty), "{empty:?}");
        }
    }

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(normalise_name("  Jose\u{301} "), "José");
        let long = "\u{958}".repeat(100);
        assert_eq!(normalise_name(&long), long, "NFC would make 200 characters of it");
    }
}

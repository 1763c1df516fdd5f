//! What of an event may stand in the log: listed fields, nothing that can leave its line, nobody's address.

use std::fmt;

use serde_json::Value;
use tracing::{
    Metadata,
    field::{Field, Visit},
};

use super::OURS;

/// The fields that may be logged. To add one is a reviewed act: the reviewer asks who could put what into it.
/// `route` is the template, never the path; ids are ours, never a token's text; `cause` is `error::describe`d.
pub const LISTED: &[&str] = &[
    "message",
    // a request
    "request_id",
    "method",
    "route",
    "status",
    "duration_ms",
    "client_address",
    "principal_id",
    "reference",
    "code",
    "cause",
    // a security event
    "event",
    "user_id",
    "details", // of `audit::Event`: constants and ids of ours
    "head",    // of `audit::chain`: a position and a hash
    // the service itself
    "address",
    "count",
    "key_id",
    "setting",
    "channel", // of `alarms`: a constant
];

/// Of other crates' events only the words, and of those only the beginning.
const LISTED_OF_OTHERS: &[&str] = &["message"];
const LONGEST: usize = 2_000;
const LONGEST_OF_OTHERS: usize = 256;

pub(super) fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some(OURS)
}

/// The listed fields of one span or event.
pub(super) struct Fields {
    listed: &'static [&'static str],
    longest: usize,
    pub(super) values: Vec<(&'static str, Value)>,
}

impl Fields {
    pub(super) fn of(metadata: &Metadata<'_>) -> Self {
        let (listed, longest) =
            if is_ours(metadata) { (LISTED, LONGEST) } else { (LISTED_OF_OTHERS, LONGEST_OF_OTHERS) };
        Self { listed, longest, values: Vec::new() }
    }

    /// A name stands once on a line, also when a span and its event both use it: of two equal keys in a JSON object
    /// each reader believes another one.
    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name, value)),
        }
    }

    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        if self.listed.contains(&field.name()) {
            self.put(field.name(), value.into());
        }
    }

    fn keep_text(&mut self, field: &Field, text: &str) {
        self.keep(field, inert(&masked(text), self.longest));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.listed.contains(&field.name()) {
            self.keep_text(field, &format!("{value:?}"));
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep_text(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }
}

/// Whatever looks like an e-mail address, masked as `types::Email` masks itself. An `Email` never gets here in full;
/// a mail server's refusal, which quotes the address, does.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut local_part = 0;
    for character in text.chars() {
        if character == '@' && local_part < out.len() {
            let first = out[local_part..].chars().next().map_or(0, char::len_utf8);
            out.truncate(local_part + first);
            out.push_str("***");
        }
        out.push(character);
        if !(character.is_alphanumeric() || ".-_+%*'".contains(character)) {
            local_part = out.len();
        }
    }
    out
}

/// Text that does nothing when it is printed: no new line that could pass for a line of ours, no escape sequence, no
/// character that hides others or turns their order round (CWE-117, CWE-150, CVE-2021-42574). Written out here and not
/// left to JSON, because readers of JSON print what they have decoded.
fn inert(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (position, character) in text.chars().enumerate() {
        match character {
            _ if position == longest => {
                out.push('…');
                break;
            }
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => out.extend(character.escape_unicode()),
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_somebody_else_s_words_is_masked() {
        for (text, shown) in [
            ("550 <ada.lovelace+x@example.com> unknown", "550 <a***@example.com> unknown"),
            ("to=ada@example.com, eve@example.com", "to=a***@example.com, e***@example.com"),
            ("a***@example.com", "a***@example.com"),
            ("a @ sign, @handle", "a @ sign, @handle"),
            ("émile@example.com", "é***@example.com"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(inert("abcd", 3), "abc…");
        assert_eq!(inert("abc", 3), "abc");
    }
}

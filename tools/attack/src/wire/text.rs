//! How an exchange looks in a report: as it went over the wire, cut, and with secrets shortened.

use std::fmt::Write;

use http::HeaderMap;

use super::Request;
use crate::{case::Trouble, forge::Jwt, target::Base};

const LONGEST_BODY: usize = 1500;
const LONGEST_LINE: usize = 160;
/// Longer runs of letters that tokens are made of are tokens, or as good as.
const LONGEST_RUN: usize = 40;

pub(super) fn request(request: &Request, base: &Base) -> String {
    let mut text = format!("{} {}{} HTTP/1.1\n", request.method, base.prefix, cut(&request.path, LONGEST_LINE));
    let _ = writeln!(text, "host: {}", base.authority());
    for (name, value) in &request.headers {
        let _ = writeln!(text, "{name}: {}", cut(&visible(value), LONGEST_LINE * 16));
        inside(&mut text, value);
    }
    if !request.body.is_empty() {
        let _ = write!(text, "\n{}", cut(&visible(&request.body), LONGEST_BODY));
    }
    shorten(text.trim_end())
}

/// What a token says, under the line that carries it: shortened, it would teach nothing.
fn inside(text: &mut String, value: &[u8]) {
    let value = String::from_utf8_lossy(value);
    let Some(jwt) = value.rsplit(' ').next().and_then(Jwt::read) else { return };
    let signature = if jwt.parts[2].is_empty() { "no signature" } else { "signature" };
    let spaced = |value: &serde_json::Value| cut(&value.to_string().replace(",\"", ", \""), LONGEST_LINE * 4);
    let _ = writeln!(text, "  ⤷ {}\n  ⤷ {}\n  ⤷ {signature}", spaced(&jwt.header), spaced(&jwt.claims));
}

pub(super) fn answer(status: u16, headers: &HeaderMap, body: &[u8]) -> String {
    let reason =
        http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut text = format!("{status} {reason}\n");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {}", cut(&visible(value.as_bytes()), LONGEST_LINE));
    }
    if !body.is_empty() {
        let _ = write!(text, "\n{}", cut(&visible(body), LONGEST_BODY));
    }
    shorten(text.trim_end())
}

/// Bytes as text; what is not printable is escaped, so that a report cannot be made to look like something else.
pub(super) fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('\n'),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_control() || ('\u{200b}'..='\u{200f}').contains(&c) || ('\u{202a}'..='\u{202e}').contains(&c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

pub(super) fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let start: String = text.chars().take(longest).collect();
    format!("{start}… ({} characters)", text.chars().count())
}

/// Tokens and keys keep their beginning and end; the value of anything called a password or a secret goes altogether.
pub fn shorten(text: &str) -> String {
    let mut shortened = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=' | '+') {
            run.push(c);
            continue;
        }
        shortened.push_str(&abbreviated(&run));
        run.clear();
        shortened.push(c);
    }
    shortened.pop();
    without_passwords(&shortened)
}

fn abbreviated(run: &str) -> String {
    if run.len() <= LONGEST_RUN {
        return run.to_owned();
    }
    format!("{}…{}({})", &run[..12], &run[run.len() - 4..], run.len())
}

fn without_passwords(text: &str) -> String {
    const NAMES: [&str; 5] =
        ["password\":\"", "new_password\":\"", "current_password\":\"", "secret\":\"", "code\":\"dbt_"];
    let mut text = text.to_owned();
    for name in NAMES {
        let mut from = 0;
        while let Some(found) = text[from..].find(name) {
            let start = from + found + name.len();
            let end = text[start..].find('"').map_or(text.len(), |end| start + end);
            text.replace_range(start..end, "…");
            from = start;
        }
    }
    text
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(why) | Self::Skipped(why) | Self::Unreachable(why) => out.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{shorten, visible};

    #[test]
    fn a_password_never_stands_in_a_report() {
        let shown = shorten(r#"{"email":"a@example.org","password":"correct horse battery","x":1}"#);
        assert_eq!(shown, r#"{"email":"a@example.org","password":"…","x":1}"#);
    }

    #[test]
    fn a_token_keeps_its_beginning_and_its_end() {
        let token = "a".repeat(60);
        assert_eq!(shorten(&format!("Bearer {token}")), "Bearer aaaaaaaaaaaa…aaaa(60)");
        let id = "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b";
        assert_eq!(shorten(id), id);
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(visible(b"a\0b\x1b[31m"), "a\\u{0}b\\u{1b}[31m");
        assert_eq!(visible("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }
}

//! Threat: a request that is never meant to end. A line of headers a minute, a body of a byte a second, an address as
//! long as a book, ten thousand connections that say nothing: each holds memory and a place in the queue, and costs its
//! sender nothing (OWASP API4:2023, slow HTTP; ASVS 4.1.1, 15.2.2). Every stage has a size and a time, in this one place;
//! and a body is parsed only as what it says it is, so that a type which a browser sends unasked (`text/plain`, a form)
//! never reaches the parser.
//!
//! It does not cover how often (`rate_limit`), nor how deep or how many (the schemas), nor the server's own work, whose
//! scarce parts have queues of their own.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header, uri::Authority};

/// Bytes of all header lines together. An access token is about one KiB, a browser's cookies for our host up to eight.
pub const HEADER_BYTES: usize = 32 * 1024;
/// Bytes of path and query. What RFC 9110 section 4.1 advises every recipient to take.
pub const URI_BYTES: usize = 8 * 1024;
/// Bytes of a body. JSON is held whole while it is parsed, and takes several times its size then.
pub const BODY_BYTES: usize = 64 * 1024;
/// For a handler, once it has its body. Longer than any query of ours may run, shorter than people wait.
pub const HANDLER_TIME: Duration = Duration::from_secs(10);
/// For the answer to a request with an `Idempotency-Key`: how long it is kept for who asks again. A client that has not by
/// then never will.
pub const REPEATABLE: time::Duration = time::Duration::hours(24);

/// Path and query alone. Scheme and host are part of the address in HTTP/2 and a header in HTTP/1.1, and one limit must
/// mean the same in both.
pub fn uri_fits(uri: &Uri) -> bool {
    uri.path_and_query().is_none_or(|text| text.as_str().len() <= URI_BYTES)
}

/// All header lines together, as they would stand in HTTP/1.1. The server below takes twice as much, so that a head that is
/// a little too large still gets an answer of ours.
pub fn headers_fit(headers: &HeaderMap) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    bytes.sum::<usize>() <= HEADER_BYTES
}

/// Why a proxy in front might have read another request than we do; `None` when there is one way to read it. Two hosts
/// or none (RFC 9112 section 3.2) are routed by guess, and a coding that is not undone leaves two ideas of where the
/// body ends (section 6.1; CWE-444). The server below refuses the rest: two lengths, or codings that do not end in
/// `chunked`.
pub fn ambiguity(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() || (version == Version::HTTP_11 && host.is_none()) {
        return Some("no Host, or more than one");
    }
    if host.is_some_and(|host| !host.is_empty() && !names_a_host(host)) {
        return Some("the Host is no host");
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    (!chunked || codings.next().is_some()).then_some("a transfer coding beside chunked")
}

fn names_a_host(host: &HeaderValue) -> bool {
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| !authority.as_str().contains('@'))
}

/// Whether the body is as it was written: nothing here undoes a `Content-Encoding` (RFC 9110 section 15.5.16).
pub fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

// ANCHOR: content-type
/// Whether the body says that it is JSON: `application/json`, with nothing beside it but `charset=utf-8`, which RFC 8259
/// makes needless and many clients send. Two such headers are two opinions, and two parsers might each take another.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(lines) = lines(headers, &header::CONTENT_TYPE) else { return false };
    let [line] = lines[..] else { return false };
    let (media_type, parameters) = split_parameters(line);
    // An empty parameter is a semicolon too many, which RFC 9110 section 5.6.6 allows.
    let mut named = parameters.filter(|parameter| !parameter.is_empty());
    let fits = media_type.eq_ignore_ascii_case("application/json") && named.next().is_none_or(is_utf8);
    fits && named.next().is_none()
}
// ANCHOR_END: content-type

/// Whether the client takes JSON.
pub fn accepts_json(headers: &HeaderMap) -> bool {
    accepts(headers, "application", "json")
}

/// Whether the client takes a media type (RFC 9110 section 12.5.1): no `Accept` means anything; else the most specific
/// range that fits decides, and its weight must not be 0. A range that cannot be read counts for nothing.
pub fn accepts(headers: &HeaderMap, kind: &str, subkind: &str) -> bool {
    let Some(lines) = lines(headers, &header::ACCEPT) else { return false };
    let mut ranges = lines.iter().flat_map(|line| split_list(line)).filter(|range| !range.is_empty()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let best = ranges.filter_map(|range| judge(range, kind, subkind)).max();
    best.is_some_and(|(_, weight)| weight > 0)
}

/// How closely a range describes the type, and its weight in thousandths; `None` if it does not, or makes no sense.
/// The order of the two is the precedence; of two equal ranges the kinder counts.
fn judge(range: &str, kind: &str, subkind: &str) -> Option<(u8, u16)> {
    let (media_range, parameters) = split_parameters(range);
    let (range_kind, range_subkind) = media_range.split_once('/')?;
    let mut closeness = match (range_kind, range_subkind) {
        ("*", "*") => 0,
        (named, "*") if named.eq_ignore_ascii_case(kind) => 1,
        (named, sub) if named.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subkind) => 2,
        _ => return None,
    };
    let mut weight = 1_000;
    for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("q") => weight = thousandths(value)?,
            // Any other parameter asks for another kind of JSON than ours.
            _ if is_utf8(parameter) => closeness = 3,
            _ => return None,
        }
    }
    Some((closeness, weight))
}

/// `0`, `0.5`, `1.000`: at most three digits, and nothing above one.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let unquoted = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'));
    name.eq_ignore_ascii_case("charset") && unquoted.is_some_and(|value| value.eq_ignore_ascii_case("utf-8"))
}

/// Every line of a header, or `None` when one of them is not text: then it is nothing that we could go by.
fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a str>> {
    headers.get_all(name).iter().map(|line| line.to_str().ok()).collect()
}

/// Quoted semicolons are not heeded: a value that holds one is none that is understood here, whole or in pieces.
fn split_parameters(text: &str) -> (&str, impl Iterator<Item = &str>) {
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    (parts.next().unwrap_or_default(), parts)
}

/// Commas within quotes are heeded: else `text/html;x=", */*"` would be two ranges.
fn split_list(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = line.split(move |letter| {
        let ends = letter == ',' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        ends
    });
    parts.map(|part| part.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    fn sent(lines: &[&str]) -> bool {
        is_json(&headers(&header::CONTENT_TYPE, lines))
    }

    fn taken(lines: &[&str]) -> bool {
        accepts_json(&headers(&header::ACCEPT, lines))
    }

    #[test]
    fn an_address_fits_up_to_its_limit_and_its_host_does_not_count() {
        let uri = |length: usize, before: &str| format!("{before}/{}", "a".repeat(length - 1)).parse::<Uri>().unwrap();
        assert!(uri_fits(&uri(URI_BYTES, "")) && !uri_fits(&uri(URI_BYTES + 1, "")));
        assert!(uri_fits(&uri(URI_BYTES, "https://example.com")));
        assert!(!uri_fits(&format!("/a?{}", "q".repeat(URI_BYTES)).parse().unwrap()), "the query counts");
        assert!(uri_fits(&Uri::from_static("*")) && uri_fits(&Uri::from_static("example.com:443")));
    }

    #[test]
    fn json_is_known_in_every_spelling_that_clients_use() {
        for fine in [
            "application/json",
            "Application/JSON",
            " application/json ",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ;\tCharset=\"utf-8\"",
            "application/json;",
        ] {
            assert!(sent(&[fine]), "{fine}");
        }
    }

    #[test]
    fn what_a_browser_sends_unasked_or_two_parsers_might_read_differently_is_not_json() {
        for wrong in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=application/json",
            "text/plain; application/json",
            "text/plain, application/json",
            "application/json, text/plain",
            "application/jsonp",
            "application/json5",
            "application/problem+json",
            "text/json",
            "application /json",
            "application/json/",
            "application/json charset=utf-8",
            "application/json; charset=utf-16",
            "application/json; charset=utf-7",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; boundary=x",
            "application/json; charset",
            "application/json\u{a0}",
        ] {
            assert!(!sent(&[wrong]), "{wrong}");
        }
        assert!(!sent(&[]), "no type at all");
        assert!(!sent(&["application/json", "application/json"]));
        assert!(!sent(&["application/json", "text/plain"]) && !sent(&["text/plain", "application/json"]));
    }

    #[test]
    fn a_client_that_names_json_or_anything_or_nothing_takes_json() {
        for fine in [
            "*/*",
            "application/*",
            "application/json",
            "APPLICATION/Json",
            "application/json;charset=utf-8",
            "application/json; q=0.001",
            "application/json;Q=1.000",
            "text/html, application/json;q=0.9, */*;q=0.1",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html;x=\"a,b\", application/json",
            ",, application/json ,",
            "",
            " ",
            "*/*;q=0, application/json",
            "application/*;q=0, application/json;q=0.1",
            "application/json;q=0, application/json;charset=utf-8",
            "text/html;q=0, */*",
            "garbage, application/json",
        ] {
            assert!(taken(&[fine]), "{fine}");
        }
        assert!(taken(&[]));
        assert!(taken(&["text/html", "application/json"]) && taken(&["text/html;q=0.1", "*/*"]));
    }

    #[test]
    fn a_client_that_excludes_json_is_believed() {
        for wrong in [
            "text/html",
            "text/*",
            "application/xml",
            "application/problem+json",
            "application/json;q=0",
            "application/json;q=0.000",
            "*/*;q=0",
            "application/json;q=0, */*",
            "application/json;q=0, application/*",
            "application/*;q=0, */*;q=1",
            "application/json;version=2",
            "application/json;charset=utf-16",
            "*/json",
            "*",
            "json",
            "garbage",
            "text/html;x=\", */*\"",
            "text/html;x=\"\\\", */*\"",
            "text/html;x=\", */*",
            "text/html;x=\"\\\", */*, \"",
            "application/json, application/json;charset=utf-8;q=0",
        ] {
            assert!(!taken(&[wrong]), "{wrong}");
        }
        assert!(!taken(&["*/*", "application/json;q=0"]), "lines are one list");
        assert!(!taken(&["*/*", "\u{ff}"]), "a line that is not text");
    }

    #[test]
    fn a_weight_that_makes_no_sense_makes_no_range() {
        for wrong in ["2", "1.001", "-1", "0.0001", "1e0", "NaN", "", ".5", "0,5", "0.5.5", "+1", "\"1\"", " 1"] {
            assert!(!taken(&[&format!("application/json;q={wrong}")]), "{wrong}");
        }
        assert_eq!(thousandths("0.25"), Some(250));
        assert_eq!(thousandths("0."), Some(0));
        assert_eq!(thousandths("1.0"), Some(1_000));
    }

    #[test]
    fn pages_are_judged_by_the_same_rule() {
        let browser = headers(&header::ACCEPT, &["text/html,application/xml;q=0.9"]);
        assert!(accepts(&browser, "text", "html") && !accepts_json(&browser));
    }
}

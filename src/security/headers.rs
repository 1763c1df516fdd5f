//! Threat: a browser makes more of an answer than we meant: it guesses a type and runs JSON as a script, frames a page,
//! leaks the address to the next site, or falls back to plain HTTP (OWASP API8:2023, Secure Headers Project; ASVS
//! 3.4.1 to 3.4.8, 13.4.6). Every answer, errors too, says what it is not to be used for. Nothing here names a software.
//!
//! It does not cover who may read an answer from another origin (`cors`) nor how long it may be kept (each endpoint).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Two years, the least that the browsers' preload lists ask for is one.
const STRICT_TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// JSON needs nothing: if a browser is brought to render an answer as a page, that page can load and run nothing.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What no page of an API has a use for. A feature that is not named falls back to the browser's default.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), \
    display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

// ANCHOR: security-headers
/// The same on every answer, whatever a handler has set.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// What tells an attacker which weakness to try first (ASVS 13.4.6).
const NEVER: [HeaderName; 2] = [header::SERVER, HeaderName::from_static("x-powered-by")];

pub fn apply(headers: &mut HeaderMap, over_tls: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for name in NEVER {
        headers.remove(name);
    }
    // A page brings its own policy; it alone knows which styles and scripts are its.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT_SECURITY_POLICY);
    // RFC 6797 section 7.2: never over plain HTTP, where anybody on the way could have written it.
    if over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY);
    } else {
        headers.remove(header::STRICT_TRANSPORT_SECURITY);
    }
}
// ANCHOR_END: security-headers

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(before: &[(&'static str, &'static str)], over_tls: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(*name, HeaderValue::from_static(value));
        }
        apply(&mut headers, over_tls);
        headers
    }

    #[test]
    fn every_answer_carries_every_promised_header_once() {
        let headers = applied(&[], true);
        for (name, value) in [
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
        let policy = headers["permissions-policy"].to_str().unwrap();
        assert!(policy.split(", ").all(|feature| feature.ends_with("=()")), "one list, no gaps: {policy}");
    }

    #[test]
    fn a_handler_can_weaken_nothing_but_may_bring_its_pages_own_policy() {
        let headers = applied(
            &[
                ("x-content-type-options", "sniff"),
                ("x-content-type-options", "away"),
                ("referrer-policy", "unsafe-url"),
                ("cross-origin-resource-policy", "cross-origin"),
                ("content-security-policy", "default-src 'none'; script-src 'self'"),
            ],
            false,
        );
        assert_eq!(headers.get_all("x-content-type-options").iter().collect::<Vec<_>>(), ["nosniff"]);
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(headers["content-security-policy"], "default-src 'none'; script-src 'self'");
    }

    #[test]
    fn no_answer_names_the_software_that_gave_it() {
        let headers = applied(&[("server", "drawbridge"), ("x-powered-by", "axum"), ("x-powered-by", "hyper")], true);
        assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"));
    }

    #[test]
    fn transport_security_is_said_over_tls_alone() {
        assert!(
            !applied(&[("strict-transport-security", "max-age=1")], false).contains_key("strict-transport-security")
        );
        assert!(applied(&[], true).contains_key("strict-transport-security"));
    }
}

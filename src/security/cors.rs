//! Threat: a stranger's page, open in a user's browser, reads our answers (OWASP API8:2023; ASVS 3.4.2, 3.5.2; Fetch
//! standard, CORS protocol). An origin on the list gets exactly itself back; every other gets no word of CORS at all,
//! and its browser keeps the answer from it. Credentials are sent by hand in a header and never by the browser itself,
//! so `Access-Control-Allow-Credentials` is never said.
//!
//! It does not cover anything but browsers: curl reads what it likes. CORS opens a door a little; authentication shuts it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::settings::Env;

/// The pages that may call from a browser, as browsers write their origins.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    origins: Vec<HeaderValue>,
}

const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, X-API-Key, If-Match, Idempotency-Key");
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy, X-Request-Id, ETag, \
     Retry-After",
);
/// Seconds. A day; browsers cap it lower.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// What a handler might set and must not: these are this file's alone.
const OURS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let production = env.production;
        let parse = |text: &str| text.split(',').map(|part| origin(part.trim(), production)).collect();
        Self { origins: env.optional("CORS_ALLOWED_ORIGINS", parse).unwrap_or_default() }
    }

    /// An actual answer, errors too: without the grant a page could not even read that it was refused.
    pub fn answer(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        for name in OURS {
            answer.remove(name);
        }
        vary(answer, "Origin");
        if let Some(origin) = self.known(request) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }

    /// The 204 before a request that a page may not simply send, instead of `answer`. A path without methods is an
    /// unknown one, and gets no grant. The lists are fixed: nothing of what was asked for is echoed, so nothing has to
    /// be judged here. The browser compares.
    pub fn preflight(&self, request: &HeaderMap, methods: &[Method], answer: &mut HeaderMap) {
        for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
            vary(answer, name);
        }
        let (Some(origin), [_, ..]) = (self.known(request), methods) else { return };
        let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let methods = HeaderValue::try_from(methods.join(", ")).expect("a method's name is visible ASCII");
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }

    /// Whether the page that asks is neither on the list nor the service's own: of `public_url`, or of the host that the
    /// request names. `null` says nothing of where it comes from, and our own pages' forms send it too, since they are
    /// told to send no referrer; what only a browser can write (`Sec-Fetch-Site`) tells those apart.
    pub fn is_foreign(&self, request: &HeaderMap, host: Option<&[u8]>, public_url: &str) -> bool {
        let mut sent = request.get_all(header::ORIGIN).iter();
        let (Some(origin), second) = (sent.next(), sent.next()) else { return false };
        let same_site = request.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        let own = same_site || origin == origin_of(public_url) || is_at(host, origin.as_bytes());
        second.is_some() || !own && self.known(request).is_none()
    }

    // ANCHOR: cors-allowlist
    /// The one origin of the request, if it is on the list, byte for byte. Browsers send one; of two, one is a lie.
    fn known(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut sent = request.get_all(header::ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (Some(origin), None) => self.origins.iter().find(|known| *known == origin).cloned(),
            _ => None,
        }
    }
    // ANCHOR_END: cors-allowlist
}

fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find('/').map_or(url.len(), |path| host + path);
    &url[..end]
}

/// Whether the origin is this host, by either scheme: TLS may end before us.
fn is_at(host: Option<&[u8]>, origin: &[u8]) -> bool {
    let named = [&b"https://"[..], b"http://"].iter().find_map(|scheme| origin.strip_prefix(*scheme));
    named.is_some_and(|named| host.is_some_and(|host| host.eq_ignore_ascii_case(named)))
}

/// Whether a browser asks for permission (Fetch standard, "CORS-preflight request"). Any other OPTIONS is a question
/// about the path.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Caches must keep answers for different origins apart, also those in which no origin was named: else one that was
/// stored for nobody is served to a page, and the other way round.
fn vary(answer: &mut HeaderMap, name: &'static str) {
    let names = |line: &HeaderValue| {
        line.to_str().unwrap_or_default().split(',').any(|old| old.trim().eq_ignore_ascii_case(name))
    };
    if !answer.get_all(header::VARY).iter().any(names) {
        answer.append(header::VARY, HeaderValue::from_static(name));
    }
}

/// An origin as a browser writes it, since it is compared as text: any other spelling would never match, and whoever
/// wrote it would look for the reason elsewhere.
fn origin(text: &str, production: bool) -> Result<HeaderValue, &'static str> {
    let (scheme, authority) = text.split_once("://").ok_or(match text {
        "*" => "lists origins one by one: `*` would open the service to every page",
        "null" => "must not hold `null`: any sandboxed frame has that origin",
        _ => "is a comma list of origins such as `https://app.example.com`",
    })?;
    match scheme {
        "http" if production => return Err("must hold https origins alone in production"),
        "https" | "http" => {}
        _ => return Err("holds origins of https (in development also http) alone"),
    }
    if authority.contains(['/', '?', '#']) {
        return Err("holds origins, without a path and without a slash at the end");
    }
    if authority.contains('@') {
        return Err("holds origins, without a user name");
    }
    if authority.contains(|c: char| c.is_ascii_uppercase() || !c.is_ascii()) {
        return Err("is written as browsers write origins: in lower case, international names in their xn-- form");
    }
    let (host, port) = split_port(authority)?;
    if !is_host(host) {
        return Err("holds an origin whose host is not a name or an address (a `*` within one is not understood)");
    }
    if matches!((scheme, port), ("https", Some("443")) | ("http", Some("80"))) {
        return Err("is written as browsers write origins: without the scheme's own port");
    }
    HeaderValue::try_from(text).map_err(|_| "is a comma list of origins such as `https://app.example.com`")
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_host..].find(':').map(|colon| authority.split_at(after_host + colon)) {
        None => Ok((authority, None)),
        Some((host, port)) => {
            let port = &port[1..];
            let plain = port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
            if plain { Ok((host, Some(port))) } else { Err("holds an origin whose port is not a number") }
        }
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address);
    }
    host.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const KNOWN: &str = "https://app.example.com";

    fn read(value: &str, production: bool) -> (Settings, Vec<String>) {
        let app_env = if production { "production" } else { "development" };
        let pairs = [("APP_ENV", app_env), ("CORS_ALLOWED_ORIGINS", value)];
        let mut env =
            Env::new(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>());
        let settings = Settings::read(&mut env);
        (settings, env.mistakes())
    }

    fn settings() -> Settings {
        let (settings, mistakes) = read("https://app.example.com, https://admin.example.com:8443", true);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        settings
    }

    fn from(origins: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        headers
    }

    fn answer(origins: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        settings().answer(&from(origins), &mut headers);
        headers
    }

    fn preflight(origins: &[&str], methods: &[Method]) -> HeaderMap {
        let mut request = from(origins);
        request.insert("access-control-request-method", HeaderValue::from_static("TRACE"));
        request.insert("access-control-request-headers", HeaderValue::from_static("x-evil"));
        let mut headers = HeaderMap::new();
        settings().preflight(&request, methods, &mut headers);
        headers
    }

    fn any_grant(headers: &HeaderMap) -> bool {
        headers.keys().any(|name| name.as_str().starts_with("access-control-"))
    }

    /// The ways in which origin checks of others have been passed.
    const STRANGERS: [&[&str]; 17] = [
        &[],
        &["https://evil.example"],
        &["null"],
        &["*"],
        &[""],
        &["http://app.example.com"],
        &["https://app.example.com:443"],
        &["https://app.example.com:8443"],
        &["https://app.example.com/"],
        &["https://app.example.com.evil.example"],
        &["https://evil-app.example.com"],
        &["https://appxexample.com"],
        &["https://sub.app.example.com"],
        &["HTTPS://APP.EXAMPLE.COM"],
        &["https://app.example.com https://evil.example"],
        &[KNOWN, "https://evil.example"],
        &[KNOWN, KNOWN],
    ];

    #[test]
    fn a_known_origin_gets_exactly_itself_back() {
        let headers = answer(&[KNOWN]);
        assert_eq!(headers["access-control-allow-origin"], KNOWN);
        assert_eq!(
            answer(&["https://admin.example.com:8443"])["access-control-allow-origin"],
            "https://admin.example.com:8443"
        );
        let exposed = headers["access-control-expose-headers"].to_str().unwrap();
        for name in ["X-RateLimit-Remaining", "RateLimit", "X-Request-Id", "ETag", "Retry-After"] {
            assert!(exposed.split(", ").any(|listed| listed == name), "{name} in {exposed}");
        }
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }

    #[test]
    fn a_stranger_hears_nothing_of_cors_but_caches_are_told_to_keep_the_answers_apart() {
        for strangers in STRANGERS {
            let headers = answer(strangers);
            assert!(!any_grant(&headers), "{strangers:?}: {headers:?}");
            assert_eq!(headers[header::VARY], "Origin");
            let headers = preflight(strangers, &[Method::GET]);
            assert!(!any_grant(&headers), "{strangers:?}: {headers:?}");
            assert_eq!(headers.get_all(header::VARY).iter().count(), 3);
        }
    }

    #[test]
    fn a_preflight_grants_the_paths_own_methods_and_echoes_nothing() {
        let headers = preflight(&[KNOWN], &[Method::GET, Method::PATCH]);
        assert_eq!(headers["access-control-allow-origin"], KNOWN);
        assert_eq!(headers["access-control-allow-methods"], "GET, PATCH");
        let allowed = "Authorization, Content-Type, X-API-Key, If-Match, Idempotency-Key";
        assert_eq!(headers["access-control-allow-headers"], allowed);
        assert_eq!(headers["access-control-max-age"], "86400");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert!(!format!("{headers:?}").contains("evil"));
    }

    #[test]
    fn a_preflight_to_an_unknown_path_grants_nothing() {
        assert!(!any_grant(&preflight(&[KNOWN], &[])));
    }

    #[test]
    fn a_handler_can_grant_nothing_by_itself() {
        for request in [from(&[]), from(&["https://evil.example"])] {
            let mut headers = HeaderMap::new();
            for name in OURS {
                headers.insert(name, HeaderValue::from_static("*"));
            }
            settings().answer(&request, &mut headers);
            assert!(!any_grant(&headers), "{headers:?}");
        }
    }

    #[test]
    fn an_answer_that_varies_already_keeps_what_it_said() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Accept, origin"));
        settings().answer(&from(&[]), &mut headers);
        assert_eq!(headers.get_all(header::VARY).iter().collect::<Vec<_>>(), ["Accept, origin"]);
        headers.insert(header::VARY, HeaderValue::from_static("X-Original"));
        settings().answer(&from(&[]), &mut headers);
        assert_eq!(headers.get_all(header::VARY).iter().collect::<Vec<_>>(), ["X-Original", "Origin"]);
    }

    #[test]
    fn only_a_browsers_question_is_a_preflight() {
        let mut asked = from(&[KNOWN]);
        assert!(!is_preflight(&Method::OPTIONS, &asked));
        asked.insert("access-control-request-method", HeaderValue::from_static("PUT"));
        assert!(is_preflight(&Method::OPTIONS, &asked));
        assert!(!is_preflight(&Method::GET, &asked));
        asked.remove(header::ORIGIN);
        assert!(!is_preflight(&Method::OPTIONS, &asked));
    }

    #[test]
    fn a_page_is_foreign_when_it_is_neither_listed_nor_our_own() {
        let foreign = |origins: &[&str]| {
            settings().is_foreign(&from(origins), Some(b"localhost:3000"), "https://api.example.com/base")
        };
        for ours in
            [&[][..], &[KNOWN], &["https://api.example.com"], &["http://localhost:3000"], &["https://LOCALHOST:3000"]]
        {
            assert!(!foreign(ours), "{ours:?}");
        }
        for strangers in STRANGERS.into_iter().filter(|origins| !origins.is_empty()) {
            assert!(foreign(strangers), "{strangers:?}");
        }
        for strangers in
            ["https://api.example.co", "http://api.example.com", "http://localhost", "https:", "localhost:3000"]
        {
            assert!(foreign(&[strangers]), "{strangers:?}");
        }
        let mut own_form = from(&["null"]);
        own_form.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        assert!(!settings().is_foreign(&own_form, None, "https://api.example.com"));
    }

    #[test]
    fn origins_that_no_browser_would_send_or_that_mean_everybody_stop_the_start() {
        for wrong in [
            "*",
            "null",
            "https://*",
            "https://*.secret.example",
            "https://secret.example/",
            "https://secret.example/path",
            "https://secret.example?x",
            "https://secret.example#x",
            "https://user@secret.example",
            "https://Secret.example",
            "https://sécret.example",
            "https://secret.example:443",
            "https://secret.example:",
            "https://secret.example:0",
            "https://secret.example:+81",
            "https://secret.example:65536",
            "https://secret.example:1:2",
            "https://secret..example",
            "https://secret.example.",
            "https://sec ret.example",
            "https://[::1",
            "https://[0:0::1]",
            "https://",
            "ftp://secret.example",
            "secret.example",
            "https://secret.example,",
            "https://secret.example, *",
            "http://secret.example",
        ] {
            let (settings, mistakes) = read(wrong, true);
            assert_eq!(mistakes.len(), 1, "{wrong}");
            assert!(mistakes[0].starts_with("CORS_ALLOWED_ORIGINS "), "{mistakes:?}");
            assert!(!mistakes[0].contains("secret"), "{mistakes:?}");
            assert!(settings.origins.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn each_mistake_is_called_what_it_is() {
        for (wrong, word) in [
            ("*", "one by one"),
            ("null", "sandboxed"),
            ("https://app.example.com/", "slash"),
            ("https://me@app.example.com", "user name"),
            ("https://App.example.com", "lower case"),
            ("https://app.example.com:443", "own port"),
            ("http://app.example.com", "https"),
        ] {
            let (_, mistakes) = read(wrong, true);
            assert!(mistakes[0].contains(word), "{wrong}: {mistakes:?}");
        }
    }

    #[test]
    fn development_may_use_http_and_no_origin_at_all_is_the_default() {
        for fine in ["http://localhost:5173", "http://127.0.0.1:8080,https://[::1]:8443"] {
            let (_, mistakes) = read(fine, false);
            assert!(mistakes.is_empty(), "{fine}: {mistakes:?}");
        }
        let (settings, mistakes) = read("", true);
        assert!(mistakes.is_empty() && settings.origins.is_empty());
    }
}

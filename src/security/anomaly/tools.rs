//! Well-known tools of attack that say their own name.
//!
//! Whoever means it hides it: this catches the curious, the careless and one's own penetration test. So it is an event and
//! no alarm, and nobody is refused for it. Only the name on this list is told; of the header nothing.

use std::sync::LazyLock;

use axum::http::{HeaderMap, header::USER_AGENT};
use regex::bytes::Regex;

/// Name, and how it calls itself where that is something else. As words: `Dynmap` is not `nmap`.
const TOOLS: [(&str, &str); 30] = [
    ("sqlmap", "sqlmap"),
    ("nikto", "nikto"),
    ("nuclei", "nuclei"),
    ("nmap", "nmap"),
    ("masscan", "masscan"),
    ("zgrab", "zgrab"),
    ("gobuster", "gobuster"),
    ("dirbuster", "dirbuster"),
    ("dirsearch", "dirsearch"),
    ("dirb", "dirb"),
    ("feroxbuster", "feroxbuster"),
    ("ffuf", "fuzz faster u fool"),
    ("ffuf", "ffuf"),
    ("wfuzz", "wfuzz"),
    ("wpscan", "wpscan"),
    ("joomscan", "joomscan"),
    ("whatweb", "whatweb"),
    ("acunetix", "acunetix"),
    ("nessus", "nessus"),
    ("openvas", "openvas"),
    ("netsparker", "netsparker"),
    ("arachni", "arachni"),
    ("w3af", "w3af"),
    ("skipfish", "skipfish"),
    ("jaeles", "jaeles"),
    ("commix", "commix"),
    ("havij", "havij"),
    ("hydra", "hydra"),
    ("medusa", "medusa"),
    ("zap", "owasp zap"),
];
/// No tool needs longer to say who it is.
const READ: usize = 512;

static KNOWN: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<_> = TOOLS.iter().map(|(_, called)| *called).collect();
    // A number may follow at once, as in `zgrab2`.
    let pattern = format!("(?i-u)(?:^|[^a-z])({})(?:[^a-z]|$)", names.join("|"));
    Regex::new(&pattern).expect("a list of words")
});

/// The name of the tool that says that it sent this.
pub fn tool_of(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(USER_AGENT)?.as_bytes();
    let found = KNOWN.captures(&agent[..agent.len().min(READ)])?.get(1)?.as_bytes();
    TOOLS.iter().find(|(_, called)| called.as_bytes().eq_ignore_ascii_case(found)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn tool(agent: &[u8]) -> Option<&'static str> {
        tool_of(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(agent).unwrap())]))
    }

    #[test]
    fn tools_are_known_by_what_they_call_themselves() {
        for (agent, name) in [
            ("sqlmap/1.8.2#stable (https://sqlmap.org)", "sqlmap"),
            ("Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)", "nikto"),
            ("Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", "nuclei"),
            ("Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", "nmap"),
            ("masscan/1.3 (https://github.com/robertdavidgraham/masscan)", "masscan"),
            ("Mozilla/5.0 zgrab/0.x", "zgrab"),
            ("Mozilla/5.0 zgrab2", "zgrab"),
            ("gobuster/3.6", "gobuster"),
            ("DirBuster-1.0-RC1 (http://www.owasp.org/index.php/Category:OWASP_DirBuster_Project)", "dirbuster"),
            ("Fuzz Faster U Fool v2.1.0-dev", "ffuf"),
            ("WPScan v3.8.25 (https://wpscan.com/wordpress-security-scanner)", "wpscan"),
            ("Mozilla/5.0 (Hydra)", "hydra"),
            ("HAVIJ", "havij"),
        ] {
            assert_eq!(tool(agent.as_bytes()), Some(name), "{agent}");
        }
    }

    #[test]
    fn everybody_else_is_no_tool_and_neither_is_a_word_that_holds_a_name() {
        for agent in [
            "",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
            "curl/8.5.0",
            "python-requests/2.32",
            "PostmanRuntime/7.43",
            "Go-http-client/2.0",
            "Dynmap/3.7",
            "hydrasync/1.0",
            "zapier",
        ] {
            assert_eq!(tool(agent.as_bytes()), None, "{agent}");
        }
        assert_eq!(tool_of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_header_that_is_no_text_or_has_no_end_is_read_as_far_as_it_goes() {
        assert_eq!(tool(b"\xff\xfesqlmap\xff"), Some("sqlmap"));
        assert_eq!(tool(&[vec![b'a'; 30_000], b" sqlmap".to_vec()].concat()), None);
    }
}

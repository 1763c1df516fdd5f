//! The attacks. A family is a file here and a line in the list.

mod bodies;
mod browser;
mod claims;
mod connections;
mod credentials;
mod enumeration;
mod errors;
mod functions;
mod http1;
mod http2;
mod injection;
mod limits;
mod mfa;
mod ownership;
mod phone;
mod properties;
mod races;
mod recovery;
mod sessions;
mod strangers;
mod tokens;
mod told;
mod transport;
mod walk;

use crate::case::Case;

pub struct Family {
    pub name: &'static str,
    /// A long family has several parts.
    pub parts: &'static [&'static [Case]],
}

impl Family {
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.parts.iter().copied().flatten()
    }
}

/// In the order in which the report shows them.
const FAMILIES: &[Family] = &[
    Family { name: "tokens", parts: tokens::PARTS },
    Family { name: "claims", parts: claims::PARTS },
    Family { name: "credentials", parts: credentials::PARTS },
    Family { name: "sessions", parts: sessions::PARTS },
    Family { name: "ownership", parts: ownership::PARTS },
    Family { name: "functions", parts: functions::PARTS },
    Family { name: "properties", parts: properties::PARTS },
    Family { name: "injection", parts: injection::PARTS },
    Family { name: "bodies", parts: bodies::PARTS },
    Family { name: "errors", parts: errors::PARTS },
    Family { name: "enumeration", parts: enumeration::PARTS },
    Family { name: "recovery", parts: recovery::PARTS },
    Family { name: "mfa", parts: mfa::PARTS },
    Family { name: "limits", parts: limits::PARTS },
    Family { name: "races", parts: races::PARTS },
    Family { name: "browser", parts: browser::PARTS },
    Family { name: "transport", parts: transport::PARTS },
    Family { name: "connections", parts: connections::PARTS },
    Family { name: "http1", parts: http1::PARTS },
    Family { name: "http2", parts: http2::PARTS },
];

pub fn families() -> &'static [Family] {
    FAMILIES
}

pub fn cases() -> Vec<&'static Case> {
    FAMILIES.iter().flat_map(Family::cases).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{cases, families};

    /// The lab's names, and with them the only ones that a case may give.
    const PILLARS: [&str; 32] = [
        "jwt-signature",
        "jwt-algorithm",
        "jwt-type",
        "jwt-issuer",
        "jwt-audience",
        "jwt-expiry",
        "jwt-embedded-key",
        "session-liveness",
        "object-ownership",
        "role-allowlist",
        "api-key-scope",
        "step-up",
        "mass-assignment",
        "strict-json",
        "sql-parameters",
        "body-size",
        "content-type",
        "login-limit",
        "flood-guard",
        "client-address",
        "cors-allowlist",
        "security-headers",
        "error-detail",
        "login-enumeration",
        "refresh-reuse",
        "one-time-token",
        "totp-replay",
        "mfa-tries",
        "password-policy",
        "slow-clients",
        "if-match",
        "idempotency",
    ];

    #[test]
    fn every_case_has_an_id_of_its_own_in_kebab_case() {
        let mut seen = BTreeSet::new();
        for case in cases() {
            let words = case
                .id
                .split('-')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
            assert!(words, "{} is not in kebab-case", case.id);
            assert!(seen.insert(case.id), "{} stands twice", case.id);
        }
    }

    #[test]
    fn every_case_teaches() {
        for case in cases() {
            let words = case.teaching.split_whitespace().count();
            assert!((30..=100).contains(&words), "{} has {words} words", case.id);
            assert!(!case.title.is_empty() && !case.title.ends_with('.'), "{} has no title", case.id);
            assert!(!case.teaching.contains("  "), "{} has two spaces in a row", case.id);
        }
    }

    #[test]
    fn every_case_names_the_standards_as_they_name_themselves() {
        for case in cases() {
            assert!(!case.owasp.is_empty() && !case.asvs.is_empty(), "{} names no standard", case.id);
            for id in case.owasp {
                let number = id.strip_prefix("API").and_then(|id| id.strip_suffix(":2023")).unwrap_or_default();
                assert!(matches!(number.parse(), Ok(1..=10)), "{}: {id} is none of OWASP's", case.id);
            }
            for id in case.asvs {
                let parts: Vec<_> = id.split('.').filter_map(|part| part.parse::<u8>().ok()).collect();
                assert!(id.split('.').count() == 3 && parts.len() == 3 && parts[0] <= 17, "{}: {id}", case.id);
            }
        }
    }

    #[test]
    fn every_case_names_a_pillar_that_there_is() {
        for case in cases() {
            assert!(case.pillar.is_none_or(|pillar| PILLARS.contains(&pillar)), "{}: {:?}", case.id, case.pillar);
        }
    }

    #[test]
    fn every_family_stands_once_and_has_cases() {
        let names: BTreeSet<_> = families().iter().map(|family| family.name).collect();
        assert_eq!(names.len(), families().len());
        assert!(families().iter().all(|family| family.cases().next().is_some()));
    }
}

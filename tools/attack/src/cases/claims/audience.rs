//! For whom a token is, and from whom.

use serde_json::json;

use super::{FORM, believed_by_nobody, each};
use crate::case::Case;

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-audience-of-another",
        title: "A genuine token that was issued for another service",
        pillar: Some("jwt-audience"),
        asvs: &["9.2.3", "9.2.4"],
        teaching: "One issuer signs for many services. Without a look at `aud`, a token for the least of them opens \
                   all of them: its operator, or whoever breaks into it, replays the tokens of its users here. \
                   OAuth's substitution attack (RFC 8725 section 2.7) is this. Each service demands its own name in \
                   `aud`, compared whole.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: it is for somebody else", |jwt| {
                each(
                    &jwt,
                    "aud",
                    &[json!("another-service"), json!(["another-service", "a-third"]), json!("https://example.com")],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-audience-missing",
        title: "A token for nobody in particular",
        pillar: Some("jwt-audience"),
        asvs: &["9.2.3"],
        teaching: "Many libraries compare `aud` when it is there, and pass the token when it is not: a check that the \
                   attacker switches off by leaving something out. RFC 9068 makes `aud` mandatory in an access token. \
                   A missing, empty or null audience is a token for nobody, so also not for this service.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: no audience is not ours", |jwt| {
                each(
                    &jwt,
                    "aud",
                    &[json!(null), json!(""), json!([]), json!([null]), json!({}), json!(true), json!("*")],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-audience-almost",
        title: "A token for a service with almost the same name",
        pillar: Some("jwt-audience"),
        asvs: &["9.2.3"],
        teaching: "Comparisons by `contains`, by prefix or without case let `api` pass for `api-admin`, or \
                   `https://api.example.com.evil.example` for `https://api.example.com`. Names of services are \
                   compared whole, letter by letter; a list is searched for an entry that is equal, not for text that \
                   occurs in it.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: almost is not equal", |jwt| {
                let ours = jwt.claims["aud"].as_str().unwrap_or("drawbridge").to_owned();
                let short = ours[..ours.len() - 1].to_owned();
                let (long, upper, blank) = (format!("{ours}-admin"), ours.to_uppercase(), format!("{ours} "));
                let both = format!("{ours},another");
                each(&jwt, "aud", &[json!(short), json!(long), json!([long]), json!(upper), json!(blank), json!(both)])
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-issuer-wrong",
        title: "A token of another issuer",
        pillar: Some("jwt-issuer"),
        asvs: &["9.1.3"],
        teaching: "The key says who signed, `iss` says in whose name. Test and production that share a key, tenants \
                   of one identity provider, a provider that lets customers choose claims: each makes genuine \
                   signatures under other issuers. Azure's multi-tenant applications were entered by any tenant where \
                   only the signature was checked (BingBang, 2023).",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                each(
                    &jwt,
                    "iss",
                    &[json!("https://issuer.evil.example"), json!("another"), json!("http://localhost:1")],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-issuer-missing",
        title: "A token of no issuer, or of a list of them",
        pillar: Some("jwt-issuer"),
        asvs: &["9.1.3"],
        teaching: "PyJWT 2.10.0 compared `iss` with `in` instead of equality, so that a part of the right issuer was \
                   enough (CVE-2024-53861); libraries have accepted lists of issuers and missing ones (fast-jwt, \
                   CVE-2025-30144). `iss` is one string (RFC 7519 section 4.1.1), it must be there, and it is equal \
                   to the one that is expected.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let ours = jwt.text("iss");
                each(
                    &jwt,
                    "iss",
                    &[
                        json!(null),
                        json!(""),
                        json!([ours]),
                        json!([ours, "https://issuer.evil.example"]),
                        json!({}),
                        json!(0),
                    ],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-issuer-almost",
        title: "A token of an issuer with almost the same name",
        pillar: Some("jwt-issuer"),
        asvs: &["9.1.3"],
        teaching: "An issuer is a URL, and URLs invite kindness: a slash at the end, another case, a default port, a \
                   prefix. Each kindness is a name that somebody else may own: \
                   `https://login.example.com.evil.example` begins well. RFC 9207 and RFC 8414 compare issuers as \
                   plain strings, without normalising anything.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: compared to the letter", |jwt| {
                let ours = jwt.text("iss");
                let part: String = ours.chars().take(7).collect();
                let (slash, host) = (format!("{ours}/"), format!("{ours}.evil.example"));
                each(
                    &jwt,
                    "iss",
                    &[json!(slash), json!(host), json!(ours.to_uppercase()), json!(part), json!(format!(" {ours}"))],
                )
            }))
        },
        ..FORM
    },
];

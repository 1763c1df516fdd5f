//! What a token is meant for, and headers that are signed and still not to be believed.

use serde_json::{Value, json};

use super::{FORM, believed_by_nobody, each};
use crate::{
    attempt::Attempt,
    case::{Case, Trouble, Verdict},
    cases::tokens::{Forged, all_refused, forged},
    forge::{Jwt, encode, signed},
};

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-type-wrong",
        title: "A token of another kind, signed with the same key",
        pillar: Some("jwt-type"),
        asvs: &["9.2.2"],
        teaching: "One key signs many things: ID tokens, logout tokens, links in mails, tickets for downloads. Each \
                   is a genuine signature over claims that somebody else had a say in. RFC 8725 section 3.11 gives \
                   every kind a `typ` of its own, and RFC 9068 says `at+jwt` for access tokens: what has another, or \
                   none, is not one.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: at+jwt or nothing", |jwt| {
                let kinds = [
                    json!("JWT"),
                    json!("logout+jwt"),
                    json!("dpop+jwt"),
                    json!("secevent+jwt"),
                    json!("jwt+at"),
                    json!(""),
                ];
                if has_a_type(&jwt) { headers(&jwt, "typ", &kinds) } else { Vec::new() }
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-type-missing",
        title: "A token that does not say of what kind it is",
        pillar: Some("jwt-type"),
        asvs: &["9.2.2"],
        teaching: "`typ` is optional in RFC 7519, so libraries do not ask for it, and tokens of old or careless \
                   issuers have none. A check that passes what says nothing is no check. Null, a list or an object in \
                   its place are the same absence, said differently; a strict header type refuses them all.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let kinds = [Value::Null, json!(["at+jwt"]), json!({"": "at+jwt"}), json!(1), json!("at+jwt;x=1")];
                if has_a_type(&jwt) { headers(&jwt, "typ", &kinds) } else { Vec::new() }
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-id-token",
        title: "An ID token for an access token",
        pillar: Some("jwt-type"),
        asvs: &["9.2.2"],
        teaching: "An ID token tells an application who signed in; it goes through browsers and to third parties, and \
                   nobody treats it as a key. Services that take any token of the right issuer take it for one, and \
                   the application becomes the user. Sign-in with Facebook was abused with tokens that another \
                   application had been given.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                if !has_a_type(&jwt) {
                    return Vec::new();
                }
                let id_token =
                    jwt.header("typ", "JWT").claim("nonce", "n-0S6_WzA2Mj").claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ");
                let narrow = id_token.clone().claim("scope", Value::Null).claim("client_id", Value::Null);
                vec![
                    ("with nonce and at_hash".to_owned(), id_token),
                    ("and without scope and client_id".to_owned(), narrow),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-crit-unknown",
        title: "A token with a critical extension that nobody knows",
        pillar: None,
        asvs: &["9.1.1", "9.2.2"],
        teaching: "`crit` lists members of the header that a verifier must understand or refuse the token (RFC 7515 \
                   section 4.1.11): \"this counts only once\", \"only from this address\". Libraries that ignore the \
                   list drop the condition and keep the right; Authlib did until 2025 (CVE-2025-59420). A service \
                   that knows no extension refuses them all.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let once = jwt.clone().header("crit", json!(["once"])).header("once", true);
                let mut changes = vec![("crit: [\"once\"]".to_owned(), once)];
                changes.extend(headers(
                    &jwt,
                    "crit",
                    &[json!([]), json!("exp"), json!(["exp"]), json!(["alg"]), json!(1)],
                ));
                changes
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-b64-false",
        title: "A token whose payload is not encoded",
        pillar: None,
        asvs: &["9.1.1"],
        teaching: "RFC 7797's `b64: false` signs the payload as it is, not its encoding. A verifier that knows it and \
                   a reader that does not see two different payloads under one signature. RFC 7797 section 7 forbids \
                   it for JWTs, and a reader that does not know it must not ignore it: refuse the member wherever it \
                   stands.",
        run: |attempt| Box::pin(unencoded(attempt)),
        ..FORM
    },
    Case {
        id: "jwt-header-extra",
        title: "A genuine token with a member in its header that does not belong there",
        pillar: None,
        asvs: &["9.1.3"],
        teaching: "Even a token with a genuine signature must not carry `jwk`, `jku`, `x5u`, `x5c` or `zip`: if it \
                   does, somebody who can have things signed is trying out who reads them, and the next service that \
                   gets this token may. An allowlist of three members (`alg`, `kid`, `typ`) is shorter than every \
                   list of bad ones, and does not age.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let extra = [
                    (
                        "jwk",
                        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
                    ),
                    ("jku", json!("https://evil.example/keys.json")),
                    ("x5u", json!("https://evil.example/cert.pem")),
                    ("x5c", json!(["MIIB"])),
                    ("zip", json!("DEF")),
                    ("cty", json!("JWT")),
                    ("epk", json!({})),
                ];
                extra
                    .into_iter()
                    .map(|(name, value)| (format!("with {name}"), jwt.clone().header(name, value)))
                    .collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-doubled-members",
        title: "A token that says one thing twice",
        pillar: None,
        asvs: &["9.1.1", "1.5.3"],
        teaching: "JSON does not forbid a member to stand twice; parsers take the first, the last, or refuse. Two \
                   parsers in one system (a gateway in Go, a service in Java) then read two different tokens under \
                   one genuine signature: CouchDB's administrators were made so (CVE-2017-12635). RFC 7519 section 4 \
                   lets a reader refuse: it should.",
        run: |attempt| Box::pin(doubled(attempt)),
        ..FORM
    },
];

/// `JWT` says no more than that it is one: a target whose tokens have no type of their own cannot tell kinds apart by it.
fn has_a_type(jwt: &Jwt) -> bool {
    jwt.header["typ"].as_str().is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt"))
}

fn headers(jwt: &Jwt, name: &str, values: &[Value]) -> Vec<(String, Jwt)> {
    let change = |value: &Value| {
        let what = if value.is_null() { format!("no {name}") } else { format!("{name}: {value}") };
        (what, jwt.clone().header(name, value.clone()))
    };
    values.iter().map(change).collect()
}

async fn unencoded(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401");
    let verdict = believed_by_nobody(attempt, "401", |jwt| {
        let flagged = jwt.clone().header("b64", false);
        let listed = flagged.clone().header("crit", json!(["b64"]));
        vec![("b64: false, encoded all the same".to_owned(), flagged), ("the same, with crit".to_owned(), listed)]
    });
    let verdict = verdict.await?;
    let (door, genuine) = attempt.jwt_door().await?;
    let key = attempt.signing_key(&genuine)?;
    let header = encode(genuine.clone().header("b64", false).header("crit", json!(["b64"])).header.to_string());
    // The signature covers the text; the token carries its encoding, since a header cannot carry JSON's dots.
    let text = genuine.claims.to_string();
    let signature = encode(key.sign(format!("{header}.{text}").as_bytes()));
    let tokens: Vec<Forged> = vec![
        forged("signed over the text, sent encoded", format!("{header}.{}.{signature}", encode(&text))),
        forged("signed over the text, sent detached", format!("{header}..{signature}")),
    ];
    Ok(verdict.and(all_refused(attempt, &door.path, tokens).await?))
}

async fn doubled(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let verdict = believed_by_nobody(attempt, "401", |jwt| each(&jwt, "role", &[json!(["user", "admin"])])).await?;
    let (door, genuine) = attempt.jwt_door().await?;
    let key = attempt.signing_key(&genuine)?;
    let (header, claims) = (genuine.header.to_string(), genuine.claims.to_string());
    let with = |object: &str, member: &str| format!("{},{member}}}", object.trim_end_matches('}'));
    let token = |header: &str, claims: &str| signed(&format!("{}.{}", encode(header), encode(claims)), key);
    let sub = format!("\"sub\":{}", genuine.claims["sub"]);
    let tokens = vec![
        forged("role twice", token(&header, &with(&claims, "\"role\":\"admin\""))),
        forged("sub twice, the same", token(&header, &with(&claims, &sub))),
        forged("exp twice", token(&header, &with(&claims, "\"exp\":9999999999"))),
        forged("alg twice", token(&with(&header, "\"alg\":\"none\""), &claims)),
        forged("typ twice", token(&with(&header, "\"typ\":\"at+jwt\""), &claims)),
    ];
    Ok(verdict.and(all_refused(attempt, &door.path, tokens).await?))
}

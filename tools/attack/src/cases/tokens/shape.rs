//! What is no signed token of three parts at all.

use serde_json::json;

use super::{Forged, forged, none_opens};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::{Jwt, SigningKey, encode, signed},
};

const FORM: Case =
    Case { pillar: Some("jwt-signature"), owasp: &["API2:2023"], asvs: &["9.1.1"], needs: &[Need::JwtDoor], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-jwe",
        title: "An encrypted token instead of a signed one",
        teaching: "Encryption with a public key proves nothing: anybody can encrypt to it. Libraries that read JWS \
                   and JWE through one function have taken a token encrypted with the service's public key for an \
                   authentic one, since the library chose by what came (jwcrypto, CVE-2022-3102). A verifier for \
                   signed tokens reads three parts, never five.",
        asvs: &["9.1.1", "9.1.2"],
        run: |attempt| Box::pin(none_opens(attempt, "401", encrypted)),
        ..FORM
    },
    Case {
        id: "jwt-nested",
        title: "A genuine token inside of another",
        teaching: "With `cty: JWT` the payload of a token is a token. A verifier that unwraps may check one of the \
                   two layers and read the claims of the other: the inner one was signed by the service, the outer \
                   one by nobody. RFC 8725 section 3.3 wants both verified. Where nesting is not used, it is not \
                   read.",
        run: |attempt| Box::pin(none_opens(attempt, "401", nested)),
        ..FORM
    },
    Case {
        id: "jwt-json-serialization",
        title: "A token in JSON instead of three parts",
        teaching: "JWS also has a JSON form, with several signatures and with headers that nobody signed (RFC 7515 \
                   section 7.2). A library that reads every form on its own accepts an unprotected `alg`, or one good \
                   signature beside a bad one. Read the compact form alone.",
        asvs: &["9.1.1", "9.1.2"],
        run: |attempt| Box::pin(none_opens(attempt, "401", as_json)),
        ..FORM
    },
    Case {
        id: "jwt-header-not-an-object",
        title: "A header that is a list, a word or nothing",
        teaching: "A header that parses as JSON need not be an object, and code that goes on with `header.alg` finds \
                   nothing, and nothing has a default. Serde fills a Rust struct from an array, member by member, \
                   when asked for no more than that. Whatever comes in has the expected shape, or is refused with the \
                   same 401; never a 500.",
        asvs: &["9.1.1", "2.2.1"],
        run: |attempt| {
            Box::pin(none_opens(attempt, "401, never a 500", |jwt| {
                let odd =
                    ["", "[]", "[\"EdDSA\",\"k\",\"at+jwt\"]", "null", "\"none\"", "0", "{}", "{", "not json", "\u{0}"];
                let forge = |text: &&str| {
                    forged(format!("header {text:?}"), format!("{}.{}.{}", encode(text), jwt.parts[1], jwt.parts[2]))
                };
                odd.iter().map(forge).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-claims-not-an-object",
        title: "Claims that are a list, a word or nothing",
        teaching: "The payload of a JWS may be anything; only the claims of a JWT are a JSON object. Here each \
                   payload is under a signature of the attacker's own and under none, so that every reader that looks \
                   at claims first shows itself by falling over. Errors of a parser before the signature was verified \
                   are an oracle and a way to a 500.",
        asvs: &["9.1.1", "2.2.1"],
        run: |attempt| {
            Box::pin(none_opens(attempt, "401, never a 500", |jwt| {
                let key = SigningKey::make("EdDSA");
                let odd = ["", "[]", "null", "\"admin\"", "1e999", "{", "\u{0}", "{\"sub\":\"a\",\"sub\":\"b\"}"];
                let forge = |text: &&str| {
                    forged(format!("claims {text:?}"), signed(&format!("{}.{}", jwt.parts[0], encode(text)), &key))
                };
                odd.iter().map(forge).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-deep-json",
        title: "A header that is ten thousand lists inside each other",
        teaching: "A recursive parser uses the stack for each level; ten thousand levels of `[` end the process where \
                   nothing bounds the depth (CVE-2023-1370 and many others), and the header of a token is parsed for \
                   anybody, before any signature. Bound the length of a token, and use a parser that counts levels.",
        owasp: &["API4:2023"],
        asvs: &["9.1.1", "1.5.2"],
        run: |attempt| {
            Box::pin(then_alive(attempt, |jwt| {
                let deep = format!("{{\"alg\":\"EdDSA\",\"x\":{}}}", "[".repeat(5000));
                let claims = format!("{{\"sub\":{}}}", "{\"a\":".repeat(1000));
                vec![
                    forged("a deep header", format!("{}.{}.{}", encode(deep), jwt.parts[1], jwt.parts[2])),
                    forged("deep claims", format!("{}.{}.{}", jwt.parts[0], encode(claims), jwt.parts[2])),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-very-long",
        title: "A token of many kilobytes",
        teaching: "A token is decoded and hashed before anything is known about its sender. If it may be megabytes \
                   long, a few requests a second keep the processor busy; most libraries decode the whole header \
                   before they look for a key. Bound it to what the service itself issues, and bound the headers of a \
                   request as a whole.",
        owasp: &["API4:2023"],
        asvs: &["9.1.1", "2.2.1"],
        run: |attempt| {
            Box::pin(then_alive(attempt, |jwt| {
                let [header, claims, signature] = &jwt.parts;
                let long = |length: usize| encode("A".repeat(length));
                vec![
                    forged("a header of 6 KB", format!("{}.{claims}.{signature}", long(4500))),
                    forged("claims of 20 KB", format!("{header}.{}.{signature}", long(15_000))),
                    forged("a signature of 20 KB", format!("{header}.{claims}.{}", long(15_000))),
                    forged("4000 dots", format!("{header}.{claims}.{signature}{}", ".".repeat(4000))),
                ]
            }))
        },
        ..FORM
    },
];

fn encrypted(jwt: &Jwt) -> Vec<Forged> {
    let plain = encode(jwt.claims.to_string());
    let forge = |(alg, enc): &(&str, &str)| {
        let header = encode(
            json!({"alg": alg, "enc": enc, "kid": jwt.header["kid"], "typ": "at+jwt", "cty": "JWT"}).to_string(),
        );
        forged(
            format!("{alg} with {enc}, claims for ciphertext"),
            format!("{header}..{}.{plain}.{}", encode([0; 12]), encode([0; 16])),
        )
    };
    [("dir", "A128GCM"), ("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", "A128CBC-HS256"), ("none", "none")]
        .iter()
        .map(forge)
        .collect()
}

fn nested(jwt: &Jwt) -> Vec<Forged> {
    let inner = jwt.parts.join(".");
    let key = SigningKey::make("EdDSA");
    let head =
        |alg: &str| encode(json!({"alg": alg, "cty": "JWT", "kid": jwt.header["kid"], "typ": "at+jwt"}).to_string());
    vec![
        forged("no outer signature", format!("{}.{}.", head("none"), encode(&inner))),
        forged("an outer signature of ours", signed(&format!("{}.{}", head("EdDSA"), encode(&inner)), &key)),
        forged(
            "the inner signature for the outer one",
            format!("{}.{}.{}", head("EdDSA"), encode(&inner), jwt.parts[2]),
        ),
        forged("the token in base64", encode(&inner)),
    ]
}

fn as_json(jwt: &Jwt) -> Vec<Forged> {
    let [header, claims, signature] = &jwt.parts;
    let flat = json!({"payload": claims, "protected": header, "signature": signature});
    let general = json!({"payload": claims, "signatures": [{"protected": header, "signature": signature}]});
    let unprotected = json!({"payload": claims, "header": {"alg": "none"}, "signature": ""});
    [("flat", flat), ("general", general), ("an unprotected none", unprotected)]
        .into_iter()
        .flat_map(|(what, value)| {
            let text = value.to_string();
            [forged(what, text.clone()), forged(format!("{what}, in base64"), encode(text))]
        })
        .collect()
}

/// Refused, and the service is still there.
async fn then_alive(attempt: &Attempt, forge: impl FnOnce(&Jwt) -> Vec<Forged>) -> Result<Verdict, Trouble> {
    let verdict = none_opens(attempt, "401 or 431, and the service goes on", forge).await?;
    let door = attempt.door().await;
    Ok(verdict
        .and(Verdict::held_if(door.is_ok(), || "afterwards the genuine token opened nothing any more".to_owned())))
}

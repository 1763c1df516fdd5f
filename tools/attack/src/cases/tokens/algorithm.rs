//! Tokens that choose their own algorithm.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Forged, all_refused, forged, none_opens,
    secrets::{DEFAULTS, SECRETS},
};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::Jwt,
};

const FORM: Case =
    Case { pillar: Some("jwt-algorithm"), owasp: &["API2:2023"], asvs: &["9.1.2"], needs: &[Need::JwtDoor], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-alg-none",
        title: "A token that says it needs no signature",
        teaching: "RFC 7519 has an algorithm called `none`: a token without a signature. In 2015 Tim McLean found \
                   that many libraries believed the header's word, so that anybody could write a token for anybody \
                   (CVE-2018-1000531 and CVE-2020-15957 are late ones). The algorithm must come from the verifier's \
                   own list of those that it expects, never from the token (RFC 8725 section 3.1).",
        run: |attempt| Box::pin(none_opens(attempt, "401, without a look at the claims", |jwt| none(jwt, &["none"]))),
        ..FORM
    },
    Case {
        id: "jwt-alg-none-spelled",
        title: "The same with `none` in other letters",
        teaching: "After `none` was put on blocklists, `nOnE` walked past them: the check compared letters, the \
                   library behind it did not (Auth0's authentication API in 2020). A list of what is allowed has no \
                   such gap: whatever is not `EdDSA`, `ES256` or `RS256` to the letter is refused, however it is \
                   spelled.",
        run: |attempt| {
            let spellings = &["None", "NONE", "nOnE", "none ", " none", "none\u{0}", "ｎｏｎｅ", "noné"];
            Box::pin(none_opens(attempt, "401, however `none` is spelled", |jwt| none(jwt, spellings)))
        },
        ..FORM
    },
    Case {
        id: "jwt-alg-none-old-signature",
        title: "A token that says `none` and keeps a genuine signature",
        teaching: "Some verifiers refuse `none` only where the third part is empty, and skip the signature where the \
                   header says `none`: each check is right by itself, and together they let this through. Look at the \
                   algorithm first, by itself, before anything else of the token is used; then verify the signature \
                   with the key's own algorithm, always.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let old = jwt.clone().header("alg", "none");
                vec![
                    forged("`none` with the old signature", old.with_old_signature()),
                    forged("`none` with one byte of signature", old.with_signature(b"x")),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-alg-missing",
        title: "A token that names no algorithm, or several",
        pillar: None,
        teaching: "`alg` is the one member that every JOSE header must have (RFC 7515 section 4.1.1). Loosely typed \
                   code turns a missing one, a null, a number or a list into a default, and the default has been \
                   `none` or HMAC. A header is input like any other: read it into a strict type, in which `alg` is \
                   one string of three.",
        run: |attempt| Box::pin(none_opens(attempt, "401", odd_algorithms)),
        ..FORM
    },
    Case {
        id: "jwt-hs256-public-key-pem",
        title: "A token signed with the public key as a shared secret",
        teaching: "Algorithm confusion: the verifier hands its RSA public key to `verify(token, key)`, the token says \
                   HS256, and the library takes the PEM text for an HMAC secret. The public key is public, so anybody \
                   signs (CVE-2015-9235, CVE-2016-5431, CVE-2022-29217 in PyJWT). A key belongs to one algorithm, and \
                   the header cannot change that (RFC 8725 section 3.1).",
        run: |attempt| Box::pin(public_key_as_secret(attempt, SecretForm::Pem)),
        ..FORM
    },
    Case {
        id: "jwt-hs256-public-key-der",
        title: "The same with the key's bytes instead of its PEM",
        teaching: "Libraries that decode PEM before they choose an algorithm end with the DER bytes, or with the raw \
                   point or modulus, as the HMAC secret. CVE-2023-48223 in fast-jwt and CVE-2024-33663 in python-jose \
                   are late cases: their filters looked for the text `BEGIN PUBLIC KEY` and knew one form of it. \
                   Binding the algorithm to the key needs no filter.",
        run: |attempt| Box::pin(public_key_as_secret(attempt, SecretForm::Bytes)),
        ..FORM
    },
    Case {
        id: "jwt-hs256-public-key-jwk",
        title: "The same with the key as the JWKS publishes it",
        teaching: "A service that fetches its keys from a JWKS may hold them as JSON. If the code that finds a key by \
                   `kid` returns that JSON, or a member of it as text, and the token may say HS256, the published \
                   document itself is the secret. The type of a verification key must not be bytes or text: a public \
                   key and a MAC key are different types.",
        run: |attempt| Box::pin(public_key_as_secret(attempt, SecretForm::Jwk)),
        ..FORM
    },
    Case {
        id: "jwt-hs256-empty-secret",
        title: "A token with a MAC under an empty secret",
        pillar: None,
        teaching: "A secret that is unset, read from the wrong variable or not found by `kid` is an empty string in \
                   many languages, and HMAC takes an empty key without complaint. jsonwebtoken before 9 skipped \
                   verification where the key was falsy (CVE-2022-23540). Refuse to start without key material of \
                   full length, and do not let a token choose a MAC where keys are asymmetric.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| macs(jwt, &[b"", b"\0", &[0; 32], b"null", b"undefined"])))
        },
        ..FORM
    },
    Case {
        id: "jwt-hs256-weak-secret",
        title: "A token with a MAC under a secret from a list",
        pillar: None,
        teaching: "Whoever has one token can try secrets at home, billions a second, and nobody notices: lists of \
                   secrets from tutorials and default settings open a good part of what stands on the net (jwt.io's \
                   `your-256-bit-secret`; CVE-2023-27524 in Superset). A MAC secret must be 256 random bits; \
                   signatures with a private key leave nothing to guess.",
        run: |attempt| Box::pin(weak_secret(attempt)),
        ..FORM
    },
    Case {
        id: "jwt-alg-of-another-key",
        title: "A genuine signature under another algorithm's name",
        pillar: None,
        teaching: "Every key has one algorithm. If the header can name another, the same bytes are read by other \
                   rules: RS256 as PS256, a P-256 key under ES256K, Ed25519 under RSA. Such cross-protocol readings \
                   are where signatures go wrong in ways that nobody has analysed. RFC 8725 section 3.1: the \
                   algorithm is a property of the key, and is compared with the header's.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                const NAMES: [&str; 9] =
                    ["EdDSA", "ES256", "RS256", "HS256", "HS512", "PS256", "ES384", "ES256K", "Ed448"];
                let others = NAMES.iter().filter(|name| jwt.header["alg"] != **name);
                others.map(|name| forged(*name, jwt.clone().header("alg", *name).with_old_signature())).collect()
            }))
        },
        ..FORM
    },
];

fn none(jwt: &Jwt, spellings: &[&str]) -> Vec<Forged> {
    let forge =
        |name: &&str| forged(format!("\"alg\": \"{name}\", no signature"), jwt.clone().header("alg", *name).unsigned());
    spellings.iter().map(forge).collect()
}

fn odd_algorithms(jwt: &Jwt) -> Vec<Forged> {
    let odd =
        [json!(null), json!(""), json!(0), json!(true), json!(["none"]), json!([jwt.header["alg"], "none"]), json!({})];
    let mut tokens = Vec::new();
    for alg in odd {
        let what = if alg.is_null() { "no \"alg\"".to_owned() } else { format!("\"alg\": {alg}") };
        let token = jwt.clone().header("alg", alg);
        tokens.push(forged(format!("{what}, no signature"), token.unsigned()));
        tokens.push(forged(format!("{what}, the old signature"), token.with_old_signature()));
    }
    tokens
}

fn macs(jwt: &Jwt, secrets: &[&[u8]]) -> Vec<Forged> {
    let token = jwt.clone().header("alg", "HS256");
    let name = |secret: &[u8]| format!("HS256 under {:?}", String::from_utf8_lossy(secret));
    secrets.iter().map(|secret| forged(name(secret), token.mac(secret))).collect()
}

#[derive(Clone, Copy)]
enum SecretForm {
    Pem,
    Bytes,
    Jwk,
}

async fn public_key_as_secret(attempt: &Attempt, form: SecretForm) -> Result<Verdict, Trouble> {
    attempt.expect("401: a public key is no secret");
    let (door, genuine) = attempt.jwt_door().await?;
    let key = attempt.public_key(&genuine).await?;
    let (Some(der), Some(pem), Some(bytes)) = (key.der(), key.pem(), key.bytes()) else {
        return Err(Trouble::Skipped("its public key is of no kind that we know".to_owned()));
    };
    let secrets: Vec<(&str, Vec<u8>)> = match form {
        SecretForm::Pem => vec![
            ("the PEM text", pem.clone().into()),
            ("the PEM text without its last line end", pem.trim_end().into()),
            ("the PEM text with CRLF", pem.replace('\n', "\r\n").into()),
            ("the PEM text's inside", STANDARD.encode(&der).into()),
        ],
        SecretForm::Bytes => vec![("the DER bytes", der), ("the raw key", bytes)],
        SecretForm::Jwk => vec![
            ("the JWK", key.jwk.to_string().into()),
            ("the JWK's members of RFC 7638", key.thumbprint_input().into()),
            ("the member x or n as text", text_member(&key.jwk).into()),
        ],
    };
    let token = genuine.header("alg", "HS256");
    let tokens = secrets.into_iter().map(|(what, secret)| forged(format!("HS256 under {what}"), token.mac(&secret)));
    all_refused(attempt, &door.path, tokens.collect()).await
}

fn text_member(jwk: &Value) -> String {
    jwk["x"].as_str().or_else(|| jwk["n"].as_str()).unwrap_or_default().to_owned()
}

async fn weak_secret(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for all of them; a MAC secret is not to be guessed");
    let (door, genuine) = attempt.jwt_door().await?;
    let secrets: Vec<&[u8]> = SECRETS.iter().chain(&DEFAULTS).map(|secret| secret.as_bytes()).collect();
    // With a MAC, guessing needs no server: the genuine token says which secret is right.
    let guessed = secrets.iter().find(|secret| genuine.header["alg"] == "HS256" && genuine.was_maced_under(secret));
    let tokens = macs(&genuine, guessed.map_or(&secrets[..], std::slice::from_ref));
    let verdict = all_refused(attempt, &door.path, tokens).await?;
    Ok(match guessed {
        Some(secret) => {
            Verdict::Hole(format!("its secret is {:?}: anybody can be anybody", String::from_utf8_lossy(secret)))
        }
        None => verdict,
    })
}

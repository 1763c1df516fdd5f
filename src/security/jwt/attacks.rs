//! Attacks on a token's form, header and signature. Most are signed with the service's own key: what a signature covers is
//! not therefore true, and `jsonwebtoken::decode` let each kind of these through when it was tried.

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use time::Duration;

use super::{
    Algorithm, Grant, Refusal,
    workshop::{
        Folder, Forger, NOW, SESSION, TTL, USER, at, change, claims, claims_with, encode, grant, refused, seconds,
    },
};

fn refused_header(header: &Value, refusal: Refusal) {
    refused(|forger| forger.sign(&header_with(forger, header), claims().to_string()), refusal);
}

/// The good header with some members set, or with `null` taken away.
fn header_with(forger: &Forger, changes: &Value) -> String {
    let mut header: Value = serde_json::from_str(&forger.header()).unwrap();
    change(&mut header, changes);
    header.to_string()
}

#[test]
fn a_token_says_what_was_granted_and_dies_on_its_last_second() {
    for algorithm in Algorithm::ALL {
        let (folder, _) = Folder::with_key(algorithm);
        let keyring = folder.keyring();
        let issued = keyring.issue(grant(), &at(NOW)).unwrap();
        assert_eq!(issued.expires_in, 600);
        let token = issued.token.expose();
        let verified = keyring.verify(token, NOW).unwrap();
        assert_eq!((verified.user_id, verified.session_id, verified.generation), (USER, SESSION, 3));
        assert_eq!((verified.role.as_str(), verified.scope.as_str()), ("editor", "profile:read articles:write"));
        assert_eq!((verified.auth_time, verified.expires_at), (NOW - seconds(90), NOW + TTL));
        assert_eq!(
            (verified.client_id.as_str(), verified.amr.as_slice()),
            ("first-party", &["pwd".to_owned(), "otp".to_owned()][..])
        );
        assert!(keyring.verify(token, NOW + TTL - Duration::MICROSECOND).is_ok());
        // By now the token is remembered as good: what is remembered is not its being good now.
        assert_eq!(keyring.verify(token, NOW + TTL), Err(Refusal::Expired));
        assert_eq!(keyring.verify(token, NOW - seconds(1)), Err(Refusal::NotYetValid));
    }
}

#[test]
fn no_two_tokens_are_alike() {
    let (folder, _) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let issue = || keyring.issue(grant(), &at(NOW)).unwrap().token;
    assert_ne!(issue().expose(), issue().expose());
}

#[test]
fn a_sign_in_that_a_faster_clock_wrote_down_is_no_reason_to_refuse() {
    let (folder, _) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let ahead = Grant { auth_time: NOW + seconds(2), ..grant() };
    let token = keyring.issue(ahead, &at(NOW)).unwrap().token;
    assert_eq!(keyring.verify(token.expose(), NOW).unwrap().auth_time, NOW);
}

#[test]
fn the_forgers_own_good_token_passes() {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    let forger = Forger::of(&folder, &kid);
    let keyring = folder.keyring();
    assert!(keyring.verify(&forger.with_claims(&claims()), NOW).is_ok(), "else the refusals below prove nothing");
    for typ in ["AT+JWT", "application/at+jwt", "Application/AT+JWT"] {
        let token = forger.sign(&header_with(&forger, &json!({ "typ": typ })), claims().to_string());
        assert!(keyring.verify(&token, NOW).is_ok(), "{typ}");
    }
    for changes in [json!({ "aud": ["other", "drawbridge"] }), json!({ "something_else": { "deep": [1] } })] {
        assert!(keyring.verify(&forger.with_claims(&claims_with(&changes)), NOW).is_ok(), "{changes}");
    }
}

#[test]
fn no_algorithm_but_that_of_the_key_is_heard() {
    for alg in ["none", "nOnE", "NONE", "", "HS256", "ES256", "RS256", "PS256", "eddsa", "Ed25519", "EdDSA "] {
        refused_header(&json!({ "alg": alg }), Refusal::Algorithm);
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let unsigned = |forger: &Forger, alg: &str| {
        let header = header_with(forger, &json!({ "alg": alg }));
        format!("{}.{}.", encode(header), encode(claims().to_string()))
    };
    refused(|forger| unsigned(forger, "none"), Refusal::Algorithm);
    refused(|forger| unsigned(forger, "EdDSA"), Refusal::Signature);
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    for algorithm in Algorithm::ALL {
        let (folder, kid) = Folder::with_key(algorithm);
        let keyring = folder.keyring();
        let jwk = &keyring.jwks(NOW)["keys"][0];
        let part = jwk.get("x").or(jwk.get("n")).unwrap().as_str().unwrap();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(part));
        let message = |alg: &str| {
            let header = json!({ "alg": alg, "kid": kid, "typ": "at+jwt" });
            format!("{}.{}", encode(header.to_string()), encode(claims().to_string()))
        };
        for secret in [part.as_bytes(), pem.as_bytes(), jwk.to_string().as_bytes(), &folder.pem(&kid)] {
            let key = EncodingKey::from_secret(secret);
            for (alg, refusal) in [("HS256", Refusal::Algorithm), (algorithm.name(), Refusal::Signature)] {
                let message = message(alg);
                let tag = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
                assert_eq!(keyring.verify(&format!("{message}.{tag}"), NOW), Err(refusal), "{alg}");
            }
        }
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    let kids =
        ["", "unknown", "../../../../dev/null", "/etc/passwd", "x' or '1'='1", "http://evil.example/key", "*", "%00"];
    for kid in kids {
        refused_header(&json!({ "kid": kid }), Refusal::UnknownKey);
    }
    refused(
        |forger| forger.sign(&header_with(forger, &json!({ "kid": format!("{}.pem", forger.kid) })), "{}"),
        Refusal::UnknownKey,
    );
}

#[test]
fn the_kid_of_another_key_does_not_help() {
    let (folder, first) = Folder::with_key(Algorithm::EdDsa);
    let second = super::new(&folder.0, Algorithm::EdDsa, NOW).unwrap();
    let keyring = folder.keyring();
    let forger = Forger::of(&folder, &first);
    let token = forger.sign(&header_with(&forger, &json!({ "kid": second })), claims().to_string());
    assert_eq!(keyring.verify(&token, NOW), Err(Refusal::Signature));
    let (elsewhere, _) = Folder::with_key(Algorithm::EdDsa);
    let stranger = elsewhere.keyring().issue(grant(), &at(NOW)).unwrap();
    assert_eq!(keyring.verify(stranger.token.expose(), NOW), Err(Refusal::UnknownKey));
}

#[test]
fn a_header_brings_no_key_and_no_extension_of_its_own() {
    let (elsewhere, _) = Folder::with_key(Algorithm::EdDsa);
    let jwk = elsewhere.keyring().jwks(NOW)["keys"][0].clone();
    for extra in [
        json!({ "jwk": jwk }),
        json!({ "jku": "https://evil.example/jwks.json" }),
        json!({ "x5u": "https://evil.example/cert.pem" }),
        json!({ "x5c": ["MIIB"] }),
        json!({ "x5t": "AAAA" }),
        json!({ "x5t#S256": "AAAA" }),
        json!({ "crit": ["exp"] }),
        json!({ "crit": [] }),
        json!({ "b64": false }),
        json!({ "zip": "DEF" }),
        json!({ "enc": "A256GCM" }),
        json!({ "cty": "JWT" }),
        json!({ "anything": 1 }),
    ] {
        refused_header(&extra, Refusal::Header);
    }
}

#[test]
fn a_header_is_an_object_with_its_three_members_once_each() {
    for missing in ["alg", "kid", "typ"] {
        refused_header(&json!({ missing: null }), Refusal::Header);
        refused_header(&json!({ missing: 1 }), Refusal::Header);
        refused_header(&json!({ missing: ["EdDSA"] }), Refusal::Header);
    }
    let sign =
        |header: String| move |forger: &Forger| forger.sign(&header.replace("KID", &forger.kid), claims().to_string());
    for header in [
        r#"{"alg":"none","alg":"EdDSA","kid":"KID","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"other","kid":"KID","typ":"at+jwt"}"#,
        r#"["EdDSA","KID","at+jwt"]"#,
        r#" {"alg":"EdDSA","kid":"KID","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt"}{}"#,
        "null",
        "",
    ] {
        refused(sign(header.to_owned()), Refusal::Header);
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    for typ in ["JWT", "jwt", "id+jwt", "dpop+jwt", "at+jwt ", "text/at+jwt", "application/jwt", ""] {
        refused_header(&json!({ "typ": typ }), Refusal::Type);
    }
}

#[test]
fn a_token_that_was_altered_is_refused() {
    let good = |forger: &Forger| forger.with_claims(&claims());
    let altered = |forger: &Forger, place: usize, part: &str| {
        let token = good(forger);
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[place] = part;
        parts.join(".")
    };
    let promoted = encode(claims_with(&json!({ "role": "admin" })).to_string());
    refused(|forger| altered(forger, 1, &promoted), Refusal::Signature);
    refused(|forger| altered(forger, 2, &encode([0; 64])), Refusal::Signature);
    refused(|forger| altered(forger, 2, &encode([1; 63])), Refusal::Signature);
    refused(|forger| altered(forger, 1, ""), Refusal::Signature);
    refused(|forger| altered(forger, 2, ""), Refusal::Signature);
    refused(|forger| altered(forger, 0, ""), Refusal::Header);
}

#[test]
fn a_token_has_one_spelling() {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let token = Forger::of(&folder, &kid).with_claims(&claims());
    assert!(keyring.verify(&token, NOW).is_ok());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    // 64 bytes end in a letter of which only two bits count: the same signature, had its stray bits been overlooked.
    let (start, last) = signature.split_at(signature.len() - 1);
    let stray = char::from(last.as_bytes()[0] + 1);
    for variant in [
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{header}.{payload}. {signature}"),
        format!("{header}.{payload}.{start}{stray}"),
        format!("Bearer {token}"),
        format!("{token}\0"),
    ] {
        let refusal = keyring.verify(&variant, NOW).unwrap_err();
        assert!([Refusal::Form, Refusal::Signature].contains(&refusal), "{variant} {refusal:?}");
    }
}

#[test]
fn a_token_has_three_parts() {
    for token in ["", ".", "..", "...", "a", "a.b", "e30.e30.e30.e30.e30", "....", "ä.ö.ü", "\0.\0.\0"] {
        let (folder, _) = Folder::with_key(Algorithm::EdDsa);
        assert!(
            [Refusal::Form, Refusal::Header].contains(&folder.keyring().verify(token, NOW).unwrap_err()),
            "{token}"
        );
    }
    refused(|forger| format!("{}.e30.e30", forger.with_claims(&claims())), Refusal::Form);
}

#[test]
fn a_huge_token_is_not_read() {
    refused(
        |forger| forger.sign(&header_with(forger, &json!({ "kid": "k".repeat(4_000_000) })), "{}"),
        Refusal::TooLong,
    );
    refused(|forger| forger.with_claims(&claims_with(&json!({ "padding": "p".repeat(4096) }))), Refusal::TooLong);
}

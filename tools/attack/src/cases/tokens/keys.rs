//! Tokens that bring their own key.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Forged, forged, none_opens};
use super::{all_refused, lure::Lure};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::{Jwt, SigningKey, self_signed},
};

pub(super) const FORM: Case = Case {
    pillar: Some("jwt-embedded-key"),
    owasp: &["API2:2023"],
    asvs: &["9.1.3"],
    needs: &[Need::JwtDoor],
    ..PLAIN
};

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-embedded-jwk",
        title: "A token that brings the key to verify it with",
        teaching: "RFC 7515 lets a header carry the public key itself, as `jwk`. Cisco's node-jose used it \
                   (CVE-2018-0114): the token was then valid by its own word, signed by whoever wrote it. Keys come \
                   from where the service keeps them; a header that has `jwk` at all is refused, since nobody honest \
                   sends one here.",
        run: |attempt| Box::pin(none_opens(attempt, "401", embedded_jwk)),
        ..FORM
    },
    Case {
        id: "jwt-embedded-certificate",
        title: "A token that brings a certificate of its own",
        pillar: Some("jwt-signature"),
        teaching: "`x5c` carries a chain of certificates, and the key in the first one is to verify the token. Unless \
                   the chain is checked up to a root of the service's own, for this very purpose, a certificate that \
                   the attacker signed for himself does. RFC 8725 section 3.10 warns of all such members; a service \
                   with its own keys needs none of them.",
        run: |attempt| Box::pin(none_opens(attempt, "401", embedded_certificate)),
        ..FORM
    },
    Case {
        id: "jwt-jku",
        title: "A token that says where its key can be fetched",
        pillar: Some("jwt-signature"),
        teaching: "`jku` names the address of a key set. A verifier that follows it trusts whoever wrote the token \
                   (an open redirect on an allowed host is enough to pass an allowlist), and lets strangers make the \
                   server send requests: SSRF. Here an address of ours is named and listened at: to fetch it is \
                   already the hole.",
        owasp: &["API2:2023", "API7:2023"],
        run: |attempt| Box::pin(fetched(attempt, "jku")),
        ..FORM
    },
    Case {
        id: "jwt-x5u",
        title: "A token that says where its certificate can be fetched",
        pillar: Some("jwt-signature"),
        teaching: "`x5u` is `jku` for certificates, older and rarer, and so less often thought of when the other is \
                   switched off. The header of a token is written by whoever sends it, so an address in it is an \
                   address that a stranger chose: nothing may be fetched from it, whatever a list of allowed hosts \
                   says.",
        owasp: &["API2:2023", "API7:2023"],
        run: |attempt| Box::pin(fetched(attempt, "x5u")),
        ..FORM
    },
];

fn embedded_jwk(jwt: &Jwt) -> Vec<Forged> {
    let mut tokens = Vec::new();
    for alg in ["EdDSA", "ES256", "RS256"] {
        let key = SigningKey::make(alg);
        let token = jwt.clone().header("alg", alg).header("jwk", key.jwk());
        tokens.push(forged(format!("{alg}, the real kid"), token.signed_by(&key)));
        tokens.push(forged(format!("{alg}, no kid"), token.header("kid", Value::Null).signed_by(&key)));
    }
    tokens
}

fn embedded_certificate(jwt: &Jwt) -> Vec<Forged> {
    let key = SigningKey::make("EdDSA");
    let certificate = STANDARD.encode(self_signed(&key));
    let token = jwt.clone().header("alg", "EdDSA").header("x5c", json!([certificate]));
    vec![
        forged("the real kid", token.signed_by(&key)),
        forged("no kid", token.header("kid", Value::Null).signed_by(&key)),
    ]
}

/// Names an address where we listen and serve the attacker's key.
async fn fetched(attempt: &Attempt, member: &str) -> Result<Verdict, Trouble> {
    attempt.expect("401, and nobody comes to fetch the key");
    let (door, genuine) = attempt.jwt_door().await?;
    let key = SigningKey::make("EdDSA");
    let mut jwk = key.jwk();
    jwk["kid"] = genuine.header["kid"].clone();
    jwk["alg"] = "EdDSA".into();
    let lure = Lure::open(attempt, &json!({"keys": [jwk]}).to_string()).await?;
    let token = genuine.header("alg", "EdDSA").header(member, lure.url());
    let tokens = vec![
        forged("the real kid", token.signed_by(&key)),
        forged("no kid", token.header("kid", Value::Null).signed_by(&key)),
    ];
    let verdict = all_refused(attempt, &door.path, tokens).await?;
    let visits = lure.visits();
    Ok(verdict.and(Verdict::held_if(visits == 0, || format!("it came {visits} times to fetch {}", lure.url()))))
}

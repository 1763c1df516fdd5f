use serde_json::json;

use super::{Jwt, PublicKey, SigningKey, encode, self_signed, signed};

fn genuine(key: &SigningKey) -> Jwt {
    let header = encode(json!({"alg": key.alg(), "kid": "k", "typ": "at+jwt"}).to_string());
    let claims = encode(json!({"sub": "ada", "exp": 2_000_000_000}).to_string());
    Jwt::read(&signed(&format!("{header}.{claims}"), key)).unwrap()
}

#[test]
fn a_token_signed_anew_is_one_that_its_key_signed() {
    for alg in ["EdDSA", "ES256", "RS256"] {
        let key = SigningKey::make(alg);
        let token = genuine(&key);
        assert_eq!(key.alg(), alg);
        assert!(key.signed(&token), "{alg}");
        let changed = Jwt::read(&token.clone().claim("sub", "eve").signed_by(&key)).unwrap();
        assert!(key.signed(&changed) && changed.text("sub") == "eve", "{alg}");
        assert!(!SigningKey::make(alg).signed(&token), "{alg}: another key");
    }
}

#[test]
fn a_change_without_the_key_breaks_the_signature() {
    let key = SigningKey::make("EdDSA");
    let forged = genuine(&key).claim("sub", "eve").with_old_signature();
    assert!(!key.signed(&Jwt::read(&forged).unwrap()));
    assert!(genuine(&key).unsigned().ends_with('.'));
}

#[test]
fn null_takes_a_member_away() {
    let token = genuine(&SigningKey::make("EdDSA")).header("kid", json!(null)).claim("exp", json!(null));
    assert_eq!((token.header.get("kid"), token.claims.get("exp")), (None, None));
}

#[test]
fn a_public_key_from_a_jwk_is_the_one_that_the_key_itself_gives() {
    for alg in ["EdDSA", "ES256", "RS256"] {
        let key = SigningKey::make(alg);
        assert_eq!(PublicKey { jwk: key.jwk() }.der().unwrap(), key.public_der(), "{alg}");
    }
}

#[test]
fn what_is_no_token_is_not_read_as_one() {
    for text in ["", "a.b.c", "..", "e30.e30", "W10.e30.", "e30.e30.x.y"] {
        assert!(Jwt::read(text).is_none(), "{text}");
    }
    assert!(Jwt::read("e30.e30.").is_some());
}

#[test]
fn a_key_file_is_read_as_the_service_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("2026-k.pem");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    std::fs::write(&path, pem).unwrap();
    let key = SigningKey::read(&path).unwrap();
    // RFC 8037, appendix A.
    assert_eq!((key.kid.as_str(), key.alg()), ("2026-k", "EdDSA"));
    assert_eq!(key.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    std::fs::write(&path, "not a key").unwrap();
    assert!(SigningKey::read(&path).is_err());
}

#[test]
fn the_certificate_is_one_that_others_can_read() {
    let key = SigningKey::make("EdDSA");
    let certificate = rustls::pki_types::CertificateDer::from(self_signed(&key));
    let mut roots = rustls::RootCertStore::empty();
    // A trust anchor is parsed down to its public key.
    roots.add(certificate).unwrap();
}

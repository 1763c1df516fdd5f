//! Attacks with claims, under signatures that are good; and settings that would let them through.

use serde_json::{Value, json};

use super::{
    Algorithm, Keyring, Refusal, Settings,
    workshop::{Folder, Forger, NOW, TTL, USER, claims, claims_with, encode, refused, seconds},
};
use crate::settings::Env;

fn refused_claims(changes: &Value, refusal: Refusal) {
    refused(|forger| forger.with_claims(&claims_with(changes)), refusal);
}

#[test]
fn every_claim_is_there_and_of_its_kind() {
    let names: Vec<String> = claims().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 13);
    for name in &names {
        refused_claims(&json!({ name: null }), Refusal::Claims);
        let mut claims = claims();
        claims[name] = Value::Null;
        refused(|forger| forger.with_claims(&claims), Refusal::Claims);
        for wrong in [json!({}), json!([]), json!([1]), json!(true), json!(1.5)] {
            // An empty list is a list of methods, and holds no audience of ours.
            match (name.as_str(), &wrong) {
                ("amr", Value::Array(list)) if list.is_empty() => {}
                ("aud", Value::Array(list)) if list.is_empty() => {
                    refused_claims(&json!({ name: wrong }), Refusal::Audience);
                }
                _ => refused_claims(&json!({ name: wrong }), Refusal::Claims),
            }
        }
        let (number, text) = (json!(NOW.unix() - 1), json!((NOW.unix() + 60).to_string()));
        let is_date = ["exp", "iat", "nbf", "auth_time"].contains(&name.as_str());
        refused_claims(&json!({ name: if is_date { text } else { number } }), Refusal::Claims);
    }
}

#[test]
fn a_claim_stands_once() {
    let twice = |doubled: &'static str| {
        move |forger: &Forger| forger.sign(&forger.header(), claims().to_string().replacen('{', doubled, 1))
    };
    refused(twice(r#"{"role":"admin","#), Refusal::Claims);
    refused(twice(r#"{"exp":99999999999,"#), Refusal::Claims);
    refused(twice(r#"{"\u0073ub":"x","#), Refusal::Claims);
}

#[test]
fn claims_are_an_object_in_utf8() {
    let order = "iss sub aud exp iat nbf jti sid client_id scope role auth_time amr";
    let values: Vec<Value> = order.split(' ').map(|name| claims()[name].clone()).collect();
    refused(|forger| forger.with_claims(&Value::Array(values.clone())), Refusal::Claims);
    refused(|forger| forger.sign(&forger.header(), "\"text\""), Refusal::Claims);
    let latin1 = claims_with(&json!({ "city": "Z?rich" })).to_string().into_bytes();
    let latin1: Vec<u8> = latin1.into_iter().map(|byte| if byte == b'?' { 0xfc } else { byte }).collect();
    refused(|forger| forger.sign(&forger.header(), &latin1), Refusal::Claims);
    refused(|forger| forger.sign(&forger.header(), ""), Refusal::Claims);
    refused(|forger| forger.sign(&forger.header(), "[".repeat(2000)), Refusal::Claims);
}

#[test]
fn the_issuer_is_ours_to_the_letter() {
    for iss in
        ["https://api.example/", "https://API.example", "http://api.example", "https://api.example.evil.example", ""]
    {
        refused_claims(&json!({ "iss": iss }), Refusal::Issuer);
    }
    refused_claims(&json!({ "iss": ["https://api.example"] }), Refusal::Claims);
}

#[test]
fn the_audience_holds_ours() {
    for aud in [json!("other"), json!("drawbridge2"), json!("Drawbridge"), json!(["other"]), json!("")] {
        refused_claims(&json!({ "aud": aud }), Refusal::Audience);
    }
    refused_claims(&json!({ "aud": ["drawbridge", 1] }), Refusal::Claims);
}

#[test]
fn ids_are_canonical_uuids() {
    let id = USER.to_string();
    let spellings =
        [id.to_uppercase(), USER.simple().to_string(), format!("{{{id}}}"), USER.urn().to_string(), format!(" {id}")];
    for wrong in spellings.iter().map(String::as_str).chain(["ada@example.com", "", "1"]) {
        refused_claims(&json!({ "sub": wrong }), Refusal::Claims);
        refused_claims(&json!({ "sid": wrong }), Refusal::Claims);
    }
}

#[test]
fn the_generation_is_one_plain_number() {
    let nonce = encode([7; 16]);
    for jti in ["3", "3.", ".", "", "x.x", "3.short"] {
        refused_claims(&json!({ "jti": jti }), Refusal::Claims);
    }
    for generation in ["", "+3", "-1", "03", " 3", "3.3", "2147483648", "1e0"] {
        refused_claims(&json!({ "jti": format!("{generation}.{nonce}") }), Refusal::Claims);
    }
}

#[test]
fn a_token_counts_in_its_own_time_only() {
    let now = NOW.unix();
    let ttl = TTL.whole_seconds();
    refused_claims(&json!({ "exp": now, "iat": now - 60, "nbf": now - 60, "auth_time": now - 60 }), Refusal::Expired);
    refused_claims(&json!({ "exp": now - 1 }), Refusal::Expired);
    refused_claims(&json!({ "exp": -1 }), Refusal::Expired);
    refused_claims(&json!({ "nbf": now + 1 }), Refusal::NotYetValid);
    refused_claims(&json!({ "iat": now + 1 }), Refusal::FromTheFuture);
    refused_claims(&json!({ "exp": now + ttl + 1 }), Refusal::LongLived);
    refused_claims(&json!({ "exp": now + 100 * 365 * 86_400 }), Refusal::LongLived);
    refused_claims(&json!({ "exp": i64::MAX }), Refusal::LongLived);
    refused_claims(&json!({ "iat": i64::MIN, "auth_time": i64::MIN }), Refusal::LongLived);
    refused_claims(&json!({ "exp": now + ttl, "iat": now - 1, "auth_time": now - 90 }), Refusal::LongLived);
    refused_claims(&json!({ "exp": u64::MAX }), Refusal::Claims);
    refused_claims(&json!({ "auth_time": now + 1 }), Refusal::Claims);
    refused_claims(&json!({ "auth_time": i64::MIN }), Refusal::Claims);
}

#[test]
fn leeway_is_given_on_both_sides_and_no_further() {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    let keyring = Keyring::open(Settings { leeway: seconds(5), ..folder.settings() }, NOW).unwrap();
    let token = Forger::of(&folder, &kid).with_claims(&claims());
    for _remembered in [false, true] {
        assert!(keyring.verify(&token, NOW - seconds(5)).is_ok());
        assert_eq!(keyring.verify(&token, NOW - seconds(6)), Err(Refusal::NotYetValid));
        assert!(keyring.verify(&token, NOW + TTL + seconds(4)).is_ok());
        assert_eq!(keyring.verify(&token, NOW + TTL + seconds(5)), Err(Refusal::Expired));
    }
}

#[test]
fn weak_settings_are_refused() {
    let mistakes = |pairs: &[(&str, &str)]| {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        Settings::read(&mut env);
        env.mistakes()
    };
    assert_eq!(mistakes(&[]), [""; 0]);
    assert_eq!(mistakes(&[("APP_ENV", "production")]).len(), 3, "issuer, audience and folder must be chosen");
    for (name, value) in [
        ("JWT_ISSUER", "ftp://x"),
        ("JWT_ISSUER", "https://x/?tenant=1"),
        ("JWT_ISSUER", "https://x/#a"),
        ("JWT_ISSUER", "api"),
        ("JWT_AUDIENCE", "two words"),
        ("ACCESS_TOKEN_TTL", "59s"),
        ("ACCESS_TOKEN_TTL", "61m"),
        ("JWT_LEEWAY", "6s"),
    ] {
        assert_eq!(mistakes(&[(name, value)]).len(), 1, "{name}={value}");
    }
    let production = [("APP_ENV", "production"), ("JWT_AUDIENCE", "a"), ("JWT_KEYS_DIR", "/keys")];
    let with_issuer = |issuer| mistakes(&[&production[..], &[("JWT_ISSUER", issuer)]].concat());
    assert_eq!(with_issuer("http://api.example"), ["JWT_ISSUER is an https URL in production"]);
    assert_eq!(with_issuer("https://api.example"), [""; 0]);
}

//! The life of keys: taken up without an outage, retired on time, and a folder that is not what it should be.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use serde_json::Value;
use time::Duration;

use super::{
    Algorithm, Keyring, Refusal, Settings, Stage, list, new, rotate,
    workshop::{Folder, NOW, TTL, at, grant, seconds},
};
use crate::types::Timestamp;

fn issue(keyring: &Keyring, now: Timestamp) -> String {
    keyring.issue(grant(), &at(now)).unwrap().token.expose().clone()
}

/// Which key signs at that time.
fn signer(keyring: &Keyring, now: Timestamp) -> String {
    jsonwebtoken::decode_header(issue(keyring, now)).unwrap().kid.unwrap()
}

fn published(keyring: &Keyring, now: Timestamp) -> Vec<String> {
    let jwks = keyring.jwks(now);
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    jwks["keys"].as_array().unwrap().iter().map(kid).collect()
}

#[test]
fn a_new_key_is_known_to_all_before_it_signs() {
    let (folder, old) = Folder::with_key(Algorithm::EdDsa);
    let (here, there) = (folder.keyring(), folder.keyring());
    let new = rotate(&folder.settings(), Algorithm::Es256, NOW).unwrap().made;
    assert_eq!(published(&here, NOW), [old.as_str()], "until it looks again");
    assert!(here.reload().unwrap());
    assert!(!here.reload().unwrap(), "nothing changed since");
    assert_eq!(published(&here, NOW), [old.as_str(), new.as_str()]);
    assert_eq!(signer(&here, NOW), old);
    assert_eq!(signer(&here, NOW + seconds(5) - Duration::MICROSECOND), old);
    assert_eq!(signer(&here, NOW + seconds(5)), new);
    assert!(there.reload().unwrap());
    assert!(there.verify(&issue(&here, NOW + seconds(5)), NOW + seconds(5)).is_ok());
    assert!(there.verify(&issue(&here, NOW), NOW + seconds(60)).is_ok(), "the old key's tokens still count");
}

#[test]
fn a_retired_key_dies_with_its_last_token_though_its_file_stays() {
    let (folder, old) = Folder::with_key(Algorithm::EdDsa);
    let keyring = Keyring::open(Settings { leeway: seconds(5), ..folder.settings() }, NOW).unwrap();
    let new = rotate(&folder.settings(), Algorithm::EdDsa, NOW).unwrap().made;
    keyring.reload().unwrap();
    let last_second = NOW + seconds(4);
    let death = NOW + seconds(5) + TTL + seconds(5);
    let token = issue(&keyring, last_second);
    assert!(keyring.verify(&token, last_second + TTL).is_ok());
    assert_eq!(published(&keyring, death - Duration::MICROSECOND), [old.as_str(), new.as_str()]);
    assert_eq!(published(&keyring, death), [new.as_str()]);
    // Remembered as good, and of a life that never ends were its key not asked for.
    assert_eq!(keyring.verify(&token, death), Err(Refusal::RetiredKey));
    assert!(folder.file(&old).exists());
}

#[test]
fn a_key_that_is_taken_away_takes_its_tokens_with_it() {
    let (folder, old) = Folder::with_key(Algorithm::EdDsa);
    new(&folder.0, Algorithm::EdDsa, NOW).unwrap();
    let keyring = folder.keyring();
    let token = issue(&keyring, NOW);
    assert!(keyring.verify(&token, NOW).is_ok());
    fs::remove_file(folder.file(&old)).unwrap();
    assert!(keyring.reload().unwrap());
    assert_eq!(keyring.verify(&token, NOW), Err(Refusal::UnknownKey));
}

#[test]
fn a_key_that_was_replaced_under_its_name_forgets_what_it_proved() {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let token = issue(&keyring, NOW);
    assert!(keyring.verify(&token, NOW).is_ok());
    let (elsewhere, other) = Folder::with_key(Algorithm::EdDsa);
    fs::rename(elsewhere.file(&other), folder.file(&kid)).unwrap();
    assert!(keyring.reload().unwrap());
    assert_eq!(keyring.verify(&token, NOW), Err(Refusal::Signature));
}

#[test]
fn rotate_removes_the_files_of_dead_keys_and_of_no_other() {
    let (folder, first) = Folder::with_key(Algorithm::EdDsa);
    let settings = folder.settings();
    let second = rotate(&settings, Algorithm::EdDsa, NOW).unwrap();
    assert_eq!(second.removed, [""; 0]);
    let death = NOW + seconds(5) + TTL;
    let third = rotate(&settings, Algorithm::EdDsa, death - seconds(1)).unwrap();
    assert_eq!(third.removed, [""; 0], "its last token lives for another second");
    let fourth = rotate(&settings, Algorithm::EdDsa, death).unwrap();
    assert_eq!(fourth.removed, [first.as_str()]);
    assert!(!folder.file(&first).exists());
    let listed: Vec<_> =
        list(&settings, death + seconds(4)).unwrap().into_iter().map(|key| (key.kid, key.stage)).collect();
    assert_eq!(
        listed,
        [
            (second.made, Stage::Retired { until: death - seconds(1) + seconds(5) + TTL }),
            (third.made, Stage::Signing),
            (fourth.made, Stage::Published),
        ]
    );
}

#[test]
fn a_key_is_made_after_every_other_even_by_a_clock_that_was_set_back() {
    let (folder, _) = Folder::with_key(Algorithm::EdDsa);
    let first = new(&folder.0, Algorithm::EdDsa, NOW).unwrap();
    let second = new(&folder.0, Algorithm::EdDsa, NOW).unwrap();
    let third = new(&folder.0, Algorithm::EdDsa, NOW - Duration::hours(1)).unwrap();
    assert!(first < second && second < third, "{first} {second} {third}");
    assert_eq!(signer(&folder.keyring(), NOW + seconds(10)), third);
}

#[test]
fn an_empty_folder_gets_a_key_in_development_and_refuses_production() {
    let folder = Folder::absent();
    let refusal = Keyring::open(folder.settings(), NOW).err().unwrap().to_string();
    assert!(refusal.contains("`drawbridge keys new`"), "{refusal}");
    assert!(!folder.0.exists());
    let keyring = Keyring::open(Settings { production: false, ..folder.settings() }, NOW).unwrap();
    let kid = signer(&keyring, NOW);
    assert!(kid.starts_with("20261122T034500Z-"), "the only key signs at once");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.file(&kid)), 0o600);
    assert_eq!(mode(folder.0.clone()), 0o700);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no unfinished file is left");
}

#[test]
fn a_file_that_is_no_good_key_is_named_and_not_quoted() {
    let openssl = |arguments: &str| Command::new("openssl").args(arguments.split(' ')).output().unwrap().stdout;
    let weak = openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024");
    let other_curve = openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384");
    let old_envelope = openssl("ecparam -name prime256v1 -genkey -noout");
    let mut half = openssl("genpkey -algorithm ED25519");
    half.truncate(60);
    for content in [weak, other_curve, old_envelope, half, b"topsecret".to_vec(), Vec::new(), vec![0xff; 100]] {
        let (folder, _) = Folder::with_key(Algorithm::EdDsa);
        let keyring = folder.keyring();
        let token = issue(&keyring, NOW);
        fs::write(folder.file("broken"), &content).unwrap();
        fs::set_permissions(folder.file("broken"), Permissions::from_mode(0o600)).unwrap();
        let refusal = format!("{:#}", Keyring::open(folder.settings(), NOW).err().unwrap());
        assert!(refusal.starts_with("the key file broken.pem is not a"), "{refusal}");
        let letters = String::from_utf8_lossy(&content);
        assert!(letters.lines().filter(|line| line.len() > 8).all(|line| !refusal.contains(line)), "{refusal}");
        assert!(keyring.reload().is_err());
        assert!(keyring.verify(&token, NOW).is_ok(), "a running service keeps the keys that it has");
    }
}

#[test]
fn keys_that_openssl_made_are_read() {
    let openssl = |arguments: &str| Command::new("openssl").args(arguments.split(' ')).output().unwrap().stdout;
    for (arguments, algorithm) in [
        ("genpkey -algorithm ED25519", "EdDSA"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "ES256"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RS256"),
    ] {
        let folder = Folder::absent();
        fs::create_dir(&folder.0).unwrap();
        fs::write(folder.file("main"), openssl(arguments)).unwrap();
        fs::set_permissions(folder.file("main"), Permissions::from_mode(0o640)).unwrap();
        let keyring = folder.keyring();
        assert_eq!(keyring.jwks(NOW)["keys"][0]["alg"], algorithm);
        assert!(keyring.verify(&issue(&keyring, NOW), NOW).is_ok());
    }
}

#[test]
fn a_folder_that_went_costs_a_running_service_nothing() {
    let (folder, _) = Folder::with_key(Algorithm::EdDsa);
    let keyring = folder.keyring();
    let token = issue(&keyring, NOW);
    fs::remove_dir_all(&folder.0).unwrap();
    assert!(keyring.reload().is_err());
    assert!(keyring.verify(&token, NOW).is_ok());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    for mode in [0o604, 0o644, 0o620, 0o601] {
        let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
        fs::set_permissions(folder.file(&kid), Permissions::from_mode(mode)).unwrap();
        let refusal = Keyring::open(folder.settings(), NOW).err().unwrap().to_string();
        assert!(refusal.contains(&kid), "{mode:o} {refusal}");
    }
}

#[test]
fn half_written_and_foreign_files_are_not_looked_at() {
    let (folder, kid) = Folder::with_key(Algorithm::EdDsa);
    for name in [".20261122T034500Z-00000000.pem", "README", "main.pem.bak"] {
        fs::write(folder.0.join(name), "-----BEGIN").unwrap();
    }
    assert_eq!(published(&folder.keyring(), NOW), [kid]);
}

#[test]
fn the_jwks_holds_public_halves_only() {
    for algorithm in Algorithm::ALL {
        let (folder, kid) = Folder::with_key(algorithm);
        let key = folder.keyring().jwks(NOW)["keys"][0].clone();
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected: &[&str] = match algorithm {
            Algorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            Algorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Algorithm::Rs256 => &["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(members, expected);
        assert_eq!((&key["alg"], &key["kid"], &key["use"]), (&algorithm.name().into(), &kid.into(), &"sig".into()));
        // An independent reader finds in it a key that verifies: the numbers are the right way round.
        let jwk = serde_json::from_value(key).unwrap();
        let token = issue(&folder.keyring(), NOW);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let public = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let library = algorithm.name().parse().unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &public, library).unwrap());
    }
}

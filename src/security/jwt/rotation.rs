//! The life of keys: taken up without an outage, retired on time, and gone without a trace.

use std::fs;

use time::Duration;

use super::{
    Algorithm, Keyring, Refusal, Settings, Stage, list, new, rotate,
    workshop::{Folder, NOW, TTL, issue, published, seconds, signer},
};

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

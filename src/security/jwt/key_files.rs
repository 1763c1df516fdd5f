//! A folder of keys that is not what it should be, and keys that others made.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::EncodingKey;
use time::Duration;

use super::{
    Algorithm, Keyring, Settings, Stage, list,
    workshop::{Folder, NOW, issue, published, signer},
};

/// Made by OpenSSL for these tests, used nowhere else, and written without their envelope.
const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIEqNvDyTaJwEcChB6jmR9VEleNOJLrJ292nMICnZs87P";
const P256: &str = concat!(
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5nH94c9wnrMEzzqAaMxEWkz6O40Wu3WTLad0mv0ZTOqhRANCAAR3",
    "Kg1yKVbKlPvXLI2D0RHRDgJVtQDmpxG/dwJb3BaGgsUH0Vn6epa0mbRWGeqFICcdyacS8zgv5PX9sPKMTYwl",
);
const P384: &str = concat!(
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDwFA/G3wSW1N+/irWPj8BSbQ4BWgHUAD8lEez3ZFtv2Qqj+uI21/il",
    "emYUQWxtbXqhZANiAASnLIYZrfzJjemk/8aMehBQyPp1OqAimHTLLDDBiRWF4c+UyjRloE+Dyg2BG7DXW2rNF5dDzD2oEGo7Q5hf",
    "K19i+8F/cuZNwhBZG0aoNaLGw7sxfKRuOawWv6tP+U206x0=",
);
const RSA_1024: &str = concat!(
    "MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBANV2zjjvCp4bKItXkXHQi3G6yfXmn2GjkRjqlplH9xUKTela2dwx",
    "ArWVH6YkjwBohSmihZwNsBZfVUpmlFqNTOrzlU111LiteVxQIHZPBXQeEZtvJysMcEnL4lw6q0WxmG3FgUXJuYKAXY70DvGQSy8K",
    "HIDEYRZ5C2AZiYPs1NAXAgMBAAECgYBWFH68vsiNUW5cIofoWayhxC1FGCcVfJw6a/8m+LpOpcUdYSGRhcIN74C/wuZXx85LJ9qx",
    "P2PO4crHIe6ZRXnKWKRxTn7TzW0PqSCWCK3SIoN4GoR4Fh7Oi0UCawBgyw5KV1TPKpcFzY16MHGaJw/KFqlvc4VX0kYhu2e5l9Ed",
    "IQJBAPGMbFEGwK0US9SWfqMWYS2aWbVoOz4Z/l33XyA2JRCkFLw2qHRFMaEkexAWmwheOuAdCkC9CGbuyXyS3MMN750CQQDiPD0j",
    "kDkOEGRjDG+ekVF5MA21SM+y1mx/vurQlD48m/PuI2Du8qpVLNYSHpg9M/cpnXOtK3FOEqFeruxKuWJDAkEAlfwxzeY5gb9Wjryc",
    "Cbx9vwlWptP/5UHStppB0QiN31VjIrN1yiyk8oBqgcTnozyPplWh5iz6qJ+hMN8ogV2H6QJBANqEPrWMB1/rO1tkVqe9SwmX/ZWd",
    "h2gArnnRKTNgDKE0LS9WIrmJ0DZHAVotDPUIrXIXr/SSonU7j3xJztf6KcsCQQCIO3/ZxcTtmah17zs8a2WO7JU2a2Kd8dy24Rk0",
    "aYxG+Z7YBl9PpoysZzzSdn9DhIBViN93mnnu3aUJFlP/zrzu",
);

fn in_envelope(label: &str, key: &str) -> Vec<u8> {
    format!("-----BEGIN {label}-----\n{key}\n-----END {label}-----\n").into_bytes()
}

fn put(folder: &Folder, kid: &str, content: &[u8], mode: u32) {
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.file(kid), content).unwrap();
    fs::set_permissions(folder.file(kid), Permissions::from_mode(mode)).unwrap();
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
    let text = String::from_utf8(folder.pem(&kid)).unwrap();
    let lengths: Vec<_> = text.lines().map(str::len).collect();
    assert_eq!(lengths, [27, 64, 25], "RFC 7468's form: {kid}");
}

#[test]
fn a_file_that_is_no_good_key_is_named_and_not_quoted() {
    let private = |key: &str| in_envelope("PRIVATE KEY", key);
    let (rsa, kid) = Folder::with_key(Algorithm::Rs256);
    let pkcs1 = STANDARD.encode(EncodingKey::from_rsa_pem(&rsa.pem(&kid)).unwrap().as_bytes());
    for content in [
        private(RSA_1024),
        private(P384),
        private(&ED25519[..40]),
        private(""),
        in_envelope("EC PRIVATE KEY", P256),
        in_envelope("PUBLIC KEY", P256),
        in_envelope("RSA PRIVATE KEY", &pkcs1),
        private(ED25519)[..60].to_vec(),
        b"topsecret".to_vec(),
        Vec::new(),
        vec![0xff; 100],
    ] {
        let (folder, _) = Folder::with_key(Algorithm::EdDsa);
        let keyring = folder.keyring();
        let token = issue(&keyring, NOW);
        put(&folder, "broken", &content, 0o600);
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
    for (key, algorithm) in [(ED25519, "EdDSA"), (P256, "ES256")] {
        let folder = Folder::absent();
        put(&folder, "main", &in_envelope("PRIVATE KEY", key), 0o640);
        let keyring = folder.keyring();
        assert_eq!(keyring.jwks(NOW)["keys"][0]["alg"], algorithm);
        assert!(keyring.verify(&issue(&keyring, NOW), NOW).is_ok());
    }
}

#[test]
fn a_kid_without_a_time_is_as_old_as_its_file() {
    let (folder, _) = Folder::with_key(Algorithm::EdDsa);
    put(&folder, "main", &in_envelope("PRIVATE KEY", ED25519), 0o600);
    let born = SystemTime::from((NOW - Duration::hours(1)).0);
    File::open(folder.file("main")).unwrap().set_modified(born).unwrap();
    let listed = list(&folder.settings(), NOW).unwrap();
    assert_eq!(
        (listed[1].kid.as_str(), listed[1].born, listed[1].stage),
        ("main", NOW - Duration::hours(1), Stage::Signing)
    );
}

#[test]
fn a_name_that_would_need_escaping_is_refused() {
    for kid in ["two words", "a\"b", "ä", &"k".repeat(65)] {
        let (folder, _) = Folder::with_key(Algorithm::EdDsa);
        put(&folder, kid, &in_envelope("PRIVATE KEY", ED25519), 0o600);
        assert!(Keyring::open(folder.settings(), NOW).is_err(), "{kid}");
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

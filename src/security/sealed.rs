//! Threat: a copy of the database, where something in it cannot be kept as a hash because the service must read it again
//! (ASVS 11.3.2, 13.3.1, 14.2.1; CWE-311). Here it is sealed with AES-256-GCM under a key that the database never sees, and
//! bound to what it is and whose it is, so that a row cannot be opened in another's place.
//!
//! It does not cover who has both, the database and the settings; nor who runs code in the service.
//!
//! Rotation: put a new key in front. It seals from then on, the older ones still open; what they open is sealed anew when it
//! is used. `drawbridge doctor` says which keys are still needed.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroize;

use crate::{
    security::secret::Secret,
    settings::{Env, NamedKey, named_keys},
    types::Givens,
};

const RULE: &str = "is `ID:KEY,…` with KEYs of 32 random bytes in base64 and IDs of up to 32 letters, digits, `-`, `_`, `.`, or `file:PATH`";

#[derive(Clone)]
pub struct Settings {
    source: Source,
    /// Production never makes its own key: replicas that each made one could not read each other's secrets.
    production: bool,
}

#[derive(Clone)]
enum Source {
    Keys(Arc<Vec<NamedKey>>),
    /// The same text in a file, as secrets are mounted.
    File(PathBuf),
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let source = env.production_must_choose("DATA_ENCRYPTION_KEYS", "file:.data/data-encryption.keys", source);
        Self { source, production: env.production }
    }

    /// The file with the keys, where they stand in one.
    pub fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Keys(_) => None,
        }
    }
}

fn source(text: &str) -> Result<Source, &'static str> {
    match text.strip_prefix("file:") {
        Some(path) => Ok(Source::File(path.into())),
        None => parse(text).map(Arc::new).map(Source::Keys),
    }
}

fn parse(text: &str) -> Result<Vec<NamedKey>, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_good = |NamedKey { name, key }: &NamedKey| {
        let key = key.expose();
        // Bytes that are all alike were typed by somebody who wanted to get on with it.
        let is_chance = key.len() == 32 && key.iter().any(|byte| *byte != key[0]);
        is_chance && (1..=32).contains(&name.len()) && name.bytes().all(is_plain)
    };
    named_keys(text, is_good, RULE, "names one key twice")
}

/// What is sealed. One cannot be opened as another.
#[derive(Clone, Copy)]
pub enum Purpose {
    TotpSecret,
    /// A refresh token, in the row of the one that it replaced.
    Successor,
}

/// The keys: the first seals, all open.
pub struct DataKeys(Vec<(String, LessSafeKey)>);

/// What was sealed.
pub struct Opened {
    pub plain: Secret<Vec<u8>>,
    /// Under a key that seals no more: to be sealed anew.
    pub outdated: bool,
}

impl DataKeys {
    /// A file that is not there is made in development and refuses the start in production.
    pub fn open(settings: &Settings, givens: &Givens) -> anyhow::Result<Self> {
        let keys = match &settings.source {
            Source::Keys(keys) => return Self::of(keys),
            Source::File(path) => {
                if !settings.production {
                    make(path, givens).with_context(|| format!("make {}", path.display()))?;
                }
                read(path)?
            }
        };
        Self::of(&keys)
    }

    fn of(keys: &[NamedKey]) -> anyhow::Result<Self> {
        let key = |named: &NamedKey| {
            let key =
                UnboundKey::new(&AES_256_GCM, named.key.expose()).map_err(|_| anyhow::anyhow!("a key of 32 bytes"))?;
            Ok((named.name.clone(), LessSafeKey::new(key)))
        };
        keys.iter().map(key).collect::<anyhow::Result<_>>().map(Self)
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }

    /// One byte that says how long the key's id is, the id, a nonce, the cipher text and its tag. `subject`: whose it is.
    pub fn seal(&self, purpose: Purpose, subject: &[u8], plain: &[u8], givens: &Givens) -> Vec<u8> {
        let (id, key) = self.0.first().expect("there is no list of keys without one");
        let nonce: [u8; NONCE_LEN] = givens.random();
        // Encrypted where it lies, and the cipher text copied: a buffer that grew would leave plain text behind.
        let mut text = plain.to_vec();
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound_to(purpose, id, subject), &mut text)
            .expect("a secret is far shorter than what AES-GCM can seal");
        let length = u8::try_from(id.len()).expect("an id has 32 characters at most");
        [&[length], id.as_bytes(), &nonce, &text[..], tag.as_ref()].concat()
    }

    /// `None`: not sealed for this, not for this subject, touched, or under a key that is not here.
    pub fn unseal(&self, purpose: Purpose, subject: &[u8], sealed: &[u8]) -> Option<Opened> {
        let (length, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let place = self.0.iter().position(|(known, _)| known.as_bytes() == id)?;
        let (id, key) = &self.0[place];
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let plain = key.open_in_place(nonce, bound_to(purpose, id, subject), &mut text).ok()?;
        let plain = Secret::new(plain.to_vec());
        text.zeroize();
        Some(Opened { plain, outdated: place > 0 })
    }
}

/// Authenticated with every seal. The first two end in a byte that stands in neither.
fn bound_to(purpose: Purpose, id: &str, subject: &[u8]) -> Aad<Vec<u8>> {
    let purpose = match purpose {
        Purpose::TotpSecret => "drawbridge: TOTP secret, v1",
        Purpose::Successor => "drawbridge: successor of a refresh token, v1",
    };
    Aad::from([purpose.as_bytes(), &[0], id.as_bytes(), &[0], subject].concat())
}

/// Under a hidden name first, then linked: of two first starts at once one makes it, and no one reads half a key.
fn make(path: &Path, givens: &Givens) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{}", givens.new_id()));
    let key = Secret::new(givens.random::<32>());
    let text = Secret::new(format!("1:{}\n", STANDARD.encode(key.expose())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => Ok(linked?),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<NamedKey>> {
    let unreadable = || format!("the file that DATA_ENCRYPTION_KEYS names ({}) cannot be read", path.display());
    let mode = fs::metadata(path).with_context(unreadable)?.permissions().mode();
    // The group may read: a secret mounted for a service that is not root often reaches it that way.
    ensure!(mode & 0o027 == 0, "{} is open to others: its mode must be 600 (or 640)", path.display());
    let text = Secret::new(fs::read_to_string(path).with_context(unreadable)?);
    parse(text.expose().trim()).map_err(|rule| anyhow::anyhow!("{} {rule}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::types::System;

    const OWNER: &[u8] = b"ada";

    fn givens() -> Givens {
        Givens::new(System, System)
    }

    fn key(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([&[byte; 31][..], &[7]].concat()))
    }

    fn settings(value: &str, production: bool) -> (Settings, Vec<String>) {
        let mode = if production { "production" } else { "development" };
        let pairs = [("APP_ENV", mode), ("DATA_ENCRYPTION_KEYS", value)];
        let mut env = Env::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        (Settings::read(&mut env), env.mistakes())
    }

    fn keys(value: &str) -> DataKeys {
        DataKeys::open(&settings(value, true).0, &givens()).unwrap()
    }

    fn opened(keys: &DataKeys, sealed: &[u8]) -> Option<(Vec<u8>, bool)> {
        let opened = keys.unseal(Purpose::TotpSecret, OWNER, sealed)?;
        Some((opened.plain.expose().clone(), opened.outdated))
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_its_owner_alone() {
        let keys = keys(&key("a", 1));
        let sealed = keys.seal(Purpose::TotpSecret, OWNER, b"a secret of hers", &givens());
        assert_eq!(opened(&keys, &sealed), Some((b"a secret of hers".to_vec(), false)));
        assert!(keys.unseal(Purpose::TotpSecret, b"eve", &sealed).is_none(), "moved into another's row");
        assert!(keys.unseal(Purpose::Successor, OWNER, &sealed).is_none(), "moved into another table");
        assert!(opened(&self::keys(&key("a", 2)), &sealed).is_none(), "another key of the same name");
        assert!(!sealed.windows(8).any(|part| part == b"a secret"), "it does not stand there in plain");
        assert_ne!(keys.seal(Purpose::TotpSecret, OWNER, b"a secret of hers", &givens()), sealed);
    }

    #[test]
    fn a_seal_that_was_touched_opens_nothing() {
        let keys = keys(&format!("{},{}", key("a", 1), key("b", 2)));
        let sealed = keys.seal(Purpose::TotpSecret, OWNER, b"a secret", &givens());
        for place in 0..sealed.len() {
            let mut touched = sealed.clone();
            touched[place] ^= 3; // of the id `a` this makes `b`
            assert!(opened(&keys, &touched).is_none(), "byte {place}");
            assert!(opened(&keys, &sealed[..place]).is_none(), "cut at {place}");
        }
    }

    #[test]
    fn the_first_key_seals_and_the_older_ones_still_open() {
        let (old, both) = (keys(&key("old", 1)), keys(&format!("{}, {}", key("new", 2), key("old", 1))));
        let sealed = old.seal(Purpose::TotpSecret, OWNER, b"a secret", &givens());
        assert_eq!(opened(&both, &sealed), Some((b"a secret".to_vec(), true)));
        let anew = both.seal(Purpose::TotpSecret, OWNER, b"a secret", &givens());
        assert_eq!(opened(&both, &anew), Some((b"a secret".to_vec(), false)));
        assert!(opened(&old, &anew).is_none());
        assert_eq!(both.ids().collect::<Vec<_>>(), ["new", "old"]);
    }

    #[test]
    fn weak_keys_are_refused_by_name_and_never_by_value() {
        for wrong in [
            "topsecret",
            "::",
            "a:",
            "a:dG9wc2VjcmV0",
            &format!("a:{}", STANDARD.encode([9; 32])),
            &format!("a:{}", STANDARD.encode([b'k'; 33])),
            &format!("{},", key("a", 1)),
            &format!("{},{}", key("a", 1), key("a", 2)),
            &key("", 1),
            &key("a b", 1),
            &key(&"a".repeat(33), 1),
        ] {
            let mistakes = settings(wrong, false).1;
            assert_eq!(mistakes.len(), 1, "{wrong}");
            assert!(mistakes[0].starts_with("DATA_ENCRYPTION_KEYS ") && !mistakes[0].contains(wrong), "{mistakes:?}");
        }
        assert_eq!(settings("", true).1, ["DATA_ENCRYPTION_KEYS must be set in production"]);
    }

    #[test]
    fn a_key_is_made_once_in_development_and_never_in_production() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("keys");
        let named = format!("file:{}", path.display());
        assert!(DataKeys::open(&settings(&named, true).0, &givens()).is_err());
        assert!(!path.exists());
        let development = settings(&named, false).0;
        let sealed = DataKeys::open(&development, &givens()).unwrap().seal(Purpose::TotpSecret, OWNER, b"x", &givens());
        let again = DataKeys::open(&development, &givens()).unwrap();
        assert_eq!(opened(&again, &sealed), Some((b"x".to_vec(), false)), "the next start finds the same");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished is left");
        assert!(DataKeys::open(&settings(&named, true).0, &givens()).is_ok(), "a mounted file will do");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(DataKeys::open(&development, &givens()).is_err(), "open to others");
    }
}

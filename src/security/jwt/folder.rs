//! The folder of key files. Each key is one file `<kid>.pem`; whatever else lies in the folder is not looked at.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest::{self, SHA256};
use time::{Duration, OffsetDateTime};

use super::{
    birth,
    key::{Algorithm, Key},
};
use crate::{security::secret::Secret, types::Timestamp};

/// One key file as it was read.
struct KeyFile {
    kid: String,
    born: Timestamp,
    pem: Secret<Vec<u8>>,
}

/// All key files, oldest first. Contents, and not times of change, say whether anything is new: a file that was replaced
/// within one tick of the file system's clock is still another file.
pub(super) struct KeyFiles(Vec<KeyFile>);

impl KeyFiles {
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = digest::Context::new(&SHA256);
        for file in &self.0 {
            for part in [file.kid.as_bytes(), &file.born.unix().to_be_bytes(), file.pem.expose()] {
                digest.update(&part.len().to_be_bytes());
                digest.update(part);
            }
        }
        digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    pub(super) fn into_keys(self) -> anyhow::Result<Vec<Key>> {
        self.0
            .into_iter()
            .map(|KeyFile { kid, born, pem }| {
                let named = format!("the key file {kid}.pem");
                Key::read(kid, born, pem.expose()).map_err(|problem| anyhow::anyhow!("{named} {problem}"))
            })
            .collect()
    }
}

/// True also where there is no such folder yet.
pub(super) fn is_empty(dir: &Path) -> anyhow::Result<bool> {
    Ok(kids(dir)?.is_empty())
}

pub(super) fn read(dir: &Path) -> anyhow::Result<KeyFiles> {
    let files: anyhow::Result<Vec<_>> = kids(dir)?.into_iter().map(|kid| read_file(dir, kid)).collect();
    let mut files = files?;
    // A kid breaks the tie between two births in one second, so that every replica has the same order.
    files.sort_by(|a, b| (a.born, &a.kid).cmp(&(b.born, &b.kid)));
    Ok(KeyFiles(files))
}

fn kids(dir: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context("JWT_KEYS_DIR cannot be read")?,
    };
    let mut kids = Vec::new();
    for entry in entries {
        let name = entry.context("JWT_KEYS_DIR cannot be read")?.file_name();
        let Some(kid) = name.to_str().and_then(|name| name.strip_suffix(".pem")) else { continue };
        // Hidden files are those that are being written, and a mounted secret's own bookkeeping.
        if !kid.starts_with('.') {
            ensure!(
                is_plain(kid),
                "the name of the key file {kid:?} has other than letters, digits, `-`, `_`, `.`, or over 64"
            );
            kids.push(kid.to_owned());
        }
    }
    Ok(kids)
}

/// A kid stands in every token and in the JWKS, so it is kept to what needs no escaping anywhere.
fn is_plain(kid: &str) -> bool {
    (1..=64).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn read_file(dir: &Path, kid: String) -> anyhow::Result<KeyFile> {
    let path = path(dir, &kid);
    let unreadable = || format!("the key file {kid}.pem cannot be read");
    let about = fs::metadata(&path).with_context(unreadable)?;
    // The group may read: a secret mounted for a service that is not root often reaches it that way.
    if about.permissions().mode() & 0o027 != 0 {
        bail!("the key file {kid}.pem is open to others: its mode must be 600 (or 640)");
    }
    let changed = about.modified().with_context(unreadable)?;
    let pem = Secret::new(fs::read(&path).with_context(unreadable)?);
    let born = birth::of(&kid).unwrap_or_else(|| Timestamp(OffsetDateTime::from(changed)));
    Ok(KeyFile { kid, born, pem })
}

pub(super) fn path(dir: &Path, kid: &str) -> PathBuf {
    dir.join(format!("{kid}.pem"))
}

/// `keys new`: makes a key and gives its kid. A running service publishes it at once and signs with it five seconds
/// later, unless it is the only one.
pub fn new(dir: &Path, algorithm: Algorithm, now: Timestamp) -> anyhow::Result<String> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).context("JWT_KEYS_DIR cannot be made")?;
    let newest = read(dir)?.0.last().map(|file| file.born + Duration::seconds(1));
    // Later than every other, whatever a clock that was set back says: else the new key would never sign.
    let born = newest.map_or(now, |after| after.max(now));
    let pem = birth::generate(algorithm)?;
    let kid = birth::name(&pem, born)?;
    write(dir, &kid, &pem).with_context(|| format!("the key file {kid}.pem cannot be written"))?;
    Ok(kid)
}

/// Under a hidden name first, so that no replica ever reads half a key; and on the disk before it has its name, so that
/// no token is signed with a key that a power cut takes away.
fn write(dir: &Path, kid: &str, pem: &Secret<String>) -> std::io::Result<()> {
    let unfinished = dir.join(format!(".{kid}.pem"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(pem.expose().as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path(dir, kid))?;
    File::open(dir)?.sync_all()
}

//! What `drawbridge keys` does: beside a running service, which takes up by itself what has changed in the folder.

use std::fs;

use anyhow::Context;

use super::{Settings, Stage, folder, key::Algorithm, ring::Ring};
use crate::types::Timestamp;

/// What `keys rotate` did.
pub struct Rotated {
    pub made: String,
    pub removed: Vec<String>,
}

/// `keys rotate`: a new key, and away with the files of those that are dead by the service's own settings.
pub fn rotate(settings: &Settings, algorithm: Algorithm, now: Timestamp) -> anyhow::Result<Rotated> {
    let before = list(settings, now)?;
    let made = folder::new(&settings.keys_dir, algorithm, now)?;
    let mut removed = Vec::new();
    for key in before.into_iter().filter(|key| key.stage == Stage::Dead) {
        fs::remove_file(folder::path(&settings.keys_dir, &key.kid))
            .with_context(|| format!("the key file {}.pem cannot be removed", key.kid))?;
        removed.push(key.kid);
    }
    Ok(Rotated { made, removed })
}

/// A key as `keys list` shows it.
pub struct Listed {
    pub kid: String,
    pub algorithm: Algorithm,
    pub born: Timestamp,
    pub stage: Stage,
}

/// `keys list`, oldest first.
pub fn list(settings: &Settings, now: Timestamp) -> anyhow::Result<Vec<Listed>> {
    if folder::is_empty(&settings.keys_dir)? {
        return Ok(Vec::new());
    }
    let ring = Ring::of(folder::read(&settings.keys_dir)?)?;
    let stages = ring.stages(now, settings.longest_life());
    Ok(stages
        .map(|(key, stage)| Listed { kid: key.kid.clone(), algorithm: key.algorithm, born: key.born, stage })
        .collect())
}

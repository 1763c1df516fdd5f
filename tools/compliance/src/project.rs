//! The folder that everything stands in. Paths are as documents write them: from its root, with `/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub const TABLES: &str = "docs/compliance";

pub struct Project {
    root: PathBuf,
}

impl Project {
    pub fn here() -> Result<Self, String> {
        let project = Self::at(Path::new("."));
        if project.exists(TABLES) { Ok(project) } else { Err(format!("there is no {TABLES} here")) }
    }

    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Empty where there is none: what it should have said is then missing, and that is told.
    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    pub fn write(&self, path: &str, text: &str) -> Result<(), String> {
        fs::write(self.root.join(path), text).map_err(|error| format!("{path}: {error}"))
    }

    /// The files below a folder with this ending, in order.
    pub fn files(&self, folder: &str, ending: &str) -> Vec<String> {
        let mut found = Vec::new();
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else { return found };
        for entry in entries.flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                found.extend(self.files(&path, ending));
            } else if path.ends_with(ending) {
                found.push(path);
            }
        }
        found.sort();
        found
    }
}

//! Where the lab lives: settings, folder and keys of its own, so that nothing of the developer's is touched, and nothing
//! with a hole can be reached from elsewhere.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

/// Settings as an environment gives them, by name.
pub type Values = BTreeMap<String, String>;

/// At the head of the warning, in the log and on standard error.
pub const LOUD: &str = "INSECURE LAB: this service has a hole on purpose";

/// What an environment may choose for the lab: nothing that names a place where something is kept or sent. Everything else
/// is what it is without being set.
const CHOOSABLE: [&str; 9] = [
    "LISTEN_ADDR",
    "RUST_LOG",
    "NO_COLOR",
    "PUBLIC_URL",
    "TLS_SELF_SIGNED",
    "ACCESS_TOKEN_TTL",
    "REFRESH_GRACE",
    "PASSWORD_HASH_THREADS",
    "CORS_ALLOWED_ORIGINS",
];

/// A folder of the lab's own, and the settings that lead to it.
pub struct Home {
    pub folder: PathBuf,
    pub values: Values,
}

impl Home {
    /// `.data/lab`.
    pub fn open(environment: &Values) -> anyhow::Result<Self> {
        let data = environment.get("APP_DATA_DIR").map(|dir| dir.trim()).filter(|dir| !dir.is_empty());
        Self::at(&PathBuf::from(data.unwrap_or(".data")).join("lab"), environment)
    }

    /// Elsewhere, for tests.
    pub fn at(folder: &Path, environment: &Values) -> anyhow::Result<Self> {
        refuse_production(environment)?;
        let chosen = environment.iter().filter(|(name, _)| CHOOSABLE.contains(&name.as_str()));
        let mut values: Values = chosen.map(|(name, value)| (name.clone(), value.clone())).collect();
        refuse_strangers(&values)?;
        let path = |name: &str| folder.join(name).display().to_string();
        values.extend([
            ("APP_DATA_DIR".to_owned(), folder.display().to_string()),
            ("JWT_KEYS_DIR".to_owned(), path("keys")),
            ("DATA_ENCRYPTION_KEYS".to_owned(), format!("file:{}", path("data-encryption.keys"))),
            ("MAIL_URL".to_owned(), format!("file:{}", path("mail"))),
            ("LOG_DIR".to_owned(), path("log")),
        ]);
        Ok(Self { folder: folder.to_owned(), values })
    }

    /// Makes the folder. Nothing of an earlier start is left in it, but its log, and the database server, which takes a
    /// second to make.
    pub fn clear(&self) -> anyhow::Result<()> {
        // Root's database server runs as another user, who has to get in.
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o755).create(&self.folder).context("make the lab's folder")?;
        for folder in ["keys", "mail"].map(|name| self.folder.join(name)) {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("clear {}", folder.display()))?;
            }
        }
        for file in ["data-encryption.keys", "dev-credentials.env"].map(|name| self.folder.join(name)) {
            if file.exists() {
                fs::remove_file(&file).with_context(|| format!("clear {}", file.display()))?;
            }
        }
        Ok(())
    }

    pub fn credentials_file(&self) -> PathBuf {
        self.folder.join("dev-credentials.env")
    }
}

fn refuse_production(environment: &Values) -> anyhow::Result<()> {
    let chosen = environment.get("APP_ENV").map_or("development", |text| text.trim());
    ensure!(chosen.is_empty() || chosen == "development", "the lab is for development: APP_ENV says otherwise");
    Ok(())
}

/// A service with a hole is for the machine that it runs on.
fn refuse_strangers(values: &Values) -> anyhow::Result<()> {
    let Some(address) = values.get("LISTEN_ADDR").map(|text| text.trim()).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    // What cannot be read is for `Config` to refuse.
    let elsewhere = address.parse().is_ok_and(|address: std::net::SocketAddr| !address.ip().is_loopback());
    ensure!(!elsewhere, "the lab listens on loopback alone: LISTEN_ADDR is another address");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_lab_is_neither_in_production_nor_on_a_network() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in [("APP_ENV", "production"), ("LISTEN_ADDR", "0.0.0.0:3000"), ("LISTEN_ADDR", "[::]:1")] {
            assert!(Home::at(folder.path(), &values(&[wrong])).is_err(), "{wrong:?}");
        }
        for fine in [("APP_ENV", "development"), ("LISTEN_ADDR", "127.0.0.1:0"), ("LISTEN_ADDR", "[::1]:3000")] {
            assert!(Home::at(folder.path(), &values(&[fine])).is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn no_setting_leads_to_anything_of_the_developers() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = [
            ("DATABASE_URL", "postgres://theirs/db"),
            ("DATABASE_OWNER_URL", "postgres://theirs/db"),
            ("REDIS_URL", "redis://theirs"),
            ("MAIL_URL", "smtp://theirs"),
            ("ALERT_WEBHOOK_URL", "https://theirs"),
            ("JWT_KEYS_DIR", "theirs"),
            ("DATA_ENCRYPTION_KEYS", "file:theirs"),
            ("LOG_DIR", "theirs"),
            ("METRICS_ADDR", "127.0.0.1:1"),
            ("TLS_KEY_FILE", "theirs"),
        ];
        let home = Home::at(folder.path(), &values(&theirs)).unwrap();
        assert!(!home.values.values().any(|value| value.contains("theirs")), "{:?}", home.values);
        assert!(!home.values.contains_key("METRICS_ADDR"));
    }
}

//! What a target has: asked once, before the first case.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context;
use serde_json::Value;

use crate::{
    forge::SigningKey,
    target::{Base, Credentials, Login, Options, Target},
    wire::Wire,
};

/// Where documents are found: here, and where other frameworks put them.
const DOCUMENTS: [&str; 4] = ["/openapi.json", "/v3/api-docs", "/swagger.json", "/api-docs"];

impl Target {
    pub async fn survey(options: &Options) -> anyhow::Result<Arc<Self>> {
        let base = Base::resolve(&options.url, options.i_own_this_target).await?;
        let mut target = Self {
            base,
            insecure_tls: options.insecure_tls,
            document: None,
            credentials: options.credentials.as_deref().map(credentials).transpose()?.unwrap_or_default(),
            keys: options.keys_dir.as_deref().map(keys).transpose()?.unwrap_or_default(),
            token: options.token.clone(),
            other_token: options.other_token.clone(),
            protected: options.protected.clone(),
            mailbox: false,
        };
        target.keys.extend(options.jwt_secret.as_ref().map(|secret| SigningKey::shared(secret.as_bytes())));
        let wire = Wire::silent(Arc::new(target.bare()));
        let hello = wire.request("GET", "/").send().await;
        if let Err(trouble) = hello {
            let why = trouble.to_string();
            let hint = match (target.base.tls, why.contains("certificate")) {
                (true, true) => "accept its certificate with --insecure-tls",
                (true, false) => "is it http:// after all?",
                (false, _) => "is it https:// after all?",
            };
            anyhow::bail!("{} does not speak HTTP with us: {why}; {hint}", target.base.url());
        }
        target.document = document(&wire).await;
        target.mailbox = wire.request("GET", "/dev/mailbox.json").send().await.is_ok_and(|answer| answer.status == 200);
        Ok(Arc::new(target))
    }

    /// The address alone, for asking.
    fn bare(&self) -> Self {
        Self {
            base: self.base.clone(),
            insecure_tls: self.insecure_tls,
            document: None,
            credentials: Credentials::default(),
            keys: Vec::new(),
            token: None,
            other_token: None,
            protected: None,
            mailbox: false,
        }
    }
}

async fn document(wire: &Wire) -> Option<Value> {
    for path in DOCUMENTS {
        let Ok(answer) = wire.request("GET", path).send().await else { continue };
        let found = answer.json();
        if answer.status == 200 && found["paths"].is_object() {
            return Some(found);
        }
    }
    None
}

fn credentials(file: &Path) -> anyhow::Result<Credentials> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read; leave --credentials out, or name another file", file.display()))?;
    let value = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(|value| value.trim().to_owned())
    };
    let login = |who: &str| {
        let (email, password) = (value(&format!("{who}_EMAIL"))?, value(&format!("{who}_PASSWORD"))?);
        Some(Login { email, password })
    };
    Ok(Credentials { user: login("USER"), editor: login("EDITOR"), admin: login("ADMIN") })
}

fn keys(folder: &Path) -> anyhow::Result<Vec<SigningKey>> {
    let entries = fs::read_dir(folder).with_context(|| {
        format!("{} cannot be read; leave --keys-dir out, or name another folder", folder.display())
    })?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "pem"));
    paths.sort();
    paths.iter().map(|path| SigningKey::read(path)).collect()
}

//! What stands in `deploy/` is what production accepts: the settings there, and nothing else but what is secret.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use crate::program::{Said, drawbridge, folder};

type Settings = Vec<(String, String)>;

/// The lines below `data:`; no value in there is longer than its line.
fn config_map() -> Settings {
    let text = fs::read_to_string("deploy/kubernetes/configmap.yaml").unwrap();
    let lines = text.split("\ndata:\n").nth(1).unwrap().lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| line.trim().split_once(": ").unwrap()).map(owned).collect()
}

/// `Environment=` of the unit, and what its comment says stands in the file beside it.
fn unit() -> Settings {
    let text = fs::read_to_string("deploy/systemd/drawbridge.service").unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("Environment="));
    let mut settings: Settings = lines.map(|line| line.split_once('=').unwrap()).map(owned).collect();
    let from_file = config_map().into_iter().filter(|(name, _)| {
        ["PUBLIC_URL", "JWT_ISSUER", "JWT_AUDIENCE", "MAIL_FROM", "SECURITY_CONTACT", "ALERT_EMAIL"]
            .contains(&name.as_str())
    });
    settings.extend(from_file);
    settings
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.trim_matches('"').to_owned())
}

/// What the secrets bring, at the places that the settings name, which are in `root` here.
fn with_secrets(settings: Settings, root: &Path) -> Settings {
    let moved = |value: String| {
        let (prefix, path) = value.split_at(if value.starts_with("file:") { 5 } else { 0 });
        let path = path.replace("%d", "/run/credentials");
        if path.starts_with('/') { format!("{prefix}{}{path}", root.display()) } else { value }
    };
    let mut settings: Settings = settings.into_iter().map(|(name, value)| (name, moved(value))).collect();
    let path = |name: &str| settings.iter().find(|(found, _)| found == name).unwrap().1.replace("file:", "");
    let (jwt, data) = (path("JWT_KEYS_DIR"), path("DATA_ENCRYPTION_KEYS"));
    fs::create_dir_all(Path::new(&data).parent().unwrap()).unwrap();
    fs::write(&data, "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    assert!(drawbridge(root, &["keys", "new"]).env("JWT_KEYS_DIR", &jwt).output().unwrap().status.success());
    // As an orchestrator mounts them for a group.
    let key = fs::read_dir(&jwt).unwrap().next().unwrap().unwrap().path();
    for file in [&key, Path::new(&data)] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o440)).unwrap();
    }
    settings.push(owned(("DATABASE_URL", "postgres://drawbridge_service:x@127.0.0.1:1/drawbridge")));
    settings.push(owned(("MAIL_URL", "smtps://user:password@mail.example.com")));
    settings
}

fn doctor(root: &Path, settings: Settings) -> Said {
    drawbridge(root, &["doctor"]).envs(settings).stdin(Stdio::null()).output().unwrap().into()
}

#[test]
fn production_finds_nothing_wrong_with_what_is_deployed_but_a_database_that_is_not_there() {
    for settings in [config_map(), unit()] {
        assert!(settings.contains(&owned(("APP_ENV", "production"))), "{settings:?}");
        let folder = folder();
        let said = doctor(folder.path(), with_secrets(settings, folder.path()));
        assert!(said.err.contains("1 findings"), "{}{}", said.out, said.err);
        assert!(said.out.starts_with("- the database: "), "{}", said.out);
        assert_eq!(said.out.lines().count(), 1, "{}", said.out);
    }
}

/// cargo reads the manifest of every member, also of those that it does not build.
#[test]
fn the_image_is_built_from_every_member_of_the_workspace() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let admitted = fs::read_to_string(".dockerignore").unwrap();
    let members: Vec<&str> = members.split('"').filter(|name| name.starts_with("tools/")).collect();
    assert!(members.len() > 3, "{members:?}");
    for member in members {
        assert!(
            admitted.lines().any(|line| line == format!("!{member}")),
            ".dockerignore keeps {member} from the build"
        );
    }
}

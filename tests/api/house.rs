//! Rules about the code and its files that no compiler knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use drawbridge::config::Config;

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(path.to_str().unwrap(), ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found
}

/// The floors of the house (ARCHITECTURE.md). A module imports from its own floor's folder and from below.
const FLOORS: [(&str, u8); 20] = [
    ("cli", 8),
    ("lab", 8),
    ("main", 8),
    ("app", 7),
    ("server", 7),
    ("features", 6),
    ("metrics", 6),
    ("http", 5),
    ("state", 4),
    ("config", 4),
    ("alarms", 3),
    ("database", 3),
    ("mail", 3),
    ("outbound", 3),
    ("traces", 3),
    ("security", 2),
    ("settings", 1),
    ("error", 1),
    ("types", 1),
    ("telemetry", 1),
];

fn floor(module: &str) -> u8 {
    FLOORS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} is on no floor")).1
}

/// Every module that this file imports, as `security::jwt` or `types`.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for statement in text.split("use crate::").skip(1).chain(text.split("crate::").skip(1)) {
        let statement = statement.split(';').next().unwrap_or_default();
        let paths = statement.strip_prefix('{').map_or_else(|| vec![statement.to_owned()], top_level);
        for path in paths {
            let mut parts =
                path.trim().split("::").map(|part| part.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'));
            let (first, second) = (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default());
            if FLOORS.iter().any(|(name, _)| *name == first) {
                found.insert(format!("{first}::{second}"));
            }
        }
    }
    found
}

/// `error::Result, security::{a, b}` → its parts, without looking into inner braces.
fn top_level(list: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts
}

#[test]
fn modules_import_only_from_below() {
    for file in files("src", "rs") {
        let path = file.strip_prefix("src").unwrap().with_extension("");
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let [module, ..] = parts[..] else { continue };
        if module == "lib" || module == "main" || module == "cli" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for import in imports(code) {
            let (from, part) = import.split_once("::").unwrap();
            let same = from == module;
            let neighbours = [
                ("state", "config"),
                ("settings", "security"),
                ("alarms", "mail"),
                ("alarms", "outbound"),
                ("traces", "outbound"),
            ]
            .contains(&(module, from))
                || (floor(from), floor(module)) == (1, 1);
            assert!(
                same || floor(from) < floor(module) || neighbours,
                "{} imports {import}, which is not below it",
                file.display()
            );
            // Rooms and pillars stand alone.
            let own = parts.get(1).copied().unwrap_or_default();
            if same && module == "features" {
                assert_eq!(part, own, "{} imports another room", file.display());
            }
            if same && module == "security" {
                assert!(part == own || part == "secret", "{} imports another pillar: {import}", file.display());
            }
        }
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    for file in files("src", "rs") {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(lines <= 250 || is_test(&file), "{}: {lines} lines", file.display());
    }
}

fn is_test(file: &Path) -> bool {
    let parts: Vec<_> = file.iter().collect();
    parts.iter().any(|part| *part == "tests" || *part == "tests.rs" || *part == "attacks.rs" || *part == "rotation.rs")
}

/// Whoever opens a secret is on this list, and the list is short enough to review.
#[test]
fn secrets_are_opened_only_where_they_are_made_compared_or_handed_over() {
    let openers = [
        "src/security/",
        "src/alarms/",
        "src/outbound/",
        "src/database/service_key.rs",
        "src/mail/",
        "src/features/sessions/tokens.rs",
        "src/features/sessions/reauthenticate.rs",
        "src/features/mfa/",
        "src/features/api_keys/create.rs",
        "src/cli/user.rs",
        "src/cli/dev.rs",
        "src/cli/dev_users.rs",
        "src/lab/",
    ];
    for file in files("src", "rs") {
        let path = file.to_str().unwrap();
        let opens = fs::read_to_string(&file).unwrap().contains(".expose()");
        assert!(!opens || openers.iter().any(|opener| path.starts_with(opener)), "{path} opens a secret");
    }
}

/// ASVS 1.2.5: where no program is started, no text of a client's reaches a command line. (clap's derives say `Command` too.)
#[test]
fn the_service_starts_no_program() {
    for file in files("src", "rs") {
        let text = fs::read_to_string(&file).unwrap();
        let starts = ["process::Command", "Command::new(", "CommandExt", "posix_spawn", "execv"];
        assert!(!starts.iter().any(|start| text.contains(start)), "{} starts a program", file.display());
    }
}

/// Every setting that the code asks for, and no other, is in `.env.example` with its default.
#[test]
fn the_example_of_settings_lists_exactly_those_that_are_read() {
    let (_, asked) = Config::parse(BTreeMap::new()).unwrap();
    let asked: BTreeSet<_> = asked.into_iter().collect();
    let example = fs::read_to_string(".env.example").unwrap();
    let listed = example.lines().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    let listed: BTreeSet<_> = listed
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    assert_eq!(listed, asked);
}

#[test]
fn production_refuses_every_default_that_is_for_development() {
    let production = BTreeMap::from([("APP_ENV".to_owned(), "production".to_owned())]);
    let Err(refusal) = Config::parse(production) else { panic!("production started on defaults") };
    let refusal = refusal.to_string();
    for name in [
        "PUBLIC_URL",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "JWT_KEYS_DIR",
        "DATA_ENCRYPTION_KEYS",
        "DATABASE_URL",
        "MAIL_URL",
        "MAIL_FROM",
        "TLS_CERT_FILE",
    ] {
        assert!(refusal.contains(&format!("\n  {name} ")), "{name} is missing in: {refusal}");
    }
}

#[test]
fn a_wrong_setting_is_named_and_its_value_is_not_repeated() {
    let wrong = [
        ("DATABASE_URL", "mysql://user:hunter2@db/x"),
        ("REDIS_URL", "memcached://user:hunter2@cache"),
        ("ACCESS_TOKEN_TTL", "hunter2"),
        ("LISTEN_ADDR", "hunter2"),
        ("ALERT_WEBHOOK_URL", "https://hunter2@alerts.example.com"),
        ("ALERT_WEBHOOK_SECRET", "hunter2"),
    ];
    let values = wrong.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let Err(refusal) = Config::parse(values) else { panic!("it started") };
    let refusal = refusal.to_string();
    assert!(wrong.iter().all(|(name, _)| refusal.contains(name)), "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn every_query_is_in_the_committed_folder_and_no_migration_is_unnumbered() {
    assert!(Path::new(".sqlx").is_dir());
    for file in files("migrations", "sql") {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.len() > 5 && name[..4].chars().all(|c| c.is_ascii_digit()), "{name}");
    }
}

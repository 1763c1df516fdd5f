//! What is logged: one line an event, of fields that stand on a list, to standard output and to a file a day.
//!
//! A log is read by more people and kept for longer than any table. So nothing gets in by accident: a field must be
//! listed ([`LISTED`]), other people's crates speak only when something is wrong, and what a client sent cannot
//! break out of its line (ASVS 16.2.5, 16.4.1). It does not look into the words of our own messages; those are
//! literals, and what varies stands in a field.

mod fields;
mod line;
mod metrics;
mod panics;

use std::{
    fs::{DirBuilder, create_dir_all},
    io::{IsTerminal, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use tracing::Level;
use tracing_appender::{
    non_blocking::{NonBlockingBuilder, WorkerGuard},
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

pub use fields::LISTED;
pub use line::{Form, LogLines};
pub use metrics::{Door, Mail, Meters, Requests};
pub use panics::{Panic, caught};

use crate::settings::Env;

/// The crate's own name, as its events bear it in their target.
const OURS: &str = env!("CARGO_CRATE_NAME");

#[derive(Clone)]
pub struct Settings {
    /// Without one, standard output is the only log: a container's runtime keeps it.
    pub directory: Option<PathBuf>,
    pub filter: Targets,
    pub colour: bool,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let directory = env.optional("LOG_DIR", |text| Ok(PathBuf::from(text)));
        Self {
            directory: directory.or_else(|| (!env.production).then(|| PathBuf::from(".data/log"))),
            filter: env.read("RUST_LOG", "info", filter),
            colour: !env.is_set("NO_COLOR"),
        }
    }
}

/// Only `target=level` is understood. `EnvFilter` would also filter by the values of fields, which nobody here needs,
/// and would bring a second engine for regular expressions.
fn filter(text: &str) -> Result<Targets, &'static str> {
    let filter: Targets =
        text.parse().map_err(|_| "is a log filter such as `info` or `info,drawbridge::server=debug`")?;
    // The caller of a failed request is given a reference; it must lead somewhere.
    if filter.would_enable(OURS, &Level::ERROR) { Ok(filter) } else { Err("must let the service's own errors through") }
}

/// Where lines go, and in which form.
pub struct Outlet {
    pub form: Form,
    pub write: Lines,
}

/// Takes one line, without its end. Tests pass one that keeps what it is given, and find their own lines by the
/// request id or the reference: a subscriber per test would lose every line that another thread writes.
pub type Lines = Arc<dyn Fn(&str) + Send + Sync>;

/// Holds the writers. Dropped last, it waits for the lines that are still on their way.
#[must_use = "the lines that are still on their way are lost without it"]
pub struct Guard(#[expect(dead_code, reason = "held for what its drop does")] Vec<WorkerGuard>);

/// Begins to log, for the whole process.
pub fn start(settings: &Settings, production: bool) -> anyhow::Result<Guard> {
    let (outlets, guard) = outlets(settings, production)?;
    start_with(settings.filter.clone(), outlets)?;
    Ok(guard)
}

/// Standard output, and the file where there is one.
pub fn outlets(settings: &Settings, production: bool) -> anyhow::Result<(Vec<Outlet>, Guard)> {
    let form = match std::io::stdout().is_terminal() && !production {
        true if settings.colour => Form::Coloured,
        true => Form::Readable,
        false => Form::Json,
    };
    let (stdout, guard) = in_background(std::io::stdout());
    let (mut outlets, mut guards) = (vec![Outlet { form, write: stdout }], vec![guard]);
    if let Some(directory) = &settings.directory {
        let (file, guard) = in_background(daily_file(directory).context("LOG_DIR cannot be written to")?);
        outlets.push(Outlet { form: Form::Json, write: file });
        guards.push(guard);
    }
    Ok((outlets, Guard(guards)))
}

/// As [`start`], but the lines go where the caller says.
pub fn start_with(filter: Targets, outlets: Vec<Outlet>) -> anyhow::Result<()> {
    let lines = tracing_subscriber::registry().with(LogLines::new(filter, outlets));
    // Not `init`: that would also let in the records of the `log` crate, which have no fields to choose from.
    tracing::subscriber::set_global_default(lines)?;
    panics::report_to_the_log();
    Ok(())
}

/// A thread does the writing, so that a slow disk delays no request. When 128 000 lines wait, requests wait too: for
/// this log a late line is better than a lost one.
fn in_background(writer: impl Write + Send + 'static) -> (Lines, WorkerGuard) {
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(writer);
    let lines: Lines = Arc::new(move |line| {
        // One write a line keeps lines whole. A full disk is no reason to fail a request.
        let _ = writer.clone().write_all(format!("{line}\n").as_bytes());
    });
    (lines, guard)
}

/// `requests.<date>.jsonl`, the date in UTC. The folder, where it is made here, admits only the service's own user
/// (ASVS 16.4.2): that also shuts the files in it, whatever the umask was.
fn daily_file(directory: &Path) -> anyhow::Result<RollingFileAppender> {
    if let Some(parent) = directory.parent() {
        create_dir_all(parent)?;
    }
    if !directory.is_dir() {
        DirBuilder::new().mode(0o700).create(directory)?;
    }
    let file = RollingFileAppender::builder().rotation(Rotation::DAILY);
    Ok(file.filename_prefix("requests").filename_suffix("jsonl").build(directory)?)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::new(
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
        )
    }

    #[test]
    fn only_development_has_a_log_folder_by_default() {
        assert!(Settings::read(&mut env(&[])).directory.is_some());
        assert!(Settings::read(&mut env(&[("APP_ENV", "production")])).directory.is_none());
    }

    #[test]
    fn a_filter_that_would_silence_our_errors_is_refused() {
        for (filter, admitted) in
            [("info", true), ("warn,drawbridge::server=debug", true), ("off", false), ("h2", false)]
        {
            let mut env = env(&[("RUST_LOG", filter)]);
            Settings::read(&mut env);
            assert_eq!(env.mistakes().is_empty(), admitted, "{filter}");
        }
    }

    #[test]
    fn the_file_bears_the_day_and_its_folder_is_for_us_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("log");
        let (lines, guard) = in_background(daily_file(&folder).unwrap());
        lines("{}");
        drop(guard);

        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
        let name = regex::Regex::new(r"^requests\.\d{4}-\d\d-\d\d\.jsonl$").unwrap();
        assert!(name.is_match(file.file_name().to_str().unwrap()), "{file:?}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "{}\n");
    }
}

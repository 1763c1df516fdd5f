//! Where the programs come from: `PG_BIN`, else an installed PostgreSQL, else an earlier download, else a download now,
//! else a message with the ways out.

use crate::Error;
use crate::account::Account;
use crate::folder::Folder;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

const OLDEST: u32 = 15; // `create database … strategy`, by which tests get a database each in milliseconds
const DOWNLOADED: u32 = 17; // the first with the built-in locale, the same on every system

const NOT_FOUND: &str = "no PostgreSQL programs (version 15 or newer) were found on this machine. Do one of:
  - install them:   sudo apt install postgresql (Debian, Ubuntu), sudo dnf install postgresql-server (Fedora),
                    brew install postgresql@17 (macOS); in an unusual place: set PG_BIN to the folder of `initdb`
  - use containers: docker compose up
  - use a server:   set DATABASE_URL=postgres://user:password@host/database (for tests TEST_DATABASE_URL)";

/// Folders whose subfolders are installations, by the start of their names.
const USUAL_PLACES: [(&str, &str); 10] = [
    ("/usr/lib/postgresql", ""),                          // Debian, Ubuntu
    ("/usr", "pgsql-"),                                   // Fedora, RHEL with the packages of postgresql.org
    ("/usr/lib", "postgresql"),                           // Arch, Gentoo
    ("/usr/libexec", "postgresql"),                       // Alpine
    ("/opt/homebrew/opt", "postgresql"),                  // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql"),                     // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),     // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", ""), // Postgres.app
    ("/Library/PostgreSQL", ""),                          // the installer of EDB
    ("/opt/local/lib", "postgresql"),                     // MacPorts
];

#[derive(Clone)]
pub(crate) struct Programs {
    pub(crate) bin: PathBuf,
    pub(crate) major: u32,
}

pub(crate) fn find(folder: &Folder, downloads: &Path) -> Result<Programs, Error> {
    match env::var_os("PG_BIN") {
        Some(bin) => named(Path::new(&bin), folder),
        None => choose(installed(), downloads, folder, download),
    }
}

/// What the user has named is taken or refused, never silently replaced by something else.
fn named(bin: &Path, folder: &Folder) -> Result<Programs, Error> {
    let programs = probe(bin, folder.account).ok_or_else(|| {
        Error::new(format!("PG_BIN={} has no `postgres` and `initdb` that the server's user can run", bin.display()))
    })?;
    match folder.major() {
        Some(major) if major != programs.major => Err(made_by(major, folder)),
        _ => Ok(programs),
    }
}

/// Data can be opened only by the major version that made it; without data the newest wins.
fn choose(
    installed: Vec<PathBuf>,
    downloads: &Path,
    folder: &Folder,
    download: impl FnOnce(&Path, u32) -> bool,
) -> Result<Programs, Error> {
    let wanted = folder.major();
    let best = |places: Vec<PathBuf>| {
        let found = places.iter().filter_map(|bin| probe(bin, folder.account));
        found.filter(|it| wanted.map_or(it.major >= OLDEST, |wanted| it.major == wanted)).max_by_key(|it| it.major)
    };
    if let Some(programs) = best(installed).or_else(|| best(below(downloads, ""))) {
        return Ok(programs);
    }
    if download(downloads, wanted.unwrap_or(DOWNLOADED))
        && let Some(programs) = best(below(downloads, ""))
    {
        return Ok(programs);
    }
    Err(wanted.map_or_else(|| Error::new(NOT_FOUND), |major| made_by(major, folder)))
}

/// Asks the program itself, as the user that will run it: a folder's name may lie, and root's folders are closed.
fn probe(bin: &Path, account: Account) -> Option<Programs> {
    let bin = path::absolute(bin).ok().filter(|bin| bin.join("initdb").is_file())?; // PATH may hold a `.`
    let answer = account.command(&bin.join("postgres"), Path::new("/")).arg("-V").output().ok()?;
    let version = String::from_utf8(answer.stdout).ok()?; // "postgres (PostgreSQL) 18beta1 (Debian …)"
    let number = version.split_whitespace().nth(2)?;
    let major = number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()?;
    Some(Programs { bin, major })
}

/// PATH first and the guesses last, though the newest wins: this only decides between equals.
fn installed() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    if let Ok(answer) = Command::new("pg_config").arg("--bindir").output() {
        places.push(String::from_utf8_lossy(&answer.stdout).trim().into());
    }
    places.extend(USUAL_PLACES.iter().flat_map(|(parent, start)| below(Path::new(parent), start)));
    places
}

fn below(parent: &Path, start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let matching = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    matching.map(|entry| entry.path().join("bin")).collect()
}

/// Only under cargo, where a compiler is at hand and the source lies beside us. The downloader is a workspace of its
/// own, so that its two hundred crates are built by those who need them, and stand in no lock file of the service.
fn download(into: &Path, major: u32) -> bool {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fetch-postgres").join("Cargo.toml");
    let Some(cargo) = env::var_os("CARGO").filter(|_| manifest.is_file()) else {
        return false;
    };
    announce(into, major);
    let mut run = Command::new(cargo);
    run.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    run.args([OsStr::new("--"), into.as_os_str()]).arg(major.to_string());
    run.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[expect(clippy::print_stderr, reason = "a build and a download of minutes must not look like a service that hangs")]
fn announce(into: &Path, major: u32) {
    eprintln!("PostgreSQL is not installed: downloading version {major} to {} (once, takes minutes)", into.display());
}

/// Never upgraded in place and never replaced: both would touch data that someone may want back.
fn made_by(major: u32, folder: &Folder) -> Error {
    Error::new(format!(
        "the data in {} was made by PostgreSQL {major}, which is not to be found. Install that version, set PG_BIN to \
         its programs, or delete the folder to start empty",
        folder.path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_programs_the_message_names_every_way_out() {
        let wished = env::temp_dir().join(format!("dev-postgres-none-{}", std::process::id()));
        let folder = Folder::open(&wished).unwrap();
        let mut asked_for = None;
        let refusal = choose(Vec::new(), &wished.join("pgsql"), &folder, |_, major| {
            asked_for = Some(major);
            false
        });
        fs::remove_dir_all(&wished).unwrap();
        assert_eq!(asked_for, Some(DOWNLOADED), "the downloader is tried before giving up");
        let message = refusal.err().unwrap().to_string();
        for way in ["apt install", "brew install", "PG_BIN", "docker compose up", "DATABASE_URL="] {
            assert!(message.contains(way), "{way} is missing in: {message}");
        }
    }
}

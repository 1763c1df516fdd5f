//! Makes a cluster: once for a kept one, once per run for a throwaway one.

use crate::account::Account;
use crate::folder::{Folder, write_private};
use crate::programs::Programs;
use crate::{Error, SUPERUSER};
use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Who may come in by the Unix socket without the password.
#[derive(Clone, Copy)]
pub(crate) enum Socket {
    Closed, // the kept server opens none at all; this is the second lock on that door
    /// Whoever may open the socket's folder. No SCRAM exchange for each of a test run's many connections.
    Trusted,
}

/// The password of the cluster, which is made first if need be.
pub(crate) fn password(folder: &Folder, programs: &Programs, socket: Socket) -> Result<String, Error> {
    if folder.major().is_none() {
        create(folder, programs, socket)?;
    }
    fs::read_to_string(folder.password()).map_err(Error::cannot(
        "open the cluster beside it without the password file (restore it, or delete the folder to start empty)",
        &folder.password(),
    ))
}

/// `initdb` reads the password from a file: a command line is there for all users to see.
fn create(folder: &Folder, programs: &Programs, socket: Socket) -> Result<(), Error> {
    write_private(&folder.password(), &random_password()?)?;
    folder.account.take_over(&folder.password())?;
    // In a folder that is renamed when complete: a killed initdb leaves nothing that looks like a cluster.
    let unfinished = folder.path.join("data.new");
    empty(&unfinished, folder.account)?;
    let mut initdb = folder.account.command(&programs.bin.join("initdb"), &folder.path);
    initdb.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(folder.password());
    initdb.args(["--username", SUPERUSER, "--encoding=UTF8", "--no-instructions", "--auth-host=scram-sha-256"]);
    initdb.args(locale(programs.major));
    match socket {
        Socket::Closed => initdb.arg("--auth-local=scram-sha-256"),
        Socket::Trusted => initdb.args(["--auth-local=trust", "--no-sync"]),
    };
    let done = initdb.output().map_err(Error::cannot("run", &programs.bin.join("initdb")))?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr);
        return Err(Error::new(format!("initdb could not make a cluster in {}:\n{words}", folder.path.display())));
    }
    fs::rename(&unfinished, folder.data()).map_err(Error::cannot("rename", &unfinished))
}

/// 256 bits, in letters that need no escaping in a URL or in SQL.
fn random_password() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 32];
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::cannot("read", source))?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}

/// What lies there is the rest of an `initdb` that was killed.
fn empty(path: &Path, account: Account) -> Result<(), Error> {
    drop(fs::remove_dir_all(path));
    DirBuilder::new().mode(0o700).create(path).map_err(Error::cannot("create", path))?;
    account.take_over(path)
}

/// Sorts by bytes, the same on every machine, and yet knows the lower case of every letter: under the plain C locale
/// `lower('É')` is `'É'`. Before version 17 that needs a locale of the operating system.
fn locale(major: u32) -> &'static [&'static str] {
    if major >= 17 {
        &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    } else if cfg!(target_os = "macos") {
        &["--locale=C", "--lc-ctype=en_US.UTF-8"]
    } else {
        &["--locale=C", "--lc-ctype=C.UTF-8"]
    }
}

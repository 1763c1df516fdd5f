//! What lies where. Under the folder of a cluster:
//!
//! - `data/`: the cluster, as initdb makes it
//! - `password`: of every role of the cluster, mode 0600
//! - `port`: of the last start, tried first by the next
//! - `server.log`: of this start; `server.log.1` of the one before
//! - `lock`: held by the process that runs the server
//!
//! Beside the folder of a kept cluster, in `pgsql/`, lie programs that were downloaded.

use crate::Error;
use crate::account::Account;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{self, Path, PathBuf};

/// Root's clusters go here when the wished place is closed to the server's user. `/var/lib` and not `/tmp`: the data
/// is kept, and only root can write there, so that nobody can put a folder of his in our way.
const ELSEWHERE: &str = "/var/lib/dev-postgres";

/// Where the cluster really lives for a wished folder.
///
/// That is the folder itself, except where we are root and the unprivileged user that runs the server cannot enter it
/// (a checkout under `/root`): then it is the same path below `/var/lib/dev-postgres`. A cluster that is there already
/// stays where it is, whatever happens to the modes of the folders above: no one's data seems lost.
pub fn data_dir(wished: &Path) -> Result<PathBuf, Error> {
    let wished = path::absolute(wished).map_err(Error::cannot("use", wished))?;
    let account = Account::for_cluster(&wished.join("data"))?;
    if let Account::Ours = account {
        return Ok(wished);
    }
    let open = wished.ancestors().find(|folder| folder.is_dir()).is_none_or(|existing| account.can_enter(existing));
    let below_root: PathBuf = wished.components().skip(1).collect();
    let elsewhere = Path::new(ELSEWHERE).join(below_root);
    match (open, wished.join("data").is_dir(), elsewhere.join("data").is_dir()) {
        (true, true, _) | (true, _, false) => Ok(wished),
        (false, true, _) => Err(Error::new(format!(
            "the database in {} can no longer be entered by the user that runs it. Let others pass the folders above \
             it (chmod o+x), or set DATABASE_URL",
            wished.display()
        ))),
        _ => Ok(elsewhere),
    }
}

#[derive(Clone)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) account: Account,
}

impl Folder {
    pub(crate) fn open(wished: &Path) -> Result<Folder, Error> {
        let path = data_dir(wished)?;
        let account = Account::for_cluster(&path.join("data"))?;
        DirBuilder::new()
            .recursive(true)
            .mode(account.folder_mode())
            .create(&path)
            .map_err(|why| not_writable(&path, &why))?;
        let path = path.canonicalize().map_err(Error::cannot("enter", &path))?; // as `leftover` will see it
        Ok(Folder { path, account })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(crate) fn password(&self) -> PathBuf {
        self.path.join("password")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    pub(crate) fn port(&self) -> PathBuf {
        self.path.join("port")
    }

    /// The major version that made the data, if there is data.
    pub(crate) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Keeps the log of the last start, to look into a crash; older ones go, so that logs cannot grow without end.
    pub(crate) fn begin_log(&self) {
        drop(fs::rename(self.log(), self.path.join("server.log.1")));
    }

    /// The right to run a server here, or `None` while another process has it. The kernel gives it back however its
    /// holder ends, which a file that is only created and removed would not survive.
    pub(crate) fn try_lock(&self) -> Result<Option<File>, Error> {
        let lock = self.path.join("lock");
        let file = private(&lock).map_err(|why| not_writable(&self.path, &why))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(why)) => Err(Error::cannot("lock", &lock)(why)),
        }
    }
}

/// A file that only its owner can open.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Whole or not at all: readers wait for the file to appear.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let unfinished = path.with_extension("new");
    private(&unfinished)
        .and_then(|mut file| file.set_len(0).and_then(|()| file.write_all(text.as_bytes())))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(Error::cannot("write", path))
}

fn not_writable(folder: &Path, why: &std::io::Error) -> Error {
    Error::new(format!(
        "Postgres for development cannot write to {}: {why}. Make the folder writable for this user, or set \
         DATABASE_URL",
        folder.display()
    ))
}

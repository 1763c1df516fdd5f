//! `cargo run -p dev-postgres -- start .data/postgres`: the development database by itself, for psql and the like.
//!
//! Prints the superuser's URL and keeps the server until the end of standard input (Ctrl-D) or Ctrl-C. `join` uses a
//! server that already runs; `throwaway PREFIX` prints the URL of the test run that it is called from.

use dev_postgres::{Cluster, Error, SUPERUSER, throwaway};
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line has nothing else to speak through")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let opened = match arguments[..] {
        ["start", folder] => keep(Cluster::start(Path::new(folder))),
        ["join", folder] => keep(Cluster::join_or_start(Path::new(folder))),
        ["throwaway", prefix] => throwaway(prefix, |_| Ok(())).map(|url| (url, None)),
        _ => {
            eprintln!("usage: dev-postgres start FOLDER | join FOLDER | throwaway PREFIX");
            return ExitCode::from(2);
        }
    };
    match opened {
        Ok((url, cluster)) => {
            println!("{url}");
            wait_for_end_of_input();
            drop(cluster); // stops it, if it is ours
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn keep(cluster: Result<Cluster, Error>) -> Result<(String, Option<Cluster>), Error> {
    cluster.map(|cluster| (cluster.url(SUPERUSER, "postgres"), Some(cluster)))
}

fn wait_for_end_of_input() {
    drop(io::stdin().read_to_end(&mut Vec::new()));
}

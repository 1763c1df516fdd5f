//! `drawbridge-attack [URL]`: attacks, and says what came of it.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Parser;
use drawbridge_attack::{Options, Progress, Report, Target, attack, families, report::Counts};

/// Attacks a REST service of your own from the outside, as its enemies would. Exit 0: no hole. 1: holes. 2: used wrongly, or
/// the target cannot be reached, or an attempt could not be made.
#[derive(Parser)]
#[command(name = "drawbridge-attack", version)]
#[expect(clippy::struct_excessive_bools, reason = "a switch of the command line is one")]
struct Arguments {
    /// Whom to attack.
    #[arg(default_value = "http://127.0.0.1:3000")]
    url: String,
    /// These cases alone: a comma list, or the option several times.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// These families alone.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    family: Vec<String>,
    /// Say which cases there are, and stop.
    #[arg(long)]
    list: bool,
    /// Write the report for programs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report for build servers.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Who to sign in as: USER_EMAIL=…, USER_PASSWORD=…, the same for EDITOR and ADMIN [default: .data/dev-credentials.env]
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// The target's private signing keys, PKCS#8 PEM files named by key id [default: .data/keys]
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// For any API that signs with HS256: the secret.
    #[arg(long, value_name = "SECRET")]
    jwt_secret: Option<String>,
    /// For any API: a bearer token.
    #[arg(long, value_name = "TOKEN", requires = "protected")]
    token: Option<String>,
    /// For any API: a second person's bearer token.
    #[arg(long, value_name = "TOKEN", requires = "token")]
    other_token: Option<String>,
    /// For any API: a path that the token opens with GET.
    #[arg(long, value_name = "PATH", requires = "token")]
    protected: Option<String>,
    /// Accept any certificate.
    #[arg(long)]
    insecure_tls: bool,
    /// Attack a target that is not on this machine.
    #[arg(long)]
    i_own_this_target: bool,
    /// Say nothing but the last line and the holes.
    #[arg(long, short)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(Counts { holes: 0, broken: 0, .. }) => ExitCode::SUCCESS,
        // What could not be tried has not held: a script must not take it for well.
        Ok(Counts { holes: 0, .. }) => ExitCode::from(2),
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "drawbridge-attack: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<Counts> {
    let ids = chosen(arguments)?;
    if arguments.list {
        list(&ids);
        return Ok(Counts::default());
    }
    if arguments.token.as_ref().is_some_and(|token| token.trim().is_empty()) {
        bail!("--token is empty; did whatever should have printed it fail?");
    }
    let target = Target::survey(&options(arguments)).await?;
    let report = attack(&target, Some(&ids), &mut bar(arguments.quiet)).await;
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    say(if arguments.quiet { report.summary(colours) } else { report.card(colours) }.trim_start());
    write(arguments, &report)?;
    Ok(report.counts())
}

/// The ids that `--only` and `--family` leave; all of them without either.
fn chosen(arguments: &Arguments) -> anyhow::Result<Vec<&'static str>> {
    let known: Vec<_> =
        families().iter().flat_map(|family| family.cases().map(|case| (family.name, case.id))).collect();
    for id in &arguments.only {
        if !known.iter().any(|(_, known)| known == id) {
            bail!("there is no case {id}; --list says which there are");
        }
    }
    for name in &arguments.family {
        if !known.iter().any(|(known, _)| known == name) {
            bail!("there is no family {name}; --list says which there are");
        }
    }
    let wanted = |family: &str, id: &str| {
        (arguments.only.is_empty() && arguments.family.is_empty())
            || arguments.only.iter().any(|only| only == id)
            || arguments.family.iter().any(|only| only == family)
    };
    Ok(known.into_iter().filter(|(family, id)| wanted(family, id)).map(|(_, id)| id).collect())
}

fn list(ids: &[&str]) {
    for family in families() {
        let cases: Vec<_> = family.cases().filter(|case| ids.contains(&case.id)).collect();
        if !cases.is_empty() {
            say(&format!("{} ({})", family.name, cases.len()));
        }
        for case in cases {
            say(&format!("  {:<36} {}", case.id, case.title));
        }
    }
    say(&format!("{} cases", ids.len()));
}

fn options(arguments: &Arguments) -> Options {
    let usual = |path: &str| Some(PathBuf::from(path)).filter(|path| path.exists());
    Options {
        url: arguments.url.clone(),
        credentials: arguments.credentials.clone().or_else(|| usual(".data/dev-credentials.env")),
        keys_dir: arguments.keys_dir.clone().or_else(|| usual(".data/keys")),
        jwt_secret: arguments.jwt_secret.clone(),
        token: arguments.token.clone(),
        other_token: arguments.other_token.clone(),
        protected: arguments.protected.clone(),
        insecure_tls: arguments.insecure_tls,
        i_own_this_target: arguments.i_own_this_target,
    }
}

/// On a terminal alone, and on standard error: what is piped stays clean.
fn bar(quiet: bool) -> impl FnMut(Progress<'_>) {
    let shown = !quiet && std::io::stderr().is_terminal();
    move |progress| {
        let Progress::Done { outcome, done, cases } = progress else { return };
        if !shown {
            return;
        }
        let full = done * 30 / cases.max(1);
        let (filled, rest) = ("█".repeat(full), "░".repeat(30 - full));
        let mut error = std::io::stderr();
        let _ = write!(error, "\r\x1b[2K{filled}{rest} {done}/{cases} {}", outcome.case.id);
        if done == cases {
            let _ = write!(error, "\r\x1b[2K");
        }
        let _ = error.flush();
    }
}

fn write(arguments: &Arguments, report: &Report) -> anyhow::Result<()> {
    let put = |path: &Path, text: String| {
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    if let Some(path) = &arguments.json {
        put(path, format!("{:#}\n", report.json()))?;
    }
    if let Some(path) = &arguments.junit {
        put(path, report.junit())?;
    }
    if let Some(path) = &arguments.html {
        put(path, report.html())?;
    }
    Ok(())
}

/// A reader that went away, as `head` does, is no error of ours.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

//! The program in a folder of its own, with nothing configured but the port, which the system chooses.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::Value;

/// How long anything may take before a test says that it never came. Nothing waits this long that goes well.
const PATIENCE: Duration = Duration::from_mins(2);

/// No arguments.
pub const NOTHING: [&str; 0] = [];

/// An empty folder, as after a clone.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("drawbridge-cli-").tempdir().unwrap();
    // As root the database runs as another user, who has to get in.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    folder
}

/// A command that knows nothing of the settings of whoever runs the tests.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    #[expect(clippy::disallowed_methods, reason = "not settings of the service")]
    for name in ["PATH", "HOME", "PG_BIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// `drawbridge`, not started yet.
pub fn drawbridge(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_drawbridge"), folder);
    command.args(arguments);
    command
}

/// What a finished command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// It worked, and this is what it printed.
    pub fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// It failed, with one sentence.
    pub fn refused(self) -> String {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        self.err
    }
}

pub fn run(folder: &Path, arguments: &[&str]) -> Said {
    drawbridge(folder, arguments).stdin(Stdio::null()).output().unwrap().into()
}

/// A service that is expected not to start.
pub fn run_with(folder: &Path, settings: &[(&str, &str)]) -> Said {
    drawbridge(folder, &[]).envs(settings.iter().copied()).stdin(Stdio::null()).output().unwrap().into()
}

pub fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Said {
    let mut command = drawbridge(folder, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// A running service.
pub struct Service {
    child: Child,
    lines: Receiver<String>,
    pub base: String,
}

impl Service {
    /// Waits for the line that says where it listens.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    pub fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_as(folder, &[], settings)
    }

    /// Of another command than the one that serves.
    pub fn start_as(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = drawbridge(folder, arguments);
        command.env("LISTEN_ADDR", "127.0.0.1:0").envs(settings.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let mut service = Self { child, lines, base: String::new() };
        let ready = service.heard("ready");
        ready["address"].as_str().unwrap().clone_into(&mut service.base);
        service
    }

    /// The next line of the log with this message.
    pub fn heard(&mut self, message: &str) -> Value {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if line["message"] == message {
                return line;
            }
        }
        let mut why = String::new();
        let _ = self.child.kill();
        self.child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        panic!("the service never said `{message}`: {why}");
    }

    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// As an orchestrator stops it.
    pub fn stop(mut self) -> ExitStatus {
        assert!(Command::new("kill").args(["-TERM", &self.id()]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// The same, and all that it still had to say.
    pub fn stop_and_read(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.id()]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }

    /// As nobody should: it gets no chance to put anything in order.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A request by curl: the answer's status, and its body.
    pub fn ask(&self, path: &str, arguments: &[impl AsRef<OsStr>]) -> (u16, Value) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]);
        let output = curl.args(arguments).arg(format!("{}{path}", self.base)).output().expect("curl is installed");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    /// Signs in, or says why not.
    pub fn login(&self, email: &str, password: &str) -> Result<String, Value> {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        match self.ask("/v1/auth/login", &["-d", &body]) {
            (200, tokens) => Ok(tokens["access_token"].as_str().unwrap().to_owned()),
            (_, refusal) => Err(refusal["code"].clone()),
        }
    }
}

impl Drop for Service {
    /// A test that fails leaves no service behind. The database's watchdog sees the service go, and stops it.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (heard, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Read on when nobody listens any more: a full pipe would stop the service.
            let _ = heard.send(line);
        }
    });
    lines
}

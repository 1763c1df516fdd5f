//! What was logged, by all tests of this process. A test finds its own lines by what is in them.

use std::{
    io::Write,
    sync::{Arc, Mutex, Once},
};

use drawbridge::telemetry::{self, Form, Outlet};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let write = Arc::new(|line: &str| LINES.lock().unwrap().push(line.to_owned()));
        telemetry::start_with("trace".parse().unwrap(), vec![Outlet { form: Form::Json, write }]).unwrap();
        let service = std::panic::take_hook();
        // The service's hook is silent about words; a failed test must not be.
        std::panic::set_hook(Box::new(move |panic| {
            let _ = writeln!(std::io::stderr(), "{panic}");
            service(panic);
        }));
    });
}

/// Every line so far that holds this text.
pub fn lines_with(text: &str) -> Vec<serde_json::Value> {
    let lines = LINES.lock().unwrap();
    lines.iter().filter(|line| line.contains(text)).map(|line| serde_json::from_str(line).unwrap()).collect()
}

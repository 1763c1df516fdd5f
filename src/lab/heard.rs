//! The last lines of the log, in memory: the page of the lab shows what an attack left there.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use crate::telemetry::{Form, Outlet};

/// Some minutes of a student's clicks, or one run of all attacks.
const MOST: usize = 20_000;

/// One log a process, as there is one subscriber.
static HEARD: Mutex<VecDeque<Value>> = Mutex::new(VecDeque::new());

/// To be given to `telemetry::start_with` beside the others.
pub fn outlet() -> Outlet {
    Outlet { form: Form::Json, write: Arc::new(keep) }
}

fn keep(line: &str) {
    let Ok(line) = serde_json::from_str(line) else { return };
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    if heard.len() >= MOST {
        heard.pop_front();
    }
    heard.push_back(line);
}

/// What was said of the request whose answer bore this `X-Request-Id`, in the order in which it was said.
pub fn of_request(id: &str) -> Vec<Value> {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    heard.iter().filter(|line| line["request_id"] == id).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_request_and_the_oldest_are_forgotten() {
        for line in [r#"{"request_id":"first","n":1}"#, "no JSON", r#"{"request_id":"first","n":2}"#] {
            keep(line);
        }
        let numbers: Vec<_> = of_request("first").iter().map(|line| line["n"].clone()).collect();
        assert_eq!(numbers, [1, 2]);
        (0..MOST).for_each(|n| keep(&format!(r#"{{"request_id":"later","n":{n}}}"#)));
        assert!(of_request("first").is_empty());
        assert_eq!(of_request("later").len(), MOST);
    }
}

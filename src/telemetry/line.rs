//! From an event to a line, for programs and for people.

use std::fmt::Write as _;

use serde::Serializer as _;
use serde_json::Value;
use time::macros::format_description;
use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter, span};
use tracing_subscriber::{Layer, filter::Targets, layer::Context, registry::LookupSpan};

use super::{
    Outlet,
    fields::{Fields, is_ours},
};
use crate::types::{Clock, System, Timestamp};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    /// For a person at a terminal.
    Readable,
    Coloured,
}

/// The layer that writes lines. `tracing_subscriber::fmt` was not taken: it writes every field that it meets.
pub struct LogLines {
    filter: Targets,
    outlets: Vec<Outlet>,
}

impl LogLines {
    pub fn new(filter: Targets, outlets: Vec<Outlet>) -> Self {
        Self { filter, outlets }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLines {
    /// Other crates below `WARN` are never heard, whatever the filter says: h2 prints header values at `debug`.
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.filter.would_enable(metadata.target(), metadata.level())
            && (is_ours(metadata) || *metadata.level() <= Level::WARN)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.filter)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::of(attributes.metadata());
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    /// What the spans around an event know (a request's id) stands on its line too.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::of(event.metadata());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                outer.values.iter().for_each(|(name, value)| fields.put(name, value.clone()));
            }
        }
        event.record(&mut fields);
        let now = System.now();
        let time = Timestamp(now.replace_millisecond(now.millisecond()).unwrap_or(now));
        let line = Line { time, metadata: event.metadata(), fields };
        for outlet in &self.outlets {
            (outlet.write)(&line.in_form(outlet.form));
        }
    }
}

struct Line<'a> {
    time: Timestamp,
    metadata: &'a Metadata<'static>,
    fields: Fields,
}

impl Line<'_> {
    fn in_form(&self, form: Form) -> String {
        match form {
            Form::Json => self.json(),
            Form::Readable => self.readable(["", ""]),
            Form::Coloured => self.readable(self.colours()),
        }
    }

    fn json(&self) -> String {
        let head = [
            ("time", Value::from(self.time.to_string())),
            ("level", self.metadata.level().as_str().into()),
            ("target", self.metadata.target().into()),
        ];
        let mut text = Vec::new();
        let fields = head.iter().chain(&self.fields.values).map(|(name, value)| (name, value));
        // Writing text into memory does not fail.
        let _ = serde_json::Serializer::new(&mut text).collect_map(fields);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// `03:39:12 INFO  GET /v1/users/me 200 3ms request_id=…`: what a person looks for first, then the rest by name.
    fn readable(&self, [colour, plain]: [&str; 2]) -> String {
        const OF_A_REQUEST: &[&str] = &["method", "route", "status", "duration_ms"];
        let fields = &self.fields.values;
        let is_request = fields.iter().any(|(name, _)| *name == "status");
        let first = if is_request { OF_A_REQUEST } else { &["message"] };

        let time = self.time.0.format(format_description!("[hour]:[minute]:[second]")).unwrap_or_default();
        let mut line = format!("{time} {colour}{:5}{plain}", self.metadata.level().as_str());
        for (name, value) in first.iter().filter_map(|name| fields.iter().find(|(known, _)| known == name)) {
            let unit = if *name == "duration_ms" { "ms" } else { "" };
            let _ = write!(line, " {}{unit}", plain_text(value)); // into memory: it does not fail
        }
        for (name, value) in fields.iter().filter(|(name, _)| *name != "message" && !first.contains(name)) {
            let text = plain_text(value);
            // Quoted, so that a value with spaces in it cannot pass for more fields.
            let text = if text.contains([' ', '=', '"']) { format!("{text:?}") } else { text };
            let _ = write!(line, " {name}={text}");
        }
        line
    }

    fn colours(&self) -> [&'static str; 2] {
        let colour = match *self.metadata.level() {
            Level::ERROR => "\u{1b}[31m",
            Level::WARN => "\u{1b}[33m",
            Level::INFO => "\u{1b}[32m",
            _ => "\u{1b}[2m",
        };
        [colour, "\u{1b}[0m"]
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps the lines that it is given.
    #[derive(Clone, Default)]
    pub(in crate::telemetry) struct Kept(Arc<Mutex<Vec<String>>>);

    impl Kept {
        pub(in crate::telemetry) fn outlet(&self, form: Form) -> Outlet {
            let kept = self.0.clone();
            Outlet { form, write: Arc::new(move |line| kept.lock().unwrap().push(line.to_owned())) }
        }

        pub(in crate::telemetry) fn lines(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    fn logged(form: Form, filter: &str, work: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let lines = LogLines::new(filter.parse().unwrap(), vec![kept.outlet(form)]);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        kept.lines()
    }

    fn json(work: impl FnOnce()) -> Value {
        let lines = logged(Form::Json, "info", work);
        assert_eq!(lines.len(), 1, "{lines:?}");
        serde_json::from_str(&lines[0]).unwrap()
    }

    #[test]
    fn only_listed_fields_are_written() {
        let line = json(|| {
            tracing::info!(status = 200_u16, password = "hunter2", path = "/v1/users?token=hunter2", "answered");
        });
        let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["level", "message", "status", "target", "time"]);
        assert_eq!(
            (&line["message"], &line["status"], &line["level"]),
            (&"answered".into(), &200.into(), &"INFO".into())
        );
    }

    #[test]
    fn a_line_bears_its_request_s_id_and_every_name_once() {
        let lines = logged(Form::Json, "info", || {
            let span = tracing::info_span!("request", request_id = "r-1", code = "outer", token = "hunter2");
            span.in_scope(|| tracing::info!(code = "inner", "a step"));
        });
        assert!(lines[0].contains(r#""request_id":"r-1""#) && lines[0].contains(r#""code":"inner""#), "{lines:?}");
        assert!(!lines[0].contains("outer") && !lines[0].contains("hunter2"), "{lines:?}");
    }

    #[test]
    fn other_crates_speak_only_of_trouble_and_only_in_words() {
        let lines = logged(Form::Json, "trace,h2=trace", || {
            tracing::debug!(target: "h2::codec", "authorization: Bearer hunter2");
            tracing::info!(target: "drawbridges", "not ours, only a longer name");
            tracing::warn!(target: "sqlx::query", cause = "hunter2", "slow {}", "x".repeat(1000));
            tracing::debug!("ours");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("slow x") && lines[0].len() < 400 && !lines[0].contains("hunter2"), "{lines:?}");
        assert!(lines[1].contains("ours"));
    }

    #[test]
    fn a_value_cannot_break_out_of_its_line() {
        let attack = "a\r\n{\"level\":\"ERROR\"}\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{200b}\u{e0041}\0\u{7f}";
        for form in [Form::Json, Form::Readable, Form::Coloured] {
            let lines = logged(form, "info", || tracing::info!(cause = attack, "{attack}"));
            let decoded = match form {
                Form::Json => serde_json::from_str::<Value>(&lines[0]).unwrap()["cause"].as_str().unwrap().to_owned(),
                Form::Readable => lines[0].clone(),
                Form::Coloured => lines[0].replacen("\u{1b}[32m", "", 1).replacen("\u{1b}[0m", "", 1),
            };
            for dangerous in "\r\n\u{1b}\u{9b}\u{202e}\u{2028}\u{200b}\u{e0041}\0\u{7f}".chars() {
                assert!(!decoded.contains(dangerous), "{dangerous:?} in {form:?}: {decoded:?}");
            }
        }
    }

    #[test]
    fn an_address_is_masked_in_words_and_in_fields() {
        let line = json(|| tracing::warn!(cause = "550 no ada@example.com", "mail to {}", "ada@example.com"));
        assert_eq!(
            (&line["message"], &line["cause"]),
            (&"mail to a***@example.com".into(), &"550 no a***@example.com".into())
        );
    }

    #[test]
    fn a_person_reads_a_request_at_a_glance() {
        let lines = logged(Form::Readable, "info", || {
            tracing::info!(
                request_id = "r-1",
                method = "GET",
                route = "/v1/users/me",
                status = 200_u16,
                duration_ms = 3_u64,
                cause = "b status=500",
                "answered"
            );
            tracing::warn!(address = "[::1]:3000", "listening");
        });
        assert!(lines[0][8..].eq(" INFO  GET /v1/users/me 200 3ms request_id=r-1 cause=\"b status=500\""), "{lines:?}");
        assert_eq!(&lines[1][8..], " WARN  listening address=[::1]:3000");
    }
}

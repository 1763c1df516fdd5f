//! Traces: one span a request, for a collector that speaks OTLP (OpenTelemetry), in a build with the feature `otlp`.
//!
//! What is told to another system is out of our hands: it has other readers and forgets at another time. So a span is made
//! of words of ours and of numbers ([`Span`] has room for nothing else), and names nobody. Its trace's id is the request's
//! id: whoever needs to know who it was looks into the log with it. A client's `traceparent` is not read: with it a stranger
//! would choose the ids of our traces, and join requests that have nothing to do with each other (ASVS 16.4.1, 16.2.5).
//!
//! Written here and not taken from the crates of OpenTelemetry: they bring eleven more, ask the environment for a
//! dozen settings that nothing here would judge, and have no client that this service does not have already.

#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
#[path = "absent.rs"]
mod export;
#[cfg(feature = "otlp")]
mod wire;

use std::time::Duration;

use uuid::Uuid;

pub use self::export::Traces;
use crate::{outbound::Endpoint, settings::Env};

const WITHOUT: &str = "needs a build with the feature `otlp`, which this one was made without";

#[derive(Clone)]
pub struct Settings {
    /// Unset: nothing is sent.
    pub endpoint: Option<Endpoint>,
    /// What the service is called among all those that the collector hears of.
    pub service: String,
    /// Of how many requests a span is sent: 1 is all.
    pub share: f64,
}

/// One request that is over. `&'static` keeps out whatever a client sent.
pub struct Span {
    pub request_id: Uuid,
    pub method: &'static str,
    /// The template; none where no route was found.
    pub route: Option<&'static str>,
    pub status: u16,
    /// Of an error, as the client was told it.
    pub code: Option<&'static str>,
    pub took: Duration,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        Self::read_in(env, cfg!(feature = "otlp"))
    }

    /// Whoever asks for traces must not get a service that sends none.
    fn read_in(env: &mut Env, with_feature: bool) -> Self {
        Self {
            endpoint: env.optional("OTEL_EXPORTER_OTLP_ENDPOINT", |text| {
                if with_feature { collector(text) } else { Err(WITHOUT) }
            }),
            service: env.read("OTEL_SERVICE_NAME", "drawbridge", service),
            share: env.read("OTEL_TRACES_SAMPLER_ARG", "1", share),
        }
    }
}

/// The standard's own path comes after whatever path was given.
fn collector(text: &str) -> Result<Endpoint, &'static str> {
    if text.contains('?') {
        return Err("has a query (?…), where a path is to be added");
    }
    Endpoint::parse(&format!("{}/v1/traces", text.trim_end_matches('/')))
}

fn service(text: &str) -> Result<String, &'static str> {
    let short = text.chars().count() <= 100 && !text.contains(char::is_control);
    if short { Ok(text.to_owned()) } else { Err("is a name of at most 100 characters") }
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("is a number from 0 (none) to 1 (all)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(with_feature: bool, pairs: &[(&str, &str)]) -> Vec<String> {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        Settings::read_in(&mut env, with_feature);
        env.mistakes()
    }

    #[test]
    fn a_build_without_the_feature_refuses_a_collector_in_one_sentence() {
        let collector = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")];
        assert_eq!(
            mistakes(false, &collector),
            ["OTEL_EXPORTER_OTLP_ENDPOINT needs a build with the feature `otlp`, which this one was made without"]
        );
        assert_eq!(mistakes(true, &collector), [""; 0]);
        assert_eq!(mistakes(false, &[]), [""; 0]);
    }

    #[test]
    fn traces_go_to_the_standard_s_path_below_the_one_that_was_given() {
        for (text, path) in [
            ("http://localhost:4318", "/v1/traces"),
            ("http://localhost:4318/", "/v1/traces"),
            ("https://collector.example.com/team-a/", "/team-a/v1/traces"),
        ] {
            let Ok(endpoint) = collector(text) else { panic!("{text}") };
            assert_eq!(endpoint.path(), path);
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318?key=hunter2"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@localhost:4318"),
            ("OTEL_SERVICE_NAME", "hunter2\nhunter2"),
            ("OTEL_TRACES_SAMPLER_ARG", "hunter2"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
        ] {
            let mistakes = mistakes(true, &[(name, value)]);
            assert_eq!(mistakes.len(), 1, "{value}");
            assert!(mistakes[0].starts_with(name) && !mistakes[0].contains("hunter2"), "{mistakes:?}");
        }
    }
}

//! What is counted as it happens: requests, connections, mails. What can be read where it stands is read when somebody asks
//! (`metrics`, upstairs), so that nothing is kept twice.
//!
//! A label costs memory here and there for as long as the process lives, and is seen by everyone who may look at a
//! dashboard. So a label is a word of ours, and never one that a client chose: a method of the list, a route's template,
//! the class of a status. That also bounds how many there can be.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Seconds: from an answer out of memory to the ten seconds that a handler has. A login takes 20 ms of hashing.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Everything that is counted as it happens. Cheap to clone; each clone counts the same.
#[derive(Clone, Default)]
pub struct Meters {
    pub requests: Requests,
    pub door: Door,
    pub mail: Mail,
    /// Requests that waited in vain for a connection to the database.
    pub pool_timeouts: Counter,
}

/// Rate, errors, duration: of each route what its users notice.
#[derive(Clone)]
pub struct Requests {
    in_flight: Gauge,
    answered: Family<Answered, Counter>,
    took: Family<Asked, Histogram, fn() -> Histogram>,
}

/// The public listener.
#[derive(Clone, Default)]
pub struct Door {
    pub open: Gauge,
    pub turned_away: Counter,
    pub failed_handshakes: Counter,
    /// In Unix seconds; 0 where there is no certificate.
    pub certificate_expires: Gauge,
}

/// The outbox, as its worker sees it.
#[derive(Clone, Default)]
pub struct Mail {
    pub waiting: Gauge,
    pub sent: Counter,
    pub failed: Counter,
    pub given_up: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: &'static str,
}

/// Which of the sixty codes it was stands in the log; sixty times as many series would tell no more.
const fn class(status: u16) -> &'static str {
    match status {
        0..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

impl Default for Requests {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        Self { in_flight: Gauge::default(), answered: Family::default(), took }
    }
}

impl Requests {
    /// Every request that has begun must end, also one whose client has gone.
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    pub fn end(&self, method: &'static str, route: &'static str, status: u16, took: Duration) {
        self.in_flight.dec();
        self.answered.get_or_create(&Answered { method, route, status_class: class(status) }).inc();
        self.took.get_or_create(&Asked { method, route }).observe(took.as_secs_f64());
    }
}

impl Meters {
    /// Makes them known to whoever asks. Names stand here in full, so that one who reads a dashboard finds them.
    pub fn register(&self, registry: &mut Registry) {
        let Self { requests, door, mail, pool_timeouts } = self;
        let answered = "Requests that were answered; 499 (the client went away) counts as 4xx";
        registry.register("drawbridge_http_requests", answered, requests.answered.clone());
        let took = "How long a request took until its answer began";
        registry.register("drawbridge_http_request_duration_seconds", took, requests.took.clone());
        let gauges = [
            ("drawbridge_http_requests_in_flight", "Requests that are being served", &requests.in_flight),
            ("drawbridge_connections_open", "Connections to the public listener", &door.open),
            (
                "drawbridge_tls_certificate_expiry_timestamp_seconds",
                "When the certificate that is shown ends; 0 without TLS",
                &door.certificate_expires,
            ),
            ("drawbridge_mail_waiting", "Mails in the outbox, of all replicas, up to a thousand", &mail.waiting),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters: [(_, _, &Counter<u64, AtomicU64>); 6] = [
            ("drawbridge_connections_turned_away", "Connections that came when the house was full", &door.turned_away),
            ("drawbridge_tls_handshakes_failed", "Handshakes that failed or came too late", &door.failed_handshakes),
            ("drawbridge_database_pool_timeouts", "Requests that got no connection in time", pool_timeouts),
            ("drawbridge_mail_sent", "Mails that were handed over", &mail.sent),
            ("drawbridge_mail_failures", "Attempts to send a mail that failed", &mail.failed),
            ("drawbridge_mail_given_up", "Mails that were given up", &mail.given_up),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_counted_in_its_class() {
        for (status, class) in [(101, "1xx"), (204, "2xx"), (304, "3xx"), (499, "4xx"), (503, "5xx"), (999, "5xx")] {
            let meters = Meters::default();
            let mut registry = Registry::default();
            meters.register(&mut registry);
            meters.requests.begin();
            meters.requests.end("GET", "/", status, Duration::from_millis(3));
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            let line =
                format!("drawbridge_http_requests_total{{method=\"GET\",route=\"/\",status_class=\"{class}\"}} 1\n");
            assert!(text.contains(&line) && text.contains("drawbridge_http_requests_in_flight 0\n"), "{text}");
        }
    }
}

//! What is read where it stands when somebody asks: queues, pools, caches, counts. None of it is kept twice, and none of it
//! asks anybody outside of this process.

use std::{
    fmt::{self, Debug, Error, Formatter},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
};

use crate::{
    security::{
        audit::{self, Kind, Severity},
        rate_limit::Class,
    },
    state::App,
};

pub(super) struct Service(pub(super) App);

impl Debug for Service {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

impl Collector for Service {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let (app, mut sheet) = (&self.0, Sheet(encoder));
        security_events(&mut sheet)?;
        rate_limits(app, &mut sheet)?;
        passwords(app, &mut sheet)?;
        sessions(app, &mut sheet)?;
        database(app, &mut sheet)?;
        process(app, &mut sheet)
    }
}

/// Every kind from the start on, also those that have not happened: Prometheus sees a rise only from a number it has seen,
/// and of most alarms the first is the one that counts.
fn security_events(sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let rows = |count: fn(Kind) -> u64| {
        Kind::ALL.map(|kind| ([("type", kind.name()), ("severity", name(kind.severity()))], count(kind)))
    };
    let noted = "Security events; those of severity alarm are posted to whoever is on duty";
    sheet.counters("drawbridge_security_events", noted, rows(audit::noted))?;
    let sampled = "Security events that stand in the log alone, because more came than the database took";
    sheet.counters("drawbridge_security_events_sampled", sampled, rows(audit::sampled))
}

const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Alarm => "alarm",
    }
}

fn rate_limits(app: &App, sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let tallies = Class::ALL.map(|class| match class {
        Class::Flood => (class.name(), app.flood.tally().outcomes()),
        _ => (class.name(), app.limits.tally(class).outcomes()),
    });
    let decisions = tallies.into_iter().flat_map(|(class, outcomes)| {
        outcomes.map(|(outcome, count)| ([("class", class), ("outcome", outcome)], count))
    });
    sheet.counters("drawbridge_rate_limit_decisions", "Requests that were charged to a class", decisions)?;

    let held = app.limits.held().filter(|(class, ..)| *class != Class::Flood);
    let held = held.chain([(Class::Flood, "address", app.flood.len())]);
    let keys = held.map(|(class, kind, held)| ([("class", class.name()), ("kind", kind)], count(held)));
    sheet.gauges("drawbridge_rate_limit_keys", "Budgets that are being counted in this process", keys)?;

    let (configured, connected) = app.limits.sharing();
    sheet.gauge("drawbridge_rate_limit_redis_configured", "Whether REDIS_URL is set", i64::from(configured))?;
    sheet.gauge("drawbridge_rate_limit_redis_connected", "Whether replicas count together", i64::from(connected))
}

fn passwords(app: &App, sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let (hasher, settings) = (&app.passwords, &app.settings.password);
    sheet.gauge("drawbridge_password_queue_waiting", "Hashes that wait for a thread", count(hasher.waiting()))?;
    sheet.gauge("drawbridge_password_queue_capacity", "Hashes that may wait", i64::from(settings.queue))?;
    sheet.gauge("drawbridge_password_threads", "Threads that hash", i64::from(settings.threads))?;
    sheet.gauge("drawbridge_password_threads_busy", "Threads that are hashing", count(hasher.busy()))?;
    sheet.counter("drawbridge_password_hashes", "Hashes that were dealt with", hasher.done())?;
    sheet.counter("drawbridge_password_refused", "Hashes that the full queue refused", hasher.refused())
}

fn sessions(app: &App, sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let counts = app.sessions.counts(Instant::now());
    let trusted = "Whether revocations are known to arrive; 0: each request asks the database";
    sheet.gauge("drawbridge_session_cache_entries", "Sessions that are remembered", count(counts.held))?;
    sheet.gauge("drawbridge_session_cache_trusted", trusted, i64::from(counts.is_trusted))?;
    sheet.counter("drawbridge_session_cache_hits", "Sessions that were answered from memory", counts.hits)?;
    sheet.counter("drawbridge_session_cache_misses", "Sessions that the database was asked for", counts.misses)
}

fn database(app: &App, sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let pool = &app.database;
    let max = pool.options().get_max_connections();
    sheet.gauge("drawbridge_database_pool_connections", "Connections that are open", i64::from(pool.size()))?;
    sheet.gauge("drawbridge_database_pool_idle", "Connections that nobody uses", count(pool.num_idle()))?;
    sheet.gauge("drawbridge_database_pool_max", "Connections that there may be", i64::from(max))
}

fn process(app: &App, sheet: &mut Sheet<'_>) -> Result<(), Error> {
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    let build = sheet.0.encode_descriptor("drawbridge_build", "What runs here", None, version.metric_type())?;
    version.encode(build)?;
    // The names that every Prometheus client uses for these two.
    sheet.gauge("process_start_time_seconds", "When the process began, in Unix time", app.started.unix())?;
    match resident_bytes() {
        Some(bytes) => sheet.gauge("process_resident_memory_bytes", "Memory that the process holds", bytes),
        None => Ok(()),
    }
}

/// Linux tells it in pages; elsewhere nobody is told.
fn resident_bytes() -> Option<i64> {
    let pages: i64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(i64::try_from(rustix::param::page_size()).ok()?)
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}

/// What is being written.
struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: i64) -> Result<(), Error> {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauges(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = Row<i64>>) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        rows.into_iter().try_for_each(|(labels, value)| ConstGauge::new(value).encode(family.encode_family(&labels)?))
    }

    fn counters(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = Row<u64>>) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        rows.into_iter().try_for_each(|(labels, value)| ConstCounter::new(value).encode(family.encode_family(&labels)?))
    }
}

/// Labels are words of ours: `&'static` keeps out everything that a client sent.
type Row<T> = ([(&'static str, &'static str); 2], T);

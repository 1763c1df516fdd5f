//! Threat: an attack that keeps under every limit, or that a limit stops while nobody looks up: endpoints are searched
//! (OWASP OAT-014; API9:2023), passwords from elsewhere are tried (OAT-008, OAT-007; ASVS 6.3.1), somebody asks far more
//! than ever before (API4:2023), rights change at night (ASVS 16.3.3). Each detector here watches a stream, remembers
//! little of it, and tells once what it has seen; whoever is told acts.
//!
//! It refuses nobody: that is for the limits. It does not cover an attack that is slower than every window, one that is
//! spread over more networks than are remembered, or what other replicas see: each watches its own requests, so that
//! the watch costs about a microsecond and needs nobody else. A restart forgets.
//!
//! Reading order: `threshold` (how many within what time) → `network` (whose requests they are) → `memory` (how much all
//! of it may take) → `traffic`, `scan`, `guessing`, `hours`, `tools` (one detector each) → `sightings` (what is told once
//! a minute).

mod distinct;
mod guessing;
mod hours;
mod memory;
mod network;
mod scan;
mod sightings;
mod threshold;
mod tools;
mod traffic;

use std::net::IpAddr;

use axum::http::Method;
use uuid::Uuid;

use self::{guessing::Guessing, hours::Hours, network::Network, scan::Scan, sightings::Sightings, traffic::Traffic};
pub use self::{
    scan::{Asked, Refused},
    sightings::Sign,
    threshold::Threshold,
    tools::tool_of,
    traffic::Crowd,
};
use crate::{
    settings::Env,
    types::{Email, Givens, Timestamp},
};

/// Something that is not as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// So many requests in one window, where so many were usual.
    TrafficSpike { of: Crowd, requests: u32, usual: u32 },
    /// So many different things were asked for in vain.
    EndpointScan { refused: u32 },
    /// One network failed to sign in to so many accounts.
    CredentialStuffing { accounts: u32 },
    /// So many networks failed to sign in to one account.
    PasswordSpraying { networks: u32 },
}

#[derive(Clone, Debug)]
pub struct Settings {
    client_spike: Threshold,
    service_spike: Threshold,
    endpoint_scan: Threshold,
    credential_stuffing: Threshold,
    password_spraying: Threshold,
    /// None: nobody has said when rights are usually changed, and an alarm on every other evening is soon ignored.
    business_hours: Option<Hours>,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        use threshold::{distinct, spike};
        Self {
            client_spike: env.read("ANOMALY_CLIENT_SPIKE", "120/10s", spike),
            service_spike: env.read("ANOMALY_SERVICE_SPIKE", "1000/10s", spike),
            endpoint_scan: env.read("ANOMALY_ENDPOINT_SCAN", "20/1m", distinct),
            credential_stuffing: env.read("ANOMALY_CREDENTIAL_STUFFING", "6/15m", distinct),
            password_spraying: env.read("ANOMALY_PASSWORD_SPRAYING", "5/1h", distinct),
            business_hours: env.optional("BUSINESS_HOURS", Hours::parse),
        }
    }
}

/// One request that is over, as far as it matters here.
#[derive(Clone, Copy)]
pub struct Seen {
    pub address: IpAddr,
    pub principal: Option<Uuid>,
    /// What was asked for in vain, and how it was refused.
    pub refused: Option<(Asked, Refused)>,
}

/// All detectors. One a process.
pub struct Watch {
    traffic: Traffic,
    scan: Scan,
    guessing: Guessing,
    hours: Option<Hours>,
    sightings: Sightings,
}

impl Watch {
    pub fn new(settings: &Settings, givens: &Givens) -> Self {
        Self {
            traffic: Traffic::new(settings.client_spike, settings.service_spike, seconds(givens.now())),
            scan: Scan::new(settings.endpoint_scan),
            guessing: Guessing::new(settings.credential_stuffing, settings.password_spraying, givens),
            hours: settings.business_hours,
            sightings: Sightings::new(),
        }
    }

    /// What was asked for, as it can be compared later: the path itself is not kept.
    pub fn asked(&self, method: &Method, path: &str) -> Asked {
        self.scan.asked(method, path)
    }

    /// Once for every request, refused ones too.
    pub fn request(&self, now: Timestamp, seen: Seen) -> impl Iterator<Item = Anomaly> + use<> {
        let (now, network) = (seconds(now), Network::of(seen.address));
        let scan = seen.refused.and_then(|(asked, refused)| self.scan.note(network, asked, refused, now));
        self.traffic.note(network, seen.principal, now).into_iter().flatten().chain(scan)
    }

    /// Once for every sign-in that failed, whether or not there is such an account: what is tried tells, not what is hit.
    pub fn login_failed(
        &self,
        now: Timestamp,
        address: IpAddr,
        account: &Email,
    ) -> impl Iterator<Item = Anomaly> + use<> {
        self.guessing.note(Network::of(address), account, seconds(now)).into_iter().flatten()
    }

    /// Whether a change of rights is unusual now. Each such change is told: there is no crowd to sum up.
    pub fn is_after_hours(&self, now: Timestamp) -> bool {
        self.hours.is_some_and(|hours| !hours.contain(now))
    }

    /// Whether this sign is the first from this address within a minute: who sends one with each of a thousand requests a
    /// second must not fill the trail with them.
    pub fn is_news(&self, now: Timestamp, address: IpAddr, sign: Sign) -> bool {
        self.sightings.is_news(Network::of(address), sign, seconds(now))
    }

    /// Forgets what is over. To be called now and then; correctness does not hang on it.
    pub fn sweep(&self, now: Timestamp) {
        let now = seconds(now);
        self.traffic.sweep(now);
        self.scan.sweep(now);
        self.guessing.sweep(now);
        self.sightings.sweep(now);
    }
}

/// Whole seconds since 1970: no window here is finer.
fn seconds(now: Timestamp) -> i64 {
    now.unix()
}

#[cfg(test)]
mod tests;

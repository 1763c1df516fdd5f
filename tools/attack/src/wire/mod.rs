//! What goes over the wire, and the record of it. Every exchange of a case is kept as text, as it stands in the report.

mod answer;
mod dial;
mod raw;
mod request;
mod text;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

pub use answer::Answer;
pub use dial::{Duplex, dial};
pub use raw::{Raw, RawAnswer, Socket};
pub use request::Request;
pub use text::shorten;

use crate::target::Target;

/// One request and its answer, as text: cut, and with secrets shortened.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// What it is for, when that is not plain.
    pub note: String,
    pub request: String,
    pub answer: String,
    pub took: Duration,
    /// This is the one in which the hole was seen.
    pub telling: bool,
    pub(crate) number: usize,
}

/// The cable between a case and its target, with an address of its own at our end.
#[derive(Clone)]
pub struct Wire {
    pub(crate) target: Arc<Target>,
    pub(crate) record: Arc<Record>,
    address: Arc<Mutex<Option<Ipv4Addr>>>,
}

/// What happened on a wire.
#[derive(Debug, Default)]
pub(crate) struct Record {
    exchanges: Mutex<Vec<Exchange>>,
    left_out: AtomicUsize,
    next: AtomicUsize,
    /// How many controls have held. A case without one proves nothing.
    pub(crate) controls: AtomicUsize,
}

/// A case that sends more is a race or a flood: its beginning and its end tell the story.
const KEPT: usize = 12;

impl Record {
    /// Returns the number by which it can be told of later.
    pub(crate) fn note(&self, mut exchange: Exchange) -> usize {
        exchange.number = self.next.fetch_add(1, Ordering::Relaxed);
        let number = exchange.number;
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        if exchanges.len() >= KEPT {
            let dull = (KEPT / 2..exchanges.len()).find(|at| !exchanges[*at].telling).unwrap_or(KEPT / 2);
            exchanges.remove(dull);
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        exchanges.push(exchange);
        number
    }

    /// The hole was seen in this one; the first that is told of is it.
    pub(crate) fn tell(&self, number: usize) {
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        if exchanges.iter().all(|exchange| !exchange.telling)
            && let Some(exchange) = exchanges.iter_mut().find(|exchange| exchange.number == number)
        {
            exchange.telling = true;
        }
    }

    pub(crate) fn take(&self) -> Vec<Exchange> {
        let mut exchanges = std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner));
        let left_out = self.left_out.load(Ordering::Relaxed);
        if let Some(next) = exchanges.get_mut(KEPT / 2).filter(|_| left_out > 0) {
            next.note = format!("({left_out} more before this one) {}", next.note);
        }
        exchanges
    }
}

impl Wire {
    /// A new address and an empty record.
    pub fn new(target: Arc<Target>) -> Self {
        let address = target.base.has_many_addresses().then(next_address);
        Self { target, record: Arc::default(), address: Arc::new(Mutex::new(address)) }
    }

    /// For what belongs to no case, such as signing in.
    pub fn silent(target: Arc<Target>) -> Self {
        Self::new(target)
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self, method, path)
    }

    /// Where we call from, if we have a choice.
    pub fn address(&self) -> Option<Ipv4Addr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same record, from another address: somebody else, or an attacker with many machines.
    pub fn elsewhere(&self) -> Self {
        let address = self.target.base.has_many_addresses().then(next_address);
        Self { address: Arc::new(Mutex::new(address)), ..self.clone() }
    }

    /// Calls from another address from now on. False where there is none.
    pub(crate) fn move_on(&self) -> bool {
        let many = self.target.base.has_many_addresses();
        if many {
            *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(next_address());
        }
        many
    }
}

/// The next of 127.16.0.0 to 127.255.255.254, from a random one on: a budget that an earlier run has spent is not ours.
fn next_address() -> Ipv4Addr {
    static NEXT: std::sync::LazyLock<AtomicU32> = std::sync::LazyLock::new(|| {
        let mut seed = [0; 4];
        // Without chance the first address is always the same, which works too.
        let _ = aws_lc_rs::rand::fill(&mut seed);
        AtomicU32::new(u32::from_be_bytes(seed))
    });
    loop {
        let [_, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        if b >= 16 && d != 0 && d != 255 {
            return Ipv4Addr::new(127, b, c, d);
        }
    }
}

//! Bytes as they are, for what no client library would send, and whatever comes back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout_at},
};

use super::{Duplex, Exchange, Record, Wire, dial, dial::tcp, text};
use crate::case::{Trouble, Verdict};

/// Bytes to be sent, in one piece or in several.
pub struct Raw {
    wire: Wire,
    pieces: Vec<Vec<u8>>,
    pause: Duration,
    wait: Duration,
    note: String,
}

/// What came back until the other side closed, or until nobody waited any longer.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub bytes: Vec<u8>,
    /// The other side closed the connection.
    pub closed: bool,
    pub took: Duration,
    record: Arc<Record>,
    number: usize,
}

/// A connection to be written to and read from at will, as for frames of HTTP/2 or a client that is slow.
pub struct Socket {
    pub stream: Box<dyn Duplex>,
}

impl Raw {
    pub(crate) fn new(wire: &Wire, bytes: impl Into<Vec<u8>>) -> Self {
        let (pieces, note) = (vec![bytes.into()], String::new());
        Self { wire: wire.clone(), pieces, pause: Duration::ZERO, wait: Duration::from_secs(3), note }
    }

    /// More bytes, after the pause.
    pub fn then(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(bytes.into());
        self
    }

    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// How long to wait for an end. Send `connection: close`, and it is not needed.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub async fn send(self) -> Result<RawAnswer, Trouble> {
        let started = Instant::now();
        let mut socket = Socket::open(&self.wire, &[b"http/1.1"]).await?;
        for (i, piece) in self.pieces.iter().enumerate() {
            if i > 0 {
                sleep(self.pause).await;
            }
            // Whoever hangs up in the middle has answered too.
            if socket.write(piece).await.is_err() {
                break;
            }
        }
        let (bytes, closed) = socket.read_for(self.wait).await;
        let record = Arc::clone(&self.wire.record);
        let mut answer = RawAnswer { bytes, closed, took: started.elapsed(), record, number: 0 };
        answer.number = self.wire.record.note(Exchange {
            note: self.note,
            request: text::shorten(&text::cut(&text::visible(&self.pieces.concat()), 2000)),
            answer: text::shorten(&text::cut(&answer.shown(), 2000)),
            took: answer.took,
            ..Exchange::default()
        });
        Ok(answer)
    }
}

impl RawAnswer {
    /// The status of each answer in it, in order. Two to one request would be smuggling.
    pub fn statuses(&self) -> Vec<u16> {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.match_indices("HTTP/1.").filter(|(at, _)| *at == 0 || !text[..*at].ends_with(' '));
        lines.filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect()
    }

    /// The status of the first answer; 0 if there was none.
    pub fn status(&self) -> u16 {
        self.statuses().first().copied().unwrap_or(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Refused with a 4xx, or hung up on without a word: both are right for what is not HTTP. 501 and 505 are the 5xx that
    /// say "not with me".
    pub fn refused(&self) -> Verdict {
        let held = match self.status() {
            400..=499 | 501 | 505 => true,
            0 => self.closed,
            _ => false,
        };
        self.held_if(held, || format!("not refused: {}", self.seen()))
    }

    /// As `Verdict::held_if`, and the report shows this very exchange beside the hole.
    pub fn held_if(&self, held: bool, seen: impl FnOnce() -> String) -> Verdict {
        if !held {
            self.record.tell(self.number);
        }
        Verdict::held_if(held, seen)
    }

    pub fn seen(&self) -> String {
        match (self.statuses().as_slice(), self.closed) {
            ([], true) => "hung up without an answer".to_owned(),
            ([], false) => "no answer, and the connection stayed open".to_owned(),
            (statuses, _) => statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then "),
        }
    }

    fn shown(&self) -> String {
        let end = if self.closed { "(closed)" } else { "(still open)" };
        format!("{}\n{end}", text::visible(&self.bytes).replace("\\r\n", "\n").trim_end())
    }
}

impl Socket {
    pub async fn open(wire: &Wire, protocols: &[&[u8]]) -> Result<Self, Trouble> {
        Ok(Self { stream: dial(wire, protocols).await? })
    }

    /// TCP alone, also where the target speaks TLS.
    pub async fn open_without_tls(wire: &Wire) -> Result<Self, Trouble> {
        Ok(Self { stream: Box::new(tcp(wire).await?) })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| Trouble::Broken(format!("the other side stopped listening: {error}")))
    }

    /// All that comes until the other side closes or the time is up; whether it closed.
    pub async fn read_for(&mut self, wait: Duration) -> (Vec<u8>, bool) {
        let until = tokio::time::Instant::now() + wait;
        let (mut all, mut part) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            match timeout_at(until, self.stream.read(&mut part)).await {
                Err(_) => return (all, false),
                Ok(Err(_) | Ok(0)) => return (all, true),
                Ok(Ok(read)) => all.extend_from_slice(&part[..read]),
            }
        }
    }
}

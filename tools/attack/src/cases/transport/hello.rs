//! A ClientHello by hand (RFC 5246, RFC 8446): no library offers what these cases offer.

use std::time::{Duration, Instant};

use crate::{
    attempt::Attempt,
    case::Trouble,
    cases::{strangers::chance, told::told},
    wire::Socket,
};

/// What is offered.
#[derive(Clone)]
pub(super) struct Hello {
    pub version: u16,
    pub suites: Vec<u16>,
    pub compressions: Vec<u8>,
    /// More extensions, as (type, content).
    pub more: Vec<(u16, Vec<u8>)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A ServerHello: the handshake would go on.
    Chosen {
        version: u16,
        random: Vec<u8>,
        suite: u16,
        compression: u8,
        extensions: Vec<u16>,
    },
    Alert(u8),
    Closed,
    /// Neither an answer nor an end.
    Silent,
    Other,
}

/// Suites of TLS 1.2 with forward secrecy and authenticated encryption.
pub(super) const GOOD: [u16; 6] = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca8, 0xcca9];

impl Hello {
    pub(super) fn tls12() -> Self {
        Self { version: 0x0303, suites: GOOD.into(), compressions: vec![0], more: Vec::new() }
    }

    pub(super) fn bytes(&self, attempt: &Attempt) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        let random = chance() + &chance();
        body.extend(random.as_bytes());
        body.push(0);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        body.extend(counted(&suites, 2));
        body.extend(counted(&self.compressions, 1));
        // SSL 3.0 knows no extensions; all later versions ignore what they do not know.
        if self.version > 0x0300 {
            body.extend(counted(&self.extensions(attempt), 2));
        }
        let message = [&[1][..], &counted(&body, 3)].concat();
        [&[22, 3, 1][..], &counted(&message, 2)].concat()
    }

    fn extensions(&self, attempt: &Attempt) -> Vec<u8> {
        let host = &attempt.target.base.host;
        let mut all = vec![
            // Groups x25519, P-256, P-384; points; signatures of every kind, weak ones too.
            (10, vec![0, 6, 0, 29, 0, 23, 0, 24]),
            (11, vec![1, 0]),
            (13, counted(&[4, 3, 5, 3, 8, 4, 8, 5, 8, 6, 8, 7, 4, 1, 5, 1, 2, 1, 2, 3], 2)),
            (0xff01, vec![0]),
        ];
        if host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[') {
            let name = [&[0][..], &counted(host.as_bytes(), 2)].concat();
            all.insert(0, (0, counted(&name, 2)));
        }
        let all = all.iter().chain(&self.more);
        all.flat_map(|(kind, content)| [&u16::to_be_bytes(*kind)[..], &counted(content, 2)].concat()).collect()
    }

    /// Says it, on a connection of its own.
    pub(super) async fn say(&self, attempt: &Attempt, what: &str) -> Result<Reply, Trouble> {
        say(attempt, what, &self.bytes(attempt)).await
    }
}

/// Says these bytes in the clear, and reads the beginning of what comes.
pub(super) async fn say(attempt: &Attempt, what: &str, bytes: &[u8]) -> Result<Reply, Trouble> {
    let started = Instant::now();
    let mut socket = Socket::open_without_tls(&attempt.wire.elsewhere()).await?;
    let _ = socket.write(bytes).await;
    let mut answer = Vec::new();
    let mut closed = false;
    // A certificate follows a ServerHello; its end needs not be waited for.
    while !closed && started.elapsed() < Duration::from_secs(4) && reply(&answer).is_none() {
        let (more, end) = socket.read_for(Duration::from_millis(50)).await;
        answer.extend(more);
        closed = end;
    }
    let found = reply(&answer);
    let found = found.unwrap_or(match (answer.is_empty(), closed) {
        (true, true) => Reply::Closed,
        (true, false) => Reply::Silent,
        _ => Reply::Other,
    });
    told(attempt, "A ClientHello by hand", what, &format!("{found:04x?}"), started.elapsed());
    Ok(found)
}

fn counted(bytes: &[u8], width: usize) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - width..], bytes].concat()
}

/// The first record, if it is whole.
fn reply(bytes: &[u8]) -> Option<Reply> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(3)?, *bytes.get(4)?]));
    let record = bytes.get(5..5 + length)?;
    match (bytes[0], record) {
        (21, [_, kind, ..]) => Some(Reply::Alert(*kind)),
        (22, [2, _, _, _, hello @ ..]) => Some(chosen(hello).unwrap_or(Reply::Other)),
        _ => Some(Reply::Other),
    }
}

fn chosen(hello: &[u8]) -> Option<Reply> {
    let number = |at: usize| Some(u16::from_be_bytes([*hello.get(at)?, *hello.get(at + 1)?]));
    let session = usize::from(*hello.get(34)?);
    let after = 35 + session;
    let mut extensions = Vec::new();
    let mut at = after + 5;
    while let (Some(kind), Some(length)) = (number(at), number(at + 2)) {
        extensions.push(kind);
        at += 4 + usize::from(length);
    }
    Some(Reply::Chosen {
        version: number(0)?,
        random: hello.get(2..34)?.to_vec(),
        suite: number(after)?,
        compression: *hello.get(after + 2)?,
        extensions,
    })
}

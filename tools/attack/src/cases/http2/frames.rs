//! Frames and header blocks, written and read.

use std::time::{Duration, Instant};

use tokio::{
    io::AsyncReadExt,
    time::{Instant as Moment, timeout_at},
};

use crate::{
    attempt::Attempt,
    case::{Trouble, Verdict},
    cases::told::told,
    wire::Socket,
};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// The stream ends here; the header block does.
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header of HPACK (RFC 7541 section 6.2.2): spelled out, without Huffman, kept in no table.
pub(super) fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

pub(super) fn text(bytes: &[u8]) -> Vec<u8> {
    [&number(bytes.len(), 7), bytes].concat()
}

/// An integer with a prefix of so many bits (RFC 7541 section 5.1), whose other bits are zero.
pub(super) fn number(value: usize, bits: u8) -> Vec<u8> {
    let most = (1_usize << bits) - 1;
    let low = |value: usize| value.to_le_bytes()[0];
    if value < most {
        return vec![low(value)];
    }
    let (mut bytes, mut rest) = (vec![low(most)], value - most);
    while rest >= 128 {
        bytes.push(low(rest % 128) | 0x80);
        rest /= 128;
    }
    bytes.push(low(rest));
    bytes
}

/// The head of a request to this target.
pub(super) fn head(attempt: &Attempt, method: &str, path: &str) -> Vec<u8> {
    let base = &attempt.target.base;
    let path = format!("{}{path}", base.prefix);
    [
        field(b":method", method.as_bytes()),
        field(b":scheme", b"https"),
        field(b":authority", base.authority().as_bytes()),
        field(b":path", path.as_bytes()),
    ]
    .concat()
}

/// What was read: its kind, flags, stream and payload.
pub(super) struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection that speaks HTTP/2.
pub(super) struct Connection {
    socket: Socket,
    unread: Vec<u8>,
    pub settings: Vec<u8>,
    begun: Instant,
}

/// How a request that was sent ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Answered with a head whose status is this; 0 if it is not one of HPACK's own numbers.
    Answered(u16),
    Reset(u32),
    GoAway(u32),
    Closed,
    Silent,
}

impl Connection {
    /// Greets, and waits for the other side's settings. Skipped where it does not speak HTTP/2.
    pub(super) async fn open(attempt: &Attempt, settings: &[(u16, u32)]) -> Result<Self, Trouble> {
        let refused = |trouble: Trouble| match trouble {
            Trouble::Unreachable(why) => Trouble::Skipped(format!("it does not speak HTTP/2: {why}")),
            other => other,
        };
        let socket = Socket::open(&attempt.wire.elsewhere(), &[b"h2"]).await.map_err(refused)?;
        let mut connection = Self { socket, unread: Vec::new(), settings: Vec::new(), begun: Instant::now() };
        let ours: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        connection.write(&[PREFACE, &frame(SETTINGS, 0, 0, &ours)].concat()).await?;
        let theirs = connection.until(|frame| frame.kind == SETTINGS, WAIT).await;
        let theirs = theirs.ok_or_else(|| Trouble::Skipped("it does not speak HTTP/2".to_owned()))?;
        connection.settings = theirs.payload;
        connection.write(&frame(SETTINGS, 1, 0, &[])).await?;
        Ok(connection)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.socket.write(bytes).await
    }

    /// A setting of theirs.
    pub(super) fn setting(&self, id: u16) -> Option<u32> {
        let pair = self.settings.chunks_exact(6).find(|pair| pair[..2] == id.to_be_bytes())?;
        Some(u32::from_be_bytes(pair[2..].try_into().ok()?))
    }

    /// The next frame; `None` if the connection ends or the time is up.
    pub(super) async fn next(&mut self, until: Moment) -> Option<Frame> {
        loop {
            if let [a, b, c, kind, flags, w, x, y, z, rest @ ..] = &self.unread[..] {
                let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                if let Some(payload) = rest.get(..length) {
                    let stream = u32::from_be_bytes([*w & 0x7f, *x, *y, *z]);
                    let found = Frame { kind: *kind, flags: *flags, stream, payload: payload.to_vec() };
                    self.unread.drain(..9 + length);
                    return Some(found);
                }
            }
            let mut part = vec![0; 16 << 10];
            let read = timeout_at(until, self.socket.stream.read(&mut part)).await.ok()?.ok()?;
            if read == 0 {
                return None;
            }
            self.unread.extend_from_slice(&part[..read]);
        }
    }

    pub(super) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool, wait: Duration) -> Option<Frame> {
        let until = Moment::now() + wait;
        while let Some(frame) = self.next(until).await {
            if wanted(&frame) {
                return Some(frame);
            }
        }
        None
    }

    /// How this stream ends, or the connection before it.
    pub(super) async fn end_of(&mut self, stream: u32, wait: Duration) -> End {
        let until = Moment::now() + wait;
        while let Some(frame) = self.next(until).await {
            let number = |at: usize| {
                let bytes = frame.payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(0, u32::from_be_bytes)
            };
            match frame.kind {
                HEADERS if frame.stream == stream => return End::Answered(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => return End::Reset(number(0)),
                GOAWAY => return End::GoAway(number(4)),
                _ => {}
            }
        }
        if Moment::now() < until { End::Closed } else { End::Silent }
    }

    /// Is the other side through with us: gone away, or closed? It is told that we live, if it asks.
    pub(super) async fn is_over(&mut self, wait: Duration) -> bool {
        let until = Moment::now() + wait;
        while let Some(frame) = self.next(until).await {
            if frame.kind == GOAWAY {
                return true;
            }
            if frame.kind == PING && frame.flags == 0 {
                let _ = self.write(&self::frame(PING, 1, 0, &frame.payload)).await;
            }
        }
        Moment::now() < until
    }

    /// For the report.
    pub(super) fn told(&self, attempt: &Attempt, sent: &str, seen: &str) {
        told(attempt, "HTTP/2, frame by frame", sent, seen, self.begun.elapsed());
    }
}

/// Of a head that begins with one of the statuses in HPACK's static table; most servers write it so, and first.
fn status(block: &[u8]) -> u16 {
    match block.first() {
        Some(0x88) => 200,
        Some(0x89) => 204,
        Some(0x8a) => 206,
        Some(0x8b) => 304,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        Some(0x8e) => 500,
        // A status that is spelled out: an indexed name, and three digits.
        Some(0x48 | 0x08 | 0x18) => spelled(&block[1..]),
        _ => 0,
    }
}

fn spelled(value: &[u8]) -> u16 {
    let Some((length, digits)) = value.split_first() else { return 0 };
    if *length == 3 {
        return digits.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(0);
    }
    // Huffman: the code of a digit begins with 0; 4xx and 5xx are all that is asked, and the first digit tells (RFC 7541,
    // appendix B: 0, 1 and 2 have five bits, the others six).
    match digits.first().map(|byte| (byte >> 3, byte >> 2)) {
        Some((0b00001, _)) => 199,
        Some((0b00010, _)) => 299,
        Some((_, 0b01_1001)) => 399,
        Some((_, 0b01_1010)) => 499,
        Some((_, 0b01_1011)) => 599,
        _ => 0,
    }
}

/// Control: an ordinary request over HTTP/2 is answered with a success.
pub(super) async fn works(attempt: &Attempt) -> Result<(), Trouble> {
    let mut connection = Connection::open(attempt, &[]).await?;
    connection.write(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &head(attempt, "GET", "/"))).await?;
    let end = connection.end_of(1, WAIT).await;
    connection.told(attempt, "GET / (control)", &format!("{end:?}"));
    attempt.control(matches!(end, End::Answered(200..=399)), "an ordinary request over HTTP/2 is not answered")
}

/// A malformed request must not be answered with a success, whatever else becomes of it.
pub(super) async fn not_taken(attempt: &Attempt, what: &str, frames: &[u8]) -> Result<Verdict, Trouble> {
    let mut connection = Connection::open(attempt, &[]).await?;
    let _ = connection.write(frames).await;
    let end = connection.end_of(1, Duration::from_secs(3)).await;
    connection.told(attempt, what, &format!("{end:?}"));
    let taken = matches!(end, End::Answered(0..=399 | 500..=599));
    Ok(Verdict::held_if(!taken, || format!("{what}: {end:?}")))
}

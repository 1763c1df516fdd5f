//! How long a connection may keep us waiting, reading and writing.
//!
//! Underneath hyper and not by its settings, because its header timer (HTTP/1 alone) also runs between two requests:
//! it would have to be both short, against slow heads, and long, for proxies that keep connections. And nothing in it
//! ends a connection whose client does not read.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::traffic::Traffic;
use crate::security::transport::Caps;

/// A point in time that may be set, and wakes the task that asks for it.
#[derive(Default)]
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    fn set(&mut self, life: Duration) {
        match &mut self.0 {
            Some(timer) => timer.as_mut().reset(Instant::now() + life),
            None => self.0 = Some(Box::pin(sleep(life))),
        }
    }

    fn set_once(&mut self, life: Duration) {
        if self.0.is_none() {
            self.set(life);
        }
    }

    fn lift(&mut self) {
        self.0 = None;
    }

    fn has_passed(&mut self, context: &mut Context<'_>) -> bool {
        self.0.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready())
    }
}

/// A stream that fails with `TimedOut` where the other side has kept it waiting too long.
pub(super) struct Patient<S> {
    stream: S,
    caps: Caps,
    traffic: Arc<Traffic>,
    /// HTTP/2's own frames (a ping) also come between requests, so a byte there is no sign of a head.
    bytes_begin_a_head: bool,
    in_head: bool,
    /// How many heads the traffic had begun when we last looked.
    heads: usize,
    read: Deadline,
    write: Deadline,
    taken: usize,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, caps: Caps, traffic: Arc<Traffic>, http2: bool) -> Self {
        Self {
            stream,
            caps,
            traffic,
            bytes_begin_a_head: !http2,
            in_head: true,
            heads: 0,
            read: Deadline::default(),
            write: Deadline::default(),
            taken: 0,
        }
    }

    // ANCHOR: slow-clients
    /// While a request is being answered its body has the handler's own limit. Otherwise a head must be completed, or
    /// the connection is idle; when it has been idle for long enough its owner is told, and has a head's time to end
    /// it in good order before it is cut.
    fn wait_to_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.note_new_heads();
        if self.traffic.is_busy() {
            self.read.lift();
            return Poll::Pending;
        }
        self.read.set_once(if self.in_head { self.caps.head } else { self.caps.idle });
        if !self.read.has_passed(context) {
            return Poll::Pending;
        }
        if std::mem::replace(&mut self.in_head, true) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.traffic.idle.notify_one();
        self.read.set(self.caps.head);
        let _ = self.read.has_passed(context); // to be woken by it
        Poll::Pending
    }
    // ANCHOR_END: slow-clients

    /// A quick request may have come and gone since the last time that we waited.
    fn note_new_heads(&mut self) {
        let begun = self.traffic.begun();
        if std::mem::replace(&mut self.heads, begun) != begun {
            self.in_head = false;
            self.read.lift();
        }
    }

    fn has_read(&mut self) {
        self.note_new_heads();
        if self.bytes_begin_a_head && !self.in_head && !self.traffic.is_busy() {
            self.in_head = true;
            self.read.set(self.caps.head);
        }
    }

    /// Runs from the first time that the peer takes nothing.
    fn wait_to_write(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.write.set_once(self.caps.write);
        if self.write.has_passed(context) { Poll::Ready(io::ErrorKind::TimedOut.into()) } else { Poll::Pending }
    }

    /// A byte now and then is no progress: a client that takes one every few seconds would never be cut.
    fn has_written(&mut self, count: usize) {
        self.taken += count;
        if self.taken >= usize::from(Caps::FAIR_SHARE) {
            self.all_is_taken();
        }
    }

    fn all_is_taken(&mut self) {
        self.taken = 0;
        self.write.lift();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => this.wait_to_read(cx),
            ready @ Poll::Ready(_) => {
                this.has_read();
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write_vectored(cx, parts) {
            Poll::Pending => this.wait_to_write(cx).map(Err),
            ready @ Poll::Ready(_) => {
                if let Poll::Ready(Ok(count)) = &ready {
                    this.has_written(*count);
                }
                ready
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Complete when everything written has left us: hyper and TLS write before they flush.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Pending => this.wait_to_write(cx).map(Err),
            ready @ Poll::Ready(_) => {
                this.all_is_taken();
                ready
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_shutdown(cx) {
            Poll::Pending => this.wait_to_write(cx).map(Err),
            ready @ Poll::Ready(_) => ready,
        }
    }
}

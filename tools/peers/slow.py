"""Clients that are slow on purpose: slowhttptest's three attacks in the clear and over TLS, and slow TLS handshakes.

Twice a second this looks which connections the service holds, and asks it something as an honest client. None may be
held past its limit (CONTRACT: head 10 s, body 15 s, a client that does not read 30 s), and each question must be answered.
"""

import socket
import subprocess
import sys
import threading
import time

from service import UNLIMITED, Service

CLIENTS = 500
SECONDS = 100
# Our clock and the service's do not begin at the same instant.
TOLERANCE = 5


class Watch:
    """How long each connection was seen, and how an honest client fared meanwhile."""

    def __init__(self, service):
        self.service = service
        self.seen = {}
        self.most, self.asked, self.slowest, self.failures = 0, 0, 0.0, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _look(self):
        while not self.stop.wait(0.5):
            now, there = time.monotonic(), self.service.open_connections()
            self.most = max(self.most, len(there))
            for port in there:
                first, _ = self.seen.get(port, (now, now))
                self.seen[port] = (first, now)
            self._ask()

    def _ask(self):
        began = time.monotonic()
        try:
            assert self.service.get() == 200
        except Exception as failure:
            self.failures.append(repr(failure))
        self.asked += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    def verdict(self, name, limit):
        longest = max((last - first for first, last in self.seen.values()), default=0)
        good = self.most > CLIENTS / 2 and longest <= limit + TOLERANCE and not self.failures
        print(
            f"{name:24} at most {self.most} open, the longest {longest:.1f} s (limit {limit} s);"
            f" an honest client: {self.asked} asked, {len(self.failures)} failed, slowest {self.slowest * 1000:.0f} ms"
            f" -> {'ok' if good else 'FAILED'}",
            flush=True,
        )
        return good


def slowhttptest(service, *attack):
    common = ["-c", str(CLIENTS), "-r", str(CLIENTS // 2), "-l", str(SECONDS), "-p", "5", "-v", "0"]
    subprocess.run(["slowhttptest", *attack, *common], check=False, capture_output=True)


def handshakes(service):
    """The first bytes of a ClientHello, one a second: never a pause long enough to look like silence."""
    opened = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(CLIENTS)]
    until = time.monotonic() + SECONDS / 2
    for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64):
        if time.monotonic() > until:
            break
        for connection in opened:
            try:
                connection.send(bytes([byte]))
            except OSError:
                pass
        time.sleep(1)
    for connection in opened:
        connection.close()


def attacks(service):
    at = service.url
    # Something goes out every second: what is measured is the whole, not a pause.
    yield "slow head", 10, lambda: slowhttptest(service, "-H", "-i", "1", "-u", f"{at}/health/live")
    json = ["-f", "application/json", "-s", "60000", "-x", "10"]
    yield "slow body", 15, lambda: slowhttptest(service, "-B", "-i", "1", *json, "-u", f"{at}/v1/auth/login")
    # The largest file that we serve, read 5 bytes a second through a window of 10.
    window = ["-w", "10", "-y", "20", "-n", "1", "-z", "5"]
    yield "slow read", 30, lambda: slowhttptest(service, "-X", *window, "-u", f"{at}/docs/swagger-ui-bundle.js")
    if service.authority:
        yield "slow handshake", 10, lambda: handshakes(service)


def main():
    only = sys.argv[1:]
    good = True
    for tls in [False, True]:
        with Service(tls=tls, **UNLIMITED) as service:
            for name, limit, attack in attacks(service):
                if only and name not in only:
                    continue
                before = service.resident_kib()
                with Watch(service) as watch:
                    attack()
                good &= watch.verdict(f"{name}, {'TLS' if tls else 'in the clear'}", limit)
                print(f"{'':24} VmRSS {before} kB before, {service.resident_kib()} kB after")
    return 0 if good else 1


sys.exit(main())

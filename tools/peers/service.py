"""The service under test: started in a folder of its own on a free port, watched, and stopped."""

import json
import os
import re
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / "debug" / "drawbridge"
# The flood guard would answer most of what the peers send, and what stands behind it would not be tried.
UNLIMITED = {
    f"RATE_LIMIT_{name}": "token-bucket 10000/1s burst 100000"
    for name in ["FLOOD", "READ", "WRITE", "LOGIN", "REGISTER", "RECOVERY", "TOKEN", "EXPENSIVE"]
}


class Service:
    """Use it in a `with`. `tls` serves a certificate of an authority that is made for the occasion (`self.authority`)."""

    def __init__(self, tls=False, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="drawbridge-peers-")
        self.path = Path(self.folder.name)
        # Started by root, the database runs as another user, who has to get in; else its data would lie elsewhere and stay.
        self.path.chmod(0o711)
        self.settings = {"LISTEN_ADDR": "127.0.0.1:0", "RUST_LOG": "info", **settings}
        self.authority = None
        if tls:
            self.authority = self.path / "authority.pem"
            make_certificate(self.path)
            self.settings |= {"TLS_CERT_FILE": "certificate.pem", "TLS_KEY_FILE": "key.pem"}

    def __enter__(self):
        self.log = self.path / "out.log"
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.settings}
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([PROGRAM], cwd=self.path, env=environment, stdout=out, stderr=out)
        self.url = self._wait_until_ready()
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def _wait_until_ready(self):
        for _ in range(300):
            if ready := re.search(r'"message":"ready","address":"([^"]*)"', self.log.read_text()):
                return ready[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise SystemExit(f"the service did not start:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.folder.cleanup()

    def run(self, *arguments):
        """One of the service's commands, beside it."""
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.settings}
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=self.path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def context(self):
        return ssl.create_default_context(cafile=self.authority) if self.authority else None

    def get(self, path="/health/live", timeout=5):
        with urllib.request.urlopen(self.url + path, timeout=timeout, context=self.context()) as answer:
            return answer.status

    def post(self, path, body, token=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10, context=self.context()) as answer:
            return json.load(answer)

    def resident_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def open_connections(self):
        """The clients' ports of the connections that the service holds: 0A00 is `established`."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        rows = (line.split()[1:4] for line in lines)
        mine = f":{self.port:04X}"
        return {there for here, there, state in rows if here.endswith(mine) and state == "01"}


def make_certificate(folder):
    """An authority, and a certificate of it for localhost, as the Web's profile wants them."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        *["req", "-x509", *key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "30"],
        *["-subj", "/CN=An authority for one test", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    )
    (folder / "extensions").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    )
    openssl("req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    openssl(
        *["x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"],
        *["-days", "30", "-sha256", "-extfile", "extensions", "-out", "certificate.pem"],
    )

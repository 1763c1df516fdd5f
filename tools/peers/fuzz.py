"""Schemathesis against a running service: as two users who are each other's strangers, as an administrator, and as nobody.

Seconds for each of the three come from the command line.
"""

import collections
import json
import re
import subprocess
import sys
from pathlib import Path

from service import ROOT, UNLIMITED, Service

CONFIG = Path(__file__).parent / "contract" / "schemathesis.toml"


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "300"
    good = True
    with Service(**UNLIMITED) as service:
        people = {name: create(service, name, role) for name, role in [("ada", "user"), ("bob", "user"), ("eve", "admin")]}
        (service.path / "openapi.json").write_text((ROOT / "openapi.json").read_text())
        runs = {
            "two users": sign_in(service, people, ["ada", "bob"]) + 'peers = ["ada", "bob"]\n',
            "an administrator": sign_in(service, people, ["eve"]),
            "anonymous": "\n[auth]\nauto-signup = false\n",
        }
        for who, auth in runs.items():
            print(f"== {who}", flush=True)
            already = len(service.log.read_text())
            good &= run(service, auth, seconds)
            good &= answers(service.log.read_text()[already:])
    return 0 if good else 1


def create(service, name, role):
    create = ["user", "create", "--email", f"{name}@example.org", "--name", name, "--role", role, "--generate-password"]
    return service.run(*create).split()[-1]


def sign_in(service, people, names):
    """A file by which Schemathesis signs in, and again whenever its session has been ended by what it tried."""
    token = {
        "extractFrom": "body",
        "extractSelector": "/access_token",
        "sendIn": "header",
        "sendName": "Authorization",
        "sendTemplate": "Bearer {token}",
    }
    entries = [
        {
            "name": name,
            "loginEndpointAuth": {
                "endpoint": "/v1/auth/login",
                "verb": "POST",
                "contentType": "application/json",
                "payloadRaw": json.dumps({"email": f"{name}@example.org", "password": people[name]}),
                "token": token,
            },
        }
        for name in names
    ]
    file = service.path / f"{'-'.join(names)}.json"
    file.write_text(json.dumps({"auth": entries}))
    return f'\n[auth.wfc]\npath = "{file}"\nrefresh_interval = 60\n'


def run(service, auth, seconds):
    config = service.path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + auth)
    program = Path(sys.executable).with_name("schemathesis")
    command = [program, "--config-file", config, "run", "openapi.json", "--url", service.url]
    command += ["--checks", "all", "--max-time", seconds, "--warnings", "off"]
    return subprocess.run(command, cwd=service.path, check=False).returncode == 0


def answers(log):
    """What the service itself says that it answered. It must have let somebody in, or little was tried."""
    statuses = collections.Counter(re.findall(r'"status":(\d+)', log))
    print("answers by status:", dict(sorted(statuses.items())), flush=True)
    return statuses["200"] > 0 and not any(status >= "500" for status in statuses)


sys.exit(main())
